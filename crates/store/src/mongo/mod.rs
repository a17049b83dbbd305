//! MongoDB, and what speaks its protocol: the store for those who keep documents, Amazon DocumentDB among them.
//!
//! An aggregate is one document and is changed as a whole: read, decided upon in Rust, written back if nobody wrote in
//! between (`aggregate.rs`). What else an intent has to write (audit line, change line, mail, sessions) stands in the
//! same document until it is done (`effect.rs`), so no transaction spans two documents (ADR 0015). Only what
//! DocumentDB 5.0 documents is asked of the server.

mod address;
mod aggregate;
mod audit;
mod change;
mod code;
mod connect;
mod context;
mod domain;
mod effect;
mod fault;
mod key;
mod leftovers;
mod mail;
mod password;
mod provider;
mod refresh;
mod schema;
mod session;
mod session_document;
mod team;
#[cfg(test)]
pub(crate) mod tests;
mod throttle;
mod transfer;
mod turns;
mod user;
mod user_document;
mod values;

use async_trait::async_trait;
use doorward_identity::{Store, StoreError};
use mongodb::bson::{Uuid, doc};
use mongodb::{Collection, Database};
use tokio::sync::Mutex;

use self::aggregate::Aggregate;
use self::connect::Access;
pub(crate) use self::fault::{verdict, words};
use self::leftovers::Leftovers;
use self::turns::Turns;
use crate::fault::Fault;

/// Doorward's memory in a MongoDB database.
pub struct MongoStore {
    /// Runs calls, and signs in anew where the server refuses the password.
    calls: Access,
    turns: Turns,
    leftovers: Mutex<Leftovers>,
    /// The last account whose codes a sweep looked at, where there may be more behind it.
    swept: Mutex<Option<Uuid>>,
}

impl MongoStore {
    /// The database.
    fn database(&self) -> Database {
        self.calls.database()
    }

    /// Where the documents of a kind are.
    fn documents<D: Aggregate>(&self) -> Collection<D> {
        self.database().collection(D::COLLECTION)
    }

    /// Documents that are not changed as a whole.
    fn collection<T: Send + Sync>(&self, name: &str) -> Collection<T> {
        self.database().collection(name)
    }
}

#[async_trait]
impl Store for MongoStore {
    async fn ping(&self) -> Result<(), StoreError> {
        self.calls
            .run("ping", move || async move {
                self.database().run_command(doc! { "ping": 1 }).await?;
                Ok::<_, Fault>(())
            })
            .await
    }
}
