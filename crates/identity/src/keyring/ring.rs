//! The keys in use on this node: which one signs now, which ones verify, which are published.

use std::sync::{Arc, PoisonError, RwLock};

use doorward_protocol::algorithm::Algorithm;
use doorward_protocol::jwk::{JwkSet, KeyError, PublicJwk, SigningKey, VerifyingKey};
use jiff::{SignedDuration, Timestamp};

use super::seal::{SealError, SealingKey};
use super::shared::SharedSecrets;
use super::{KeyInfo, KeyState, StoredKey};
use crate::settings::Settings;
use crate::{Identity, StoreError};

/// Added to a token's life before its key is thrown away, for clocks that disagree.
const SPARE: SignedDuration = SignedDuration::from_mins(5);

/// The node's keys.
pub struct Keyring {
    pub(crate) sealing: SealingKey,
    algorithm: Algorithm,
    pub(super) shared: SharedSecrets,
    longest_token: SignedDuration,
    keys: RwLock<Arc<[LoadedKey]>>,
    reloading: tokio::sync::Mutex<()>,
}

/// A key of the store, opened.
pub(super) struct LoadedKey {
    pub(super) stored: StoredKey,
    /// When its last token has ended: known once a successor signs.
    expires_at: Option<Timestamp>,
    signing: Arc<SigningKey>,
    verifying: Arc<VerifyingKey>,
    public: PublicJwk,
}

/// The key to sign with now.
pub(crate) struct Signer {
    pub(crate) kid: Option<String>,
    pub(crate) key: Arc<SigningKey>,
}

/// The signing keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// Sealed with something else.
    #[error(
        "signing key {kid} in the store cannot be opened: {cause}; give every node the same tokens.encryption_key, \
         or withdraw the key with `doorward key withdraw {kid}`"
    )]
    Sealed {
        /// Which key.
        kid: String,
        /// Why not.
        cause: SealError,
    },
    /// Not a key.
    #[error("signing key {kid} in the store is damaged: {cause}")]
    Damaged {
        /// Which key.
        kid: String,
        /// Why.
        cause: KeyError,
    },
    /// A new key cannot be made.
    #[error("no signing key can be made: {0}")]
    NotMade(String),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// There is no key to sign with, which `load_keys` rules out.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("there is no signing key")]
pub(crate) struct NoSigner;

impl Keyring {
    pub(crate) fn new(sealing: SealingKey, settings: &Settings) -> Self {
        let longest_token = settings.longest_token_ttl();
        Self {
            sealing,
            algorithm: settings.algorithm,
            shared: SharedSecrets::new(settings, longest_token + SPARE),
            longest_token,
            keys: RwLock::new(Arc::new([])),
            reloading: tokio::sync::Mutex::new(()),
        }
    }

    /// What keys are made for: what tokens are signed with or, where that is a shared secret, what assertions are.
    pub(super) const fn algorithm(&self) -> Algorithm {
        if self.algorithm.is_symmetric() { Algorithm::EdDSA } else { self.algorithm }
    }

    /// Whether tokens are signed with the shared secret.
    pub(super) const fn shares_secret(&self) -> bool {
        self.algorithm.is_symmetric()
    }

    /// The key to sign tokens with.
    pub(crate) fn signer(&self, now: Timestamp) -> Result<Signer, NoSigner> {
        if self.shares_secret() {
            return Ok(Signer { kid: None, key: self.shared.signer(now).ok_or(NoSigner)? });
        }
        self.public_signer(now)
    }

    /// The key to sign with what others verify by the published keys.
    pub(crate) fn public_signer(&self, now: Timestamp) -> Result<Signer, NoSigner> {
        let keys = self.keys();
        let active = keys.iter().rev().find(|key| self.signs(key, now)).ok_or(NoSigner)?;
        Ok(Signer { kid: Some(active.stored.kid.clone()), key: Arc::clone(&active.signing) })
    }

    /// The keys that a header may mean, as far as they still count and are of that algorithm: one, or where a shared
    /// secret was replaced both.
    pub(crate) fn verifying_keys(&self, alg: Algorithm, kid: Option<&str>, now: Timestamp) -> Vec<Arc<VerifyingKey>> {
        match kid {
            None if alg.is_symmetric() => self.shared.verifiers(now),
            None => Vec::new(),
            Some(kid) => {
                let keys = self.keys();
                let key = keys.iter().find(|key| key.stored.kid == kid && key.stored.algorithm == alg);
                let key = key.filter(|key| !key.has_expired(now));
                key.map(|key| Arc::clone(&key.verifying)).into_iter().collect()
            }
        }
    }

    fn signs(&self, key: &LoadedKey, now: Timestamp) -> bool {
        // One that is no longer published signs nothing, also when the setting comes back to its algorithm.
        key.stored.algorithm == self.algorithm() && key.stored.activates_at <= now && !key.has_expired(now)
    }

    pub(super) fn keys(&self) -> Arc<[LoadedKey]> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts the store's keys, in the order of their making, in the place of what was known.
    fn replace(&self, stored: Vec<StoredKey>) -> Result<(), KeyringError> {
        let mut successor_at: Option<Timestamp> = None;
        let mut loaded = Vec::with_capacity(stored.len());
        for stored in stored.into_iter().rev() {
            let activates_at = stored.activates_at;
            let expires_at = successor_at.and_then(|at| at.checked_add(self.longest_token + SPARE).ok());
            loaded.push(self.open(stored, expires_at)?);
            successor_at = Some(activates_at);
        }
        loaded.reverse();
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = loaded.into();
        Ok(())
    }

    fn open(&self, stored: StoredKey, expires_at: Option<Timestamp>) -> Result<LoadedKey, KeyringError> {
        let kid = &stored.kid;
        let private = self
            .sealing
            .open(kid, &stored.sealed_private)
            .map_err(|cause| KeyringError::Sealed { kid: kid.clone(), cause })?;
        let damaged = |cause| KeyringError::Damaged { kid: kid.clone(), cause };
        let signing = SigningKey::from_pkcs8(stored.algorithm, &private).map_err(damaged)?;
        // Derived, not read: what is published is what signs.
        let public = signing.public_jwk(kid).ok_or(KeyError::WrongAlgorithm).map_err(damaged)?;
        let verifying = VerifyingKey::from_jwk(&public).map_err(damaged)?;
        Ok(LoadedKey { expires_at, signing: Arc::new(signing), verifying: Arc::new(verifying), public, stored })
    }
}

impl LoadedKey {
    fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}

impl Identity {
    /// The published keys (RFC 7517): pending ones, the one that signs, and those whose tokens still live.
    pub fn jwks(&self) -> JwkSet {
        let now = self.clock.now();
        let keys = self.keyring.keys();
        JwkSet { keys: keys.iter().filter(|key| !key.has_expired(now)).map(|key| key.public.clone()).collect() }
    }

    /// Every key of the store and what it does now.
    pub fn keys(&self, _by: &crate::policy::Admin) -> Vec<KeyInfo> {
        let now = self.clock.now();
        let keys = self.keyring.keys();
        let active = keys.iter().rposition(|key| self.keyring.signs(key, now));
        keys.iter().enumerate().map(|(position, key)| key.info(state(position, key, active, now))).collect()
    }

    /// Reads the store's keys; makes the first one where none can sign.
    pub(crate) async fn load_keys(&self) -> Result<(), KeyringError> {
        if self.keyring.shares_secret() && self.keyring.shared.is_empty() {
            return Err(KeyringError::NotMade("HS256 needs tokens.secret".to_owned()));
        }
        self.reload_keys().await?;
        if self.keyring.public_signer(self.clock.now()).is_err() {
            self.make_first_key().await?;
        }
        Ok(())
    }

    /// Takes note of keys that were just written.
    pub(super) async fn reload_keys(&self) -> Result<(), KeyringError> {
        // One at a time: else an older list could be put in the place of a newer one.
        let _turn = self.keyring.reloading.lock().await;
        self.keyring.replace(self.store.list_keys().await?)
    }
}

impl LoadedKey {
    pub(super) fn info(&self, state: KeyState) -> KeyInfo {
        KeyInfo {
            kid: self.stored.kid.clone(),
            algorithm: self.stored.algorithm,
            state,
            created_at: self.stored.created_at,
            activates_at: self.stored.activates_at,
        }
    }
}

fn state(position: usize, key: &LoadedKey, active: Option<usize>, now: Timestamp) -> KeyState {
    if active == Some(position) {
        KeyState::Active
    } else if key.stored.activates_at > now {
        KeyState::Pending
    } else if key.has_expired(now) {
        KeyState::Expired
    } else {
        KeyState::Retiring
    }
}
