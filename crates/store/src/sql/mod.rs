//! The SQL, and the rows it reads and writes. Compiled once per engine: `super` is `sqlite` or `postgres` and gives
//! `Db` (the driver), `Engine` (the store), `for_update!`, `skip_locked!` and `position_of!` (where SQL differs).
//!
//! One file a port. Each method is one `calls.run`: a whole transaction, tried again after a lost race; what is
//! dropped before its commit has not happened.

mod audit;
mod change;
mod code;
mod context;
mod domain;
mod key;
mod mail;
mod password;
mod provider;
mod refresh;
mod session;
mod team;
mod throttle;
mod transfer;
mod transfer_write;
mod user;
mod user_row;

use async_trait::async_trait;
use doorward_identity::audit::AuditEvent;
use doorward_identity::change::ChangeSubject;
use doorward_identity::{Store, StoreError};
use sqlx::Transaction;

use super::{Db, Engine};
use crate::fault::Fault;

/// A connection, inside a transaction or not.
type Connection = <Db as sqlx::Database>::Connection;

/// Whether a text can be in any column at all. PostgreSQL keeps no NUL and refuses even to look for one; whoever
/// asks for such a text is told what is true: nothing is there.
fn can_be_stored(text: &str) -> bool {
    !text.contains('\0')
}

/// Ends a transaction that changed something others remember: change line, audit line, commit.
async fn conclude(mut tx: Transaction<'static, Db>, subject: ChangeSubject, event: &AuditEvent) -> Result<(), Fault> {
    change::announce(&mut tx, subject, event.at).await?;
    audit::append(&mut tx, event).await?;
    tx.commit().await?;
    Ok(())
}

/// The same if the statement touched a row; else nothing happened, and the answer is false.
async fn conclude_if_done(
    tx: Transaction<'static, Db>,
    rows: u64,
    subject: ChangeSubject,
    event: &AuditEvent,
) -> Result<bool, Fault> {
    if rows == 0 {
        return Ok(false);
    }
    conclude(tx, subject, event).await?;
    Ok(true)
}

#[async_trait]
impl Store for Engine {
    async fn ping(&self) -> Result<(), StoreError> {
        self.calls
            .run("ping", move || async move {
                sqlx::query("select 1").execute(&mut *self.read().await?).await?;
                Ok(())
            })
            .await
    }
}
