//! What a store is: every port of the domain together, and the one error they share.
//!
//! Each method is a whole intent, atomic by itself; no caller holds a transaction. A lookup answers `Option`, a
//! conflict is a result decided by the statement; `StoreError` is for what nobody asked for. The specification is
//! the conformance suite in the crate `store`.

use async_trait::async_trait;

use crate::audit::AuditStore;
use crate::change::ChangeStore;
use crate::code::CodeStore;
use crate::domain::DomainStore;
use crate::keyring::KeyStore;
use crate::mail::MailStore;
use crate::provider::ProviderStore;
use crate::session::SessionStore;
use crate::team::TeamStore;
use crate::throttle::ThrottleStore;
use crate::user::UserStore;

/// Everything Doorward remembers.
#[async_trait]
pub trait Store:
    UserStore
    + SessionStore
    + ProviderStore
    + CodeStore
    + MailStore
    + TeamStore
    + DomainStore
    + KeyStore
    + AuditStore
    + ThrottleStore
    + ChangeStore
    + Send
    + Sync
{
    /// Asks the store for a sign of life within its deadline.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// The store could not do what was asked; nothing was half done.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No answer in time, no connection, the disk is full: the same call may succeed later.
    #[error("the store is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store answered something that must not happen (a row that cannot be read, a broken constraint).
    #[error("the store gave an answer that makes no sense")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What became of a write that expected the version it had read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Saved {
    /// Written; the version is now one higher.
    Saved,
    /// Somebody else wrote first, or it is gone: read again.
    Stale,
    /// A unique value (e-mail, name, key, external reference) belongs to another.
    Taken,
}

/// What became of an insert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Inserted {
    /// Written.
    Inserted,
    /// A unique value (e-mail, name, key, external reference, identity) belongs to another.
    Taken,
}
