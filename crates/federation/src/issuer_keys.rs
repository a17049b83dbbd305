//! The keys of trusted issuers, remembered: when they are fetched, how long they are believed, and what happens
//! while an issuer is down. Fetching itself is `discovery`'s.
//!
//! - Keys younger than [`FRESH`] are used as they are; up to [`CACHED`] they are used and renewed in the
//!   background; beyond that a caller waits for new ones, unless the issuer is failing: then old keys serve up to
//!   [`STALE`]. So a withdrawn key is dead within [`FRESH`] of an issuer's tokens being used.
//! - A token that names an unknown key makes a fetch, as does having no keys at all; but from one issuer nothing is
//!   fetched more often than every [`REST`], whoever asks, and by one fetch at a time.
//! - Only a set with usable keys ever replaces another.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use doorward_identity::issuer::{KeysUnavailable, OutsideKeys, TrustedIssuer};
use doorward_protocol::jwk::VerifyingKey;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::task::JoinHandle;

use crate::discovery::{self, DiscoveryError, KeysAddress};
use crate::key_set::KeySet;
use crate::outbound::Outbound;

/// Age at which keys are renewed in the background.
const FRESH: Duration = Duration::from_mins(5);
/// Age to which keys, and the address they were found at, are used without a word from the issuer.
const CACHED: Duration = Duration::from_hours(1);
/// Age to which keys are used while the issuer is failing.
const STALE: Duration = Duration::from_hours(24);
/// Shortest time between two fetches from one issuer.
const REST: Duration = Duration::from_secs(10);
/// The same, from an issuer that has failed many times in a row.
const LONGEST_REST: Duration = Duration::from_mins(1);

/// An issuer the operator trusts, as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerConfig {
    /// `iss`, to the letter.
    pub issuer: String,
    /// One of these must be in `aud`.
    pub audiences: Vec<String>,
    /// Where its keys are, instead of what discovery would find.
    pub jwks_uri: Option<String>,
}

/// Tells time that only goes forward.
type Monotonic = Arc<dyn Fn() -> Instant + Send + Sync>;

/// The trusted issuers and their keys.
pub struct IssuerKeys(HashMap<String, Arc<Source>>);

impl IssuerKeys {
    /// Trusts these issuers. Nothing is fetched before [`Self::warm`] or the first token.
    pub fn new(issuers: Vec<IssuerConfig>, outbound: &Outbound) -> Self {
        Self::with_monotonic(issuers, outbound, &(Arc::new(Instant::now) as Monotonic))
    }

    pub(crate) fn with_monotonic(issuers: Vec<IssuerConfig>, outbound: &Outbound, monotonic: &Monotonic) -> Self {
        let source = |config: IssuerConfig| {
            let trusted = TrustedIssuer::from(&config);
            let (outbound, monotonic) = (outbound.clone(), Arc::clone(monotonic));
            let source =
                Source { config, trusted, outbound, monotonic, memory: RwLock::default(), turn: Arc::default() };
            (source.config.issuer.clone(), Arc::new(source))
        };
        Self(issuers.into_iter().map(source).collect())
    }

    /// Begins to fetch every issuer's keys, so that the first tokens need not wait. Returns at once.
    pub fn warm(&self) {
        for source in self.0.values() {
            // Nobody waits for the task: it reports to the memory.
            drop(source.begin_renewal());
        }
    }
}

#[async_trait]
impl OutsideKeys for IssuerKeys {
    fn issuer(&self, issuer: &str) -> Option<&TrustedIssuer> {
        self.0.get(issuer).map(|source| &source.trusted)
    }

    async fn keys(&self, issuer: &TrustedIssuer, kid: Option<&str>) -> Result<Vec<Arc<VerifyingKey>>, KeysUnavailable> {
        match self.0.get(&issuer.issuer) {
            Some(source) => source.keys(kid).await,
            None => Err(KeysUnavailable { issuer: issuer.issuer.clone(), reason: "not trusted".to_owned() }),
        }
    }
}

/// One issuer.
struct Source {
    config: IssuerConfig,
    trusted: TrustedIssuer,
    outbound: Outbound,
    monotonic: Monotonic,
    memory: RwLock<Memory>,
    /// Held by the one task that fetches.
    turn: Arc<Mutex<Turn>>,
}

/// What is known of an issuer.
#[derive(Clone, Default)]
struct Memory {
    /// Its keys, and when they were fetched.
    keys: Option<(Arc<KeySet>, Instant)>,
    /// Why the last fetch failed, if it did.
    failure: Option<DiscoveryError>,
}

impl Memory {
    /// The keys and their age, unless they are too old for anything.
    fn keys(&self, now: Instant) -> Option<(&KeySet, Duration)> {
        let (keys, fetched) = self.keys.as_ref()?;
        let age = now.saturating_duration_since(*fetched);
        (age < STALE).then_some((keys, age))
    }
}

/// What the next fetch has to know.
#[derive(Default)]
struct Turn {
    not_before: Option<Instant>,
    failures: u32,
    /// Where the keys were found, and when.
    address: Option<(KeysAddress, Instant)>,
}

impl Source {
    async fn keys(self: &Arc<Self>, kid: Option<&str>) -> Result<Vec<Arc<VerifyingKey>>, KeysUnavailable> {
        let memory = self.memory();
        if let Some((keys, age)) = memory.keys(self.now()) {
            let candidates = keys.candidates(kid);
            let believed = age < CACHED || memory.failure.is_some();
            if believed && !candidates.is_empty() {
                if age >= FRESH {
                    drop(self.begin_renewal());
                }
                return Ok(candidates);
            }
        }
        self.renew().await;
        let memory = self.memory();
        match memory.keys(self.now()) {
            Some((keys, _)) => Ok(keys.candidates(kid)),
            None => Err(KeysUnavailable {
                issuer: self.config.issuer.clone(),
                reason: memory.failure.map_or_else(|| "they are being fetched".to_owned(), |error| error.to_string()),
            }),
        }
    }

    fn now(&self) -> Instant {
        (self.monotonic)()
    }

    fn memory(&self) -> Memory {
        self.memory.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember(&self, memory: Memory) {
        *self.memory.write().unwrap_or_else(PoisonError::into_inner) = memory;
    }

    /// Waits until the keys have been fetched anew, if it is time for that at all.
    async fn renew(self: &Arc<Self>) {
        match self.begin_renewal() {
            // The task cannot panic, and when the runtime ends there is nobody left to tell.
            Some(task) => drop(task.await),
            // Somebody else's fetch is under way, or has just been: its result is ours.
            None => drop(self.turn.lock().await),
        }
    }

    /// Begins to fetch unless a fetch is under way or too recent. A task of its own does it, so that a caller who
    /// goes away does not take everybody's fetch along.
    fn begin_renewal(self: &Arc<Self>) -> Option<JoinHandle<()>> {
        let turn = Arc::clone(&self.turn).try_lock_owned().ok()?;
        if turn.not_before.is_some_and(|instant| self.now() < instant) {
            return None;
        }
        Some(tokio::spawn(Arc::clone(self).take_turn(turn)))
    }

    async fn take_turn(self: Arc<Self>, mut turn: OwnedMutexGuard<Turn>) {
        let started = self.now();
        turn.not_before = Some(started + REST);
        match self.fetch(&mut turn, started).await {
            Ok(keys) => {
                turn.failures = 0;
                self.remember(Memory { keys: Some((Arc::new(keys), started)), failure: None });
            }
            Err(error) => {
                let rest = REST.saturating_mul(1 << turn.failures.min(8)).min(LONGEST_REST);
                turn.not_before = Some(started + rest);
                turn.failures = turn.failures.saturating_add(1);
                turn.address = None;
                let memory = self.memory();
                let (issuer, has_keys) = (&self.config.issuer, memory.keys.is_some());
                tracing::warn!(issuer, reason = %error, has_keys, "the keys of an issuer cannot be fetched");
                self.remember(Memory { failure: Some(error), ..memory });
            }
        }
    }

    async fn fetch(&self, turn: &mut Turn, now: Instant) -> Result<KeySet, DiscoveryError> {
        let known = turn.address.take().filter(|(_, found)| now.saturating_duration_since(*found) < CACHED);
        let (address, found) = match known {
            Some(known) => known,
            None => (discovery::locate(&self.outbound, &self.config).await?, now),
        };
        let published = discovery::fetch(&self.outbound, &address).await?;
        turn.address = Some((address, found));
        Ok(published.keys)
    }
}
