//! An RSA key that signs tokens for the issuers and providers of the tests.

use std::fmt::{self, Debug, Formatter};

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

use crate::token;

/// A key of 2048 bits.
pub struct RsaKey(RsaKeyPair);

impl RsaKey {
    /// Makes one.
    pub fn generate() -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).expect("an RSA key can be made");
        let der = pair.as_der().expect("its PKCS #8 form");
        Self(RsaKeyPair::from_pkcs8(der.as_ref()).expect("a PKCS #8 key"))
    }

    /// What is published of it, under a key id.
    pub fn public_jwk(&self, kid: &str) -> Value {
        json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid,
            "n": token::base64url(self.modulus()), "e": token::base64url(&[1, 0, 1]),
        })
    }

    /// A token signed with RS256, whatever the header claims.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(&token::signing_input(header, claims))
    }

    /// A token whose `header.claims` are any text.
    pub fn sign_text(&self, input: &str) -> String {
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), input.as_bytes(), &mut signature)
            .expect("an RSA signature");
        token::with_signature(input, &signature)
    }

    /// The public key is DER: a sequence of the modulus (256 bytes after its own 9 of framing and sign) and 65537.
    pub fn modulus(&self) -> &[u8] {
        &self.0.public_key().as_ref()[9..265]
    }
}

impl Debug for RsaKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("RsaKey")
    }
}
