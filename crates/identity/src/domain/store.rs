//! The port for domains and their assignment to people.

use async_trait::async_trait;

use super::Domain;
use crate::audit::AuditEvent;
use crate::{DomainId, StoreError, UserId};

/// What became of writing a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum DomainWrite {
    /// Written.
    Written,
    /// The key belongs to another.
    Taken,
    /// Somebody else wrote first, or it is gone.
    Stale,
    /// The parent named is not there.
    NoParent,
    /// The parent named is the domain itself or lies below it.
    Cycle,
}

/// Domains. Each method is atomic; each write leaves a change line.
#[async_trait]
pub trait DomainStore: Send + Sync {
    /// As [`crate::team::TeamStore::seed_teams`], by key.
    async fn seed_domains(&self, domains: &[Domain]) -> Result<(), StoreError>;

    /// Makes a domain: `Written`, `Taken` or `NoParent`.
    async fn insert_domain(&self, domain: &Domain, audit: &AuditEvent) -> Result<DomainWrite, StoreError>;

    /// The domain with that id.
    async fn find_domain(&self, id: DomainId) -> Result<Option<Domain>, StoreError>;

    /// All domains by key; with `active_only` without the inactive ones.
    async fn list_domains(&self, active_only: bool) -> Result<Vec<Domain>, StoreError>;

    /// Writes key, name, parent and activity if the stored version is still `domain.version`. Of two moves that
    /// would close a cycle only together, at most one is written.
    async fn save_domain(&self, domain: &Domain, audit: &AuditEvent) -> Result<DomainWrite, StoreError>;

    /// Assigns a domain to a user; true also when it was. False when the user or the domain is not there.
    async fn assign_domain(&self, domain: DomainId, user: UserId, audit: &AuditEvent) -> Result<bool, StoreError>;

    /// Takes a domain from a user. False when they had it not.
    async fn unassign_domain(&self, domain: DomainId, user: UserId, audit: &AuditEvent) -> Result<bool, StoreError>;
}
