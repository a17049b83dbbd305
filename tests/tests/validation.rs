//! `POST /auth/validate`, by which every other service asks whether a token is good: tokens good and forged.

use doorward_tests::instance::SECRET;
use doorward_tests::shape::{fields, text};
use doorward_tests::{Doorward, PASSWORD, Setup, Store, on_every_store, token};
use serde_json::{Value, json};

on_every_store!(
    validate_answers_the_user_of_a_good_token,
    validate_tells_why_a_token_is_bad,
    validate_takes_tokens_of_the_other_surface,
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
