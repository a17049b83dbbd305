//! An empty database on a server that speaks MongoDB's protocol: the one of `TEST_MONGODB_URL`. Every command that its
//! nodes send is one that Amazon DocumentDB documents, or the test fails.

use std::sync::Arc;

use async_trait::async_trait;
use doorward_identity::Store;
use mongodb::Client;
use secrecy::SecretString;

use super::Backend;
use super::backend::{options, server, unique_name};
use crate::mongo::tests::watch::Watch;
use crate::{Applied, MongoStore};

pub(crate) struct MongoBackend {
    server: String,
    pub(crate) database: String,
    watch: Arc<Watch>,
}

impl MongoBackend {
    /// The address of the empty database.
    pub(crate) fn url(&self) -> SecretString {
        let (base, query) = self.server.split_once('?').unwrap_or((&self.server, ""));
        let authority_ends = base.find("://").map_or(0, |at| at + 3);
        let base = base[authority_ends..].split('/').next().map(|hosts| format!("{}{hosts}", &base[..authority_ends]));
        format!("{}/{}?{query}", base.unwrap_or_default(), self.database).into()
    }

    /// Its store, watched, before it is migrated.
    pub(crate) async fn store(&self) -> MongoStore {
        self.watch.connect(&self.url(), options()).await.unwrap()
    }

    /// The database, outside any store.
    pub(crate) async fn database(&self) -> mongodb::Database {
        Client::with_uri_str(&self.server).await.unwrap().database(&self.database)
    }
}

#[async_trait]
impl Backend for MongoBackend {
    async fn prepare() -> Option<Self> {
        let server = server("mongodb", "TEST_MONGODB_URL")?;
        Some(Self { server, database: unique_name(), watch: Arc::default() })
    }

    async fn node(&self) -> (Arc<dyn Store>, Applied) {
        let store = self.store().await;
        let applied = store.migrate().await.unwrap();
        (Arc::new(store), applied)
    }

    async fn clear(self) {
        self.watch.assert_nothing_undocumented();
        self.database().await.drop().await.unwrap();
    }
}
