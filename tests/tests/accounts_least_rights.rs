//! A Cognito user pool on which Doorward has few permissions, as deployments give them that knew only what anybody may
//! ask of a pool, or none.

use doorward_tests::accounts::{Accounts, RESET, Tokens, VERIFICATION};
use doorward_tests::cognito::PoolClient;
use doorward_tests::{PASSWORD, part};
use serde_json::json;

const NEW_PASSWORD: &str = "Still-Harbour-42";

/// Runs a claim over a pool for each kind of client that permits Doorward these operations, and nothing else that an
/// administrator does.
fn permitting(operations: &'static [&'static str], claim: fn(&Accounts)) {
    part::with(&["python"], || {
        for client in [PoolClient::Public, PoolClient::Confidential] {
            let accounts = Accounts::in_a_pool(client);
            accounts.faults().permits(operations);
            claim(&accounts);
        }
    });
}

#[test]
fn the_documented_way_in_and_out_needs_no_permission() {
    permitting(&[], |accounts| {
        let email = "modest@example.com";
        accounts.register(email).expect(201);
        accounts.register(email).problem(400);
        accounts.confirmation_code(email);
        accounts.login(email, PASSWORD).problem(401);
        assert_eq!(accounts.request_code(email, VERIFICATION).status, 429, "one was mailed a moment ago");
        accounts.let_time_pass(2);
        accounts.request_code(email, VERIFICATION).expect(200);
        accounts.verify(email, &accounts.confirmation_code(email)).expect(200);
        let tokens = accounts.tokens(email);
        accounts.assert_bearer(&tokens.access, true);
        let verified = "select count(*) from users where email_verified_at is not null";
        assert_eq!(accounts.doorward.setup().database().query(verified), "1");
        let renewed = Tokens::of(&accounts.refresh(&tokens.refresh).expect(200).json());
        accounts.post("logout", &json!({"refresh_token": renewed.refresh})).expect(200);
        accounts.assert_bearer(&renewed.access, false);
        accounts.refresh(&renewed.refresh).problem(401);
        let other = accounts.tokens(email);
        let everywhere = accounts.doorward.post("/api/v1/auth/logout?everywhere=true").bearer(&other.access);
        everywhere.json(&json!({})).send().expect(200);
        accounts.refresh(&other.refresh).problem(401);
        accounts.register(email).problem(400);
        // Somebody of the pool who was there before.
        accounts.pool().adopt("veteran@example.com");
        accounts.tokens("veteran@example.com");
        for permission in ["cognito-idp:AdminGetUser", "cognito-idp:AdminUserGlobalSignOut"] {
            assert!(accounts.doorward.log().contains(permission), "the log names {permission}");
        }
    });
}

#[test]
fn a_signup_that_broke_off_goes_on_without_any_permission() {
    permitting(&[], |accounts| {
        let email = "broken@example.com";
        accounts.register(email).expect(201);
        accounts.confirmation_code(email);
        accounts.doorward.setup().database().execute("delete from users");
        accounts.let_time_pass(2);
        accounts.register(email).expect(201);
        accounts.verify(email, &accounts.confirmation_code(email)).expect(200);
        accounts.tokens(email);
        assert_eq!(accounts.doorward.accounts(), 1);
    });
}

#[test]
fn a_reset_needs_the_permission_to_set_passwords_alone() {
    permitting(&["AdminSetUserPassword"], |accounts| {
        let email = accounts.person("forgetful");
        let old = accounts.tokens(&email);
        accounts.register("squatted@example.com").expect(201);
        for email in [&*email, "squatted@example.com"] {
            let token = accounts.reset_token(email);
            accounts.reset(&token, NEW_PASSWORD).expect(200);
            accounts.login(email, PASSWORD).problem(401);
            let tokens = Tokens::of(&accounts.login(email, NEW_PASSWORD).expect(200).json());
            accounts.assert_bearer(&tokens.access, true);
        }
        accounts.assert_bearer(&old.access, false);
        accounts.refresh(&old.refresh).problem(401);
        accounts.let_time_pass(60);
        accounts.request_code("nobody@example.com", RESET).expect(200);
    });
}
