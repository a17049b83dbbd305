//! JSON Web Keys (RFC 7517, RFC 7518 §6, RFC 8037): public keys as they are published, and what can be done with them.
//! Knows neither where keys are kept nor when they are rotated.

mod signing_key;
#[cfg(test)]
mod tests;
mod verifying_key;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};

pub use self::signing_key::SigningKey;
pub use self::verifying_key::VerifyingKey;
use crate::algorithm::Algorithm;

/// A public key as published. Has no room for private members: they are dropped when one is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicJwk {
    /// What kind of key.
    pub kty: KeyType,
    /// Which curve, of elliptic-curve keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crv: Option<String>,
    /// The point's x coordinate, or the whole point for Ed25519; base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    /// The point's y coordinate; base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    /// The RSA modulus; base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    /// The RSA exponent; base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
    /// The key's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// The only algorithm it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alg: Option<Algorithm>,
    /// What it is for: `sig` or `enc`.
    #[serde(default, rename = "use", skip_serializing_if = "Option::is_none")]
    pub usage: Option<String>,
}

/// The kinds of public keys. `oct`, a shared secret, is none: a secret is never taken from a key set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyType {
    /// RSA.
    #[serde(rename = "RSA")]
    Rsa,
    /// An elliptic curve in Weierstrass form.
    #[serde(rename = "EC")]
    Ec,
    /// An octet key pair, as Ed25519's.
    #[serde(rename = "OKP")]
    Okp,
}

/// A set of public keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JwkSet {
    /// The keys, without those of which the type or algorithm is unknown here (RFC 7517 §5).
    #[serde(deserialize_with = "known_keys")]
    pub keys: Vec<PublicJwk>,
}

fn known_keys<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PublicJwk>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Entry {
        Known(PublicJwk),
        Unknown(IgnoredAny),
    }

    let entries = Vec::<Entry>::deserialize(deserializer)?;
    let known = entries.into_iter().filter_map(|entry| match entry {
        Entry::Known(jwk) => Some(jwk),
        Entry::Unknown(IgnoredAny) => None,
    });
    Ok(known.collect())
}

/// Why a key cannot be used. Safe to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// An unknown curve.
    #[error("keys on this curve are not supported")]
    UnsupportedCurve,
    /// A member is missing, is not canonical base64url, or is no such key.
    #[error("the key's {0} is missing or malformed")]
    Malformed(&'static str),
    /// Too short to be safe, or absurdly long.
    #[error("an RSA key must have 2048 to 8192 bits")]
    RsaSize,
    /// `use` says otherwise.
    #[error("the key is not meant for signatures")]
    NotForSignatures,
    /// The key is of another kind than the algorithm needs.
    #[error("the key cannot be used with this algorithm")]
    WrongAlgorithm,
    /// The claims have no JSON form.
    #[error("the claims cannot be written as JSON")]
    Claims,
    /// The cryptographic library failed.
    #[error("the cryptographic operation failed")]
    Crypto,
}

impl From<aws_lc_rs::error::Unspecified> for KeyError {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self::Crypto
    }
}
