//! Secrets that are kept elsewhere: which ones, and how often they are read again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use doorward_identity::secret::SecretSource;
use secrecy::SecretString;

use super::super::mistake::Mistake;
use super::super::quantity::Span;
use super::super::values::Values;
use crate::secrets::{Reference, Vault};

/// Secrets that are kept elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct Secrets {
    /// How often they are read again.
    pub(crate) refresh: Duration,
    /// Where they are, by setting.
    pub(crate) references: BTreeMap<String, Reference>,
    /// What they are.
    pub(crate) vault: Vault,
}

impl Secrets {
    pub(super) fn read(values: &Values, vault: Vault) -> Result<Self, Mistake> {
        Ok(Self { refresh: values.one::<Span>("secrets.refresh")?.into(), references: values.references(), vault })
    }

    /// The secret of a setting, as it becomes.
    pub(crate) fn source(&self, key: &str, now: &SecretString) -> Arc<dyn SecretSource> {
        match self.references.get(key).filter(|reference| reference.may_change()) {
            Some(reference) => self.vault.live(key, reference, now),
            None => Arc::new(now.clone()),
        }
    }
}
