//! Tokens as a stranger sees them: taken apart without trust, or forged.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Value, json};

/// Header and claims of a token, unverified.
pub fn read(token: &str) -> (Value, Value) {
    let mut parts = token.split('.').map(|part| {
        let bytes = BASE64URL.decode(part).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or(Value::Null)
    });
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}

/// `header.claims` in compact form, the input of a signature.
pub fn signing_input(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| BASE64URL.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

/// A signing input with a signature.
pub fn with_signature(input: &str, signature: &[u8]) -> String {
    format!("{input}.{}", BASE64URL.encode(signature))
}

/// A token signed with a shared secret under any header: HS256 whatever the header claims.
pub fn forge(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let input = signing_input(header, claims);
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    with_signature(&input, hmac::sign(&key, input.as_bytes()).as_ref())
}

/// The same token with other claims and the old signature's secret: what a holder of the secret could make.
pub fn hs256(claims: &Value, secret: &[u8]) -> String {
    forge(&json!({"alg": "HS256", "typ": "JWT"}), claims, secret)
}

/// Whether a token carries the signature of HS256 by that secret.
pub fn is_signed_hs256(token: &str, secret: &str) -> bool {
    let Some((input, signature)) = token.rsplit_once('.') else { return false };
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hmac::verify(&key, input.as_bytes(), &from_base64url(signature)).is_ok()
}

/// Seconds since 1970, for `exp` and `iat`.
pub fn now() -> i64 {
    let since = std::time::UNIX_EPOCH.elapsed().expect("the clock is past 1970");
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Decodes what [`base64url`] encodes.
pub fn from_base64url(text: &str) -> Vec<u8> {
    BASE64URL.decode(text).expect("base64url without padding")
}

/// Encodes bytes as the members of a JWK are.
pub fn base64url(bytes: &[u8]) -> String {
    BASE64URL.encode(bytes)
}
