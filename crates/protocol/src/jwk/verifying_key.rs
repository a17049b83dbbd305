//! Keys that verify signatures, each typed by the algorithms it is for (RFC 8725 §3.1). Knows no token.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{self, ParsedPublicKey, RsaPublicKeyComponents, VerificationAlgorithm};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use super::{KeyError, KeyType, PublicJwk};
use crate::algorithm::Algorithm;

/// Algorithms one kind of key can serve, each with what verifies it.
type Family = [(Algorithm, &'static dyn VerificationAlgorithm)];

static RSA: &Family = &[
    (Algorithm::RS256, &signature::RSA_PKCS1_2048_8192_SHA256),
    (Algorithm::RS384, &signature::RSA_PKCS1_2048_8192_SHA384),
    (Algorithm::RS512, &signature::RSA_PKCS1_2048_8192_SHA512),
    (Algorithm::PS256, &signature::RSA_PSS_2048_8192_SHA256),
    (Algorithm::PS384, &signature::RSA_PSS_2048_8192_SHA384),
    (Algorithm::PS512, &signature::RSA_PSS_2048_8192_SHA512),
];
static P256: &Family = &[(Algorithm::ES256, &signature::ECDSA_P256_SHA256_FIXED)];
static P384: &Family = &[(Algorithm::ES384, &signature::ECDSA_P384_SHA384_FIXED)];
static P521: &Family = &[(Algorithm::ES512, &signature::ECDSA_P521_SHA512_FIXED)];
static ED25519: &Family = &[(Algorithm::EdDSA, &signature::ED25519)];

const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// A key that verifies signatures, parsed once.
///
/// It is typed by algorithm: a public key never serves as the secret of an HMAC, whatever a token's header says.
#[derive(Clone)]
pub struct VerifyingKey(Material);

#[derive(Clone)]
enum Material {
    Secret(Box<hmac::Key>),
    /// One entry for each algorithm the key may be used with.
    Public(Vec<(Algorithm, ParsedPublicKey)>),
}

impl VerifyingKey {
    /// A shared secret, for `HS256` only. Whether it is long enough is for the configuration to say.
    pub fn hmac(secret: &[u8]) -> Self {
        Self::from_hmac(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    pub(super) fn from_hmac(key: hmac::Key) -> Self {
        Self(Material::Secret(Box::new(key)))
    }

    /// A published key: for the one algorithm it names, or for all that fit its kind.
    pub fn from_jwk(jwk: &PublicJwk) -> Result<Self, KeyError> {
        if jwk.usage.as_deref().is_some_and(|usage| usage != "sig") {
            return Err(KeyError::NotForSignatures);
        }
        let (family, encoded) = match (jwk.kty, jwk.crv.as_deref()) {
            (KeyType::Rsa, _) => (RSA, rsa_public_key(jwk)?),
            (KeyType::Ec, Some("P-256")) => (P256, point::<32>(jwk)?),
            (KeyType::Ec, Some("P-384")) => (P384, point::<48>(jwk)?),
            (KeyType::Ec, Some("P-521")) => (P521, point::<66>(jwk)?),
            (KeyType::Okp, Some("Ed25519")) => (ED25519, fixed::<32>(jwk.x.as_ref(), "x")?.to_vec()),
            (KeyType::Ec | KeyType::Okp, _) => return Err(KeyError::UnsupportedCurve),
        };
        let keys = family
            .iter()
            .filter(|(algorithm, _)| jwk.alg.is_none_or(|only| only == *algorithm))
            .map(|(algorithm, verification)| match ParsedPublicKey::new(*verification, &encoded) {
                Ok(key) => Ok((*algorithm, key)),
                Err(_) => Err(KeyError::Malformed("value")),
            })
            .collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            return Err(KeyError::WrongAlgorithm);
        }
        Ok(Self(Material::Public(keys)))
    }

    /// The algorithms this key may verify.
    pub fn algorithms(&self) -> Vec<Algorithm> {
        Algorithm::ALL.into_iter().filter(|algorithm| self.is_for(*algorithm)).collect()
    }

    /// Whether this key may be used with `algorithm`.
    pub fn is_for(&self, algorithm: Algorithm) -> bool {
        match &self.0 {
            Material::Secret(_) => algorithm == Algorithm::HS256,
            Material::Public(keys) => keys.iter().any(|(of_key, _)| *of_key == algorithm),
        }
    }

    /// Whether this key may be used with `algorithm`, and `signature` is its signature of `signing_input`.
    pub fn verify(&self, algorithm: Algorithm, signing_input: &[u8], signature: &[u8]) -> bool {
        match &self.0 {
            Material::Secret(key) => {
                algorithm == Algorithm::HS256 && hmac::verify(key, signing_input, signature).is_ok()
            }
            Material::Public(keys) => keys
                .iter()
                .find(|(of_key, _)| *of_key == algorithm)
                .is_some_and(|(_, key)| key.verify_sig(signing_input, signature).is_ok()),
        }
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey").field("algorithms", &self.algorithms()).finish_non_exhaustive()
    }
}

/// The key as DER, from which the library checks modulus and exponent when it parses.
fn rsa_public_key(jwk: &PublicJwk) -> Result<Vec<u8>, KeyError> {
    let n = decoded(jwk.n.as_ref(), "n")?;
    let e = decoded(jwk.e.as_ref(), "e")?;
    let leading_zeros = n.first().map_or(0, |byte| byte.leading_zeros() as usize);
    if !RSA_BITS.contains(&(n.len() * 8 - leading_zeros)) {
        return Err(KeyError::RsaSize);
    }
    let der: PublicKeyX509Der<'_> =
        RsaPublicKeyComponents { n, e }.as_der().map_err(|_| KeyError::Malformed("value"))?;
    Ok(der.as_ref().to_vec())
}

/// The uncompressed form of SEC 1 §2.3.3; that the point is on the curve is checked when it is parsed.
fn point<const SIZE: usize>(jwk: &PublicJwk) -> Result<Vec<u8>, KeyError> {
    let x = fixed::<SIZE>(jwk.x.as_ref(), "x")?;
    let y = fixed::<SIZE>(jwk.y.as_ref(), "y")?;
    Ok([&[4], &x[..], &y[..]].concat())
}

fn fixed<const SIZE: usize>(text: Option<&String>, member: &'static str) -> Result<[u8; SIZE], KeyError> {
    decoded(text, member)?.try_into().map_err(|_| KeyError::Malformed(member))
}

fn decoded(text: Option<&String>, member: &'static str) -> Result<Vec<u8>, KeyError> {
    text.and_then(|text| BASE64_URL_SAFE_NO_PAD.decode(text).ok()).ok_or(KeyError::Malformed(member))
}
