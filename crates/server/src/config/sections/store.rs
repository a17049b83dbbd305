//! Where accounts are kept.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::super::mistake::Mistake;
use super::super::quantity::Span;
use super::super::values::Values;

/// The store.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    /// Its address, password and all.
    pub(crate) url: SecretString,
    /// Which engine.
    pub(crate) kind: StoreKind,
    /// Most connections.
    pub(crate) max_connections: u32,
    /// Longest wait.
    pub(crate) timeout: Duration,
}

/// The engines of this version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StoreKind {
    /// A file; `:memory:` keeps nothing.
    Sqlite {
        /// Where it is.
        path: PathBuf,
    },
    /// A server that speaks PostgreSQL's protocol.
    Postgres,
}

impl Store {
    pub(super) fn read(values: &Values) -> Result<Self, Mistake> {
        let url: String = values.one("store.url")?;
        let kind = url.strip_prefix("sqlite:").map_or(StoreKind::Postgres, |rest| {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            StoreKind::Sqlite { path: path.split('?').next().unwrap_or_default().into() }
        });
        Ok(Self {
            url: url.into(),
            kind,
            max_connections: values.one("store.max_connections")?,
            timeout: values.one::<Span>("store.timeout")?.into(),
        })
    }
}
