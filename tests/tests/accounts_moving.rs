//! Leaving a Cognito user pool: the first right password moves its owner over, and in the end the pool may go.

use doorward_tests::accounts::RESET;
use doorward_tests::cognito::{Cognito, PoolClient};
use doorward_tests::fault_proxy::{Fault, FaultProxy};
use doorward_tests::mailbox::Mailbox;
use doorward_tests::shape::{each, sorted, text};
use doorward_tests::{Doorward, PASSWORD, Response, Setup, Store, on_every_store, part};
use serde_json::{Value, json};

on_every_store!(people_move_over_one_by_one_until_the_pool_may_go);

const NEW_PASSWORD: &str = "Still-Harbour-42";

fn login(doorward: &Doorward, email: &str, password: &str) -> Response {
    doorward.post("/api/v1/auth/login").json(&json!({"email": email, "password": password})).send()
}

fn report(doorward: &Doorward) -> Value {
    let printed = doorward.setup().run_ok(&["user-pool", "report", "--json"], "");
    serde_json::from_str(&printed).expect("a report as JSON")
}

fn people_move_over_one_by_one_until_the_pool_may_go(store: Store) {
    part::with(&["python"], || {
        // The pool has two people of its own beside these.
        let (pool, mailbox) = (Cognito::start("http://127.0.0.1:9", "http://127.0.0.1:9"), Mailbox::start());
        let names = ["ann", "bob", "cat", "dan"].map(|name| format!("{name}@example.com"));
        for email in &names {
            pool.adopt(email);
        }
        let faults = FaultProxy::to(pool.address());
        let setup = Setup::on(store).mails_through(&mailbox);
        let setup = setup.set("user_pool.kind", "local").set("user_pool.migrate_from", "cognito");
        let doorward = pool.keeps_passwords(setup, PoolClient::Confidential, &faults.url()).start();
        let [ann, bob, cat, dan] = &names;

        doorward.person("local");
        let before = report(&doorward);
        assert_eq!((&before["moved"], &before["only_there"]), (&json!(0), &json!(6)), "{before}");
        for email in [ann, "nobody@example.com"] {
            assert_eq!(login(&doorward, email, "Wrong-Harbour-41").problem(401)["detail"], "Invalid email or password");
        }
        assert_eq!(report(&doorward), before, "a wrong password moves nobody");

        let answer = login(&doorward, ann, PASSWORD).expect(200).json();
        assert!(!answer["access_token"].is_null());
        let me = doorward.get("/auth/me").bearer(&text(&answer["access_token"])).send().expect(200).json();
        assert_eq!(me["email"], ann.as_str());
        assert_eq!(doorward.sign_in(bob, PASSWORD).send().expect(200).json()["user"]["email"], bob.as_str());
        let taken = json!({
            "email": cat, "password": PASSWORD, "first_name": "Cat", "last_name": "Taken", "accept_terms": true,
        });
        let taken = doorward.post("/api/v1/auth/register").json(&taken).send().problem(400);
        assert_eq!(taken["detail"], "Email already registered", "they shall sign in and move");
        reset(&doorward, &mailbox, dan);

        let halfway = report(&doorward);
        let left = sorted(each(&halfway["accounts"], "email"));
        assert_eq!(left, ["alan@example.com", cat, "grace@example.com"], "{halfway}");
        let read = doorward.setup().run_ok(&["user-pool", "report"], "");
        assert!(read.contains(cat.as_str()) && !read.contains(ann.as_str()), "{read}");

        // Who has moved does not depend on the pool any more.
        faults.fails(Fault::DropBefore);
        login(&doorward, ann, PASSWORD).expect(200);
        login(&doorward, bob, PASSWORD).expect(200);
        login(&doorward, dan, NEW_PASSWORD).expect(200);
        doorward.signed_in("local@example.com");
        let [left, unknown] = [cat, "nobody@example.com"].map(|email| login(&doorward, email, PASSWORD));
        assert_eq!((left.status, left.text()), (unknown.status, unknown.text()), "who is left is not told");
        left.problem(503);
        faults.heal();
        login(&doorward, cat, PASSWORD).expect(200);

        drop(pool);
        let doorward = doorward.kill().unset("user_pool.migrate_from").start();
        for email in [ann, bob, cat] {
            login(&doorward, email, PASSWORD).expect(200);
        }
        login(&doorward, dan, NEW_PASSWORD).expect(200);
    });
}

/// Chooses a new password by a code, without ever having signed in here.
fn reset(doorward: &Doorward, mailbox: &Mailbox, email: &str) {
    let post = |call: &str, body: &Value| doorward.post(&format!("/api/v1/auth/{call}")).json(body).send();
    post("request-otp", &json!({"email": email, "purpose": RESET})).expect(200);
    let code = mailbox.next_to(email).code();
    let token = post("verify-otp", &json!({"email": email, "code": code, "purpose": RESET})).expect(200).json();
    let chosen = json!({"reset_token": token["reset_token"], "new_password": NEW_PASSWORD});
    post("reset-password", &chosen).expect(200);
    login(doorward, email, NEW_PASSWORD).expect(200);
    login(doorward, email, PASSWORD).problem(401);
}
