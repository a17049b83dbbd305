//! Signed tokens: JWS compact serialization with a JSON payload (RFC 7515, RFC 7519), read as strictly as RFC 8725 asks.
//!
//! A token is hostile until [`Unverified::verify`] has seen its signature; only [`VerifiedClaims`] lets claims out as
//! facts. Knows no clock, no key set and no meaning of a claim beyond the registered ones.

mod claims;
mod half_hash;
#[cfg(test)]
mod tests;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use self::claims::{MAX_LEEWAY_S, TimeRules, Times, VerifiedClaims};
pub use self::half_hash::half_hash;
use crate::algorithm::Algorithm;
use crate::jwk::{KeyError, SigningKey, VerifyingKey};
use crate::strict_json;

/// Longer tokens are refused unread.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;
/// Longer headers are refused unread.
pub const MAX_HEADER_BYTES: usize = 8 * 1024;
/// Longer key names are refused.
pub const MAX_KID_CHARS: usize = 256;

/// Why a token is refused. Safe to show: nothing of the token is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// Not a token of the accepted form.
    #[error("the token is malformed")]
    Malformed,
    /// `alg` is unknown, or not one the key is for.
    #[error("the token's algorithm is not accepted")]
    UnsupportedAlgorithm,
    /// The key did not make the signature.
    #[error("the token's signature is invalid")]
    BadSignature,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` or `iat` lies in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `iss` is somebody else.
    #[error("the token's issuer is not accepted")]
    WrongIssuer,
    /// `aud` does not name us.
    #[error("the token is meant for another audience")]
    WrongAudience,
    /// A claim that must be there is not.
    #[error("the token lacks the claim `{0}`")]
    MissingClaim(&'static str),
    /// A claim has the wrong type or an impossible value.
    #[error("the token's claim `{0}` is malformed")]
    BadClaim(&'static str),
}

/// The header's members that count. `jku`, `x5u`, `jwk`, `x5c` and the like are never looked at: keys come from
/// configuration only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the token claims to be signed with.
    pub alg: Algorithm,
    /// Which key it claims to be signed with; hostile text of at most [`MAX_KID_CHARS`] characters.
    pub kid: Option<String>,
    /// What kind of token it claims to be.
    pub typ: Option<String>,
}

impl Header {
    fn parse(json: &[u8]) -> Result<Self, JwtError> {
        if json.len() > MAX_HEADER_BYTES {
            return Err(JwtError::Malformed);
        }
        let mut members = strict_json::object(json).ok_or(JwtError::Malformed)?;
        // `crit` names extensions that must be understood, `zip` announces compression: none is supported.
        if members.contains_key("crit") || members.contains_key("zip") {
            return Err(JwtError::Malformed);
        }
        let mut text = |name: &str| match members.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(JwtError::Malformed),
        };
        let alg = text("alg")?.ok_or(JwtError::Malformed)?.parse().map_err(|_| JwtError::UnsupportedAlgorithm)?;
        let header = Self { alg, kid: text("kid")?, typ: text("typ")? };
        if header.kid.as_ref().is_some_and(|kid| kid.chars().count() > MAX_KID_CHARS) {
            return Err(JwtError::Malformed);
        }
        Ok(header)
    }
}

/// Signs `claims` as a token of type `typ`, naming the key `kid`.
pub fn sign<C: Serialize>(key: &SigningKey, kid: Option<&str>, typ: &str, claims: &C) -> Result<String, KeyError> {
    #[derive(Serialize)]
    struct Protected<'a> {
        alg: Algorithm,
        typ: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        kid: Option<&'a str>,
    }

    let header = serde_json::to_vec(&Protected { alg: key.algorithm(), typ, kid }).map_err(|_| KeyError::Claims)?;
    let payload = serde_json::to_vec(claims).map_err(|_| KeyError::Claims)?;
    let mut token = String::with_capacity(512);
    BASE64_URL_SAFE_NO_PAD.encode_string(header, &mut token);
    token.push('.');
    BASE64_URL_SAFE_NO_PAD.encode_string(payload, &mut token);
    let signature = key.sign(token.as_bytes())?;
    token.push('.');
    BASE64_URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Ok(token)
}

/// A token of the right form about which nothing has been proved.
#[derive(Clone, Debug)]
pub struct Unverified<'t> {
    header: Header,
    signing_input: &'t str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'t> Unverified<'t> {
    /// Reads the form: three parts, canonical base64url, a header without surprises.
    pub fn parse(token: &'t str) -> Result<Self, JwtError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(JwtError::Malformed);
        }
        // A fourth part leaves a dot in `payload`, which is no base64url.
        let (signing_input, signature) = token.rsplit_once('.').ok_or(JwtError::Malformed)?;
        let (header, payload) = signing_input.split_once('.').ok_or(JwtError::Malformed)?;
        let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| JwtError::Malformed);
        let (header, payload, signature) = (decode(header)?, decode(payload)?, decode(signature)?);
        Ok(Self { header: Header::parse(&header)?, signing_input, payload, signature })
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The claims as the sender wrote them, **hostile**: good only to choose whose keys to verify with.
    pub fn claims_unverified<T: DeserializeOwned>(&self) -> Result<T, JwtError> {
        self.claims()?.decode()
    }

    /// Proves that the holder of `key` signed these claims, with an algorithm that the key is for.
    pub fn verify(&self, key: &VerifyingKey) -> Result<VerifiedClaims, JwtError> {
        if !key.is_for(self.header.alg) {
            return Err(JwtError::UnsupportedAlgorithm);
        }
        if !key.verify(self.header.alg, self.signing_input.as_bytes(), &self.signature) {
            return Err(JwtError::BadSignature);
        }
        self.claims()
    }

    fn claims(&self) -> Result<VerifiedClaims, JwtError> {
        strict_json::object(&self.payload).map(VerifiedClaims::new).ok_or(JwtError::Malformed)
    }
}
