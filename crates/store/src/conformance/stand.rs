//! The stand a promise is tried on: two nodes over one database, and people, teams and sessions made to measure.

use std::net::IpAddr;
use std::sync::Arc;

use doorward_identity::audit::{AuditAction, AuditActor, AuditEvent, AuditQuery};
use doorward_identity::change::ChangeSubject;
use doorward_identity::clock::ManualClock;
use doorward_identity::credential::PasswordHash;
use doorward_identity::domain::{Domain, DomainWrite};
use doorward_identity::entropy::SeededEntropy;
use doorward_identity::mail::{LetterKind, MailId, NewMail};
use doorward_identity::session::{NewSession, RefreshFamily, SignInMethod, Started};
use doorward_identity::store::Inserted;
use doorward_identity::team::Team;
use doorward_identity::user::{NewUser, User, UserStatus};
use doorward_identity::{AuditId, Clock, DomainId, SessionId, Store, Surface, TeamId, UserId};
use doorward_protocol::opaque::{Kind, OpaqueToken};
use jiff::{SignedDuration, Timestamp};

use super::Backend;
use crate::Applied;

/// Two nodes over one empty database.
pub(crate) struct Stand {
    /// The node most calls go to.
    pub(crate) store: Arc<dyn Store>,
    /// Another node over the same database.
    pub(crate) other: Arc<dyn Store>,
    /// What the migrations of the two did, which ran at the same moment.
    pub(crate) applied: [Applied; 2],
    clock: ManualClock,
    entropy: SeededEntropy,
}

impl Stand {
    pub(crate) async fn of(backend: &impl Backend) -> Self {
        let ((store, first), (other, second)) = tokio::join!(backend.node(), backend.node());
        // Far ahead: no server throws anything away because it is over by its own clock.
        let now = Timestamp::from_second(4_100_000_000).unwrap();
        Self { store, other, applied: [first, second], clock: ManualClock::at(now), entropy: SeededEntropy::new(1) }
    }

    /// A moment after all earlier ones.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.advance(SignedDuration::from_millis(1));
        self.clock.now()
    }

    /// The two nodes in turn.
    pub(crate) fn node(&self, number: usize) -> Arc<dyn Store> {
        Arc::clone(if number.is_multiple_of(2) { &self.store } else { &self.other })
    }

    /// An audit line of Doorward itself.
    pub(crate) fn event(&self, action: AuditAction) -> AuditEvent {
        let at = self.now();
        AuditEvent {
            id: AuditId::new(at, &self.entropy),
            at,
            action,
            actor: AuditActor::System,
            subject: None,
            detail: None,
            address: None,
            request_id: None,
        }
    }

    /// An account not yet stored.
    pub(crate) fn new_user(&self, email: &str) -> NewUser {
        let at = self.now();
        let user = User {
            id: UserId::new(at, &self.entropy),
            email: email.parse().unwrap(),
            email_verified_at: None,
            name: None,
            first_name: None,
            last_name: None,
            phone: None,
            avatar_url: None,
            password_hash: Some(PasswordHash::from_stored("hash".to_owned())),
            roles: Vec::new(),
            status: UserStatus::Active,
            created_at: at,
            updated_at: at,
            last_signin_at: None,
            signed_out_at: None,
            password_changed_at: None,
            version: 1,
        };
        NewUser { user, identity: None, team: None, domain: None, code: None }
    }

    /// A stored account.
    pub(crate) async fn user(&self, email: &str) -> User {
        let new = self.new_user(email);
        self.insert(&new).await;
        new.user
    }

    /// Stores an account that must not be taken.
    pub(crate) async fn insert(&self, new: &NewUser) {
        let inserted = self.store.insert_user(new, &self.event(AuditAction::UserSignedUp)).await.unwrap();
        assert_eq!(inserted, Inserted::Inserted);
    }

    /// The account as it is stored now.
    pub(crate) async fn stored(&self, id: UserId) -> User {
        self.store.find_user(id).await.unwrap().unwrap()
    }

    /// A mail not yet stored, good for ten minutes.
    pub(crate) fn new_mail(&self, user: UserId, kind: LetterKind) -> NewMail {
        let at = self.now();
        NewMail {
            id: MailId::new(at, &self.entropy),
            user: Some(user),
            kind,
            recipient: "a@example.com".parse().unwrap(),
            sealed_letter: vec![0, 1, 255],
            created_at: at,
            expires_at: at + SignedDuration::from_mins(10),
        }
    }

    /// A team not yet stored.
    pub(crate) fn new_team(&self, name: &str) -> Team {
        let at = self.now();
        Team {
            id: TeamId::new(at, &self.entropy),
            name: name.to_owned().try_into().unwrap(),
            external_ref: None,
            is_active: true,
            created_at: at,
            version: 1,
        }
    }

    /// A stored team.
    pub(crate) async fn team(&self, name: &str) -> Team {
        let team = self.new_team(name);
        let inserted = self.store.insert_team(&team, &self.event(AuditAction::TeamCreated)).await.unwrap();
        assert_eq!(inserted, Inserted::Inserted);
        team
    }

    /// A domain not yet stored.
    pub(crate) fn new_domain(&self, key: &str, parent: Option<&Domain>) -> Domain {
        let at = self.now();
        Domain {
            id: DomainId::new(at, &self.entropy),
            key: key.to_owned().try_into().unwrap(),
            name: key.to_owned().try_into().unwrap(),
            parent_domain_id: parent.map(|parent| parent.id),
            is_active: true,
            created_at: at,
            version: 1,
        }
    }

    /// A stored domain.
    pub(crate) async fn domain(&self, key: &str, parent: Option<&Domain>) -> Domain {
        let domain = self.new_domain(key, parent);
        let written = self.store.insert_domain(&domain, &self.event(AuditAction::DomainCreated)).await.unwrap();
        assert_eq!(written, DomainWrite::Written);
        domain
    }

    /// A session not yet stored, and its refresh token. It lasts a day.
    pub(crate) fn new_session(&self, user: UserId, address: Option<IpAddr>) -> (NewSession, OpaqueToken) {
        let at = self.now();
        let id = SessionId::new(at, &self.entropy);
        let token = OpaqueToken::new(Kind::Refresh, *id.as_uuid().as_bytes(), [7; 32]);
        let expires_at = at + SignedDuration::from_hours(24);
        let session = NewSession {
            id,
            user_id: user,
            password_changed_at: None,
            surface: Surface::Signin,
            method: SignInMethod::Password,
            created_at: at,
            authenticated_at: at - SignedDuration::from_mins(5),
            expires_at,
            address,
            user_agent: Some("curl/8".to_owned()),
            credential_hash: token.hash(),
            credential_expires_at: expires_at,
        };
        (session, token)
    }

    /// A stored session and its refresh token.
    pub(crate) async fn session(&self, user: UserId) -> (NewSession, OpaqueToken) {
        let (session, token) = self.new_session(user, None);
        let started = self.store.start_session(&session, &self.event(AuditAction::SessionStarted)).await.unwrap();
        assert_eq!(started, Started::Started);
        (session, token)
    }

    /// A turn of a refresh token now, with a window of ten seconds; `number` makes its salt its own.
    pub(crate) fn turn(&self, session: &NewSession, presented: &OpaqueToken, number: u8) -> RefreshFamily {
        let at = self.now();
        RefreshFamily {
            session: session.id,
            presented: presented.hash(),
            successor: presented.successor(&[number; 16]).hash(),
            salt: [number; 16],
            at,
            repeat_after: at - SignedDuration::from_secs(10),
            expires_at: Timestamp::MAX,
        }
    }

    /// Moves the time of everything made from here on.
    pub(crate) fn wait(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }

    /// How many audit lines there are with that action.
    pub(crate) async fn audited(&self, action: AuditAction) -> usize {
        let query = AuditQuery { action: Some(action), limit: 1000, ..AuditQuery::default() };
        self.store.list_audit(&query).await.unwrap().len()
    }

    /// What was announced after that position.
    pub(crate) async fn announced_after(&self, seq: i64) -> Vec<ChangeSubject> {
        let changes = self.other.changes_after(seq, 1000).await.unwrap();
        changes.into_iter().map(|change| change.subject).collect()
    }
}

/// Runs tasks as nearly at one moment as the machine can.
pub(super) async fn at_once<T, F>(tasks: Vec<F>) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let gate = Arc::new(tokio::sync::Barrier::new(tasks.len()));
    let running: Vec<_> = tasks
        .into_iter()
        .map(|task| {
            let gate = Arc::clone(&gate);
            tokio::spawn(async move {
                gate.wait().await;
                task.await
            })
        })
        .collect();
    let mut results = Vec::new();
    for task in running {
        results.push(task.await.unwrap());
    }
    results
}
