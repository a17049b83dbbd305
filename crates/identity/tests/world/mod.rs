//! The domain over a real SQLite file, with a clock turned by hand.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use doorward_identity::clock::ManualClock;
use doorward_identity::credential::{HashScheme, PasswordRule};
use doorward_identity::entropy::SystemEntropy;
use doorward_identity::issuer::NoIssuers;
use doorward_identity::keyring::SealingKey;
use doorward_identity::mail::NoPostman;
use doorward_identity::observer::{Observer, Unobserved};
use doorward_identity::policy::Admin;
use doorward_identity::provider::NoProviders;
use doorward_identity::session::{Origin, SignIn, SignInError, SignedIn};
use doorward_identity::settings::{Settings, SurfaceSettings};
use doorward_identity::user::{KnownRoles, SignUp};
use doorward_identity::user_pool::UserPool;
use doorward_identity::{Identity, Parts, Surface, UserId};
use doorward_protocol::algorithm::Algorithm;
use doorward_store::{Options, SqliteStore};
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;

pub(crate) const PASSWORD: &str = "SecurePass123!";

/// A store and a clock that several nodes may share.
pub(crate) struct World {
    folder: TempDir,
    pub(crate) clock: Arc<ManualClock>,
}

impl World {
    pub(crate) fn new() -> Self {
        let start: Timestamp = "2026-02-04T10:30:00Z".parse().unwrap();
        Self { folder: TempDir::new().unwrap(), clock: Arc::new(ManualClock::at(start)) }
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }

    pub(crate) async fn store(&self) -> Arc<SqliteStore> {
        self.store_watched_by(Arc::new(Unobserved)).await
    }

    pub(crate) async fn store_watched_by(&self, observer: Arc<dyn Observer>) -> Arc<SqliteStore> {
        let timeout = Duration::from_secs(10);
        let options = Options { max_connections: 4, timeout, observer, credentials: None, ca: None };
        let store = SqliteStore::open(&self.folder.path().join("doorward.db"), options).await.unwrap();
        store.migrate().await.unwrap();
        Arc::new(store)
    }

    /// A node with the settings of development.
    pub(crate) async fn node(&self) -> Identity {
        self.node_with(|_| {}).await
    }

    pub(crate) async fn node_with(&self, change: impl FnOnce(&mut Settings)) -> Identity {
        self.node_of(|parts| change(&mut parts.settings)).await
    }

    /// A node of which some parts are others than usual.
    pub(crate) async fn node_of(&self, change: impl FnOnce(&mut Parts)) -> Identity {
        let mut parts = self.parts("the sealing key of these tests").await;
        change(&mut parts);
        Identity::start(parts).await.unwrap()
    }

    /// What a node is made of whose keys are sealed with that secret.
    pub(crate) async fn parts(&self, sealed_with: &str) -> Parts {
        Parts {
            store: self.store().await,
            clock: self.clock.clone(),
            entropy: Arc::new(SystemEntropy),
            observer: Arc::new(Unobserved),
            outside: Arc::new(NoIssuers),
            providers: Arc::new(NoProviders),
            user_pool: UserPool::Local,
            postman: Arc::new(NoPostman),
            sealing_key: SealingKey::derive(&sealed_with.into()).unwrap(),
            settings: settings(),
        }
    }
}

fn settings() -> Settings {
    let surface = |minutes| SurfaceSettings {
        token_ttl: SignedDuration::from_mins(minutes),
        password_rule: PasswordRule { min: 8, classes: vec![] },
    };
    Settings {
        issuer: "http://localhost:8000".to_owned(),
        algorithm: Algorithm::EdDSA,
        secret: None,
        former_secret: None,
        key_lead: SignedDuration::from_mins(10),
        refresh_ttl: SignedDuration::from_hours(24 * 30),
        refresh_grace: SignedDuration::from_secs(10),
        session_ttl: SignedDuration::from_hours(24 * 30),
        session_idle: SignedDuration::from_hours(1),
        group_grants: BTreeMap::new(),
        new_account_roles: vec![],
        known_roles: KnownRoles::default(),
        surfaces: [surface(60), surface(60), surface(7 * 24 * 60), surface(30)],
        default_team: Some("General".to_owned()),
        default_domain: Some("engineering".to_owned()),
        hash: HashScheme::Bcrypt { cost: 4 },
        hash_threads: 2,
        hash_queue: 64,
        tell_taken: true,
        documented_password: None,
        address_failures: 1000,
        address_window: Duration::from_hours(1),
    }
}

pub(crate) fn admin() -> Admin {
    Admin::command_line()
}

pub(crate) fn from(address: &str) -> Origin {
    Origin { address: Some(address.parse().unwrap()), ..Origin::default() }
}

pub(crate) async fn sign_up(node: &Identity, email: &str) -> UserId {
    let request = SignUp {
        surface: Surface::Signin,
        email,
        password: &PASSWORD.into(),
        name: None,
        person: None,
        origin: from("192.0.2.1"),
    };
    node.sign_up(request).await.expect("sign-up").user.id
}

pub(crate) async fn sign_in(node: &Identity, email: &str) -> SignedIn {
    try_sign_in(node, email, PASSWORD, "192.0.2.1").await.expect("sign-in")
}

pub(crate) async fn try_sign_in(
    node: &Identity,
    email: &str,
    password: &str,
    at: &str,
) -> Result<SignedIn, SignInError> {
    let request = SignIn { surface: Surface::Signin, email, password: &password.into(), origin: from(at) };
    node.sign_in(request).await
}
