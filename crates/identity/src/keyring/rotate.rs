//! Making, rotating and withdrawing signing keys.
//!
//! A new key is published at once and signs only after a lead, so that whoever caches the published set has it
//! by then. The key before it stays published as long as a token of it may live.

use doorward_protocol::jwk::SigningKey;
use jiff::Timestamp;
use secrecy::ExposeSecret;

use super::ring::KeyringError;
use super::{KeyInfo, KeyState, StoredKey};
use crate::audit::{AuditAction, AuditActor, AuditEvent};
use crate::change::ChangeSubject;
use crate::policy::Admin;
use crate::session::Origin;
use crate::store::Inserted;
use crate::{Identity, StoreError, ids};

/// Why no key was rotated or withdrawn.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// One rotation at a time.
    #[error("key {kid} is published already and begins to sign at {activates_at}")]
    Pending {
        /// The pending key.
        kid: String,
        /// From when it signs.
        activates_at: Timestamp,
    },
    /// Another rotation came first.
    #[error("another rotation came first; look at the list of keys")]
    Lost,
    /// No such key.
    #[error("there is no such key")]
    NotFound,
    /// The keys cannot be used.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Identity {
    /// Makes the next signing key (of assertions alone, where tokens are signed with a shared secret). It signs after the lead, or at once (after a leak).
    pub async fn rotate_key(&self, by: &Admin, at_once: bool) -> Result<KeyInfo, RotateError> {
        self.reload_keys().await?;
        let now = self.clock.now();
        if let Some(pending) = self.keyring.keys().iter().find(|key| key.stored.activates_at > now)
            && !at_once
        {
            let (kid, activates_at) = (pending.stored.kid.clone(), pending.stored.activates_at);
            return Err(RotateError::Pending { kid, activates_at });
        }
        let activates_at =
            if at_once { now } else { now.checked_add(self.settings.key_lead).unwrap_or(Timestamp::MAX) };
        let key = self.generate(now, activates_at)?;
        let audit = by.audit(self, AuditAction::KeyRotated, &key.kid, None);
        match self.add(&key, &audit).await? {
            Inserted::Taken => Err(RotateError::Lost),
            Inserted::Inserted => {
                tracing::info!(kid = key.kid, activates_at = %key.activates_at, "signing key made");
                let state = if at_once { KeyState::Active } else { KeyState::Pending };
                let StoredKey { kid, algorithm, created_at, activates_at, .. } = key;
                Ok(KeyInfo { kid, algorithm, state, created_at, activates_at })
            }
        }
    }

    /// Throws a key away: every token signed with it is refused from now on. If it was the one that signs, a new
    /// one is made that signs at once.
    pub async fn withdraw_key(&self, by: &Admin, kid: &str) -> Result<(), RotateError> {
        let audit = by.audit(self, AuditAction::KeyWithdrawn, kid, None);
        if !self.store.delete_key(kid, &audit).await? {
            return Err(RotateError::NotFound);
        }
        tracing::warn!(kid, "signing key withdrawn");
        self.load_keys().await?;
        self.live.apply(ChangeSubject::Keys);
        Ok(())
    }

    /// Makes a key that signs at once, on the first start or after the setting changed. Of several nodes one wins.
    pub(super) async fn make_first_key(&self) -> Result<(), KeyringError> {
        let now = self.clock.now();
        let key = self.generate(now, now)?;
        let origin = Origin::default();
        let audit = self.audit(AuditActor::System, AuditAction::KeyRotated, &key.kid, None, &origin);
        // Whoever won, its key is read now.
        match self.add(&key, &audit).await? {
            Inserted::Inserted => tracing::info!(kid = key.kid, algorithm = %key.algorithm, "signing key made"),
            Inserted::Taken => tracing::info!("another node made the signing key"),
        }
        Ok(())
    }

    async fn add(&self, key: &StoredKey, audit: &AuditEvent) -> Result<Inserted, KeyringError> {
        let inserted = self.store.insert_key(key, audit).await?;
        self.reload_keys().await?;
        Ok(inserted)
    }

    fn generate(&self, now: Timestamp, activates_at: Timestamp) -> Result<StoredKey, KeyringError> {
        let algorithm = self.keyring.algorithm();
        let not_made = |cause: &dyn std::fmt::Display| KeyringError::NotMade(cause.to_string());
        let signing = SigningKey::generate(algorithm).map_err(|cause| not_made(&cause))?;
        let kid = ids::version_7(now, &*self.entropy).simple().to_string();
        let private = signing.to_pkcs8().ok_or_else(|| not_made(&"it has no private form"))?;
        let sealed = self.keyring.sealing.seal(&kid, private.expose_secret(), &*self.entropy);
        let sealed_private = sealed.map_err(|cause| not_made(&cause))?;
        let public = signing.public_jwk(&kid).ok_or_else(|| not_made(&"it has no public form"))?;
        let public_jwk = serde_json::to_string(&public).map_err(|cause| not_made(&cause))?;
        let last = self.keyring.keys().last().map_or(0, |key| key.stored.ordinal);
        Ok(StoredKey { kid, ordinal: last + 1, algorithm, public_jwk, sealed_private, created_at: now, activates_at })
    }
}
