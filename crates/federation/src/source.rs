//! One issuer, remembered: when its metadata and keys are fetched, how long they are believed, and what happens while
//! it is down. Fetching itself is `discovery`'s.
//!
//! - Keys younger than [`FRESH`] are used as they are; up to [`CACHED`] they are used and renewed in the
//!   background; beyond that a caller waits for new ones, unless the issuer is failing: then old keys serve up to
//!   [`STALE`]. So a withdrawn key is dead within [`FRESH`] of an issuer's tokens being used.
//! - Metadata are fetched anew when they are [`CACHED`] old, or the keys were not where they said.
//! - A token that names an unknown key makes a fetch, as does having no keys at all; but from one issuer nothing is
//!   fetched more often than every [`REST`], whoever asks, and by one fetch at a time.
//! - Only a set with usable keys ever replaces another.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use doorward_protocol::jwk::VerifyingKey;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::task::JoinHandle;

use crate::discovery::{self, Description, DiscoveryError, Located, Search};
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

/// Tells time that only goes forward.
pub(crate) type Monotonic = Arc<dyn Fn() -> Instant + Send + Sync>;

/// The machine's.
pub(crate) fn real_time() -> Monotonic {
    Arc::new(Instant::now)
}

/// Why nothing is known of an issuer. Safe to show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SourceError {
    #[error("they are being fetched")]
    Pending,
    #[error(transparent)]
    Failed(DiscoveryError),
}

/// What an issuer published.
pub(crate) struct Known {
    pub(crate) keys: KeySet,
    /// What it says about itself, where that was asked for.
    pub(crate) description: Option<Arc<Description>>,
}

/// One issuer.
pub(crate) struct Source {
    search: Search,
    outbound: Outbound,
    monotonic: Monotonic,
    memory: RwLock<Memory>,
    /// Held by the one task that fetches.
    turn: Arc<Mutex<Turn>>,
}

/// What is remembered.
#[derive(Clone, Default)]
struct Memory {
    /// What the issuer published, and when it was fetched.
    known: Option<(Arc<Known>, Instant)>,
    /// Why the last fetch failed, if it did.
    failure: Option<DiscoveryError>,
}

impl Memory {
    /// What is known and its age, unless it is too old for anything.
    fn known(&self, now: Instant) -> Option<(&Arc<Known>, Duration)> {
        let (known, fetched) = self.known.as_ref()?;
        let age = now.saturating_duration_since(*fetched);
        (age < STALE).then_some((known, age))
    }
}

/// What the next fetch has to know.
#[derive(Default)]
struct Turn {
    not_before: Option<Instant>,
    failures: u32,
    /// Where the keys were found, and when.
    located: Option<(Located, Instant)>,
}

impl Source {
    /// An issuer of which nothing is known yet.
    pub(crate) fn new(search: Search, outbound: &Outbound, monotonic: &Monotonic) -> Arc<Self> {
        Arc::new(Self {
            search,
            outbound: outbound.clone(),
            monotonic: Arc::clone(monotonic),
            memory: RwLock::default(),
            turn: Arc::default(),
        })
    }

    /// Begins to fetch. Returns at once.
    pub(crate) fn warm(self: &Arc<Self>) {
        // Nobody waits for the task: it reports to the memory.
        drop(self.begin_renewal());
    }

    /// The keys that may have signed a token with that `kid`. Empty when there is none.
    pub(crate) async fn keys(self: &Arc<Self>, kid: Option<&str>) -> Result<Vec<Arc<VerifyingKey>>, SourceError> {
        let known = self.known(|known| !known.keys.candidates(kid).is_empty()).await?;
        Ok(known.keys.candidates(kid))
    }

    /// What the issuer published; fetched first if what is remembered is too old, or not enough.
    pub(crate) async fn known(self: &Arc<Self>, enough: impl Fn(&Known) -> bool) -> Result<Arc<Known>, SourceError> {
        let memory = self.memory();
        if let Some((known, age)) = memory.known(self.now()) {
            let believed = age < CACHED || memory.failure.is_some();
            if believed && enough(known) {
                if age >= FRESH {
                    self.warm();
                }
                return Ok(Arc::clone(known));
            }
        }
        self.renew().await;
        let memory = self.memory();
        match memory.known(self.now()) {
            Some((known, _)) => Ok(Arc::clone(known)),
            None => Err(memory.failure.map_or(SourceError::Pending, SourceError::Failed)),
        }
    }

    /// What is remembered. Never fetches.
    pub(crate) fn remembered(&self) -> Option<Arc<Known>> {
        self.memory().known(self.now()).map(|(known, _)| Arc::clone(known))
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
            Ok(known) => {
                turn.failures = 0;
                self.remember(Memory { known: Some((Arc::new(known), started)), failure: None });
            }
            Err(error) => {
                let rest = REST.saturating_mul(1 << turn.failures.min(8)).min(LONGEST_REST);
                turn.not_before = Some(started + rest);
                turn.failures = turn.failures.saturating_add(1);
                turn.located = None;
                let memory = self.memory();
                let (issuer, has_keys) = (&self.search.issuer, memory.known.is_some());
                tracing::warn!(issuer, reason = %error, has_keys, "the keys of an issuer cannot be fetched; `doorward doctor` tells which setting to look at");
                self.remember(Memory { failure: Some(error), ..memory });
            }
        }
    }

    async fn fetch(&self, turn: &mut Turn, now: Instant) -> Result<Known, DiscoveryError> {
        let known = turn.located.take().filter(|(_, found)| now.saturating_duration_since(*found) < CACHED);
        let (located, found) = match known {
            Some(known) => known,
            None => (discovery::locate(&self.outbound, &self.search).await?, now),
        };
        let published = discovery::fetch(&self.outbound, &located.keys).await?;
        let description = located.description.clone();
        turn.located = Some((located, found));
        Ok(Known { keys: published.keys, description })
    }
}
