//! Where a promise is tried: an empty SQLite file, or an empty schema or database on a PostgreSQL server.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use doorward_identity::clock::SystemClock;
use doorward_identity::entropy::SystemEntropy;
use doorward_identity::observer::Unobserved;
use doorward_identity::{Clock, Store, ids};
use secrecy::{ExposeSecret, SecretString};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::{Applied, Options, PostgresStore, SqliteStore};

/// An empty database of its own.
#[async_trait]
pub(crate) trait Backend: Sized + Send + Sync {
    /// Makes one. `None` when there is no such server here and none is required.
    async fn prepare() -> Option<Self>;

    /// A node of Doorward: its store, opened and migrated, and what its migration did.
    async fn node(&self) -> (Arc<dyn Store>, Applied);

    /// Removes it.
    async fn clear(self);
}

/// Options with time enough for a loaded machine.
pub(crate) fn options() -> Options {
    Options {
        max_connections: 8,
        timeout: Duration::from_mins(1),
        observer: Arc::new(Unobserved),
        credentials: None,
        ca: None,
    }
}

/// A name no other test has.
pub(super) fn unique_name() -> String {
    format!("doorward_test_{}", ids::version_7(SystemClock.now(), &SystemEntropy).simple())
}

/// A folder that is gone when the test is over.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(std::env::temp_dir().join(unique_name()))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) struct SqliteBackend(Folder);

#[async_trait]
impl Backend for SqliteBackend {
    async fn prepare() -> Option<Self> {
        Some(Self(Folder::new()))
    }

    async fn node(&self) -> (Arc<dyn Store>, Applied) {
        let store = SqliteStore::open(&self.0.0.join("doorward.db"), options()).await.unwrap();
        let applied = store.migrate().await.unwrap();
        (Arc::new(store), applied)
    }

    async fn clear(self) {}
}

pub(crate) struct PostgresBackend {
    server: String,
    schema: String,
    /// Settings of the session besides the schema, as `-cname=value`.
    pub(crate) settings: &'static str,
}

impl PostgresBackend {
    /// The address of the empty schema.
    pub(crate) fn url(&self) -> SecretString {
        let options = format!("-csearch_path={} {}", self.schema, self.settings);
        let options = options.trim_end().replace('=', "%3D").replace(' ', "%20");
        with(&self.server, &format!("options={options}")).into()
    }

    /// The schema's name.
    pub(crate) fn schema(&self) -> &str {
        &self.schema
    }

    /// Runs statements on the server, outside any store.
    pub(crate) async fn run(&self, sql: String) {
        run(&self.server, sql).await;
    }
}

/// A PostgreSQL database of its own, for what a schema among others cannot show.
pub(crate) struct PostgresDatabase {
    server: String,
    name: String,
}

impl PostgresDatabase {
    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its address, which names no schema: Doorward takes its own.
    pub(crate) fn url(&self) -> SecretString {
        with(&self.server, &format!("dbname={}", self.name)).into()
    }

    /// A connection to it, outside any store.
    pub(crate) async fn connection(&self) -> PgConnection {
        PgConnection::connect(self.url().expose_secret()).await.unwrap()
    }

    /// Runs a statement on its server, in another database.
    pub(crate) async fn run_outside(&self, sql: String) {
        run(&self.server, sql).await;
    }
}

#[async_trait]
impl Backend for PostgresDatabase {
    async fn prepare() -> Option<Self> {
        let database = Self { server: server("postgres", "TEST_POSTGRES_URL")?, name: unique_name() };
        database.run_outside(format!("create database {}", database.name)).await;
        Some(database)
    }

    async fn node(&self) -> (Arc<dyn Store>, Applied) {
        node(&self.url()).await
    }

    async fn clear(self) {
        self.run_outside(format!("drop database {} with (force)", self.name)).await;
    }
}

/// The server to test a kind of store on. `None` when there is none here and none is required.
#[expect(clippy::disallowed_methods, reason = "tests are configured by the environment")]
pub(super) fn server(store: &str, variable: &str) -> Option<String> {
    let server = std::env::var(variable).ok().filter(|url| !url.is_empty());
    if server.is_none() {
        let required = std::env::var("REQUIRE_STORES").unwrap_or_default();
        assert!(!required.split(',').any(|required| required == store), "{variable} is not set");
        eprintln!("skipped: {variable} is not set");
    }
    server
}

/// An address with one more parameter.
pub(crate) fn with(url: &str, parameter: &str) -> String {
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}{parameter}")
}

async fn node(url: &SecretString) -> (Arc<dyn Store>, Applied) {
    let store = PostgresStore::connect(url, options()).await.unwrap();
    let applied = store.migrate().await.unwrap();
    (Arc::new(store), applied)
}

async fn run(url: &str, sql: String) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[async_trait]
impl Backend for PostgresBackend {
    async fn prepare() -> Option<Self> {
        let backend = Self { server: server("postgres", "TEST_POSTGRES_URL")?, schema: unique_name(), settings: "" };
        backend.run(format!("create schema {}", backend.schema)).await;
        Some(backend)
    }

    async fn node(&self) -> (Arc<dyn Store>, Applied) {
        node(&self.url()).await
    }

    async fn clear(self) {
        self.run(format!("drop schema {} cascade", self.schema)).await;
    }
}
