//! SQLite: the embedded store. Mounts the SQL of `../sql` over SQLite's driver and says what is different here:
//! one connection writes, a few read, and a write transaction takes its lock when it begins.

mod backup;
#[cfg(test)]
mod backup_tests;
mod file;
mod open;
#[cfg(test)]
mod tests;

pub use self::backup::BackupError;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::SqlitePool;
use sqlx::{Sqlite, Transaction};

use crate::calls::Calls;
use crate::fault::{Fault, Verdict};

/// The driver `../sql` is compiled over.
type Db = Sqlite;
/// The store `../sql` implements the ports for.
type Engine = SqliteStore;

/// Locks the rows a statement reads: the transaction holds the only write lock already.
macro_rules! for_update {
    () => {
        ""
    };
}
/// Passes over rows that another transaction holds: there is no other.
macro_rules! skip_locked {
    () => {
        ""
    };
}
/// The function that tells where a text contains another, 0 for nowhere.
macro_rules! position_of {
    () => {
        "instr"
    };
}

#[path = "../sql/mod.rs"]
mod sql;

/// Doorward's memory in one SQLite file.
pub struct SqliteStore {
    calls: Calls,
    writer: SqlitePool,
    readers: SqlitePool,
    path: std::path::PathBuf,
}

impl SqliteStore {
    /// A connection that reads.
    async fn read(&self) -> Result<PoolConnection<Sqlite>, Fault> {
        Ok(self.readers.acquire().await?)
    }

    /// Begins to write. The lock is taken now: taken later, it could be refused in the middle.
    async fn begin(&self) -> Result<Transaction<'static, Sqlite>, Fault> {
        Ok(self.writer.begin_with("begin immediate").await?)
    }

    /// Writes what is left into the database file and closes it.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// What SQLite's result codes mean (sqlite.org/rescode.html). The low byte is the kind.
fn code_verdict(code: &str) -> Verdict {
    const BUSY: u32 = 5;
    const LOCKED: u32 = 6;
    const OUT_OF_MEMORY: u32 = 7;
    const READ_ONLY: u32 = 8;
    const INTERRUPTED: u32 = 9;
    const IO_ERROR: u32 = 10;
    const DISK_FULL: u32 = 13;
    const CANNOT_OPEN: u32 = 14;
    const LOCK_PROTOCOL: u32 = 15;
    match code.parse::<u32>().unwrap_or_default() & 0xff {
        BUSY | LOCKED | OUT_OF_MEMORY | READ_ONLY | INTERRUPTED | IO_ERROR | DISK_FULL | CANNOT_OPEN
        | LOCK_PROTOCOL => Verdict::Unavailable,
        _ => Verdict::Broken,
    }
}
