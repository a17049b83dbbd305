//! Whether a database is Doorward's and of which age: what it says about itself, against what this build knows.
//!
//! Looks only. A database that is somebody else's, or from a newer Doorward, is refused before a byte of it is
//! changed.

use sqlx::migrate::Migrator;

use crate::CredentialError;
use crate::fault::Fault;

/// Where applied migrations are written down.
pub(crate) const MIGRATIONS_TABLE: &str = "doorward_migrations";

/// A store cannot be opened. The message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address of the database cannot be read.
    #[error("the database's address cannot be read: {0}")]
    Address(String),
    /// The folder or file of the database cannot be made or opened.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The database gives no answer.
    #[error("the database cannot be reached: {0}")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database does not let us in.
    #[error("{server} does not let {user} in ({reason}): give name and password right in {origin}")]
    Refused {
        /// The server, as host and port.
        server: String,
        /// Who.
        user: String,
        /// What the server says.
        reason: String,
        /// Where name and password come from.
        origin: String,
    },
    /// What to sign in with cannot be read.
    #[error(transparent)]
    Credentials(#[from] CredentialError),
    /// The file is no SQLite database, or a broken one.
    #[error("{path} is not a sound SQLite database ({reason}); nothing was changed: restore it from a backup")]
    Damaged {
        /// The file.
        path: String,
        /// What was found.
        reason: String,
    },
    /// The database was written by a newer Doorward.
    #[error(
        "the database is from a newer Doorward (migration {version} is not known here); nothing was changed: \
         start that version, or restore a backup from before it"
    )]
    Newer {
        /// The first migration that is not known here.
        version: i64,
    },
    /// Where Doorward's tables belong are those of another program.
    #[error(
        "{place} holds tables of another program ({tables}); nothing was changed: give Doorward a database of its \
         own, or in PostgreSQL another schema (`?options=-csearch_path%3Dname` in the address)"
    )]
    Foreign {
        /// The file or schema.
        place: String,
        /// Some of the tables' names.
        tables: String,
    },
    /// The server has no schema for Doorward's tables, and none can be made.
    #[error(
        "the schema {schema} cannot be made ({reason}): make it and let Doorward's role own it, or grant that role \
         CREATE on the database"
    )]
    NoSchema {
        /// The schema.
        schema: String,
        /// What the server says.
        reason: String,
    },
    /// Connections do not lead to the schema of Doorward's tables.
    #[error(
        "connections cannot be led to the schema {schema} ({reason}); nothing was changed: if a connection pooler \
         answers at this address, give Doorward the address of the database itself"
    )]
    Astray {
        /// The schema.
        schema: String,
        /// What was seen instead.
        reason: String,
    },
    /// A migration in the database is not the one this build has under its number.
    #[error("migration {version} of the database is not the one of this Doorward; nothing was changed")]
    Altered {
        /// Its number.
        version: i64,
    },
    /// The server is too old.
    #[error("PostgreSQL {found} is too old: Doorward needs 13 or newer")]
    OldServer {
        /// Its version.
        found: String,
    },
    /// The database would not keep what it acknowledged.
    #[error("the database cannot be made durable: {0}")]
    NotDurable(String),
}

/// Migrations cannot be applied.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The database is none to migrate.
    #[error(transparent)]
    Refused(#[from] OpenError),
    /// A migration failed and was rolled back.
    #[error("a migration failed and was rolled back: {0}")]
    Failed(#[from] sqlx::migrate::MigrateError),
}

impl From<Fault> for OpenError {
    fn from(fault: Fault) -> Self {
        Self::Unreachable(Box::new(fault))
    }
}

impl From<sqlx::Error> for OpenError {
    fn from(error: sqlx::Error) -> Self {
        Fault::from(error).into()
    }
}

impl From<sqlx::Error> for MigrateError {
    fn from(error: sqlx::Error) -> Self {
        Self::Refused(error.into())
    }
}

/// What `migrate` did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// So many migrations were applied.
    pub count: usize,
}

/// How far the database is behind this build, or ahead of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationState {
    /// Whether none was ever applied: there is nothing of Doorward's yet.
    pub untouched: bool,
    /// The migrations that are still to be applied, as `0002 create directory`.
    pub pending: Vec<String>,
    /// Whether the database has migrations this build does not know.
    pub newer: bool,
}

/// What a database says about itself.
pub(crate) struct Found {
    /// Where Doorward's tables belong, in words.
    pub(crate) place: String,
    /// The tables there.
    pub(crate) tables: Vec<String>,
    /// Applied migrations with their checksums, in order.
    pub(crate) applied: Vec<(i64, Vec<u8>)>,
}

impl Found {
    /// Refuses what is not ours to open.
    pub(crate) fn refuse_foreign(&self, migrator: &Migrator) -> Result<(), OpenError> {
        if !self.tables.is_empty() && !self.tables.iter().any(|table| table == MIGRATIONS_TABLE) {
            let shown: Vec<&str> = self.tables.iter().take(5).map(String::as_str).collect();
            return Err(OpenError::Foreign { place: self.place.clone(), tables: shown.join(", ") });
        }
        for (version, checksum) in &self.applied {
            match migrator.iter().find(|known| known.version == *version) {
                None => return Err(OpenError::Newer { version: *version }),
                Some(known) if *known.checksum != **checksum => {
                    return Err(OpenError::Altered { version: *version });
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// How far the database is.
    pub(crate) fn state(&self, migrator: &Migrator) -> MigrationState {
        let is_applied = |version| self.applied.iter().any(|(applied, _)| *applied == version);
        MigrationState {
            untouched: self.applied.is_empty(),
            pending: migrator
                .iter()
                .filter(|known| !is_applied(known.version))
                .map(|known| format!("{:04} {}", known.version, known.description))
                .collect(),
            newer: self.applied.iter().any(|(version, _)| !migrator.version_exists(*version)),
        }
    }
}
