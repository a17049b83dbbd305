//! Reading what references lead to: each file, and each secret of AWS Secrets Manager, once, all of them at the same time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::SecretString;
use tokio::task::JoinSet;

use super::file::{self, Files};
use super::manager::Manager;
use super::version::Version;
use super::{Reference, Stage, Unreadable};

/// Reads.
#[derive(Clone, Default)]
pub(super) struct Reader {
    /// Is there where a reference leads to it.
    pub(super) manager: Option<Arc<Manager>>,
    pub(super) files: Files,
}

/// What was kept at one moment.
#[derive(Default)]
pub(super) struct Snapshot {
    /// In AWS Secrets Manager, by name or ARN.
    versions: BTreeMap<String, Result<Option<Version>, Unreadable>>,
    files: BTreeMap<PathBuf, Result<SecretString, Unreadable>>,
}

impl Reader {
    /// What the references lead to, each in its version at that stage.
    pub(super) async fn read<'r>(&self, references: impl IntoIterator<Item = &'r Reference>, stage: Stage) -> Snapshot {
        let (mut ids, mut paths) = (BTreeSet::new(), BTreeSet::new());
        for reference in references {
            match reference {
                Reference::File(path) => drop(paths.insert(path.clone())),
                Reference::Aws { id, .. } => drop(ids.insert(id.clone())),
                Reference::Variable(_) => {}
            }
        }
        let (mut fetching, mut reading) = (JoinSet::new(), JoinSet::new());
        if let Some(manager) = &self.manager {
            for id in ids {
                let manager = Arc::clone(manager);
                fetching.spawn(async move {
                    let fetched = manager.fetch(&id, stage).await;
                    (id, fetched)
                });
            }
        }
        for path in paths {
            let files = self.files.clone();
            reading.spawn(async move {
                let read = files.read(path.clone()).await;
                (path, read)
            });
        }
        let (versions, files) = tokio::join!(fetching.join_all(), reading.join_all());
        Snapshot { versions: versions.into_iter().collect(), files: files.into_iter().collect() }
    }
}

impl Snapshot {
    /// These versions, and the others where there is none of a secret here.
    pub(super) fn or(mut self, others: Self) -> Self {
        for (id, other) in others.versions {
            let version = self.versions.entry(id).or_insert(Ok(None));
            if matches!(version, Ok(None)) {
                *version = other;
            }
        }
        self
    }

    /// The secret; none where no version has the stage that was asked for.
    pub(super) fn secret(&self, reference: &Reference) -> Result<Option<SecretString>, Unreadable> {
        match reference {
            // What was not read with the others is read now: by a test, or a command that needs no secrets.
            Reference::File(path) => self.files.get(path).cloned().unwrap_or_else(|| file::read(path)).map(Some),
            // Variables do not change: they are the configuration's to read.
            Reference::Variable(_) => Ok(None),
            Reference::Aws { key, .. } => {
                self.version(reference)?.map(|version| version.part(key.as_deref())).transpose()
            }
        }
    }

    /// The version that a secret of AWS Secrets Manager has at that stage, if any.
    pub(super) fn version(&self, reference: &Reference) -> Result<Option<&Version>, Unreadable> {
        match reference.aws_id().and_then(|id| self.versions.get(id)) {
            Some(Ok(version)) => Ok(version.as_ref()),
            Some(Err(error)) => Err(error.clone()),
            None => Ok(None),
        }
    }
}

impl FromIterator<(String, Result<Option<Version>, Unreadable>)> for Snapshot {
    fn from_iter<I: IntoIterator<Item = (String, Result<Option<Version>, Unreadable>)>>(versions: I) -> Self {
        Self { versions: versions.into_iter().collect(), ..Self::default() }
    }
}
