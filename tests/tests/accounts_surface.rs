//! The accounts surface, row by row: the same answers whoever keeps the passwords, Doorward or a Cognito user pool.

use doorward_tests::accounts::{Accounts, RESET, Tokens, VERIFICATION, registration};
use doorward_tests::shape::{assert_members, assert_uuid, fields, text};
use doorward_tests::{PASSWORD, on_every_keeper};
use serde_json::{Value, json};

const NEW_PASSWORD: &str = "Still-Harbour-42";

on_every_keeper!(
    registering_mails_a_code,
    a_taken_address_is_refused,
    a_bad_registration_is_refused_field_by_field,
    a_phone_number_is_kept_in_one_form_or_refused,
    the_code_completes_the_signup_once,
    a_code_is_read_as_people_type_it,
    signing_in_waits_for_the_code,
    signing_in_gives_three_tokens,
    a_wrong_password_and_an_unknown_address_are_refused_alike,
    refreshing_gives_new_tokens,
    a_code_may_be_asked_for_again,
    codes_are_asked_for_only_so_often,
    bad_requests_are_refused_field_by_field,
    a_reset_takes_a_code_and_then_a_token,
    a_reset_ends_every_session,
    a_reset_proves_the_mailbox_of_an_unfinished_signup,
);

fn registering_mails_a_code(accounts: &Accounts) {
    let answer = accounts.register("first@example.com").expect(201).json();
    assert_eq!(answer, json!({"message": "OTP sent"}));
    let code = accounts.confirmation_code("first@example.com");
    assert_eq!(code.len(), 6);
    assert!(!accounts.doorward.log().contains(&code) || accounts.is_in_a_pool(), "the code is in the log");
    if accounts.is_in_a_pool() {
        let there = accounts.pool().account("first@example.com").expect("an account in the pool");
        assert_eq!(there["given_name"], "Ada");
        assert_eq!(there["family_name"], "Lovelace");
        assert_eq!(there["phone_number"], "+14155550123");
        assert_eq!(there["UserStatus"], "UNCONFIRMED");
        assert!(accounts.mailbox.all_to("first@example.com").is_empty(), "one code, from the pool");
    }
    accounts.verify("first@example.com", &code).expect(200);
    let me = me(accounts, &accounts.tokens("first@example.com"));
    assert_eq!((&me["email"], &me["full_name"]), (&json!("first@example.com"), &json!("Ada Lovelace")));
    assert_uuid(&me["id"]);
}

fn a_taken_address_is_refused(accounts: &Accounts) {
    let email = accounts.person("taken");
    for spelling in [&email, "TAKEN@example.com", "taken@Example.COM"] {
        // Whoever signs up is mailed a code, which is done only so often.
        accounts.let_time_pass(60);
        let problem = accounts.register(spelling).problem(400);
        assert_eq!(problem["detail"], "Email already registered", "{spelling:?}");
    }
    accounts.tokens(&email);
}

fn a_bad_registration_is_refused_field_by_field(accounts: &Accounts) {
    let but = |name: &str, value: Value| {
        let mut body = registration("bad@example.com");
        match value {
            Value::String(marker) if marker == "absent" => drop(body.as_object_mut().expect("an object").remove(name)),
            value => body[name] = value,
        }
        (name.to_owned(), body)
    };
    let bodies = [
        but("accept_terms", json!(false)),
        but("accept_terms", json!("true")),
        but("accept_terms", json!(1)),
        but("accept_terms", json!("absent")),
        but("email", json!("nonsense")),
        but("email", json!("a@example.com, b@example.com")),
        but("email", json!("a@example.com\r\nBcc: b@example.com")),
        but("email", json!("absent")),
        but("password", json!("short-1")),
        but("password", json!("password1")),
        but("password", json!("bad@example.com")),
        but("password", json!("absent")),
        but("first_name", json!("")),
        but("first_name", json!("absent")),
        but("last_name", json!(7)),
        but("last_name", json!("Love\r\nlace")),
        but("phone", json!("555 0123")),
    ];
    for (field, body) in bodies {
        let problem = accounts.post("register", &body).problem(400);
        assert_eq!(fields(&problem), [field], "{body}");
    }
    let problem = accounts.post("register", &json!({})).problem(400);
    assert!(fields(&problem).len() >= 5, "all of it at once: {problem}");
    assert_eq!(accounts.login("bad@example.com", PASSWORD).status, 401, "nobody signed up");
}

fn a_phone_number_is_kept_in_one_form_or_refused(accounts: &Accounts) {
    for (count, typed) in ["+1 (415) 555-0199", "001 415.555.0199", "+14155550199"].iter().enumerate() {
        let email = format!("phone{count}@example.com");
        let mut body = registration(&email);
        body["phone"] = (*typed).into();
        accounts.post("register", &body).expect(201);
        let kept = "select phone from users where email_key = 'phone@example.com'";
        let kept = kept.replace("phone@", &format!("phone{count}@"));
        assert_eq!(accounts.doorward.setup().database().query(&kept), "+14155550199", "{typed}");
    }
    let mut body = registration("phone9@example.com");
    for typed in ["0415 555 0199", "+1", "+1 415 CALL NOW", "+1415555019912345", "+0 123 456 789"] {
        body["phone"] = typed.into();
        let problem = accounts.post("register", &body).problem(400);
        assert_eq!(problem["errors"][0]["field"], "phone", "{typed}: {problem}");
        assert!(text(&problem["errors"][0]["message"]).contains("telephone number"), "a reason: {problem}");
    }
    body["phone"] = Value::Null;
    accounts.post("register", &body).expect(201);
}

fn the_code_completes_the_signup_once(accounts: &Accounts) {
    accounts.register("once@example.com").expect(201);
    let code = accounts.confirmation_code("once@example.com");
    let wrong = accounts.verify("once@example.com", &another(&code)).problem(400);
    assert_eq!(wrong["detail"], "Invalid confirmation code");
    for (email, purpose) in [("once@example.com", RESET), ("other@example.com", VERIFICATION)] {
        let elsewhere = accounts.present(email, &code, purpose).problem(400);
        assert_eq!(elsewhere["detail"], "Invalid confirmation code", "{email} {purpose}");
    }
    let right = accounts.verify("ONCE@example.com", &code).expect(200).json();
    assert_eq!(right, json!({"message": "Signup complete"}));
    let again = accounts.verify("once@example.com", &code).problem(400);
    assert_eq!(again["detail"], "Invalid confirmation code");
    accounts.tokens("once@example.com");
}

fn a_code_is_read_as_people_type_it(accounts: &Accounts) {
    accounts.register("typed@example.com").expect(201);
    let code = accounts.confirmation_code("typed@example.com");
    for odd in ["12a456", "abcdef", "", "12345", "1234567", "12-345", "\u{661}\u{662}\u{663}\u{664}\u{665}\u{666}"] {
        assert_eq!(accounts.verify("typed@example.com", odd).status, 400, "{odd:?}");
    }
    let number = json!({"email": "typed@example.com", "code": 123_456, "purpose": VERIFICATION});
    assert_eq!(fields(&accounts.post("verify-otp", &number).problem(400)), ["code"]);
    let wide = |c: char| c.to_digit(10).and_then(|digit| char::from_u32(0xff10 + digit)).unwrap_or(c);
    let typed: String = format!(" {} {}\u{a0}", &code[..3], &code[3..]).chars().map(wide).collect();
    accounts.verify("typed@example.com", &typed).expect(200);
}

fn signing_in_waits_for_the_code(accounts: &Accounts) {
    accounts.register("waits@example.com").expect(201);
    let refused = accounts.login("waits@example.com", PASSWORD).problem(401);
    assert_eq!(refused["detail"], "Email not verified");
    if !accounts.is_in_a_pool() {
        // A pool says so itself, before it looks at the password.
        let wrong = accounts.login("waits@example.com", "Wrong-Harbour-41").problem(401);
        assert_eq!(wrong["detail"], "Invalid email or password");
    }
    accounts.verify("waits@example.com", &accounts.confirmation_code("waits@example.com")).expect(200);
    accounts.tokens("waits@example.com");
}

fn signing_in_gives_three_tokens(accounts: &Accounts) {
    let email = accounts.person("tokens");
    let answer = accounts.login("Tokens@Example.com", PASSWORD).expect(200).json();
    assert_members(&answer, &["access_token", "expires_in", "id_token", "refresh_token", "token_type"]);
    assert_eq!((&answer["token_type"], &answer["expires_in"]), (&json!("Bearer"), &json!(3600)));
    let tokens = Tokens::of(&answer);
    let (_, claims) = doorward_tests::token::read(&tokens.id);
    assert_eq!((&claims["email"], &claims["token_use"]), (&json!(email), &json!("id")), "{claims}");
    assert_eq!((&claims["given_name"], &claims["family_name"]), (&json!("Ada"), &json!("Lovelace")), "{claims}");
    for path in ["/api/v1/users/me", "/api/auth/me", "/auth/me"] {
        let me = accounts.doorward.get(path).bearer(&tokens.access).send().expect(200).json();
        assert_eq!((&me["email"], &me["roles"]), (&json!(email), &json!(["user"])), "{path}");
    }
    if !accounts.is_in_a_pool() {
        let (_, access) = doorward_tests::token::read(&tokens.access);
        assert_eq!((&claims["roles"], &access["roles"]), (&json!(["user"]), &json!(["user"])), "{access}");
    }
    assert!(accounts.doorward.accepts(&tokens.access));
    for other in [&tokens.refresh, "nonsense"] {
        accounts.assert_bearer(other, false);
    }
}

fn a_wrong_password_and_an_unknown_address_are_refused_alike(accounts: &Accounts) {
    let email = accounts.person("known");
    for (email, password) in [(&*email, "Wrong-Harbour-41"), ("nobody@example.com", PASSWORD), ("nonsense", PASSWORD)] {
        let refused = accounts.login(email, password).problem(401);
        assert_eq!(refused["detail"], "Invalid email or password", "{email}");
    }
    accounts.tokens(&email);
}

fn refreshing_gives_new_tokens(accounts: &Accounts) {
    let tokens = accounts.tokens(&accounts.person("fresh"));
    let answer = accounts.refresh(&tokens.refresh).expect(200).json();
    assert_members(&answer, &["access_token", "expires_in", "id_token", "refresh_token", "token_type"]);
    let fresh = Tokens::of(&answer);
    accounts.assert_bearer(&fresh.access, true);
    accounts.refresh(&fresh.refresh).expect(200);
    for bad in ["nonsense", &tokens.access, &format!("{}A", fresh.refresh)] {
        accounts.refresh(bad).problem(401);
    }
}

fn a_code_may_be_asked_for_again(accounts: &Accounts) {
    accounts.register("again@example.com").expect(201);
    let first = accounts.confirmation_code("again@example.com");
    accounts.let_time_pass(2);
    let answer = accounts.request_code("again@example.com", VERIFICATION).expect(200).json();
    assert_eq!(answer, json!({"message": "OTP sent successfully to your email"}));
    let second = accounts.confirmation_code("again@example.com");
    if first != second {
        accounts.verify("again@example.com", &first).problem(400);
    }
    accounts.verify("again@example.com", &second).expect(200);
    accounts.let_time_pass(10);
    let verified = accounts.request_code("again@example.com", VERIFICATION).expect(200).json();
    assert_eq!(verified, answer, "the same for an address that needs none");
    for purpose in [VERIFICATION, RESET] {
        let unknown = format!("nobody-{}@example.com", purpose.replace('_', "-"));
        assert_eq!(accounts.request_code(&unknown, purpose).expect(200).json(), answer);
    }
}

fn codes_are_asked_for_only_so_often(accounts: &Accounts) {
    let known = accounts.person("often");
    accounts.let_time_pass(60);
    for email in [&*known, "nobody-often@example.com"] {
        accounts.request_code(email, RESET).expect(200);
        let soon = accounts.request_code(&email.to_uppercase(), RESET);
        let wait: u64 = soon.header("retry-after").expect("Retry-After").parse().expect("seconds");
        assert!((1..=120).contains(&wait), "{wait}");
        soon.problem(429);
        let again = (0..12).filter(|_| {
            accounts.let_time_pass(5);
            accounts.request_code(email, RESET).status == 200
        });
        let sent = 1 + again.count();
        assert!((4..=5).contains(&sent), "{sent} codes to {email} in an hour");
    }
}

fn bad_requests_are_refused_field_by_field(accounts: &Accounts) {
    let code = json!({"email": "a@example.com", "purpose": "sign_in"});
    assert_eq!(fields(&accounts.post("request-otp", &code).problem(400)), ["purpose"]);
    let presented = json!({"email": "a@example.com", "code": "123456", "purpose": "email_change"});
    assert_eq!(fields(&accounts.post("verify-otp", &presented).problem(400)), ["purpose"]);
    let missing = [
        ("request-otp", json!({"purpose": RESET}), "email"),
        ("request-otp", json!({"email": "a@example.com"}), "purpose"),
        ("verify-otp", json!({"email": "a@example.com", "purpose": RESET}), "code"),
        ("reset-password", json!({"reset_token": "x"}), "new_password"),
        ("login", json!({"email": "a@example.com"}), "password"),
        ("refresh", json!({}), "refresh_token"),
    ];
    for (call, body, field) in missing {
        assert_eq!(fields(&accounts.post(call, &body).problem(400)), [field], "{call} {body}");
    }
    let calls = ["register", "verify-otp", "reset-password", "login", "refresh", "request-otp"];
    for path in calls.map(|call| format!("/api/v1/auth/{call}")) {
        accounts.doorward.post(&path).text("application/json", "{").send().problem(400);
        accounts.doorward.post(&path).text("application/json", "[]").send().problem(400);
        accounts.doorward.post(&path).text("text/plain", "{}").send().problem(415);
    }
}

fn a_reset_takes_a_code_and_then_a_token(accounts: &Accounts) {
    let email = accounts.person("forgetful");
    let code = accounts.reset_code(&email);
    let wrong = accounts.present(&email, &another(&code), RESET).problem(400);
    assert_eq!(wrong["detail"], "Invalid confirmation code");
    accounts.present(&email, &code, VERIFICATION).problem(400);
    let answer = accounts.present(&email, &code, RESET).expect(200).json();
    assert_members(&answer, &["message", "reset_token"]);
    assert_eq!(answer["message"], "Code verified");
    accounts.present(&email, &code, RESET).problem(400);
    let token = text(&answer["reset_token"]);
    accounts.assert_bearer(&token, false);
    for (token, password) in [("nonsense", NEW_PASSWORD), (&format!("{token}A"), NEW_PASSWORD)] {
        assert_eq!(accounts.reset(token, password).problem(400)["detail"], "Invalid or expired reset token");
    }
    for weak in ["short-1", "password1", &*email] {
        assert_eq!(fields(&accounts.reset(&token, weak).problem(400)), ["new_password"], "{weak}");
    }
    let answer = accounts.reset(&token, NEW_PASSWORD).expect(200).json();
    assert_eq!(answer, json!({"message": "Password changed"}));
    assert_eq!(accounts.reset(&token, PASSWORD).problem(400)["detail"], "Invalid or expired reset token");
    accounts.login(&email, PASSWORD).problem(401);
    accounts.login(&email, NEW_PASSWORD).expect(200);
    let notice = accounts.mailbox.next_to(&email);
    assert!(!notice.text().contains(NEW_PASSWORD), "{}", notice.text());
}

fn a_reset_ends_every_session(accounts: &Accounts) {
    let (email, other) = (accounts.person("thorough"), accounts.person("bystander"));
    let (one, two, others) = (accounts.tokens(&email), accounts.tokens(&email), accounts.tokens(&other));
    let elsewhere = accounts.doorward.sign_in(&email, PASSWORD).send().expect(200).json();
    let token = accounts.reset_token(&email);
    accounts.reset(&token, NEW_PASSWORD).expect(200);
    for tokens in [&one, &two] {
        accounts.assert_bearer(&tokens.access, false);
        accounts.refresh(&tokens.refresh).problem(401);
    }
    accounts.assert_bearer(&text(&elsewhere["access_token"]), false);
    accounts.assert_bearer(&others.access, true);
    let new = Tokens::of(&accounts.login(&email, NEW_PASSWORD).expect(200).json());
    accounts.assert_bearer(&new.access, true);
}

fn a_reset_proves_the_mailbox_of_an_unfinished_signup(accounts: &Accounts) {
    let email = "unfinished@example.com";
    accounts.register(email).expect(201);
    accounts.confirmation_code(email);
    let token = accounts.reset_token(email);
    accounts.reset(&token, NEW_PASSWORD).expect(200);
    accounts.login(email, NEW_PASSWORD).expect(200);
}

fn me(accounts: &Accounts, tokens: &Tokens) -> Value {
    accounts.doorward.get("/api/v1/users/me").bearer(&tokens.access).send().expect(200).json()
}

/// A code that is not that one.
fn another(code: &str) -> String {
    let first = if code.starts_with('9') { "8" } else { "9" };
    format!("{first}{}", &code[1..])
}
