//! The change log: how a node hears that what it remembers no longer holds.
//!
//! Every intent that ends a session, disables a person or changes what they belong to appends a line in the same
//! transaction. Each node reads on about once a second and forgets what the lines name (`session::live`).

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{SessionId, StoreError, UserId};

/// One line of the change log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Change {
    /// Position. Rises, may have gaps, and a lower one may become visible after a higher one.
    pub seq: i64,
    /// What changed.
    pub subject: ChangeSubject,
}

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangeSubject {
    /// A session ended.
    Session(SessionId),
    /// A user was changed, disabled or deleted, their sessions ended, or their teams or domains changed.
    User(UserId),
    /// A team or domain itself changed: what is remembered of anybody may be old.
    Directory,
    /// The signing keys changed.
    Keys,
}

/// The change log's port.
#[async_trait]
pub trait ChangeStore: Send + Sync {
    /// The highest position now, 0 when the log is empty.
    async fn latest_change(&self) -> Result<i64, StoreError>;

    /// Lines after a position, lowest first, at most `limit`.
    async fn changes_after(&self, seq: i64, limit: u32) -> Result<Vec<Change>, StoreError>;

    /// Does what intents of nodes that died in between still have to write. Where each intent is one transaction there is
    /// nothing.
    async fn settle_leftovers(&self, _now: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }

    /// Removes what no one needs any more: change lines, throttles of unknown addresses, values that counted once,
    /// codes and providers' tokens of sessions that were over before `before`; sessions that ended or expired, and mail
    /// that was given up or expired and was put in, before `sessions_before`. Answers how many rows went.
    async fn sweep(&self, before: Timestamp, sessions_before: Timestamp) -> Result<u64, StoreError>;
}
