//! Which keys are accepted, for what, and what leaves this place.

#![expect(clippy::unwrap_used, reason = "tests")]

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::*;

const P256_X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
const P256_Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
const ED25519_X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

fn verifying(jwk: Value) -> Result<Vec<Algorithm>, KeyError> {
    VerifyingKey::from_jwk(&serde_json::from_value(jwk).unwrap()).map(|key| key.algorithms())
}

fn rsa_jwk() -> PublicJwk {
    SigningKey::generate(Algorithm::RS256).unwrap().public_jwk("rsa").unwrap()
}

#[test]
fn a_key_serves_the_algorithms_of_its_kind_or_the_one_it_names() {
    use Algorithm::{ES256, EdDSA, HS256, PS256, PS384, PS512, RS256, RS384, RS512};

    assert_eq!(VerifyingKey::hmac(b"secret").algorithms(), [HS256]);
    assert_eq!(verifying(json!({"kty": "EC", "crv": "P-256", "x": P256_X, "y": P256_Y})), Ok(vec![ES256]));
    assert_eq!(verifying(json!({"kty": "OKP", "crv": "Ed25519", "x": ED25519_X})), Ok(vec![EdDSA]));
    let rsa = PublicJwk { alg: None, ..rsa_jwk() };
    assert_eq!(verifying(json!(rsa)), Ok(vec![RS256, RS384, RS512, PS256, PS384, PS512]));
    assert_eq!(verifying(json!(PublicJwk { alg: Some(PS384), ..rsa })), Ok(vec![PS384]));
}

#[test]
fn an_algorithm_that_does_not_fit_the_kind_is_refused() {
    let ec = |alg| json!({"kty": "EC", "crv": "P-256", "x": P256_X, "y": P256_Y, "alg": alg});
    for alg in ["HS256", "ES384", "ES512", "RS256", "EdDSA"] {
        assert_eq!(verifying(ec(alg)), Err(KeyError::WrongAlgorithm), "{alg}");
    }
}

#[test]
fn a_key_for_encryption_is_refused() {
    assert_eq!(
        verifying(json!({"kty": "OKP", "crv": "Ed25519", "x": ED25519_X, "use": "enc"})),
        Err(KeyError::NotForSignatures)
    );
}

#[test]
fn a_curve_point_must_be_whole_canonical_and_on_its_curve() {
    let ec = |crv: &str, x: &str, y: &str| verifying(json!({"kty": "EC", "crv": crv, "x": x, "y": y}));
    let off_curve = P256_Y.replacen('x', "y", 1);
    assert_eq!(ec("P-256", P256_X, &off_curve), Err(KeyError::Malformed("value")));
    let zero = "A".repeat(43);
    assert_eq!(ec("P-256", &zero, &zero), Err(KeyError::Malformed("value")));
    assert_eq!(ec("P-384", P256_X, P256_Y), Err(KeyError::Malformed("x")));
    assert_eq!(ec("P-521", P256_X, P256_Y), Err(KeyError::Malformed("x")));
    assert_eq!(ec("P-256", P256_X, &P256_Y[..40]), Err(KeyError::Malformed("y")));
    assert_eq!(ec("P-256", &format!("{P256_X}="), P256_Y), Err(KeyError::Malformed("x")));
    assert_eq!(ec("secp256k1", P256_X, P256_Y), Err(KeyError::UnsupportedCurve));
    assert_eq!(verifying(json!({"kty": "EC", "crv": "P-256", "x": P256_X})), Err(KeyError::Malformed("y")));
    assert_eq!(verifying(json!({"kty": "OKP", "crv": "X25519", "x": ED25519_X})), Err(KeyError::UnsupportedCurve));
    assert_eq!(verifying(json!({"kty": "OKP", "crv": "Ed25519", "x": "AAAA"})), Err(KeyError::Malformed("x")));
}

#[test]
fn an_rsa_key_must_be_strong() {
    let sound = rsa_jwk();
    let with_n = |n: &[u8]| {
        let n = base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, n);
        verifying(json!(PublicJwk { n: Some(n), ..sound.clone() }))
    };
    let with_e = |e: &str| verifying(json!(PublicJwk { e: Some(e.to_owned()), ..sound.clone() }));

    assert_eq!(with_n(&[0xff; 128]), Err(KeyError::RsaSize));
    assert_eq!(with_n(&[0x7f; 256]), Err(KeyError::RsaSize), "2047 bits");
    assert_eq!(with_n(&[0xff; 1025]), Err(KeyError::RsaSize));
    assert_eq!(with_n(&[]), Err(KeyError::RsaSize));
    assert_eq!(with_n(&[0; 256]), Err(KeyError::RsaSize));
    assert_eq!(with_n(&[0xfe; 256]), Err(KeyError::Malformed("value")), "an even modulus");
    assert_eq!(with_n(&[&[0][..], &[0xff; 256]].concat()), Err(KeyError::Malformed("value")), "a leading zero");
    // With the exponent 1 every message is its own signature.
    for e in ["AQ", "AA", "Ag", "", "_____________w"] {
        assert_eq!(with_e(e), Err(KeyError::Malformed("value")), "{e}");
    }
    assert!(with_e("AQAB").is_ok());
}

#[test]
fn a_set_keeps_the_keys_it_knows_and_skips_the_rest() {
    let set = json!({"keys": [
        {"kty": "oct", "k": "c2VjcmV0"},
        {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA"},
        {"kty": "RSA", "alg": "RSA-OAEP", "n": "AAAA", "e": "AQAB"},
        {"kty": 7},
        "no key",
        {"kty": "OKP", "crv": "Ed25519", "x": ED25519_X, "kid": "a", "x5c": ["ignored"], "d": "ignored"},
    ]});
    let set: JwkSet = serde_json::from_value(set).unwrap();
    assert_eq!(set.keys.len(), 1);
    assert_eq!(json!(set), json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": ED25519_X, "kid": "a"}]}));

    assert!(serde_json::from_str::<JwkSet>("{}").is_err());
    assert!(serde_json::from_str::<PublicJwk>(r#"{"kty":"oct","k":"c2VjcmV0"}"#).is_err());
}

#[test]
fn every_algorithm_signs_what_it_verifies_and_survives_storage() {
    for algorithm in Algorithm::ALL {
        let key = match algorithm {
            Algorithm::HS256 => SigningKey::hmac(b"a secret of any length"),
            _ => SigningKey::generate(algorithm).unwrap(),
        };
        let signature = key.sign(b"input").unwrap();
        let verifying = key.verifying_key();
        assert_eq!((key.algorithm(), verifying.algorithms()), (algorithm, vec![algorithm]));
        assert!(verifying.verify(algorithm, b"input", &signature));
        assert!(!verifying.verify(algorithm, b"Input", &signature));
        for other in Algorithm::ALL.into_iter().filter(|other| *other != algorithm) {
            assert!(!verifying.verify(other, b"input", &signature), "{algorithm} as {other}");
        }

        let stored = key.to_pkcs8().map(|pkcs8| SigningKey::from_pkcs8(algorithm, pkcs8.expose_secret()).unwrap());
        assert_eq!(stored.is_none(), algorithm.is_symmetric());
        let Some(stored) = stored else { continue };
        assert_eq!(stored.public_jwk("a"), key.public_jwk("a"));
        let published = VerifyingKey::from_jwk(&key.public_jwk("a").unwrap()).unwrap();
        assert!(published.verify(algorithm, b"again", &stored.sign(b"again").unwrap()));
    }
}

#[test]
fn a_published_key_has_no_private_members() {
    for (algorithm, members) in [
        (Algorithm::EdDSA, ["alg", "crv", "kid", "kty", "use", "x"].as_slice()),
        (Algorithm::ES256, &["alg", "crv", "kid", "kty", "use", "x", "y"]),
        (Algorithm::RS256, &["alg", "e", "kid", "kty", "n", "use"]),
    ] {
        let jwk = json!(SigningKey::generate(algorithm).unwrap().public_jwk("k1"));
        let mut names: Vec<_> = jwk.as_object().unwrap().keys().collect();
        names.sort();
        assert_eq!(names, members);
        assert_eq!((&jwk["alg"], &jwk["use"], &jwk["kid"]), (&json!(algorithm), &json!("sig"), &json!("k1")));
    }
    assert_eq!(SigningKey::hmac(b"secret").public_jwk("k1"), None);
}

#[test]
fn a_stored_key_of_another_kind_is_refused() {
    let es256 = SigningKey::generate(Algorithm::ES256).unwrap().to_pkcs8().unwrap();
    for algorithm in [Algorithm::ES384, Algorithm::ES512, Algorithm::EdDSA, Algorithm::RS256, Algorithm::HS256] {
        assert!(SigningKey::from_pkcs8(algorithm, es256.expose_secret()).is_err(), "{algorithm}");
    }
    assert!(SigningKey::from_pkcs8(Algorithm::ES256, &es256.expose_secret()[1..]).is_err());
    assert!(SigningKey::from_pkcs8(Algorithm::ES256, b"").is_err());
}

#[test]
fn a_key_prints_no_secret() {
    let printed = format!("{:?} {:?}", SigningKey::hmac(b"hunter2"), VerifyingKey::hmac(b"hunter2"));
    assert_eq!(printed, "SigningKey { algorithm: HS256, .. } VerifyingKey { algorithms: [HS256], .. }");
}
