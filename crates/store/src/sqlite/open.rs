//! Opening a SQLite file: looked at first, changed only when it is ours and sound; and migrating it.

use std::path::Path;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};

use super::{SqliteStore, code_verdict, file};
use crate::Options;
use crate::calls::Calls;
use crate::schema::{Applied, Found, MIGRATIONS_TABLE, MigrateError, MigrationState, OpenError};

/// Connections that read. More would only wait for the same two or three cores.
const MOST_READERS: u32 = 4;
/// A file up to this size is checked page by page when it is opened; that takes a few milliseconds.
const CHECKED_WHOLE: u64 = 8 * 1024 * 1024;

/// The migrations of this build.
pub(super) fn migrator() -> Migrator {
    let mut migrator = sqlx::migrate!("migrations/sqlite");
    migrator.dangerous_set_table_name(MIGRATIONS_TABLE);
    migrator
}

impl SqliteStore {
    /// Opens the database, which is made when it is not there. It is empty until [`Self::migrate`].
    pub async fn open(path: &Path, options: Options) -> Result<Self, OpenError> {
        file::create(path)?;
        // Two processes must not turn the file to write-ahead logging at once.
        let lock = file::lock(path).await?;
        let length = file::check_magic(path)?;
        if length > 0 {
            look(path, length).await?.refuse_foreign(&migrator())?;
        }
        let connect = SqliteConnectOptions::new()
            .filename(path)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(options.timeout)
            .disable_statement_logging();
        let pool = SqlitePoolOptions::new().acquire_timeout(options.timeout).test_before_acquire(false);
        let writer = pool.clone().max_connections(1).idle_timeout(None).max_lifetime(None).after_release(
            // When the disk is full SQLite rolls back by itself, and the driver would believe in an open transaction
            // for ever. The ping waits for a rollback that is still under way.
            |connection, _| {
                Box::pin(async move {
                    connection.ping().await?;
                    Ok(!connection.is_in_transaction())
                })
            },
        );
        let readers = pool.max_connections(options.max_connections.clamp(1, MOST_READERS));
        let store = Self {
            calls: Calls::new(&options, code_verdict),
            writer: writer.connect_lazy_with(connect.clone()),
            readers: readers.connect_lazy_with(connect.pragma("query_only", "on")),
            path: path.to_owned(),
        };
        store.durability().await.map_err(OpenError::NotDurable)?;
        drop(lock);
        Ok(store)
    }

    /// Applies the migrations that are missing. Of several processes one does, the others wait for it.
    pub async fn migrate(&self) -> Result<Applied, MigrateError> {
        let lock = file::lock(&self.path).await?;
        let migrator = migrator();
        let mut connection = self.writer.acquire().await?;
        let found = describe(&mut connection).await?;
        found.refuse_foreign(&migrator)?;
        let count = found.state(&migrator).pending.len();
        migrator.run_direct(None, &mut *connection, false).await?;
        drop(lock);
        Ok(Applied { count })
    }

    /// How far the database is.
    pub async fn migration_state(&self) -> Result<MigrationState, OpenError> {
        let mut connection = self.readers.acquire().await?;
        Ok(describe(&mut connection).await?.state(&migrator()))
    }

    /// Whether an acknowledged write survives a power cut; if not, why.
    pub async fn durability(&self) -> Result<(), String> {
        let pragmas = async {
            let mut connection = self.writer.acquire().await?;
            let journal: String = sqlx::query_scalar("pragma journal_mode").fetch_one(&mut *connection).await?;
            let synchronous: i64 = sqlx::query_scalar("pragma synchronous").fetch_one(&mut *connection).await?;
            Ok::<_, sqlx::Error>((journal, synchronous))
        };
        match pragmas.await {
            Ok((journal, 2)) if journal == "wal" => Ok(()),
            Ok((journal, synchronous)) => Err(format!(
                "SQLite runs with journal_mode={journal} and synchronous={synchronous} instead of wal and 2; \
                 the file's disk may not allow it (a network share?)"
            )),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// Looks at a file without changing it.
pub(super) async fn look(path: &Path, length: u64) -> Result<Found, OpenError> {
    let looked = async {
        let mut connection =
            SqliteConnectOptions::new().filename(path).read_only(true).disable_statement_logging().connect().await?;
        let found = describe(&mut connection).await?;
        let verdict: String = if length <= CHECKED_WHOLE {
            sqlx::query_scalar("pragma quick_check(1)").fetch_one(&mut connection).await?
        } else {
            "ok".to_owned()
        };
        connection.close().await?;
        Ok::<_, sqlx::Error>((found, verdict))
    };
    let damaged = |reason: String| OpenError::Damaged { path: path.display().to_string(), reason };
    match looked.await {
        Ok((found, verdict)) if verdict == "ok" => Ok(found),
        Ok((_, verdict)) => Err(damaged(verdict)),
        Err(error) if is_damage(&error) => Err(damaged(error.to_string())),
        Err(error) => Err(error.into()),
    }
}

/// Whether SQLite says that the file is corrupt or none of its own.
fn is_damage(error: &sqlx::Error) -> bool {
    const CORRUPT: u32 = 11;
    const NOT_A_DATABASE: u32 = 26;
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<u32>().ok());
    code.is_some_and(|code| matches!(code & 0xff, CORRUPT | NOT_A_DATABASE))
}

/// What the database says about itself.
async fn describe(connection: &mut SqliteConnection) -> Result<Found, sqlx::Error> {
    const TABLES: &str = r"select name from sqlite_schema
        where type = 'table' and name not like 'sqlite\_%' escape '\' order by name";
    // Named as in MIGRATIONS_TABLE.
    const APPLIED: &str = "select version, checksum from doorward_migrations order by version";
    let tables: Vec<String> = sqlx::query_scalar(TABLES).fetch_all(&mut *connection).await?;
    let applied = if tables.iter().any(|table| table == MIGRATIONS_TABLE) {
        sqlx::query_as(APPLIED).fetch_all(connection).await?
    } else {
        Vec::new()
    };
    Ok(Found { place: "the database".to_owned(), tables, applied })
}
