//! What people do about their own accounts: their password, their address, their sessions, and that they leave.

use doorward_tests::accounts::{Accounts, Tokens};
use doorward_tests::shape::fields;
use doorward_tests::{PASSWORD, on_every_keeper};
use serde_json::{Value, json};

const NEW_PASSWORD: &str = "Still-Harbour-42";

on_every_keeper!(
    the_password_is_changed_with_the_current_one,
    the_address_is_changed_at_the_new_and_told_to_the_old,
    an_account_is_deleted_by_its_owner,
    signing_out_ends_the_session,
);

fn the_password_is_changed_with_the_current_one(accounts: &Accounts) {
    let email = accounts.person("changing");
    let (here, elsewhere) = (accounts.tokens(&email), accounts.tokens(&email));
    let change = |current: &str, new: &str| {
        let body = json!({"current_password": current, "new_password": new});
        accounts.doorward.post("/api/v1/users/me/password").bearer(&here.access).json(&body).send()
    };
    let wrong = change("Wrong-Harbour-41", NEW_PASSWORD).problem(400);
    assert_eq!(fields(&wrong), ["current_password"]);
    assert_eq!(fields(&change(PASSWORD, "short-1").problem(400)), ["new_password"]);
    let anonymous = json!({"current_password": PASSWORD, "new_password": NEW_PASSWORD});
    accounts.doorward.post("/api/v1/users/me/password").json(&anonymous).send().problem(401);
    accounts.tokens(&email);
    assert_eq!(change(PASSWORD, NEW_PASSWORD).expect(200).json(), json!({"message": "Password changed"}));
    accounts.login(&email, PASSWORD).problem(401);
    accounts.login(&email, NEW_PASSWORD).expect(200);
    accounts.assert_bearer(&elsewhere.access, false);
    accounts.refresh(&elsewhere.refresh).problem(401);
    assert!(!accounts.mailbox.next_to(&email).text().is_empty(), "its owner hears of it");
}

fn the_address_is_changed_at_the_new_and_told_to_the_old(accounts: &Accounts) {
    let (email, taken) = (accounts.person("moving"), accounts.person("settled"));
    let tokens = accounts.tokens(&email);
    let post = |path: &str, body: &Value| {
        accounts.doorward.post(&format!("/api/v1/users/me/{path}")).bearer(&tokens.access).json(body).send()
    };
    let wish = |new: &str| json!({"new_email": new, "password": PASSWORD});
    let wrong = json!({"new_email": "moved@example.com", "password": "Wrong-Harbour-41"});
    assert_eq!(fields(&post("email", &wrong).problem(400)), ["password"]);
    post("email", &wish("nonsense")).problem(400);
    accounts.let_time_pass(60);
    let unsaid = post("email", &wish(&taken)).expect(200).json();
    accounts.let_time_pass(60);
    assert_eq!(post("email", &wish("Moved@example.com")).expect(200).json(), json!({"message": "OTP sent"}));
    assert_eq!(unsaid, json!({"message": "OTP sent"}), "whether somebody has an address is not told");
    let code = accounts.mailbox.next_to("Moved@example.com").code();
    assert_eq!(
        post("email/verify", &json!({"code": another(&code)})).problem(400)["detail"],
        "Invalid confirmation code"
    );
    accounts.tokens(&email);
    assert_eq!(post("email/verify", &json!({"code": code})).expect(200).json(), json!({"message": "Email changed"}));
    post("email/verify", &json!({"code": code})).problem(400);
    assert_eq!(me(accounts, &tokens)["email"], "Moved@example.com");
    let settled = accounts.mailbox.all_to(&taken);
    assert!(settled.iter().all(|mail| !mail.text().contains(&code)) && settled.len() <= 1, "{settled:?}");
    let notice = accounts.mailbox.next_to(&email);
    assert!(notice.text().to_lowercase().contains("address"), "{}", notice.text());
    accounts.tokens("moved@example.com");
    accounts.login(&email, PASSWORD).problem(401);
}

fn an_account_is_deleted_by_its_owner(accounts: &Accounts) {
    let email = accounts.person("leaving");
    let tokens = accounts.tokens(&email);
    let delete =
        |body: Value| accounts.doorward.request("DELETE", "/api/v1/users/me").bearer(&tokens.access).json(&body);
    assert_eq!(fields(&delete(json!({"password": "Wrong-Harbour-41"})).send().problem(400)), ["password"]);
    delete(json!({"password": PASSWORD})).send().expect(204);
    accounts.assert_bearer(&tokens.access, false);
    accounts.refresh(&tokens.refresh).problem(401);
    accounts.login(&email, PASSWORD).problem(401);
    accounts.mailbox.next_to(&email);
    if accounts.is_in_a_pool() {
        assert_eq!(accounts.pool().account(&email), None);
    }
    accounts.let_time_pass(60);
    accounts.person("leaving");
    accounts.tokens(&email);
}

fn signing_out_ends_the_session(accounts: &Accounts) {
    let email = accounts.person("outgoing");
    let [by_token, by_refresh, one, two] = [(); 4].map(|()| accounts.tokens(&email));
    let path = "/api/v1/auth/logout";
    let said = accounts.doorward.post(path).bearer(&by_token.access).send().expect(200).json();
    assert_eq!(said["message"], "Successfully logged out");
    accounts.post("logout", &json!({"refresh_token": by_refresh.refresh})).expect(200);
    for gone in [by_token, by_refresh] {
        accounts.assert_bearer(&gone.access, false);
        accounts.refresh(&gone.refresh).problem(401);
    }
    accounts.assert_bearer(&one.access, true);
    accounts.doorward.post(&format!("{path}?everywhere=true")).bearer(&one.access).send().expect(200);
    for gone in [one, two] {
        accounts.assert_bearer(&gone.access, false);
        accounts.refresh(&gone.refresh).problem(401);
    }
    accounts.tokens(&email);
}

fn me(accounts: &Accounts, tokens: &Tokens) -> Value {
    accounts.doorward.get("/api/v1/users/me").bearer(&tokens.access).send().expect(200).json()
}

/// A code that is not that one.
fn another(code: &str) -> String {
    let first = if code.starts_with('9') { "8" } else { "9" };
    format!("{first}{}", &code[1..])
}
