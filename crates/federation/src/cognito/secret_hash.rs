//! `SECRET_HASH`: how a client with a secret proves itself in calls that have no other place for it.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret, SecretString};

/// The proof for a call in the name of `username`, as that call writes it: base64 of the HMAC-SHA256 over name and client.
pub(super) fn secret_hash(secret: &SecretString, username: &str, client_id: &str) -> String {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes()));
    context.update(username.as_bytes());
    context.update(client_id.as_bytes());
    BASE64_STANDARD.encode(context.sign())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_what_amazon_computes() {
        // Computed by OpenSSL: printf %s%s ann@example.com client | openssl dgst -sha256 -hmac secret -binary | base64
        let hash = secret_hash(&SecretString::from("secret"), "ann@example.com", "client");
        assert_eq!(hash, "gq2HDjDXQzW7ofROEL3VWiM1HR3kntcgEGReY43DyPY=");
    }
}
