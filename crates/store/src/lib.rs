//! Doorward's memory: SQLite, PostgreSQL and MongoDB behind the ports of `doorward-identity`.
//!
//! The SQL stands once, in `sql/`, and is compiled twice: `sqlite/` and `postgres/` each mount it over their own
//! driver types (ADR 0002). `conformance/` says what a store must do and says it to both. Nothing outside this
//! crate knows of sqlx; nothing in it decides what a sign-in or a role means.

#![expect(clippy::duplicate_mod, reason = "the SQL stands once and is compiled once per engine (ADR 0002)")]

mod calls;
#[cfg(test)]
mod conformance;
mod credentials;
mod fault;
mod letter;
#[cfg(feature = "mongodb")]
mod mongo;
mod postgres;
mod schema;
mod sqlite;
mod time;
pub mod transfer;

use std::sync::Arc;
use std::time::Duration;

use doorward_identity::observer::Observer;

pub use credentials::{CredentialError, CredentialSource, Credentials};
#[cfg(feature = "mongodb")]
pub use mongo::MongoStore;
pub use postgres::PostgresStore;
pub use schema::{Applied, MigrateError, MigrationState, OpenError};
pub use sqlite::{BackupError, SqliteStore};

/// Whether this build has the store in MongoDB.
pub const MONGODB_BUILT_IN: bool = cfg!(feature = "mongodb");

/// How a store is used.
#[derive(Clone)]
pub struct Options {
    /// Most connections at a time. SQLite uses fewer: one that writes and a few that read.
    pub max_connections: u32,
    /// How long a call may take, waiting for a connection included.
    pub timeout: Duration,
    /// Who is told how long each call took.
    pub observer: Arc<dyn Observer>,
    /// Where name and password come from, when not from the database's address.
    pub credentials: Option<Arc<dyn CredentialSource>>,
    /// The certificates, as PEM, of those who may vouch for the server, when not in its address. They are not secret.
    pub ca: Option<String>,
}
