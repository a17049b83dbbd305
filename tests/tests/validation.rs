//! `POST /auth/validate`, by which every other service asks whether a token is good: tokens good and forged.

use doorward_tests::instance::SECRET;
use doorward_tests::issuer::Issuer;
use doorward_tests::shape::{fields, text};
use doorward_tests::{Doorward, PASSWORD, Setup, Store, on_every_store_and_lambda, token};
use serde_json::{Value, json};

on_every_store_and_lambda!(
    validate_answers_the_user_of_a_good_token,
    validate_tells_why_a_token_is_bad,
    validate_takes_tokens_of_the_other_surface,
    a_published_key_is_no_shared_secret,
    a_token_that_brings_its_own_key_is_refused_and_fetches_nothing,
);

fn validate_answers_the_user_of_a_good_token(store: Store) {
    let doorward = Doorward::start(store);
    let answer = doorward.register("user@example.com").send().expect(200).json();
    let verdict = doorward.validate(&text(&answer["access_token"]));
    assert_eq!(verdict, json!({"valid": true, "user": answer["user"], "error": null}));
}

fn validate_tells_why_a_token_is_bad(store: Store) {
    let doorward = Setup::on(store).with_shared_secret().start();
    let secret = SECRET.as_bytes();
    let token = text(&doorward.register("user@example.com").send().expect(200).json()["access_token"]);
    let (header, claims) = token::read(&token);
    let changed = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        token::forge(&header, &claims, secret)
    };
    assert!(doorward.accepts(&token::forge(&header, &claims, secret)), "the forger makes good tokens");
    let bad = [
        ("malformed", "nonsense".to_owned()),
        ("empty", String::new()),
        ("expired", changed("exp", json!(token::now() - 120))),
        ("expiry as text", changed("exp", json!("9999999999"))),
        ("issued in an hour", changed("iat", json!(token::now() + 3600))),
        ("unknown issuer", changed("iss", json!("https://elsewhere.example"))),
        ("issuers", changed("iss", json!([claims["iss"]]))),
        ("unknown session", changed("sid", json!("0190a5a0-0000-7000-8000-000000000000"))),
        ("another secret", token::forge(&header, &claims, b"another secret of enough length!")),
        ("no signature", token::with_signature(&token::signing_input(&json!({"alg": "none"}), &claims), b"")),
        ("critical", token::forge(&json!({"alg": "HS256", "crit": ["b64"], "b64": false}), &claims, secret)),
    ];
    for (fault, token) in bad {
        let verdict = doorward.validate(&token);
        assert_eq!(verdict["valid"], false, "{fault}");
        assert!(!text(&verdict["error"]).is_empty(), "{fault}");
    }
    let missing = doorward.post("/auth/validate").json(&json!({})).send();
    assert_eq!(fields(&missing.problem(422)), ["token"]);
}

fn validate_takes_tokens_of_the_other_surface(store: Store) {
    let doorward = Doorward::start(store);
    let person = doorward.person("user");
    let verdict = doorward.validate(&person.access_token);
    assert_eq!(verdict["user"]["id"], person.id.as_str());
    let answer = doorward.log_in(&person.email, PASSWORD).send().expect(200).json();
    let me = doorward.get("/api/auth/me").bearer(&text(&answer["access_token"])).send().expect(200).json();
    assert_eq!(me["id"], person.id.as_str());
}

fn a_published_key_is_no_shared_secret(store: Store) {
    for algorithm in ["EdDSA", "ES256", "RS256"] {
        let doorward = Setup::on(store).set("tokens.algorithm", algorithm).start();
        let (header, claims) = token::read(&doorward.person("user").access_token);
        let key = doorward.get("/.well-known/jwks.json").send().expect(200).json()["keys"][0].take();
        let mut secrets: Vec<Vec<u8>> =
            ["x", "y", "n"].iter().filter_map(|part| key[part].as_str()).map(token::from_base64url).collect();
        secrets.extend([key.to_string().into_bytes(), text(&key["kid"]).into_bytes(), Vec::new()]);
        for secret in secrets {
            for name in ["HS256", algorithm] {
                let header = json!({"alg": name, "typ": "JWT", "kid": header["kid"]});
                assert!(!doorward.accepts(&token::forge(&header, &claims, &secret)), "{name} for {algorithm}");
            }
        }
    }
}

fn a_token_that_brings_its_own_key_is_refused_and_fetches_nothing(store: Store) {
    let doorward = Doorward::start(store);
    let issuer = Issuer::start();
    let (header, claims) = token::read(&doorward.person("user").access_token);
    for own in ["jku", "x5u", "kid", "jwk", "iss"] {
        let mut header = json!({"alg": "RS256", "typ": "JWT", "kid": header["kid"]});
        let mut claims = claims.clone();
        let keys = json!(format!("{}/jwks", issuer.name()));
        match own {
            "jwk" => header[own] = issuer.public_key(),
            "iss" => claims[own] = json!(issuer.name()),
            _ => header[own] = keys,
        }
        assert!(!doorward.accepts(&issuer.sign_with(&header, &claims)), "{own}");
    }
    assert_eq!(issuer.key_fetches(), 0);
}
