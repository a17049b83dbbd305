//! The port for signing keys.

use async_trait::async_trait;

use super::StoredKey;
use crate::StoreError;
use crate::audit::AuditEvent;
use crate::store::Inserted;

/// Signing keys. Each method is atomic; each write leaves a change line.
#[async_trait]
pub trait KeyStore: Send + Sync {
    /// All keys, in the order of their making.
    async fn list_keys(&self) -> Result<Vec<StoredKey>, StoreError>;

    /// Adds a key. `Taken` when a key with that ordinal is there: somebody else rotated first.
    async fn insert_key(&self, key: &StoredKey, audit: &AuditEvent) -> Result<Inserted, StoreError>;

    /// Removes a key. False when it was not there.
    async fn delete_key(&self, kid: &str, audit: &AuditEvent) -> Result<bool, StoreError>;
}
