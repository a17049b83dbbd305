//! PostgreSQL: the store for several nodes. Mounts the SQL of `../sql` over PostgreSQL's driver and says what is
//! different here: rows are locked one by one, and a lost race is tried again.

mod connect;
mod namespace;
mod sign_in;
#[cfg(test)]
mod tests;

use sqlx::pool::PoolConnection;
use sqlx::postgres::PgPool;
use sqlx::{Postgres, Transaction};

use self::namespace::Namespace;
use self::sign_in::SignIn;
use crate::calls::Calls;
use crate::fault::{Fault, Verdict};

/// The driver `../sql` is compiled over.
type Db = Postgres;
/// The store `../sql` implements the ports for.
type Engine = PostgresStore;

/// Locks the rows a statement reads until the transaction ends. Rows that refer to them may be made meanwhile.
macro_rules! for_update {
    () => {
        " for no key update"
    };
}
/// Locks likewise, in a statement's first table `p` alone, and passes over rows that another transaction holds.
macro_rules! skip_locked {
    () => {
        " for no key update of p skip locked"
    };
}
/// The function that tells where a text contains another, 0 for nowhere.
macro_rules! position_of {
    () => {
        "strpos"
    };
}

#[path = "../sql/mod.rs"]
mod sql;

/// Doorward's memory in a PostgreSQL database.
pub struct PostgresStore {
    calls: Calls,
    pool: PgPool,
    /// Name and password, which may change.
    sign_in: SignIn,
    /// The schema of the tables.
    namespace: Namespace,
}

impl PostgresStore {
    /// A connection that reads.
    async fn read(&self) -> Result<PoolConnection<Postgres>, Fault> {
        self.sign_in.connect(|_| self.pool.acquire()).await
    }

    /// Begins to write.
    async fn begin(&self) -> Result<Transaction<'static, Postgres>, Fault> {
        self.sign_in.connect(|_| self.pool.begin()).await
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// What PostgreSQL's SQLSTATE codes mean (its manual, appendix A). The first two characters are the class.
fn code_verdict(code: &str) -> Verdict {
    const SERIALIZATION_FAILURE: &str = "40001";
    const DEADLOCK: &str = "40P01";
    // Statements here look before they refer: only a row deleted in between breaks a reference.
    const FOREIGN_KEY_VIOLATION: &str = "23503";
    const LOCK_NOT_AVAILABLE: &str = "55P03";
    const READ_ONLY: &str = "25006";
    const IDLE_IN_TRANSACTION: &str = "25P03";
    // The connection was ended by an operator or a fail-over, before what it is the answer to was done.
    const ADMIN_SHUTDOWN: &str = "57P01";
    match code {
        SERIALIZATION_FAILURE | DEADLOCK | FOREIGN_KEY_VIOLATION | ADMIN_SHUTDOWN => Verdict::Retry,
        LOCK_NOT_AVAILABLE | READ_ONLY | IDLE_IN_TRANSACTION => Verdict::Unavailable,
        _ => match code.get(..2) {
            // Connection, rollback, resources, operator, system.
            Some("08" | "40" | "53" | "57" | "58") => Verdict::Unavailable,
            _ => Verdict::Broken,
        },
    }
}
