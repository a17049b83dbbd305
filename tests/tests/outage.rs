//! The store goes away, or hangs, and comes back.

use std::time::{Duration, Instant};

use doorward_tests::cable::Cable;
use doorward_tests::deadline::{PATIENCE, until};
use doorward_tests::store::with;
use doorward_tests::{Doorward, PASSWORD, Person, Setup, Store};
use serde_json::json;

/// How long Doorward waits for its store here, and how long a client may wait for Doorward then.
const STORE_TIMEOUT: &str = "1s";
const ANSWERED: Duration = Duration::from_secs(8);

/// A node whose cable to its store can be cut, and somebody signed in.
fn start(store: Store) -> (Doorward, Cable, Person) {
    let setup = Setup::on(store).set("store.timeout", STORE_TIMEOUT);
    let database = setup.database();
    let cable = Cable::to(database.server());
    let url = database.url.replacen(database.server(), &cable.address().to_string(), 1);
    let doorward = setup.set("store.url", &url).start();
    let person = doorward.person("user");
    // The sign-up is itself a change that the node hears of and reads the person anew for: only then are they known.
    let before = readings_of_changes(&doorward);
    until("the node has heard of the sign-up", PATIENCE, || {
        (readings_of_changes(&doorward) >= before + 2).then_some(())
    });
    assert!(doorward.accepts(&person.access_token));
    (doorward, cable, person)
}

/// How often the node has read what changed, as its metrics tell.
fn readings_of_changes(doorward: &Doorward) -> u32 {
    let metrics = doorward.admin_client().get("/metrics").send().expect(200).text();
    let line = metrics.lines().find(|line| line.starts_with("doorward_store_calls") && line.contains("changes_after"));
    line.and_then(|line| line.split(' ').next_back()).and_then(|count| count.parse().ok()).unwrap_or(0)
}

fn is_ready(doorward: &Doorward) -> bool {
    doorward.get("/readyz").send().status == 200
}

#[track_caller]
fn says_not_now(doorward: &Doorward, person: &Person) {
    let refresh = doorward.post("/api/auth/refresh").json(&json!({"refresh_token": person.refresh_token}));
    let logout = doorward.post("/api/auth/logout").bearer(&person.access_token);
    let requests = [doorward.sign_in(&person.email, PASSWORD), doorward.sign_up("other@example.com"), refresh, logout];
    for request in requests {
        let asked = Instant::now();
        let answer = request.send();
        assert!(answer.header("retry-after").is_some(), "{} {}", answer.status, answer.text());
        answer.problem(503);
        assert!(asked.elapsed() < ANSWERED, "answered only after {:?}", asked.elapsed());
    }
    doorward.get("/livez").send().expect(200);
    assert!(doorward.accepts(&person.access_token), "a known session validates without the store");
}

fn goes_and_comes_back(store: Store, fail: impl Fn(&Cable)) {
    let (doorward, cable, person) = start(store);
    fail(&cable);
    until("readiness goes", PATIENCE, || (!is_ready(&doorward)).then_some(()));
    says_not_now(&doorward, &person);
    cable.mend();
    until("readiness returns", PATIENCE, || is_ready(&doorward).then_some(()));
    assert!(doorward.accepts(&person.access_token), "a sign-out answered 503 did not happen");
    doorward.signed_in(&person.email);
    doorward.sign_in("other@example.com", PASSWORD).send().expect(401);
}

fn a_store_that_is_down_is_told_and_comes_back(store: Store) {
    goes_and_comes_back(store, Cable::cut);
}

fn a_store_that_hangs_is_told_and_comes_back(store: Store) {
    goes_and_comes_back(store, Cable::hold);
}

/// Runs each claim on every store that is reached over a network.
macro_rules! on_every_server {
    ($($claim:ident),+) => {
        mod postgres {
            $(#[test] fn $claim() { super::with(super::Store::Postgres, super::$claim); })+
        }
        mod mongodb {
            $(#[test] fn $claim() { super::with(super::Store::Mongo, super::$claim); })+
        }
    };
}

on_every_server!(a_store_that_is_down_is_told_and_comes_back, a_store_that_hangs_is_told_and_comes_back);
