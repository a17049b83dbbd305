//! Forgeries that must be refused (RFC 8725), the examples of the RFCs, and properties of every token.
//!
//! Each forgery is correctly signed where a signature is possible at all, so that it is refused for the reason tested.

#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::jwk::PublicJwk;

mod claims;
mod vectors;

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

fn b64(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// A token with exactly these bytes as header and payload, signed with `key`.
fn forge(key: &SigningKey, header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    let input = format!("{}.{}", b64(header), b64(payload));
    let signature = key.sign(input.as_bytes()).unwrap();
    format!("{input}.{}", b64(signature))
}

fn verify(token: &str) -> Result<VerifiedClaims, JwtError> {
    Unverified::parse(token)?.verify(&VerifyingKey::hmac(SECRET))
}

fn with_header(header: impl AsRef<[u8]>) -> Result<VerifiedClaims, JwtError> {
    verify(&forge(&SigningKey::hmac(SECRET), header, r#"{"sub":"a"}"#))
}

fn key_of(algorithm: Algorithm) -> SigningKey {
    if algorithm.is_symmetric() { SigningKey::hmac(SECRET) } else { SigningKey::generate(algorithm).unwrap() }
}

#[test]
fn a_signed_token_has_its_header_in_order_and_comes_back_whole() {
    for algorithm in Algorithm::ALL {
        let key = key_of(algorithm);
        let token = sign(&key, Some("k1"), "at+jwt", &json!({"sub": "a", "n": [1, 2]})).unwrap();
        let header = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
        let expected = format!(r#"{{"alg":"{algorithm}","typ":"at+jwt","kid":"k1"}}"#);
        assert_eq!(String::from_utf8(header).unwrap(), expected);

        let unverified = Unverified::parse(&token).unwrap();
        let header = Header { alg: algorithm, kid: Some("k1".to_owned()), typ: Some("at+jwt".to_owned()) };
        assert_eq!(unverified.header(), &header);
        let claims = unverified.verify(&key.verifying_key()).unwrap();
        assert_eq!(claims.decode::<Value>(), Ok(json!({"sub": "a", "n": [1, 2]})));
    }
    let token = sign(&SigningKey::hmac(SECRET), None, "JWT", &json!({})).unwrap();
    assert!(token.starts_with(&b64(r#"{"alg":"HS256","typ":"JWT"}"#)));
}

#[test]
fn claims_without_a_json_form_are_not_signed() {
    let claims = std::collections::HashMap::from([((1, 2), 3)]);
    assert_eq!(sign(&SigningKey::hmac(SECRET), None, "JWT", &claims), Err(KeyError::Claims));
}

#[test]
fn an_algorithm_that_is_none_or_unknown_is_refused() {
    for alg in ["none", "None", "nOnE", "NONE", "", "HS512", "hs256", "HS256 ", "ES256K", "dir"] {
        let header = json!({"alg": alg}).to_string();
        assert_eq!(with_header(&header).unwrap_err(), JwtError::UnsupportedAlgorithm, "{alg}");
        let unsigned = format!("{}.{}.", b64(header), b64(r#"{"sub":"a"}"#));
        assert_eq!(verify(&unsigned).unwrap_err(), JwtError::UnsupportedAlgorithm, "{alg}");
    }
    for header in [r#"{"typ":"JWT"}"#, r#"{"alg":null}"#, r#"{"alg":["HS256"]}"#, r#"{"alg":256}"#] {
        assert_eq!(with_header(header).unwrap_err(), JwtError::Malformed, "{header}");
    }
}

#[test]
fn a_public_key_is_never_the_secret_of_an_hmac() {
    let key = SigningKey::generate(Algorithm::RS256).unwrap();
    let jwk = PublicJwk { alg: None, ..key.public_jwk("k1").unwrap() };
    let n = jwk.n.clone().unwrap();
    let verifying = VerifyingKey::from_jwk(&jwk).unwrap();
    let spellings = [
        json!(jwk).to_string().into_bytes(),
        format!(" {}", json!(jwk)).into_bytes(),
        n.clone().into_bytes(),
        BASE64_URL_SAFE_NO_PAD.decode(n).unwrap(),
        Vec::new(),
    ];
    for secret in spellings {
        let token = forge(&SigningKey::hmac(&secret), r#"{"alg":"HS256","kid":"k1"}"#, "{}");
        let refused = Unverified::parse(&token).unwrap().verify(&verifying);
        assert_eq!(refused.unwrap_err(), JwtError::UnsupportedAlgorithm);
    }
}

#[test]
fn a_key_refuses_other_algorithms_of_its_kind_than_its_own() {
    let key = SigningKey::generate(Algorithm::RS256).unwrap();
    let token = forge(&key, r#"{"alg":"PS256"}"#, "{}");
    let refused = Unverified::parse(&token).unwrap().verify(&key.verifying_key());
    assert_eq!(refused.unwrap_err(), JwtError::UnsupportedAlgorithm);
}

#[test]
fn a_signature_of_zeros_or_of_another_length_is_refused() {
    for algorithm in Algorithm::ALL {
        let key = key_of(algorithm);
        let token = sign(&key, None, "JWT", &json!({})).unwrap();
        let (input, signature) = token.rsplit_once('.').unwrap();
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
        let longer = [&signature[..], &[0]].concat();
        let prefixed = [&[0], &signature[..]].concat();
        let zeros = vec![0; signature.len()];
        let half_zero = [&zeros[..zeros.len() / 2], &signature[zeros.len() / 2..]].concat();
        for forged in [&signature[1..], &signature[..signature.len() - 1], &longer, &prefixed, &zeros, &half_zero, &[]]
        {
            let token = format!("{input}.{}", b64(forged));
            let refused = Unverified::parse(&token).unwrap().verify(&key.verifying_key());
            assert_eq!(refused.unwrap_err(), JwtError::BadSignature, "{algorithm}");
        }
    }
}

#[test]
fn another_key_of_the_same_kind_is_refused() {
    for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| !algorithm.is_symmetric()) {
        let token = sign(&key_of(algorithm), Some("k1"), "JWT", &json!({})).unwrap();
        let refused = Unverified::parse(&token).unwrap().verify(&key_of(algorithm).verifying_key());
        assert_eq!(refused.unwrap_err(), JwtError::BadSignature, "{algorithm}");
    }
}

#[test]
fn extensions_and_compression_are_refused() {
    for member in
        [r#""crit":["exp"]"#, r#""crit":["b64"],"b64":false"#, r#""crit":[]"#, r#""crit":null"#, r#""zip":"DEF""#]
    {
        let header = format!(r#"{{"alg":"HS256",{member}}}"#);
        assert_eq!(with_header(&header).unwrap_err(), JwtError::Malformed, "{header}");
    }
}

#[test]
fn keys_that_a_token_brings_along_are_not_looked_at() {
    let own = SigningKey::generate(Algorithm::EdDSA).unwrap();
    let header = json!({
        "alg": "EdDSA",
        "jwk": own.public_jwk("k1"),
        "jku": "http://127.0.0.1:1/",
        "x5u": "http://127.0.0.1:1/",
        "x5c": ["AAAA"],
    });
    let token = forge(&own, header.to_string(), "{}");
    let unverified = Unverified::parse(&token).unwrap();
    let ours = SigningKey::generate(Algorithm::EdDSA).unwrap().verifying_key();
    assert_eq!(unverified.verify(&ours).unwrap_err(), JwtError::BadSignature);
    assert!(unverified.verify(&own.verifying_key()).is_ok(), "ignored, not refused");
}

#[test]
fn a_header_that_two_readers_could_read_differently_is_refused() {
    let headers: [&[u8]; 9] = [
        br#"{"alg":"HS256","alg":"HS256"}"#,
        br#"{"alg":"HS256","\u0061lg":"none"}"#,
        br#"{"alg":"HS256","x":{"a":1,"a":2}}"#,
        br#"{"alg":"HS256"}{}"#,
        br#"["HS256"]"#,
        b"{\"alg\":\"HS256\",\"kid\":\"\xff\"}",
        b"\xef\xbb\xbf{\"alg\":\"HS256\"}",
        br#"{"alg":"HS256","kid":7}"#,
        br#"{"alg":"HS256","typ":["JWT"]}"#,
    ];
    for header in headers {
        assert_eq!(with_header(header).unwrap_err(), JwtError::Malformed, "{}", String::from_utf8_lossy(header));
    }
    assert!(with_header(br#" { "alg" : "\u0048S256" } "#).is_ok());
}

#[test]
fn a_payload_that_two_readers_could_read_differently_is_refused() {
    let payloads: [&[u8]; 6] =
        [br#"{"sub":"a","sub":"b"}"#, br#"{"a":[{"b":1,"b":1}]}"#, b"[]", b"", b"\"{}\"", b"{\"sub\":\"\xc0\xaf\"}"];
    for payload in payloads {
        let token = forge(&SigningKey::hmac(SECRET), r#"{"alg":"HS256"}"#, payload);
        assert_eq!(verify(&token).unwrap_err(), JwtError::Malformed, "{}", String::from_utf8_lossy(payload));
        assert!(Unverified::parse(&token).unwrap().claims_unverified::<Value>().is_err());
    }
}

#[test]
fn sizes_are_bounded_exactly() {
    let kid = |count: usize| with_header(json!({"alg": "HS256", "kid": "é".repeat(count)}).to_string());
    assert!(kid(MAX_KID_CHARS).is_ok());
    assert_eq!(kid(MAX_KID_CHARS + 1).unwrap_err(), JwtError::Malformed);

    let fixed = r#"{"alg":"HS256","x":""}"#.len();
    let header = |bytes: usize| with_header(json!({"alg": "HS256", "x": "x".repeat(bytes - fixed)}).to_string());
    assert!(header(MAX_HEADER_BYTES).is_ok());
    assert_eq!(header(MAX_HEADER_BYTES + 1).unwrap_err(), JwtError::Malformed);

    let payload = |bytes: usize| {
        let token = sign(&SigningKey::hmac(SECRET), None, "JWT", &json!({"x": "x".repeat(bytes)})).unwrap();
        (token.len() <= MAX_TOKEN_BYTES, verify(&token).is_ok())
    };
    let fits: Vec<_> = (12_210..12_230).map(payload).collect();
    assert!(fits.iter().all(|(fits, accepted)| fits == accepted), "{fits:?}");
    assert!(fits.contains(&(true, true)) && fits.contains(&(false, false)));
    assert_eq!(verify(&".".repeat(1_000_000)).unwrap_err(), JwtError::Malformed);
}

#[test]
fn a_token_has_three_canonical_parts() {
    let token = sign(&SigningKey::hmac(SECRET), None, "JWT", &json!({"sub": "ab"})).unwrap();
    let [header, payload, signature] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let mut forged = vec![
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        format!("{header}.{payload}"),
        format!(".{token}"),
        format!("{token}."),
        format!("{token}.{signature}"),
        format!("{header}.{payload}.{payload}.{signature}.{signature}"),
        format!("{header}=.{payload}.{signature}"),
        format!("{header}.{payload}.{signature}="),
        format!(" {token}"),
        format!("{token}\n"),
        format!("{header}.{payload} .{signature}"),
    ];
    // 32 bytes leave two spare bits in the last character: the three other spellings of the same signature.
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = alphabet.find(&signature[signature.len() - 1..]).unwrap();
    for spare in 1..4 {
        forged.push(format!("{}{}", &token[..token.len() - 1], &alphabet[last + spare..=last + spare]));
    }
    for token in forged {
        assert_eq!(verify(&token).unwrap_err(), JwtError::Malformed, "{token}");
    }
}

#[test]
fn every_change_of_one_character_is_refused() {
    for algorithm in Algorithm::ALL {
        let key = key_of(algorithm);
        let verifying = key.verifying_key();
        let token = sign(&key, Some("k1"), "JWT", &json!({"sub": "a", "exp": 1})).unwrap();
        let replacements = if algorithm.is_symmetric() { 0..128 } else { 65..67 };
        for (at, replacement) in (0..token.len()).flat_map(|at| replacements.clone().map(move |byte| (at, byte))) {
            let mut changed = token.clone().into_bytes();
            changed[at] = replacement;
            let changed = String::from_utf8(changed).unwrap();
            let accepted = Unverified::parse(&changed).and_then(|token| token.verify(&verifying)).is_ok();
            assert_eq!(accepted, changed == token, "{algorithm}, position {at}, byte {replacement}");
        }
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        prop_assert!(Unverified::parse(&text).is_err());
    }

    #[test]
    fn no_header_or_payload_makes_the_parser_panic(
        header in any::<Vec<u8>>(),
        payload in any::<Vec<u8>>(),
        signature in any::<Vec<u8>>(),
    ) {
        let with_any_header = format!("{}.{}.{}", b64(header), b64(&payload), b64(&signature));
        prop_assert!(verify(&with_any_header).is_err());
        let unsigned = format!("{}.{}.{}", b64(r#"{"alg":"HS256"}"#), b64(&payload), b64(&signature));
        prop_assert!(verify(&unsigned).is_err());
        if let Ok(claims) = verify(&forge(&SigningKey::hmac(SECRET), r#"{"alg":"HS256"}"#, &payload)) {
            prop_assert_eq!(claims.decode::<Value>().ok(), serde_json::from_slice::<Value>(&payload).ok());
        }
    }

    #[test]
    fn what_is_signed_comes_back(sub in any::<String>(), exp in any::<i64>(), secret in any::<Vec<u8>>()) {
        let key = SigningKey::hmac(&secret);
        let token = sign(&key, Some(&sub.chars().take(256).collect::<String>()), "JWT", &json!({"sub": sub, "exp": exp}));
        let token = token.unwrap();
        let claims = Unverified::parse(&token).and_then(|token| token.verify(&key.verifying_key()));
        prop_assert_eq!(claims.and_then(|claims| claims.decode::<Value>()), Ok(json!({"sub": sub, "exp": exp})));
    }
}
