//! How a session begins, whatever proved who the person is: one row, one access token, one refresh token.

use std::sync::Arc;

use doorward_protocol::opaque::{Kind, OpaqueToken, SecretHash};
use jiff::Timestamp;
use secrecy::SecretString;

use super::{NewSession, Origin, SignInMethod, Started};
use crate::audit::{AuditAction, AuditActor};
use crate::fault::Internal;
use crate::throttle::network;
use crate::user::{User, UserContext};
use crate::{Identity, SessionId, StoreError, Surface};

/// What a person gets who signed in or renewed a session.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The access token, a JWT.
    pub access_token: String,
    /// Its life in seconds.
    pub expires_in: i64,
    /// The refresh token; each use replaces it, unless a user pool elsewhere made it.
    pub refresh_token: SecretString,
    /// Tells who it is; on the accounts surface.
    pub id_token: Option<String>,
    /// The person.
    pub context: Arc<UserContext>,
}

/// Why a session did not begin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartFailure {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Doorward itself.
    #[error(transparent)]
    Internal(#[from] Internal),
}

impl From<StartFailure> for crate::user::SignUpError {
    fn from(failure: StartFailure) -> Self {
        match failure {
            StartFailure::Store(error) => Self::Store(error),
            StartFailure::Internal(error) => Self::Internal(error),
        }
    }
}

/// What renews a session, as the store keeps it.
#[derive(Clone, Copy)]
pub(super) struct Credential {
    pub(super) hash: SecretHash,
    pub(super) expires_at: Timestamp,
}

impl Identity {
    /// Begins a session with tokens of ours. `None` when the user is disabled or gone by now.
    pub(crate) async fn start_session(
        &self,
        surface: Surface,
        context: &Arc<UserContext>,
        method: SignInMethod,
        origin: Origin,
    ) -> Result<Option<SignedIn>, StartFailure> {
        let now = self.clock.now();
        let id = SessionId::new(now, &*self.entropy);
        let refresh = OpaqueToken::new(Kind::Refresh, *id.as_uuid().as_bytes(), self.entropy.bytes());
        let user = &context.user;
        let credential = Credential { hash: refresh.hash(), expires_at: self.refresh_expiry(now, Timestamp::MAX) };
        let session = self.new_session(id, surface, user, method, credential, &origin);
        // Signed before anything is written: a key that cannot sign leaves no session behind.
        let access = self.issue_access_token(surface, user, id, session.expires_at)?;
        let id_token = match surface {
            Surface::Accounts => Some(self.issue_id_token(user, id, now, access.expires_in)?),
            Surface::Hosted | Surface::Signin | Surface::Directory => None,
        };
        Ok(self.begin(session, context, &origin).await?.map(|context| SignedIn {
            access_token: access.token,
            expires_in: access.expires_in,
            refresh_token: refresh.expose(),
            id_token,
            context,
        }))
    }

    /// A session that begins now.
    pub(super) fn new_session(
        &self,
        id: SessionId,
        surface: Surface,
        user: &User,
        method: SignInMethod,
        credential: Credential,
        origin: &Origin,
    ) -> NewSession {
        let now = self.clock.now();
        let expires_at = now.checked_add(self.settings.session_ttl).unwrap_or(Timestamp::MAX);
        NewSession {
            id,
            user_id: user.id,
            password_changed_at: user.password_changed_at,
            surface,
            method,
            created_at: now,
            authenticated_at: now,
            expires_at,
            address: origin.address.map(network),
            user_agent: origin.user_agent.clone(),
            credential_hash: credential.hash,
            credential_expires_at: credential.expires_at.min(expires_at),
        }
    }

    /// Stores it. Answers the person as they are after this sign-in; `None` when they are disabled or gone by now.
    pub(super) async fn begin(
        &self,
        session: NewSession,
        context: &Arc<UserContext>,
        origin: &Origin,
    ) -> Result<Option<Arc<UserContext>>, StoreError> {
        let detail = Some(format!("{} by {}", session.surface.as_str(), session.method.as_str()));
        let actor = AuditActor::User(session.user_id);
        let audit = self.audit(actor, AuditAction::SessionStarted, session.id, detail, origin);
        Ok(match self.store.start_session(&session, &audit).await? {
            Started::UserNotActive => None,
            Started::Started => Some(signed_in_at(context, session.created_at)),
        })
    }

    /// Until when a refresh token made now may be used.
    pub(super) fn refresh_expiry(&self, now: Timestamp, session_expires_at: Timestamp) -> Timestamp {
        now.checked_add(self.settings.refresh_ttl).unwrap_or(Timestamp::MAX).min(session_expires_at)
    }
}

/// The context as it is after this sign-in, without asking the store again.
fn signed_in_at(context: &Arc<UserContext>, now: Timestamp) -> Arc<UserContext> {
    let mut context = UserContext::clone(context);
    context.user.last_signin_at = Some(now);
    Arc::new(context)
}
