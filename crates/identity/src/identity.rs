//! [`Identity`]: the one value that holds the domain together. Its services stand in the folder of their concept,
//! each in a file of its own: `session/sign_in.rs`, `user/sign_up.rs`, `team/administer.rs` and so on.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::credential::Hasher;
use crate::issuer::OutsideKeys;
use crate::keyring::{Keyring, KeyringError, SealingKey};
use crate::mail::Postman;
use crate::observer::Observer;
use crate::provider::Providers;
use crate::session::LiveState;
use crate::settings::Settings;
use crate::throttle::{AddressThrottle, Turns};
use crate::user_pool::UserPool;
use crate::{Clock, Entropy, Store, StoreError};

/// What the domain is made of; `server` supplies it.
pub struct Parts {
    /// The memory.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Who counts.
    pub observer: Arc<dyn Observer>,
    /// Trusted outside issuers.
    pub outside: Arc<dyn OutsideKeys>,
    /// Providers people sign in through.
    pub providers: Arc<dyn Providers>,
    /// Who keeps the passwords.
    pub user_pool: UserPool,
    /// Who carries mail.
    pub postman: Arc<dyn Postman>,
    /// Seals what the store keeps of private keys.
    pub sealing_key: SealingKey,
    /// The operator's decisions.
    pub settings: Settings,
}

/// The domain's services.
pub struct Identity {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) outside: Arc<dyn OutsideKeys>,
    pub(crate) providers: Arc<dyn Providers>,
    pub(crate) user_pool: UserPool,
    pub(crate) postman: Arc<dyn Postman>,
    pub(crate) settings: Settings,
    pub(crate) hasher: Hasher,
    pub(crate) keyring: Keyring,
    pub(crate) live: LiveState,
    pub(crate) addresses: AddressThrottle,
    pub(crate) turns: Turns,
    /// Woken when this process put mail into the outbox.
    pub(crate) outbox: Notify,
}

/// The domain cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store gives no answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The signing keys cannot be used.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// A thread could not be started.
    #[error("the hashing threads cannot be started: {0}")]
    Threads(#[from] std::io::Error),
}

impl Identity {
    /// Puts the domain together: starts the hashing threads, reads the signing keys and makes the first one
    /// where there is none, and finds its place in the change log.
    pub async fn start(parts: Parts) -> Result<Self, StartError> {
        let identity = Self::without_keys(parts).await?;
        identity.load_keys().await?;
        Ok(identity)
    }

    /// The same without the signing keys: it issues and judges no token. For throwing away a key that cannot be
    /// opened, which keeps everything else from starting.
    pub async fn without_keys(parts: Parts) -> Result<Self, StartError> {
        let Parts { store, clock, entropy, observer, outside, providers, user_pool, postman, sealing_key, settings } =
            parts;
        let hasher =
            Hasher::start(settings.hash, settings.hash_threads, settings.hash_queue, &entropy, Arc::clone(&observer))?;
        let keyring = Keyring::new(sealing_key, &settings);
        let live = LiveState::starting_after(store.latest_change().await?, Arc::clone(&clock));
        let addresses = AddressThrottle::new(settings.address_failures, settings.address_window);
        let turns = Turns::default();
        Ok(Self {
            store,
            clock,
            entropy,
            observer,
            outside,
            providers,
            user_pool,
            postman,
            settings,
            hasher,
            keyring,
            live,
            addresses,
            turns,
            outbox: Notify::new(),
        })
    }

    /// Asks the store for a sign of life.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.store.ping().await
    }

    /// The operator's decisions.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Now, by the domain's clock.
    pub fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }
}
