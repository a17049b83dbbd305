//! Sessions and their tokens: refresh with rotation, sign-out, disabling, keys; on one node and across two.

use doorward_tests::deadline::{PATIENCE, until};
use doorward_tests::instance::ACROSS_NODES;
use doorward_tests::shape::{each, text};
use doorward_tests::{Doorward, Response, Setup, Store, on_every_store, token};
use serde_json::{Value, json};

on_every_store!(
    two_tabs_that_refresh_at_once_get_the_same_successor,
    a_refresh_token_used_again_later_ends_the_family,
    an_altered_refresh_token_is_refused_and_ends_nothing,
    an_altered_access_token_is_refused,
    a_sign_out_is_known_at_once_here_and_soon_on_another_node,
    a_sign_out_everywhere_ends_every_session_of_the_person_alone,
    a_disabled_user_is_out_at_once_here_and_soon_on_another_node,
    a_token_of_one_node_is_good_on_another_at_once,
    every_algorithm_signs_tokens_that_validate,
    a_rotated_key_is_public_before_use_and_old_tokens_stay_good,
    keys_and_sessions_survive_a_restart,
);

fn two_tabs_that_refresh_at_once_get_the_same_successor(store: Store) {
    let doorward = Doorward::start(store);
    let person = doorward.person("user");
    let successors: Vec<String> = std::thread::scope(|scope| {
        let tabs: Vec<_> = (0..12).map(|_| scope.spawn(|| refresh(&doorward, &person.refresh_token))).collect();
        let answers = tabs.into_iter().map(|tab| tab.join().expect("a tab"));
        answers.map(|answer| text(&answer.expect(200).json()["refresh_token"])).collect()
    });
    assert!(successors.iter().all(|successor| *successor == successors[0]), "{successors:?}");
    refresh(&doorward, &successors[0]).expect(200);
}

fn a_refresh_token_used_again_later_ends_the_family(store: Store) {
    let doorward = Setup::on(store).set("tokens.refresh_grace", "100ms").start();
    let person = doorward.person("user");
    let successor = refresh(&doorward, &person.refresh_token).expect(200).json();
    until("the stolen token is noticed", PATIENCE, || {
        (refresh(&doorward, &person.refresh_token).status == 401).then_some(())
    });
    refresh(&doorward, &text(&successor["refresh_token"])).problem(401);
    for token in [&person.access_token, &text(&successor["access_token"])] {
        assert!(!doorward.accepts(token), "the family's access tokens end with it");
    }
    doorward.signed_in(&person.email);
}

fn an_altered_refresh_token_is_refused_and_ends_nothing(store: Store) {
    let doorward = Doorward::start(store);
    let person = doorward.person("user");
    let good = &person.refresh_token;
    for at in (0..good.len()).step_by(3) {
        let other = if &good[at..=at] == "A" { "B" } else { "A" };
        let flipped = format!("{}{other}{}", &good[..at], &good[at + 1..]);
        refresh(&doorward, &flipped).problem(401);
        refresh(&doorward, &good[..at]).problem(401);
    }
    for altered in [format!("{good}A"), format!("{good}="), format!(" {good}"), good.to_uppercase()] {
        refresh(&doorward, &altered).problem(401);
    }
    refresh(&doorward, good).expect(200);
}

fn an_altered_access_token_is_refused(store: Store) {
    let doorward = Doorward::start(store);
    let good = doorward.person("user").access_token;
    for at in (0..good.len()).step_by(5) {
        let other = if &good[at..=at] == "A" { "B" } else { "A" };
        let flipped = format!("{}{other}{}", &good[..at], &good[at + 1..]);
        assert!(!doorward.accepts(&flipped), "byte {at}");
    }
    let other_spellings = [format!("{good}="), format!("{good}."), format!("{good}A"), format!(" {good}")];
    assert!(other_spellings.iter().all(|token| !doorward.accepts(token)));
    assert!(doorward.accepts(&good));
}

fn a_sign_out_is_known_at_once_here_and_soon_on_another_node(store: Store) {
    let here = one_of_two_nodes(store);
    let there = here.second_node();
    let (leaving, staying) = (here.person("leaving"), here.person("staying"));
    assert!(there.accepts(&leaving.access_token));
    here.post("/api/auth/logout").bearer(&leaving.access_token).send().expect(200);
    assert!(!here.accepts(&leaving.access_token));
    until("the other node knows of the sign-out", ACROSS_NODES, || {
        (!there.accepts(&leaving.access_token)).then_some(())
    });
    there.get("/api/auth/me").bearer(&leaving.access_token).send().problem(401);
    refresh(&there, &leaving.refresh_token).problem(401);
    assert!(here.accepts(&staying.access_token) && there.accepts(&staying.access_token));
}

fn a_sign_out_everywhere_ends_every_session_of_the_person_alone(store: Store) {
    let doorward = Doorward::start(store);
    let (first, other) = (doorward.person("user"), doorward.person("other"));
    let second = doorward.signed_in(&first.email);
    doorward.post("/api/auth/logout?everywhere=true").bearer(&first.access_token).send().expect(200);
    assert!(!doorward.accepts(&first.access_token) && !doorward.accepts(&second.access_token));
    refresh(&doorward, &second.refresh_token).problem(401);
    assert!(doorward.accepts(&other.access_token));
    doorward.signed_in(&first.email);
}

fn a_disabled_user_is_out_at_once_here_and_soon_on_another_node(store: Store) {
    let here = one_of_two_nodes(store);
    let there = here.second_node();
    let (admin, user) = (here.administrator("root"), here.person("user"));
    assert!(there.accepts(&user.access_token));
    let disable = format!("/admin/v1/users/{}/disable", user.id);
    assert!(here.post(&disable).bearer(&admin.access_token).send().status < 300);
    assert!(!here.accepts(&user.access_token));
    refresh(&here, &user.refresh_token).problem(401);
    assert_eq!(
        here.sign_in(&user.email, doorward_tests::PASSWORD).send().problem(401)["detail"],
        "Invalid credentials"
    );
    until("the other node knows of the disabling", ACROSS_NODES, || (!there.accepts(&user.access_token)).then_some(()));
}

fn a_token_of_one_node_is_good_on_another_at_once(store: Store) {
    let here = one_of_two_nodes(store);
    let there = here.second_node();
    for name in ["one", "two", "three"] {
        let person = here.person(name);
        assert!(there.accepts(&person.access_token));
        refresh(&there, &person.refresh_token).expect(200);
    }
}

fn every_algorithm_signs_tokens_that_validate(store: Store) {
    for algorithm in ["EdDSA", "ES256", "RS256", "HS256"] {
        let setup = Setup::on(store).set("tokens.algorithm", algorithm);
        let shared = algorithm == "HS256";
        let doorward = if shared { setup.with_shared_secret().start() } else { setup.start() };
        let token = doorward.person("user").access_token;
        let (header, _) = token::read(&token);
        assert_eq!(header["alg"], algorithm);
        assert!(doorward.accepts(&token), "{algorithm}");
        let published = jwks(&doorward);
        assert!(each(&published["keys"], "kty").iter().all(|kty| kty != "oct"), "a shared secret is never published");
        assert!(!published.to_string().contains("\"d\""), "private members are never published");
    }
}

fn a_rotated_key_is_public_before_use_and_old_tokens_stay_good(store: Store) {
    let doorward = Doorward::start(store);
    let person = doorward.person("user");
    let (header, _) = token::read(&person.access_token);
    assert_eq!(each(&jwks(&doorward)["keys"], "kid"), [text(&header["kid"])]);
    doorward.setup().run_ok(&["key", "rotate"], "");
    until("the new key is published", ACROSS_NODES, || {
        (each(&jwks(&doorward)["keys"], "kid").len() == 2).then_some(())
    });
    let (next, _) = token::read(&doorward.signed_in(&person.email).access_token);
    assert_eq!(next["kid"], header["kid"], "a key is public for a while before it signs");
    assert!(doorward.accepts(&person.access_token));
}

fn keys_and_sessions_survive_a_restart(store: Store) {
    let doorward = Doorward::start(store);
    let person = doorward.person("user");
    let gone = doorward.person("gone");
    doorward.post("/api/auth/logout").bearer(&gone.access_token).send().expect(200);
    let published = jwks(&doorward);
    let doorward = doorward.kill().start();
    assert_eq!(jwks(&doorward), published);
    assert!(doorward.accepts(&person.access_token));
    assert!(!doorward.accepts(&gone.access_token), "a sign-out is not forgotten");
    refresh(&doorward, &person.refresh_token).expect(200);
}

/// Nodes over one store open each other's signing keys with the same encryption key.
fn one_of_two_nodes(store: Store) -> Doorward {
    Setup::on(store).set("tokens.encryption_key", "Vq3Xn8Lk5Rz1Tb7Yd0Mw4Hc9Gs2Pf6Ja").start()
}

fn refresh(doorward: &Doorward, token: &str) -> Response {
    doorward.post("/api/auth/refresh").json(&json!({"refresh_token": token})).send()
}

fn jwks(doorward: &Doorward) -> Value {
    doorward.get("/.well-known/jwks.json").send().expect(200).json()
}
