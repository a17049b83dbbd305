//! Moving from one store to another, whatever engines they are: everything is read as records (`record.rs`), page by
//! page in the order of keys, written as it is, and in the end read from both and compared.
//!
//! The change log does not move: it tells running nodes what to forget, and none runs on a store that is being
//! filled. Knows no engine; each says in its `transfer` how it reads and writes a page.

mod compare;
mod copy;
mod page;
pub(crate) mod record;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use doorward_identity::StoreError;
use serde::{Deserialize, Serialize};

pub use compare::{Comparison, Difference, Sum, checksums, compare};
pub use copy::{CopyError, Order, copy};
pub(crate) use page::Page;
pub use page::{Key, Kind};

#[cfg(feature = "mongodb")]
use crate::MongoStore;
use crate::{PostgresStore, SqliteStore};

/// What a store can do to be moved from or to.
#[async_trait]
pub(crate) trait Transfer: Send + Sync {
    /// Does what a process that died left half done. Before anything is read.
    async fn prepare(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// How many records of a kind there are.
    async fn count(&self, kind: Kind) -> Result<u64, StoreError>;

    /// The next records of a kind after a key, in the order of keys.
    async fn read_page(&self, kind: Kind, after: Option<&Key>, limit: u32) -> Result<Page, StoreError>;

    /// Writes records that are not there, then notes how far the copy is: both or neither; or, where the engine cannot
    /// do that, so that writing the same page again makes up for it.
    async fn write_page(&self, page: &Page, mark: &Mark) -> Result<(), StoreError>;

    /// The mark of a copy that did not come to its end.
    async fn find_mark(&self) -> Result<Option<Mark>, StoreError>;

    /// Removes every record and begins a copy.
    async fn begin_copy(&self, mark: &Mark) -> Result<(), StoreError>;

    /// Takes the mark away: the copy is whole.
    async fn end_copy(&self) -> Result<(), StoreError>;
}

/// What a copy leaves in its target until it is whole: where it comes from and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// What the source calls itself, without secrets.
    pub(crate) source: String,
    /// How far it is.
    pub(crate) position: Position,
}

/// Up to where a copy has written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// The kind it is at; those before are written. `None` when all are.
    pub(crate) kind: Option<Kind>,
    /// The last key of it that is written.
    pub(crate) after: Option<Key>,
    /// How many records are written in all.
    pub(crate) done: u64,
}

/// A store as one end of a move.
#[derive(Clone)]
pub struct End(Arc<dyn Transfer>);

impl End {
    /// Where the copy comes from that this store is waiting for the rest of, if it is.
    pub async fn unfinished_copy(&self) -> Result<Option<String>, StoreError> {
        Ok(self.0.find_mark().await?.map(|mark| mark.source))
    }
}

impl From<Arc<SqliteStore>> for End {
    fn from(store: Arc<SqliteStore>) -> Self {
        Self(store)
    }
}

impl From<Arc<PostgresStore>> for End {
    fn from(store: Arc<PostgresStore>) -> Self {
        Self(store)
    }
}

#[cfg(feature = "mongodb")]
impl From<Arc<MongoStore>> for End {
    fn from(store: Arc<MongoStore>) -> Self {
        Self(store)
    }
}

/// What a move is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Writing into the target.
    Copying,
    /// Reading for checksums.
    Comparing,
}

/// How far a move is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What it is doing.
    pub stage: Stage,
    /// The kind it is at.
    pub kind: Kind,
    /// How many records are done at this stage.
    pub done: u64,
    /// How many there are.
    pub total: u64,
}

/// Records that are read and written at a time; in tests few, so that a few records fill several pages.
const PAGE: u32 = if cfg!(test) { 3 } else { 5000 };

/// How many records a store has, nothing in it being half done any more.
async fn count_all(end: &End) -> Result<u64, StoreError> {
    end.0.prepare().await?;
    let mut total = 0;
    for kind in Kind::ALL {
        total += end.0.count(kind).await?;
    }
    Ok(total)
}
