//! Everything that is kept elsewhere: what it was when the process began, and what of it is in use.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use doorward_identity::secret::SecretSource;
use jiff::Timestamp;
use secrecy::SecretString;

use super::live::Live;
use super::manager::Manager;
use super::reader::{Reader, Snapshot};
use super::{Reference, SHARED, Stage, Unreadable};
use crate::config::SecretsAccess;

/// Where secrets are kept. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Vault(Arc<Inner>);

#[derive(Default)]
struct Inner {
    reader: Reader,
    first: Snapshot,
    former: Snapshot,
    live: Mutex<Vec<Arc<Live>>>,
}

/// A secret that was replaced before the process began.
pub(crate) struct Former {
    /// What it was.
    pub(crate) secret: SecretString,
    /// When its successor was made, which counted soon after.
    pub(crate) succeeded_at: Timestamp,
}

impl Vault {
    /// Reads what the settings refer to, all at once; of the one that is [`SHARED`] also what it was before.
    pub(crate) async fn open(access: &SecretsAccess) -> Self {
        let references = &access.references;
        let needs_manager = references.iter().any(|(_, reference)| reference.aws_id().is_some());
        let manager = if needs_manager { Some(Arc::new(Manager::open(access).await)) } else { None };
        let reader = Reader { manager, ..Reader::default() };
        let shared = references.iter().filter(|(key, _)| key == SHARED);
        let (first, former) = tokio::join!(
            reader.read(references.iter().map(|(_, reference)| reference), Stage::Current),
            reader.read(shared.map(|(_, reference)| reference), Stage::Previous)
        );
        Self(Arc::new(Inner { reader, first, former, live: Mutex::default() }))
    }

    /// One that was opened where AWS Secrets Manager keeps this.
    #[cfg(test)]
    pub(crate) fn holding(id: &str, text: &str) -> Self {
        let version = super::version::Version { text: text.into(), created: None };
        let first = [(id.to_owned(), Ok(Some(version)))].into_iter().collect();
        Self(Arc::new(Inner { first, ..Inner::default() }))
    }

    /// The secret, as it was when the process began.
    pub(crate) fn first(&self, reference: &Reference) -> Result<SecretString, Unreadable> {
        self.0.first.secret(reference)?.ok_or_else(|| Unreadable::new("was not read", "report this"))
    }

    /// The secret before that one, if there was any.
    pub(crate) fn former(&self, reference: &Reference) -> Option<Former> {
        let secret = self.0.former.secret(reference).ok()??;
        let succeeded_at = self.0.first.version(reference).ok()??.created?;
        Some(Former { secret, succeeded_at })
    }

    /// The secret of a setting, as it becomes.
    pub(crate) fn live(&self, key: &str, reference: &Reference, first: &SecretString) -> Arc<dyn SecretSource> {
        self.keep(key, || Live::new(key, reference, &self.0.reader, first, true))
    }

    /// Tells when the secret of a setting becomes another, which only the next start takes up; does nothing if it is in use.
    pub(crate) fn watch(&self, key: &str, reference: &Reference) {
        if let Ok(first) = self.first(reference) {
            self.keep(key, || Live::new(key, reference, &self.0.reader, &first, false));
        }
    }

    /// Whether there is anything to read again.
    pub(crate) fn is_in_use(&self) -> bool {
        !self.live_ones().is_empty()
    }

    /// The one of that setting, made if there is none yet.
    fn keep(&self, key: &str, make: impl FnOnce() -> Live) -> Arc<Live> {
        let mut kept = self.0.live.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(live) = kept.iter().find(|live| live.key == key) {
            return Arc::clone(live);
        }
        let live = Arc::new(make());
        kept.push(Arc::clone(&live));
        live
    }

    /// Reads everything in use again. Answers whether all of it could be read.
    pub(crate) async fn refresh(&self) -> bool {
        let live = self.live_ones();
        let snapshot = self.0.reader.read(live.iter().map(|live| &live.reference), Stage::Current).await;
        // Each of them hears of it.
        live.iter().filter(|live| !live.take_note(snapshot.secret(&live.reference))).count() == 0
    }

    fn live_ones(&self) -> Vec<Arc<Live>> {
        self.0.live.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What secrets were when the process began.
    pub(super) fn first_snapshot(&self) -> &Snapshot {
        &self.0.first
    }

    /// Who reads.
    pub(super) fn reader(&self) -> &Reader {
        &self.0.reader
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault")
    }
}
