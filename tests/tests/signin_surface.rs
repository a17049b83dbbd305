//! The e-mail and password surface (`/api/auth/…`), a test per row of its table, on every store.

use doorward_tests::shape::{assert_members, assert_utc, assert_uuid, fields, text};
use doorward_tests::{Doorward, PASSWORD, Store, on_every_store_and_lambda, token};
use serde_json::{Value, json};

on_every_store_and_lambda!(
    health_tells_status_and_environment,
    signup_answers_201_with_the_user,
    signup_refuses_a_bad_email,
    signup_names_the_password_rules_that_failed,
    signup_of_a_taken_email_answers_409,
    signup_compares_emails_in_any_case_and_unicode_form,
    signin_answers_token_and_user,
    signin_refuses_an_unknown_email_as_it_refuses_a_wrong_password,
    signin_token_carries_the_users_id_and_email,
    me_answers_the_user,
    me_refuses_a_missing_or_invalid_token,
    refresh_answers_as_signin_does,
    logout_ends_the_session,
);

fn health_tells_status_and_environment(store: Store) {
    let doorward = Doorward::start(store);
    let health = doorward.get("/health").send().expect(200).json();
    assert_eq!(health["status"], "healthy");
    assert_eq!(health["environment"], "development");
    assert_eq!(health["service"], "doorward");
    assert!(health["version"].is_string());
}

fn signup_answers_201_with_the_user(store: Store) {
    let doorward = Doorward::start(store);
    let user = doorward.sign_up("User@example.com").send().expect(201).json();
    assert_members(&user, &["created_at", "email", "id", "last_signin_at"]);
    assert_eq!(user["email"], "User@example.com", "the e-mail is kept as it was given");
    assert_eq!(user["last_signin_at"], Value::Null);
    assert_uuid(&user["id"]);
    assert_utc(&user["created_at"]);
}

fn signup_refuses_a_bad_email(store: Store) {
    let doorward = Doorward::start(store);
    for email in ["", "user", "user@", "@example.com", "a@evil@example.com", "a b@example.com", "a@exa mple.com"] {
        let problem = doorward.sign_up(email).send().problem(400);
        assert_eq!(fields(&problem), ["email"], "{email:?}: {problem}");
    }
}

fn signup_names_the_password_rules_that_failed(store: Store) {
    let doorward = Doorward::start(store);
    let refusal = |password: &str| {
        let body = json!({"email": "user1@example.com", "password": password});
        let problem = doorward.post("/api/auth/signup").json(&body).send().problem(400);
        assert!(fields(&problem).iter().all(|field| field == "password"), "{problem}");
        problem["errors"].to_string().to_lowercase()
    };
    assert!(refusal("Sh0rt-x").contains('8'));
    assert!(refusal("quiet-harbour-41").contains("upper"));
    assert!(refusal("QUIET-HARBOUR-41").contains("lower"));
    assert!(refusal("Quiet-Harbour-Lane").contains("digit"));
    assert!(refusal("QuietHarbour41").contains("special"));
    let several = refusal("quietharbourlane");
    assert!(["upper", "digit", "special"].iter().all(|rule| several.contains(rule)), "{several}");
    refusal("Password1!");
    refusal("User1@example.com");
    refusal(&format!("Aa1!{}", "x".repeat(200)));
    doorward.sign_in("user1@example.com", PASSWORD).send().expect(401);
}

fn signup_of_a_taken_email_answers_409(store: Store) {
    let doorward = Doorward::start(store);
    doorward.sign_up("user@example.com").send().expect(201);
    let problem = doorward.sign_up("user@example.com").send().problem(409);
    assert!(text(&problem["detail"]).to_lowercase().contains("already registered"), "{problem}");
}

fn signup_compares_emails_in_any_case_and_unicode_form(store: Store) {
    let doorward = Doorward::start(store);
    doorward.sign_up("jos\u{e9}@example.com").send().expect(201);
    for same in ["JOS\u{c9}@EXAMPLE.com", "jose\u{301}@example.com", "Jos\u{e9}@Example.COM"] {
        doorward.sign_up(same).send().problem(409);
        doorward.sign_in(same, PASSWORD).send().expect(200);
    }
}

fn signin_answers_token_and_user(store: Store) {
    let doorward = Doorward::start(store);
    let user = doorward.sign_up("user@example.com").send().expect(201).json();
    let response = doorward.sign_in("user@example.com", PASSWORD).send().expect(200);
    assert_eq!(response.header("cache-control"), Some("no-store"));
    let answer = response.json();
    assert_members(&answer, &["access_token", "expires_in", "refresh_token", "token_type", "user"]);
    assert_eq!(answer["token_type"], "bearer");
    assert_eq!(answer["expires_in"], 604_800);
    assert_members(&answer["user"], &["created_at", "email", "id", "last_signin_at"]);
    assert_eq!(answer["user"]["id"], user["id"]);
    assert_utc(&answer["user"]["last_signin_at"]);
}

fn signin_refuses_an_unknown_email_as_it_refuses_a_wrong_password(store: Store) {
    let doorward = Doorward::start(store);
    doorward.sign_up("user@example.com").send().expect(201);
    let refusal = |email: &str, password: &str| {
        let response = doorward.sign_in(email, password).send();
        let names: Vec<_> = response.headers.iter().map(|(name, _)| name.clone()).collect();
        (response.problem(401), names)
    };
    let (wrong, headers) = refusal("user@example.com", "Wrong-Harbour-41");
    assert_eq!(wrong["detail"], "Invalid credentials");
    for (email, password) in [("nobody@example.com", PASSWORD), ("not an e-mail", PASSWORD), ("user@example.com", "")] {
        assert_eq!(refusal(email, password), (wrong.clone(), headers.clone()), "{email} {password}");
    }
}

fn signin_token_carries_the_users_id_and_email(store: Store) {
    let doorward = Doorward::start(store);
    let person = doorward.person("user");
    let (header, claims) = token::read(&person.access_token);
    assert_eq!(header["typ"], "JWT");
    assert_eq!(claims["sub"], person.id.as_str());
    assert_eq!(claims["email"], person.email.as_str());
    assert_eq!(claims["roles"], json!(["user"]));
    let life = claims["exp"].as_i64().zip(claims["iat"].as_i64()).map(|(end, start)| end - start);
    assert_eq!(life, Some(604_800));
    assert!(claims["iss"].is_string() && claims["jti"].is_string() && claims["sid"].is_string(), "{claims}");
}

fn me_answers_the_user(store: Store) {
    let doorward = Doorward::start(store);
    let person = doorward.person("user");
    let user = doorward.get("/api/auth/me").bearer(&person.access_token).send().expect(200).json();
    assert_members(&user, &["created_at", "email", "id", "last_signin_at", "roles"]);
    assert_eq!(user["roles"], json!(["user"]));
    assert_eq!(user["id"], person.id.as_str());
    assert_eq!(user["email"], person.email.as_str());
    assert_utc(&user["last_signin_at"]);
}

fn me_refuses_a_missing_or_invalid_token(store: Store) {
    let doorward = Doorward::start(store);
    let person = doorward.person("user");
    let me = || doorward.get("/api/auth/me");
    let cut = &person.access_token[..person.access_token.len() - 1];
    let requests = [
        me(),
        me().header("Authorization", ""),
        me().header("Authorization", &person.access_token),
        me().header("Authorization", &format!("Basic {}", person.access_token)),
        me().bearer(""),
        me().bearer("nonsense"),
        me().bearer(cut),
        me().bearer(&person.refresh_token),
    ];
    for request in requests {
        let response = request.send();
        let challenge = response.header("www-authenticate").unwrap_or_default().to_owned();
        assert!(challenge.starts_with("Bearer"), "{challenge:?}");
        response.problem(401);
    }
}

fn refresh_answers_as_signin_does(store: Store) {
    let doorward = Doorward::start(store);
    let person = doorward.person("user");
    let body = json!({"refresh_token": person.refresh_token});
    let answer = doorward.post("/api/auth/refresh").json(&body).send().expect(200).json();
    assert_members(&answer, &["access_token", "expires_in", "refresh_token", "token_type", "user"]);
    assert_eq!(answer["expires_in"], 604_800);
    assert_ne!(answer["refresh_token"], person.refresh_token.as_str());
    doorward.get("/api/auth/me").bearer(&text(&answer["access_token"])).send().expect(200);
    doorward.post("/api/auth/refresh").json(&json!({"refresh_token": "nonsense"})).send().problem(401);
}

fn logout_ends_the_session(store: Store) {
    let doorward = Doorward::start(store);
    let by_token = doorward.person("one");
    doorward.post("/api/auth/logout").bearer(&by_token.access_token).send().expect(200);
    let by_refresh = doorward.person("two");
    let body = json!({"refresh_token": by_refresh.refresh_token});
    doorward.post("/api/auth/logout").json(&body).send().expect(200);
    for gone in [by_token, by_refresh] {
        doorward.get("/api/auth/me").bearer(&gone.access_token).send().problem(401);
        let body = json!({"refresh_token": gone.refresh_token});
        doorward.post("/api/auth/refresh").json(&body).send().problem(401);
    }
    doorward.post("/api/auth/logout").send().problem(401);
}
