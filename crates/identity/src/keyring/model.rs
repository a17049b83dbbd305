//! The words for signing keys.

use doorward_protocol::algorithm::Algorithm;
use jiff::Timestamp;

/// A signing key as the store keeps it.
#[derive(Clone)]
pub struct StoredKey {
    /// The key's name in tokens and in the published set.
    pub kid: String,
    /// Position in the order of making, from 1; unique, so that of two rotations at once one wins.
    pub ordinal: i64,
    /// What it signs with.
    pub algorithm: Algorithm,
    /// The public half, a JWK (RFC 7517) as JSON text.
    pub public_jwk: String,
    /// The private half (PKCS #8), sealed.
    pub sealed_private: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when it signs. It is published from the moment it is made.
    pub activates_at: Timestamp,
}

impl std::fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredKey")
            .field("kid", &self.kid)
            .field("ordinal", &self.ordinal)
            .field("algorithm", &self.algorithm)
            .field("activates_at", &self.activates_at)
            .finish_non_exhaustive()
    }
}

/// What a key does at a given moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Published, not yet signing.
    Pending,
    /// Signing.
    Active,
    /// No longer signing; published while a token of it may live.
    Retiring,
    /// Of no use any more.
    Expired,
}

/// A key as administrators see it.
#[derive(Clone, Debug)]
pub struct KeyInfo {
    /// Its name.
    pub kid: String,
    /// What it signs with.
    pub algorithm: Algorithm,
    /// What it does now.
    pub state: KeyState,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when it signs.
    pub activates_at: Timestamp,
}
