//! Passwords: never cut, rehashed when the setting changes, guessed at only so often, hashed only as fast as the machine can.

use doorward_tests::deadline::{PATIENCE, until};
use doorward_tests::{Doorward, PASSWORD, Setup, Store, on_every_store};
use serde_json::json;

on_every_store!(
    a_password_is_never_cut,
    composed_and_decomposed_letters_are_the_same_password,
    hashes_of_other_bcrypt_libraries_verify,
    a_sign_in_rehashes_when_the_setting_changed,
    a_streak_of_failures_is_slowed_down,
);

fn a_password_is_never_cut(store: Store) {
    let doorward = Doorward::start(store);
    let long = format!("Aa1!{}", "harbour ".repeat(12));
    assert!(long.len() > 72);
    let body = json!({"email": "user@example.com", "password": long});
    doorward.post("/api/auth/signup").json(&body).send().expect(201);
    doorward.sign_in("user@example.com", &long).send().expect(200);
    for at in [0, 70, 71, 72, 73, long.len() - 1] {
        let flipped = format!("{}#{}", &long[..at], &long[at + 1..]);
        // One account each, or the limit on failures would answer in the password's place.
        let email = format!("user{at}@example.com");
        let body = json!({"email": email, "password": long});
        doorward.post("/api/auth/signup").json(&body).send().expect(201);
        doorward.sign_in(&email, &flipped).send().expect(401);
        doorward.sign_in(&email, &long[..at]).send().expect(401);
    }
    doorward.sign_in("user@example.com", &format!("{long} ")).send().expect(401);
    let body = json!({"email": "nul@example.com", "password": "Quiet\u{0}Harbour-41"});
    if doorward.post("/api/auth/signup").json(&body).send().status == 201 {
        doorward.sign_in("nul@example.com", "Quiet\u{0}Another-99").send().expect(401);
        doorward.sign_in("nul@example.com", "Quiet").send().expect(401);
    }
}

fn composed_and_decomposed_letters_are_the_same_password(store: Store) {
    let doorward = Doorward::start(store);
    let body = json!({"email": "user@example.com", "password": "Caf\u{e9}-Harbour-41"});
    doorward.post("/api/auth/signup").json(&body).send().expect(201);
    doorward.sign_in("user@example.com", "Cafe\u{301}-Harbour-41").send().expect(200);
    doorward.sign_in("user@example.com", "Cafe-Harbour-41").send().expect(401);
}

fn hashes_of_other_bcrypt_libraries_verify(store: Store) {
    let doorward = Doorward::start(store);
    for variant in ["2a", "2b", "2y"] {
        let email = format!("user{variant}@example.com");
        doorward.sign_up(&email).send().expect(201);
        let hash = format!("${variant}$04$abcdefghijklmnopqrstuuZmlyVwlj1pEd.4Y/8iBiVsxlQrQfdNu");
        let statement = format!("update users set password_hash = '{hash}' where email = '{email}'");
        doorward.setup().database().execute(&statement);
        doorward.sign_in(&email, "Elsewhere-Made-9").send().expect(200);
        doorward.sign_in(&email, PASSWORD).send().expect(401);
    }
}

fn a_sign_in_rehashes_when_the_setting_changed(store: Store) {
    let doorward = Doorward::start(store);
    let person = doorward.person("user");
    let stored = |doorward: &Doorward| doorward.setup().database().query("select password_hash from users");
    assert!(stored(&doorward).starts_with("$2b$04$"), "{}", stored(&doorward));
    let argon = doorward.kill().set("password.scheme", "argon2id").start();
    argon.signed_in(&person.email);
    until("the hash is renewed", PATIENCE, || stored(&argon).starts_with("$argon2id$").then_some(()));
    argon.signed_in(&person.email);
    let bcrypt = argon.kill().set("password.scheme", "bcrypt").set("password.bcrypt_cost", "5").start();
    bcrypt.signed_in(&person.email);
    until("the hash is renewed", PATIENCE, || stored(&bcrypt).starts_with("$2b$05$").then_some(()));
    bcrypt.signed_in(&person.email);
}

fn a_streak_of_failures_is_slowed_down(store: Store) {
    let doorward = Doorward::start(store);
    doorward.sign_up("user@example.com").send().expect(201);
    doorward.sign_up("other@example.com").send().expect(201);
    let spellings = ["user@example.com", "USER@example.com", "User@Example.com"];
    let statuses: Vec<u16> = (0..40)
        .map(|count| {
            let answer = doorward.sign_in(spellings[count % 3], "Wrong-Harbour-41").send();
            assert_eq!(answer.status == 429, answer.header("retry-after").is_some());
            answer.status
        })
        .collect();
    let evaluated = statuses.iter().filter(|status| **status == 401).count();
    assert!((5..=10).contains(&evaluated), "one counter for all spellings: {statuses:?}");
    assert_eq!(statuses.last(), Some(&429));
    doorward.log_in("user@example.com", PASSWORD).send().problem(429);
    doorward.signed_in("other@example.com");
}

#[test]
fn more_hashing_than_the_machine_can_do_is_refused_early() {
    let doorward = Setup::on(Store::Sqlite)
        .set("password.bcrypt_cost", "10")
        .set("password.threads", "1")
        .set("password.queue", "2")
        .start();
    let person = doorward.person("user");
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..24)
            .map(|count| {
                let doorward = &doorward;
                scope.spawn(move || {
                    let answer = doorward.sign_in(&format!("p{count}@example.com"), PASSWORD).send();
                    assert_eq!(answer.status == 503, answer.header("retry-after").is_some(), "{}", answer.text());
                    answer.status
                })
            })
            .collect();
        assert!(doorward.accepts(&person.access_token), "validation waits for no hash");
        asking.into_iter().map(|asking| asking.join().expect("an answer")).collect()
    });
    assert!(statuses.iter().all(|status| matches!(status, 401 | 503)), "{statuses:?}");
    assert!(statuses.contains(&401) && statuses.contains(&503), "{statuses:?}");
    doorward.signed_in(&person.email);
}
