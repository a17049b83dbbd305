//! Keys that sign: made here or read from PKCS#8 (RFC 5208). Knows no token and no store.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RsaEncoding};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use secrecy::SecretSlice;

use super::{KeyError, KeyType, PublicJwk, VerifyingKey};
use crate::algorithm::Algorithm;

/// A key that signs with one algorithm.
pub struct SigningKey {
    algorithm: Algorithm,
    secret: Secret,
    /// The public half; a shared secret has none.
    public: Option<PublicJwk>,
    verifying: VerifyingKey,
}

enum Secret {
    Hmac(Box<hmac::Key>),
    Ed25519(Ed25519KeyPair),
    Ecdsa(EcdsaKeyPair),
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
}

/// What a kind of key pair needs to be made or read.
enum Scheme {
    Ed25519,
    Ecdsa(&'static EcdsaSigningAlgorithm),
    Rsa(&'static dyn RsaEncoding),
}

impl Scheme {
    fn of(algorithm: Algorithm) -> Result<Self, KeyError> {
        Ok(match algorithm {
            Algorithm::HS256 => return Err(KeyError::WrongAlgorithm),
            Algorithm::RS256 => Self::Rsa(&signature::RSA_PKCS1_SHA256),
            Algorithm::RS384 => Self::Rsa(&signature::RSA_PKCS1_SHA384),
            Algorithm::RS512 => Self::Rsa(&signature::RSA_PKCS1_SHA512),
            Algorithm::PS256 => Self::Rsa(&signature::RSA_PSS_SHA256),
            Algorithm::PS384 => Self::Rsa(&signature::RSA_PSS_SHA384),
            Algorithm::PS512 => Self::Rsa(&signature::RSA_PSS_SHA512),
            Algorithm::ES256 => Self::Ecdsa(&signature::ECDSA_P256_SHA256_FIXED_SIGNING),
            Algorithm::ES384 => Self::Ecdsa(&signature::ECDSA_P384_SHA384_FIXED_SIGNING),
            Algorithm::ES512 => Self::Ecdsa(&signature::ECDSA_P521_SHA512_FIXED_SIGNING),
            Algorithm::EdDSA => Self::Ed25519,
        })
    }
}

impl SigningKey {
    /// A shared secret, for `HS256`. Whether it is long enough is for the configuration to say.
    pub fn hmac(secret: &[u8]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        Self {
            algorithm: Algorithm::HS256,
            verifying: VerifyingKey::from_hmac(key.clone()),
            secret: Secret::Hmac(Box::new(key)),
            public: None,
        }
    }

    /// A new key pair from the cryptographic library's own randomness; RSA keys have 2048 bits.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        let secret = match Scheme::of(algorithm)? {
            Scheme::Ed25519 => Secret::Ed25519(Ed25519KeyPair::generate()?),
            Scheme::Ecdsa(signing) => Secret::Ecdsa(EcdsaKeyPair::generate(signing)?),
            Scheme::Rsa(encoding) => Secret::Rsa(RsaKeyPair::generate(KeySize::Rsa2048)?, encoding),
        };
        Self::of_pair(algorithm, secret)
    }

    /// A key pair from its unencrypted PKCS#8 form.
    pub fn from_pkcs8(algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self, KeyError> {
        let secret = match Scheme::of(algorithm)? {
            Scheme::Ed25519 => Ed25519KeyPair::from_pkcs8(pkcs8).map(Secret::Ed25519),
            Scheme::Ecdsa(signing) => EcdsaKeyPair::from_pkcs8(signing, pkcs8).map(Secret::Ecdsa),
            Scheme::Rsa(encoding) => RsaKeyPair::from_pkcs8(pkcs8).map(|pair| Secret::Rsa(pair, encoding)),
        };
        Self::of_pair(algorithm, secret.map_err(|_| KeyError::Malformed("PKCS#8 form"))?)
    }

    /// The public half takes the same way in as an outsider's key, and so meets the same checks.
    fn of_pair(algorithm: Algorithm, secret: Secret) -> Result<Self, KeyError> {
        let public = secret.public_jwk(algorithm).ok_or(KeyError::WrongAlgorithm)?;
        let verifying = VerifyingKey::from_jwk(&public)?;
        Ok(Self { algorithm, secret, public: Some(public), verifying })
    }

    /// What it signs with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key that verifies what this one signs.
    pub fn verifying_key(&self) -> VerifyingKey {
        self.verifying.clone()
    }

    /// The public half under the name `kid`; `None` for a shared secret.
    pub fn public_jwk(&self, kid: &str) -> Option<PublicJwk> {
        let public = self.public.clone()?;
        Some(PublicJwk { kid: Some(kid.to_owned()), ..public })
    }

    /// The unencrypted PKCS#8 (version 1) form; `None` for a shared secret.
    pub fn to_pkcs8(&self) -> Option<SecretSlice<u8>> {
        let document = match &self.secret {
            Secret::Hmac(_) => return None,
            Secret::Ed25519(pair) => pair.to_pkcs8v1().ok()?.as_ref().to_vec(),
            Secret::Ecdsa(pair) => pair.to_pkcs8v1().ok()?.as_ref().to_vec(),
            Secret::Rsa(pair, _) => AsDer::<Pkcs8V1Der<'_>>::as_der(pair).ok()?.as_ref().to_vec(),
        };
        Some(document.into())
    }

    /// Signs `input`.
    pub fn sign(&self, input: &[u8]) -> Result<Vec<u8>, KeyError> {
        let random = SystemRandom::new();
        Ok(match &self.secret {
            Secret::Hmac(key) => hmac::sign(key, input).as_ref().to_vec(),
            Secret::Ed25519(pair) => pair.try_sign(input)?.as_ref().to_vec(),
            Secret::Ecdsa(pair) => pair.sign(&random, input)?.as_ref().to_vec(),
            Secret::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &random, input, &mut signature)?;
                signature
            }
        })
    }
}

impl Secret {
    fn public_jwk(&self, algorithm: Algorithm) -> Option<PublicJwk> {
        let encode = |bytes: &[u8]| Some(BASE64_URL_SAFE_NO_PAD.encode(bytes));
        let blank = |kty| PublicJwk {
            kty,
            crv: None,
            x: None,
            y: None,
            n: None,
            e: None,
            kid: None,
            alg: Some(algorithm),
            usage: Some("sig".to_owned()),
        };
        match self {
            Self::Hmac(_) => None,
            Self::Ed25519(pair) => {
                let crv = Some("Ed25519".to_owned());
                Some(PublicJwk { crv, x: encode(pair.public_key().as_ref()), ..blank(KeyType::Okp) })
            }
            Self::Ecdsa(pair) => {
                let crv = match algorithm {
                    Algorithm::ES512 => "P-521",
                    Algorithm::ES384 => "P-384",
                    _ => "P-256",
                };
                // 0x04, then both coordinates at full length (SEC 1 §2.3.3).
                let coordinates = pair.public_key().as_ref().get(1..)?;
                let (x, y) = coordinates.split_at(coordinates.len() / 2);
                Some(PublicJwk { crv: Some(crv.to_owned()), x: encode(x), y: encode(y), ..blank(KeyType::Ec) })
            }
            Self::Rsa(pair, _) => {
                let public = pair.public_key();
                let n = encode(public.modulus().big_endian_without_leading_zero());
                let e = encode(public.exponent().big_endian_without_leading_zero());
                Some(PublicJwk { n, e, ..blank(KeyType::Rsa) })
            }
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}
