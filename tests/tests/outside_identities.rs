//! Callers that Doorward learns of from elsewhere: trusted issuers' tokens and developer headers.

use doorward_tests::issuer::{AUDIENCE, Issuer};
use doorward_tests::shape::each;
use doorward_tests::{Doorward, Setup, Store, on_every_store, token};
use serde_json::{Value, json};

on_every_store!(
    developer_headers_identify_and_create_the_caller,
    developer_headers_are_off_by_default,
    tokens_of_a_trusted_issuer_create_the_user,
    tokens_of_a_trusted_issuer_are_refused_for_any_fault,
    a_trusted_issuer_may_be_down,
);

fn developer_headers_identify_and_create_the_caller(store: Store) {
    let doorward = Setup::on(store).set("surfaces.directory.dev_headers", "true").start();
    let me = || doorward.get("/auth/me");
    let user = me().header("X-User-Email", "dev@example.com").header("X-User-Name", "Dev").send();
    let user = user.expect(200).json();
    assert_eq!(user["email"], "dev@example.com");
    assert_eq!(user["name"], "Dev");
    assert_eq!(each(&user["teams"], "name"), ["General"]);
    let again = me().header("X-User-Email", "DEV@example.com").send().expect(200).json();
    assert_eq!(again["id"], user["id"]);
    me().send().problem(400);
    me().header("X-User-Email", "nonsense").send().problem(400);
    let person = doorward.person("real");
    let winner = me().bearer(&person.access_token).header("X-User-Email", "dev@example.com").send();
    assert_eq!(winner.expect(200).json()["id"], person.id.as_str(), "a bearer token always wins");
    me().bearer("nonsense").header("X-User-Email", "dev@example.com").send().problem(401);
    doorward.sign_in("dev@example.com", "").send().expect(401);
}

fn developer_headers_are_off_by_default(store: Store) {
    let doorward = Doorward::start(store);
    doorward.sign_up("user@example.com").send().expect(201);
    for path in ["/auth/me", "/teams", "/domains", "/teams/all", "/domains/all", "/api/auth/me"] {
        doorward.get(path).header("X-User-Email", "user@example.com").send().problem(401);
    }
}

fn tokens_of_a_trusted_issuer_create_the_user(store: Store) {
    let issuer = Issuer::start();
    let doorward = trusting(store, &issuer).start();
    let claims = issuer.claims("outside@example.com");
    let user = doorward.validate(&issuer.sign(&claims))["user"].take();
    assert_eq!(user["email"], "outside@example.com");
    assert_eq!(user["name"], "From Outside");
    assert_eq!(each(&user["teams"], "name"), ["General"]);
    let again = doorward.get("/auth/me").bearer(&issuer.sign(&claims)).send().expect(200).json();
    assert_eq!(again["id"], user["id"]);
    doorward.sign_in("outside@example.com", "null").send().expect(401);
    doorward.sign_up("outside@example.com").send().problem(409);
}

fn tokens_of_a_trusted_issuer_are_refused_for_any_fault(store: Store) {
    let issuer = Issuer::start();
    let stranger = Issuer::start();
    let doorward = trusting(store, &issuer).start();
    let but = |name: &str, value: Value| {
        let mut claims = issuer.claims("outside@example.com");
        claims[name] = value;
        issuer.sign(&claims)
    };
    let good = issuer.claims("outside@example.com");
    let bad = [
        ("audience", but("aud", json!("somebody else"))),
        ("no audience", but("aud", Value::Null)),
        ("expired", but("exp", json!(token::now() - 120))),
        ("expiry as text", but("exp", json!("9999999999"))),
        ("not verified", but("email_verified", json!(false))),
        ("verified as text", but("email_verified", json!("yes"))),
        ("no e-mail", but("email", Value::Null)),
        ("issuer with a slash", but("iss", json!(format!("{}/", issuer.name())))),
        ("untrusted issuer", stranger.sign(&stranger.claims("outside@example.com"))),
        ("another key", stranger.sign(&good)),
        ("a secret", token::hs256(&good, b"doorward-tests")),
    ];
    for (fault, token) in bad {
        assert!(!doorward.accepts(&token), "{fault}");
    }
    for attempt in 0..20 {
        assert!(!doorward.accepts(&stranger.sign_under(&format!("unknown-{attempt}"), &good)));
    }
    assert!(issuer.key_fetches() <= 2, "unknown keys asked the issuer {} times", issuer.key_fetches());
    doorward.sign_up("outside@example.com").send().expect(201);
}

fn a_trusted_issuer_may_be_down(store: Store) {
    let issuer = Issuer::start();
    let doorward = trusting(store, &issuer).start();
    assert!(doorward.accepts(&issuer.sign(&issuer.claims("one@example.com"))));
    issuer.go_down();
    assert!(doorward.accepts(&issuer.sign(&issuer.claims("two@example.com"))), "known keys are kept");
    let doorward = doorward.kill().start();
    doorward.person("local");
}

fn trusting(store: Store, issuer: &Issuer) -> Setup {
    Setup::on(store).file(&format!("[[issuers]]\nissuer = \"{}\"\naudiences = [\"{AUDIENCE}\"]\n", issuer.name()))
}
