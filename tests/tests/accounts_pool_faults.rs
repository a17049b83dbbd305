//! A Cognito user pool that is down, slow or throttling, and calls that break off when the pool has done its half: a
//! clear answer, nothing half done, and the next call heals.

use std::time::Instant;

use doorward_tests::accounts::{Accounts, RESET, Tokens, VERIFICATION, registration};
use doorward_tests::cognito::PoolClient;
use doorward_tests::fault_proxy::Fault;
use doorward_tests::http::Request;
use doorward_tests::shape::text;
use doorward_tests::{PASSWORD, Response, part};
use serde_json::{Value, json};

const NEW_PASSWORD: &str = "Still-Harbour-42";

fn with_a_pool(claim: fn(&Accounts)) {
    part::with(&["python"], || claim(&Accounts::in_a_pool(PoolClient::Confidential)));
}

/// Asserts that somebody is asked to come back, in words of ours.
#[track_caller]
fn assert_try_later(what: &str, answer: Response, status: u16) {
    assert_eq!(answer.status, status, "{what}: {}", answer.text());
    let wait: u64 =
        answer.header("retry-after").unwrap_or_else(|| panic!("{what}: no Retry-After")).parse().expect("seconds");
    assert!((1..=900).contains(&wait), "{what}: {wait}");
    let said = answer.text();
    for theirs in ["a fault of the test", "Exception", "amazon", "dispatch", "cognito"] {
        assert!(!said.to_lowercase().contains(&theirs.to_lowercase()), "{what} tells {theirs}: {said}");
    }
    answer.problem(status);
}

fn me(accounts: &Accounts, method: &str, path: &str, tokens: &Tokens, body: &Value) -> Request {
    accounts.doorward.request(method, &format!("/api/v1/users/me{path}")).bearer(&tokens.access).json(body)
}

/// Every call that asks the pool, ready to be made again and again: none of them does anything while the pool fails.
fn calls<'a>(
    accounts: &'a Accounts,
    email: &'a str,
    tokens: &'a Tokens,
    reset_token: &str,
) -> Vec<(&'static str, Request)> {
    let post = |call: &str, body: &Value| accounts.doorward.post(&format!("/api/v1/auth/{call}")).json(body);
    let change = json!({"current_password": PASSWORD, "new_password": NEW_PASSWORD});
    vec![
        ("register", post("register", &registration("new@example.com"))),
        (
            "verify",
            post("verify-otp", &json!({"email": "pending@example.com", "code": "123456", "purpose": VERIFICATION})),
        ),
        ("login", post("login", &json!({"email": email, "password": PASSWORD}))),
        ("refresh", post("refresh", &json!({"refresh_token": tokens.refresh}))),
        ("reset", post("reset-password", &json!({"reset_token": reset_token, "new_password": NEW_PASSWORD}))),
        ("change", me(accounts, "POST", "/password", tokens, &change)),
        ("delete", me(accounts, "DELETE", "", tokens, &json!({"password": PASSWORD}))),
        ("sign in", accounts.doorward.sign_in(email, PASSWORD)),
        ("sign up", accounts.doorward.sign_up("elsewhere@example.com")),
    ]
}

#[test]
fn a_pool_that_fails_or_throttles_is_told_as_such_and_nothing_is_half_done() {
    with_a_pool(|accounts| {
        let email = accounts.person("person");
        let tokens = accounts.tokens(&email);
        accounts.register("pending@example.com").expect(201);
        accounts.confirmation_code("pending@example.com");
        let reset_token = accounts.reset_token(&email);
        let users = accounts.doorward.accounts();
        let faults = [
            (Fault::Answer(500, "InternalErrorException"), 503),
            (Fault::Answer(400, "TooManyRequestsException"), 429),
            (Fault::Answer(400, "LimitExceededException"), 429),
            (Fault::DropBefore, 503),
        ];
        for (round, (fault, status)) in faults.into_iter().enumerate() {
            accounts.faults().fails(fault);
            for (what, call) in calls(accounts, &email, &tokens, &reset_token) {
                assert_try_later(&format!("{what} with {fault:?}"), call.send(), status);
            }
            for (purpose, asking) in [(VERIFICATION, "verification"), (RESET, "reset")] {
                let email = format!("{asking}{round}@example.com");
                assert_try_later(
                    &format!("request-otp with {fault:?}"),
                    accounts.request_code(&email, purpose),
                    status,
                );
            }
            accounts.faults().heal();
        }
        assert_eq!(accounts.doorward.accounts(), users, "no record without an account at the pool");
        accounts.assert_bearer(&tokens.access, true);
        accounts.tokens(&email);
        accounts.refresh(&tokens.refresh).expect(200);
        accounts.let_time_pass(60);
        accounts.verify("pending@example.com", "123456").expect(200);
        let token = accounts.reset_token(&email);
        accounts.reset(&token, NEW_PASSWORD).expect(200);
        accounts.login(&email, NEW_PASSWORD).expect(200);
    });
}

#[test]
fn a_pool_that_is_silent_is_given_up_within_the_requests_budget() {
    with_a_pool(|accounts| {
        let email = accounts.person("patient");
        let tokens = accounts.tokens(&email);
        accounts.faults().fails(Fault::Hang);
        let began = Instant::now();
        std::thread::scope(|scope| {
            for (what, call) in calls(accounts, &email, &tokens, "dwp_none").into_iter().take(4) {
                scope.spawn(move || assert_try_later(what, call.send(), 503));
            }
            assert!(accounts.doorward.accepts(&tokens.access), "tokens are judged without the pool");
        });
        assert!(began.elapsed().as_secs() < 12, "{:?}", began.elapsed());
        accounts.faults().heal();
        accounts.tokens(&email);
    });
}

#[test]
fn a_signup_that_breaks_off_is_finished_by_the_next_call() {
    with_a_pool(|accounts| {
        for (number, operation) in ["SignUp", "ConfirmSignUp"].into_iter().enumerate() {
            let email = format!("broken{number}@example.com");
            accounts.faults().fails_at(operation, Fault::DropAfter);
            let answer = accounts.register(&email);
            if operation == "SignUp" {
                assert_try_later(operation, answer, 503);
                assert!(accounts.pool().account(&email).is_some(), "the pool did its half");
                accounts.faults().heal();
                accounts.let_time_pass(60);
                accounts.confirmation_code(&email);
                accounts.register(&email).expect(201);
                accounts.verify(&email, &accounts.confirmation_code(&email)).expect(200);
            } else {
                answer.expect(201);
                let code = accounts.confirmation_code(&email);
                let status = accounts.verify(&email, &code).status;
                assert!(matches!(status, 503 | 400), "{status}");
                assert_eq!(accounts.pool().account(&email).expect("an account")["UserStatus"], "CONFIRMED");
                accounts.faults().heal();
            }
            let tokens = accounts.tokens(&email);
            accounts.assert_bearer(&tokens.access, true);
            let verified = "select count(*) from users where email_verified_at is null";
            assert_eq!(accounts.doorward.setup().database().query(verified), "0", "{operation}");
        }
    });
}

#[test]
fn a_reset_that_breaks_off_is_finished_with_the_same_token() {
    with_a_pool(|accounts| {
        let faults = [
            ("AdminSetUserPassword", Fault::DropBefore),
            ("AdminSetUserPassword", Fault::DropAfter),
            ("AdminUserGlobalSignOut", Fault::DropBefore),
            ("AdminUserGlobalSignOut", Fault::DropAfter),
        ];
        for (number, (operation, fault)) in faults.into_iter().enumerate() {
            let email = accounts.person(&format!("reset{number}"));
            let old = accounts.tokens(&email);
            let token = accounts.reset_token(&email);
            accounts.faults().fails_at(operation, fault);
            let answer = accounts.reset(&token, NEW_PASSWORD);
            accounts.faults().heal();
            assert_try_later(&format!("{operation} {fault:?}"), answer, 503);
            accounts.reset(&token, NEW_PASSWORD).expect(200);
            accounts.login(&email, NEW_PASSWORD).expect(200);
            accounts.login(&email, PASSWORD).problem(401);
            accounts.assert_bearer(&old.access, false);
            accounts.reset(&token, PASSWORD).problem(400);
        }
    });
}

#[test]
fn a_change_that_breaks_off_leaves_one_password_and_one_address_that_work() {
    with_a_pool(|accounts| {
        let email = accounts.person("change");
        let tokens = accounts.tokens(&email);
        let change = json!({"current_password": PASSWORD, "new_password": NEW_PASSWORD});
        accounts.faults().fails_at("AdminSetUserPassword", Fault::DropBefore);
        assert_try_later("change", me(accounts, "POST", "/password", &tokens, &change).send(), 503);
        accounts.faults().heal();
        accounts.tokens(&email);
        accounts.faults().fails_at("AdminSetUserPassword", Fault::DropAfter);
        assert_try_later("change", me(accounts, "POST", "/password", &tokens, &change).send(), 503);
        accounts.faults().heal();
        let tokens = Tokens::of(&accounts.login(&email, NEW_PASSWORD).expect(200).json());

        let wish = json!({"new_email": "changed@example.com", "password": NEW_PASSWORD});
        accounts.let_time_pass(60);
        me(accounts, "POST", "/email", &tokens, &wish).send().expect(200);
        let code = json!({"code": accounts.mailbox.next_to("changed@example.com").code()});
        accounts.faults().fails_at("AdminUpdateUserAttributes", Fault::DropAfter);
        assert_try_later("e-mail", me(accounts, "POST", "/email/verify", &tokens, &code).send(), 503);
        accounts.faults().heal();
        // The pool has the new address; whoever signs in with it, or asks again, is whole again.
        accounts.login("changed@example.com", NEW_PASSWORD).expect(200);
        accounts.let_time_pass(60);
        me(accounts, "POST", "/email", &tokens, &wish).send();
        let kept = accounts.doorward.get("/api/v1/users/me").bearer(&tokens.access).send().expect(200).json();
        if kept["email"] != "changed@example.com" {
            let code = json!({"code": accounts.mailbox.next_to("changed@example.com").code()});
            me(accounts, "POST", "/email/verify", &tokens, &code).send().expect(200);
            let kept = accounts.doorward.get("/api/v1/users/me").bearer(&tokens.access).send().expect(200).json();
            assert_eq!(text(&kept["email"]), "changed@example.com");
        }
        assert_eq!(accounts.doorward.accounts(), 1, "still one account");
    });
}

#[test]
fn a_deletion_that_breaks_off_can_be_finished() {
    with_a_pool(|accounts| {
        for (number, fault) in [Fault::DropBefore, Fault::DropAfter].into_iter().enumerate() {
            let email = accounts.person(&format!("delete{number}"));
            let tokens = accounts.tokens(&email);
            let farewell = json!({"password": PASSWORD});
            accounts.faults().fails_at("AdminDeleteUser", fault);
            assert_try_later("delete", me(accounts, "DELETE", "", &tokens, &farewell).send(), 503);
            accounts.faults().heal();
            let again = me(accounts, "DELETE", "", &tokens, &farewell).send();
            if again.status != 204 {
                // The account is gone at the pool, and its password with it: a reset gives it back to its owner.
                let token = accounts.reset_token(&email);
                accounts.reset(&token, NEW_PASSWORD).expect(200);
                let tokens = Tokens::of(&accounts.login(&email, NEW_PASSWORD).expect(200).json());
                me(accounts, "DELETE", "", &tokens, &json!({"password": NEW_PASSWORD})).send().expect(204);
            }
            assert_eq!(accounts.pool().account(&email), None, "{fault:?}");
            assert_eq!(accounts.doorward.accounts(), 0, "{fault:?}");
        }
    });
}
