//! The store that the configuration names, opened.

use std::sync::Arc;

use anyhow::bail;
use doorward_identity::Store;
use doorward_identity::observer::Observer;
#[cfg(feature = "mongodb")]
use doorward_store::MongoStore;
use doorward_store::transfer::End;
use doorward_store::{
    CredentialError, CredentialSource, MigrateError, MigrationState, OpenError, Options, PostgresStore, SqliteStore,
};
use secrecy::SecretString;

use crate::config::{Config, StoreKind};
use crate::secrets::{DatabaseSignIn, Part, Parts};

/// Name and password of the database, where the address does not say them for good.
pub(crate) fn sign_in(config: &Config) -> Result<Option<Arc<DatabaseSignIn>>, CredentialError> {
    let (store, secrets) = (&config.store, &config.secrets);
    let part = |key: &str, now: &SecretString| match secrets.references.get(key).filter(|kept| kept.may_change()) {
        Some(reference) => Part::Kept(reference.clone()),
        None => Part::Fixed(now.clone()),
    };
    let parts = Parts {
        url: part("store.url", &store.url),
        username: store.username.as_ref().map(|username| part("store.username", username)),
        password: store.password.as_ref().map(|password| part("store.password", password)),
    };
    Ok(DatabaseSignIn::of(parts, &secrets.vault)?.map(Arc::new))
}

/// One of the stores.
pub(crate) enum OpenStore {
    /// The embedded one.
    Sqlite(Arc<SqliteStore>),
    /// A server.
    Postgres(Arc<PostgresStore>),
    /// A server of documents.
    #[cfg(feature = "mongodb")]
    Mongo(Arc<MongoStore>),
}

impl OpenStore {
    /// Opens the store; nothing is written to a database that is not Doorward's.
    pub(crate) async fn open(config: &Config, observer: Arc<dyn Observer>) -> Result<Self, OpenError> {
        Self::open_as(config, observer, sign_in(config)?).await
    }

    /// The same, signed in by what the caller looks at, too.
    pub(crate) async fn open_as(
        config: &Config,
        observer: Arc<dyn Observer>,
        sign_in: Option<Arc<DatabaseSignIn>>,
    ) -> Result<Self, OpenError> {
        let store = &config.store;
        let unreadable = |error| OpenError::Address(format!("store.tls_ca_file cannot be read: {error}"));
        let options = Options {
            max_connections: store.max_connections,
            timeout: store.timeout,
            observer,
            credentials: sign_in.map(|sign_in| sign_in as Arc<dyn CredentialSource>),
            ca: store.ca().map_err(unreadable)?,
        };
        Ok(match &config.store.kind {
            StoreKind::Sqlite { path } => Self::Sqlite(Arc::new(SqliteStore::open(path, options).await?)),
            StoreKind::Postgres => Self::Postgres(Arc::new(PostgresStore::connect(&config.store.url, options).await?)),
            #[cfg(feature = "mongodb")]
            StoreKind::Mongo => Self::Mongo(Arc::new(MongoStore::connect(&config.store.url, options).await?)),
            #[cfg(not(feature = "mongodb"))]
            StoreKind::Mongo => return Err(OpenError::Address("this build has no MongoDB".to_owned())),
        })
    }

    /// Brings the schema up to date. Answers how many migrations were applied.
    pub(crate) async fn migrate(&self) -> Result<usize, MigrateError> {
        let applied = match self {
            Self::Sqlite(store) => store.migrate().await?,
            Self::Postgres(store) => store.migrate().await?,
            #[cfg(feature = "mongodb")]
            Self::Mongo(store) => store.migrate().await?,
        };
        Ok(applied.count)
    }

    /// How far the schema is.
    pub(crate) async fn migration_state(&self) -> Result<MigrationState, OpenError> {
        match self {
            Self::Sqlite(store) => store.migration_state().await,
            Self::Postgres(store) => store.migration_state().await,
            #[cfg(feature = "mongodb")]
            Self::Mongo(store) => store.migration_state().await,
        }
    }

    /// Whether an acknowledged write survives a crash; if not, why.
    pub(crate) async fn durability(&self) -> Result<(), String> {
        match self {
            Self::Sqlite(store) => store.durability().await,
            Self::Postgres(store) => store.durability().await,
            #[cfg(feature = "mongodb")]
            Self::Mongo(store) => store.durability().await,
        }
    }

    /// Refuses a store that a copy has not filled yet.
    pub(crate) async fn refuse_unfinished(&self) -> anyhow::Result<()> {
        match self.end().unfinished_copy().await? {
            None => Ok(()),
            Some(source) => bail!(
                "the store holds an unfinished copy of {source}: run the same `doorward store copy` again, which goes on \
                 from there, or name another store"
            ),
        }
    }

    /// The store as one end of a move.
    pub(crate) fn end(&self) -> End {
        match self {
            Self::Sqlite(store) => Arc::clone(store).into(),
            Self::Postgres(store) => Arc::clone(store).into(),
            #[cfg(feature = "mongodb")]
            Self::Mongo(store) => Arc::clone(store).into(),
        }
    }

    /// The store as the domain sees it.
    pub(crate) fn into_store(self) -> Arc<dyn Store> {
        match self {
            Self::Sqlite(store) => store,
            Self::Postgres(store) => store,
            #[cfg(feature = "mongodb")]
            Self::Mongo(store) => store,
        }
    }
}
