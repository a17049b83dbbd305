//! Secrets that are read again by time: by a task of a server, and before a request where nothing runs between requests.

use std::sync::Arc;
use std::time::Duration;

use doorward_identity::clock::Moment;
use doorward_identity::entropy::SystemEntropy;
use doorward_identity::secret::SecretSource;
use doorward_identity::settings::FormerSecret;
use doorward_identity::{Clock, Entropy, Identity};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use super::pace::Pace;
use super::{SHARED, Vault};
use crate::config::Config;

/// Read again when the store refuses them, not by time.
const OF_THE_STORE: [&str; 3] = ["store.url", "store.username", "store.password"];
/// By when a rotation that made a secret lets it count: its steps follow each other within minutes.
const ROTATION: Duration = Duration::from_hours(1);

/// How long a request may wait for it.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// By when every node has read what changed: one round and its jitter, and as much again.
const fn lead(every: Duration) -> Duration {
    every.saturating_mul(2)
}

/// The rounds.
pub(crate) struct Rounds {
    vault: Vault,
    every: Duration,
    shared: Option<Arc<dyn SecretSource>>,
    clock: Arc<dyn Clock>,
    last: Mutex<Last>,
}

/// The last round.
struct Last {
    /// When everything could be read.
    success: Moment,
    /// How soon it is tried again where that was longer ago: each try holds a request up.
    pace: Pace,
}

impl Last {
    /// Just now, of rounds that come so often.
    fn now(clock: &dyn Clock, every: Duration) -> Self {
        Self { success: Moment::now(clock), pace: Pace::up_to(every) }
    }
}

impl Rounds {
    /// Rounds of what the configuration refers to; none if nothing of it can become another. Comes after everything is put
    /// together: what nobody takes up by then is only watched.
    pub(crate) fn of(config: &Config, clock: Arc<dyn Clock>) -> Option<Self> {
        let secrets = &config.secrets;
        // Sealed keys are opened with the shared secret where no other key is set: it has to stay then.
        let may_follow = config.tokens.algorithm.is_symmetric() && config.tokens.encryption_key.is_some();
        let shared = config.tokens.secret.as_ref().filter(|_| may_follow);
        let shared = shared.map(|now| secrets.source(SHARED, now));
        let of_others = secrets.references.iter().filter(|(key, _)| !OF_THE_STORE.contains(&key.as_str()));
        for (key, reference) in of_others.filter(|(_, reference)| reference.may_change()) {
            secrets.vault.watch(key, reference);
        }
        let (vault, every) = (secrets.vault.clone(), secrets.refresh);
        let last = Mutex::new(Last::now(&*clock, every));
        secrets.vault.is_in_use().then_some(Self { vault, every, shared, clock, last })
    }

    /// The secret before the one that tokens are signed with, if it still counts.
    pub(crate) fn former_shared(config: &Config) -> Option<FormerSecret> {
        let former = config.secrets.vault.former(config.secrets.references.get(SHARED)?)?;
        let spare = SignedDuration::try_from(ROTATION + lead(config.secrets.refresh)).ok()?;
        Some(FormerSecret { secret: former.secret, succeeded_at: former.succeeded_at.checked_add(spare).ok()? })
    }

    /// Reads again and again, never all nodes at the same moment.
    pub(crate) async fn run(self, identity: Arc<Identity>) {
        loop {
            // Between nine and eleven tenths.
            let [jitter] = (&SystemEntropy as &dyn Entropy).bytes::<1>();
            tokio::time::sleep(self.every.mul_f64(0.9 + f64::from(jitter) / 1_280.0)).await;
            self.round(&identity).await;
        }
    }

    /// Reads again if it is time.
    #[cfg_attr(not(feature = "lambda"), expect(dead_code, reason = "a build without Lambda serves no events"))]
    pub(crate) async fn catch_up(&self, identity: &Identity) {
        // Somebody is at it.
        let Ok(mut last) = self.last.try_lock() else { return };
        if last.success.elapsed(&*self.clock) < self.every || !last.pace.is_due(&*self.clock) {
            return;
        }
        if let Ok(true) = tokio::time::timeout(LONGEST_WAIT, self.round(identity)).await {
            *last = Last::now(&*self.clock, self.every);
        } else {
            // What does not come in time comes with a request soon after.
            last.pace.was_read(&*self.clock, false);
        }
    }

    /// Answers whether everything could be read.
    async fn round(&self, identity: &Identity) -> bool {
        let all = self.vault.refresh().await;
        if let Some(shared) = &self.shared {
            // When the others have read it, too.
            let lead = SignedDuration::try_from(lead(self.every)).unwrap_or_default();
            let signs_from = identity.now().checked_add(lead).unwrap_or(Timestamp::MAX);
            identity.replace_shared_secret(&shared.current(), signs_from);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use doorward_identity::clock::ManualClock;
    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::config::{Flag, Sources, load};
    use crate::parts;

    #[tokio::test]
    async fn after_a_freeze_secrets_are_read_again_and_soon_again_if_they_could_not_be() {
        let folder = tempfile::tempdir().unwrap();
        let (secret, database) = (folder.path().join("mail"), folder.path().join("doorward.db"));
        let write = |host: &str| std::fs::write(&secret, format!("smtps://ann:pw@{host}")).unwrap();
        write("first");
        let flag = |key: &str, value: String| Flag { name: String::new(), key: key.to_owned(), value };
        let flags = vec![
            flag("mail.url", format!("file://{}", secret.display())),
            flag("store.url", format!("sqlite:{}", database.display())),
        ];
        let config = load(&Sources { flags, ..Sources::default() }).unwrap();
        let identity = parts::open_identity(&config).await.unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH));
        let rounds = Rounds::of(&config, Arc::clone(&clock) as Arc<dyn Clock>).unwrap();
        let known = || config.secrets.source("mail.url", &"none".into()).current().expose_secret().to_owned();

        write("second");
        rounds.catch_up(&identity).await;
        assert!(known().ends_with("first"), "it was not time");
        // No time passes for the process.
        clock.advance(SignedDuration::from_hours(1));
        rounds.catch_up(&identity).await;
        assert!(known().ends_with("second"));

        std::fs::remove_file(&secret).unwrap();
        clock.advance(SignedDuration::from_hours(1));
        rounds.catch_up(&identity).await;
        write("third");
        rounds.catch_up(&identity).await;
        assert!(known().ends_with("second"), "each try holds a request up");
        clock.advance(SignedDuration::from_secs(1));
        rounds.catch_up(&identity).await;
        assert!(known().ends_with("third"));

        // The pauses grow up to the time between rounds.
        std::fs::remove_file(&secret).unwrap();
        for pause in [300, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300] {
            clock.advance(SignedDuration::from_secs(pause));
            rounds.catch_up(&identity).await;
        }
        write("fourth");
        clock.advance(SignedDuration::from_secs(299));
        rounds.catch_up(&identity).await;
        assert!(known().ends_with("third"), "it was not time");
        clock.advance(SignedDuration::from_secs(1));
        rounds.catch_up(&identity).await;
        assert!(known().ends_with("fourth"));
    }
}
