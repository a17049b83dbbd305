//! A secret that is kept elsewhere and in use here. What is known goes on serving while nothing new can be read.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

use async_trait::async_trait;
use doorward_identity::clock::SystemClock;
use doorward_identity::secret::SecretSource;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Mutex;

use super::pace::Pace;
use super::reader::Reader;
use super::{Reference, SHARED, Stage, Unreadable};

/// The least length of the shared secret of tokens, as the configuration's checks ask for.
const LEAST: usize = 32;

/// A secret in use.
pub(super) struct Live {
    /// The setting.
    pub(super) key: String,
    pub(super) reference: Reference,
    reader: Reader,
    /// Whether another one is used at once; if not, it is only told that there is one.
    is_taken_up: bool,
    known: RwLock<SecretString>,
    is_lost: AtomicBool,
    /// Who reads because of a refusal; the others wait for what comes of it.
    pace: Mutex<Pace>,
}

impl Live {
    pub(super) fn new(
        key: &str,
        reference: &Reference,
        reader: &Reader,
        known: &SecretString,
        is_taken_up: bool,
    ) -> Self {
        Self {
            key: key.to_owned(),
            reference: reference.clone(),
            reader: reader.clone(),
            is_taken_up,
            known: RwLock::new(known.clone()),
            is_lost: AtomicBool::new(false),
            pace: Mutex::default(),
        }
    }

    /// Takes note of what was read. Says once when it cannot be read or is none to take up, and once
    /// when that is over. Answers whether it could be read and will do.
    pub(super) fn take_note(&self, read: Result<Option<SecretString>, Unreadable>) -> bool {
        let (setting, reference) = (&self.key, &self.reference);
        let secret = match read.and_then(|secret| self.judged(secret)) {
            Ok(Some(secret)) => secret,
            Ok(None) => return true,
            Err(error) => {
                if !self.is_lost.swap(true, Ordering::Relaxed) {
                    tracing::warn!(setting, %reference, %error, "a secret cannot be read again; the one that is known goes on");
                }
                return false;
            }
        };
        if self.is_lost.swap(false, Ordering::Relaxed) {
            tracing::info!(setting, %reference, "the secret can be read again");
        }
        if same(&self.current(), &secret) {
            return true;
        }
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = secret;
        if self.is_taken_up {
            tracing::info!(setting, %reference, "the secret was replaced, and the new one is taken up");
        } else {
            tracing::warn!(setting, %reference, "the secret was replaced; this one is taken up by the next start only");
        }
        true
    }

    /// Refuses what a start would refuse.
    fn judged(&self, secret: Option<SecretString>) -> Result<Option<SecretString>, Unreadable> {
        let is_short = |secret: &SecretString| secret.expose_secret().chars().count() < LEAST;
        if self.key == SHARED && secret.as_ref().is_some_and(is_short) {
            return Err(Unreadable::new(
                format!("is shorter than {LEAST} characters"),
                "make one with: openssl rand -base64 48",
            ));
        }
        Ok(secret)
    }
}

#[async_trait]
impl SecretSource for Live {
    fn current(&self) -> SecretString {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn after_refusal(&self, refused: &SecretString) -> Option<SecretString> {
        let mut pace = self.pace.lock().await;
        let is_other = |secret: &SecretString| !same(secret, refused);
        // Somebody else was refused and has read it, or the time had come.
        if let Some(other) = Some(self.current()).filter(is_other) {
            return Some(other);
        }
        if !pace.is_due(&SystemClock) {
            return None;
        }
        let snapshot = self.reader.read([&self.reference], Stage::Current).await;
        self.take_note(snapshot.secret(&self.reference));
        let other = Some(self.current()).filter(is_other);
        pace.was_read(&SystemClock, other.is_some());
        other
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Live({})", self.reference)
    }
}

/// Both are Doorward's own, so no time is given away to anybody.
pub(super) fn same(one: &SecretString, other: &SecretString) -> bool {
    one.expose_secret() == other.expose_secret()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn live(path: &std::path::Path, known: &str) -> Live {
        let reference = Reference::File(path.to_owned());
        Live::new("mail.url", &reference, &Reader::default(), &known.into(), true)
    }

    #[tokio::test]
    async fn a_refused_secret_is_read_anew_at_once_and_not_with_every_refusal() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "new\n").unwrap();
        let live = live(&path, "old");
        let renewed = live.after_refusal(&"old".into()).await.unwrap();
        assert_eq!((renewed.expose_secret(), live.current().expose_secret()), ("new", "new"));
        // Whoever was refused with the old one meanwhile needs not read.
        std::fs::write(&path, "newer").unwrap();
        assert_eq!(live.after_refusal(&"old".into()).await.unwrap().expose_secret(), "new");
        assert_eq!(live.after_refusal(&"new".into()).await.unwrap().expose_secret(), "newer");
        // Nothing new came: the next refusal comes too early to read.
        assert!(live.after_refusal(&"newer".into()).await.is_none());
        std::fs::write(&path, "newest").unwrap();
        assert!(live.after_refusal(&"newer".into()).await.is_none());
    }

    #[test]
    fn a_shared_secret_that_a_start_would_refuse_is_not_taken_up() {
        let reference = Reference::File("/nowhere".into());
        let known = "the first secret of more than 32 characters";
        let live = Live::new(SHARED, &reference, &Reader::default(), &known.into(), true);
        live.take_note(Ok(Some("short".into())));
        assert_eq!(live.current().expose_secret(), known);
        let next = "the second secret of more than 32 characters";
        live.take_note(Ok(Some(next.into())));
        assert_eq!(live.current().expose_secret(), next);
    }

    #[tokio::test]
    async fn what_is_known_goes_on_while_nothing_can_be_read() {
        let live = live(std::path::Path::new("/nowhere/secret"), "known");
        assert!(live.after_refusal(&"known".into()).await.is_none());
        assert_eq!(live.current().expose_secret(), "known");
        assert!(!format!("{live:?}").contains("known"));
    }
}
