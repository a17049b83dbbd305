//! Reading what references lead to: each secret of AWS Secrets Manager once, all of them at the same time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use secrecy::SecretString;
use tokio::task::JoinSet;

use super::manager::Manager;
use super::version::Version;
use super::{Reference, Stage, Unreadable, file};

/// Reads.
#[derive(Clone, Default)]
pub(super) struct Reader {
    /// Is there where a reference leads to it.
    pub(super) manager: Option<Arc<Manager>>,
}

/// What the secrets of AWS Secrets Manager held at one moment, by name or ARN; files are read when they are asked for.
#[derive(Default)]
pub(super) struct Snapshot(BTreeMap<String, Result<Option<Version>, Unreadable>>);

impl Reader {
    /// What the references lead to, each in its version at that stage.
    pub(super) async fn read<'r>(&self, references: impl IntoIterator<Item = &'r Reference>, stage: Stage) -> Snapshot {
        let Some(manager) = &self.manager else { return Snapshot::default() };
        let ids: BTreeSet<_> = references.into_iter().filter_map(Reference::aws_id).collect();
        let mut fetching = JoinSet::new();
        for id in ids {
            let (manager, id) = (Arc::clone(manager), id.to_owned());
            fetching.spawn(async move {
                let fetched = manager.fetch(&id, stage).await;
                (id, fetched)
            });
        }
        fetching.join_all().await.into_iter().collect()
    }
}

impl Snapshot {
    /// These versions, and the others where there is none of a secret here.
    pub(super) fn or(mut self, others: Self) -> Self {
        for (id, other) in others.0 {
            let version = self.0.entry(id).or_insert(Ok(None));
            if matches!(version, Ok(None)) {
                *version = other;
            }
        }
        self
    }

    /// The secret; none where no version has the stage that was asked for.
    pub(super) fn secret(&self, reference: &Reference) -> Result<Option<SecretString>, Unreadable> {
        match reference {
            Reference::File(path) => file::read(path).map(Some),
            // Variables do not change: they are the configuration's to read.
            Reference::Variable(_) => Ok(None),
            Reference::Aws { key, .. } => {
                self.version(reference)?.map(|version| version.part(key.as_deref())).transpose()
            }
        }
    }

    /// The version that a secret of AWS Secrets Manager has at that stage, if any.
    pub(super) fn version(&self, reference: &Reference) -> Result<Option<&Version>, Unreadable> {
        match reference.aws_id().and_then(|id| self.0.get(id)) {
            Some(Ok(version)) => Ok(version.as_ref()),
            Some(Err(error)) => Err(error.clone()),
            None => Ok(None),
        }
    }
}

impl FromIterator<(String, Result<Option<Version>, Unreadable>)> for Snapshot {
    fn from_iter<I: IntoIterator<Item = (String, Result<Option<Version>, Unreadable>)>>(versions: I) -> Self {
        Self(versions.into_iter().collect())
    }
}
