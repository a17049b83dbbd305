//! The store that the configuration names, opened.

use std::sync::Arc;

use doorward_identity::Store;
use doorward_identity::observer::Observer;
use doorward_store::{MigrateError, MigrationState, OpenError, Options, PostgresStore, SqliteStore};

use crate::config::{Config, StoreKind};

/// One of the stores.
pub(crate) enum OpenStore {
    /// The embedded one.
    Sqlite(Arc<SqliteStore>),
    /// A server.
    Postgres(Arc<PostgresStore>),
}

impl OpenStore {
    /// Opens the store; nothing is written to a database that is not Doorward's.
    pub(crate) async fn open(config: &Config, observer: Arc<dyn Observer>) -> Result<Self, OpenError> {
        let (max_connections, timeout) = (config.store.max_connections, config.store.timeout);
        let options = Options { max_connections, timeout, observer, credentials: None, ca: None };
        Ok(match &config.store.kind {
            StoreKind::Sqlite { path } => Self::Sqlite(Arc::new(SqliteStore::open(path, options).await?)),
            StoreKind::Postgres => Self::Postgres(Arc::new(PostgresStore::connect(&config.store.url, options).await?)),
            StoreKind::Mongo => return Err(OpenError::Address("this build has no MongoDB".to_owned())),
        })
    }

    /// Brings the schema up to date. Answers how many migrations were applied.
    pub(crate) async fn migrate(&self) -> Result<usize, MigrateError> {
        let applied = match self {
            Self::Sqlite(store) => store.migrate().await?,
            Self::Postgres(store) => store.migrate().await?,
        };
        Ok(applied.count)
    }

    /// How far the schema is.
    pub(crate) async fn migration_state(&self) -> Result<MigrationState, OpenError> {
        match self {
            Self::Sqlite(store) => store.migration_state().await,
            Self::Postgres(store) => store.migration_state().await,
        }
    }

    /// Whether an acknowledged write survives a crash; if not, why.
    pub(crate) async fn durability(&self) -> Result<(), String> {
        match self {
            Self::Sqlite(store) => store.durability().await,
            Self::Postgres(store) => store.durability().await,
        }
    }

    /// The store as the domain sees it.
    pub(crate) fn into_store(self) -> Arc<dyn Store> {
        match self {
            Self::Sqlite(store) => store,
            Self::Postgres(store) => store,
        }
    }
}
