//! What people change of their own account, with a token and with a cookie.

use axum::body::Body;
use doorward_identity::mail::LetterKind;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::app::{App, Outcome, PASSWORD};

const ME: &str = "/api/v1/users/me";
const PASSWORD_OF: &str = "/api/v1/users/me/password";
const EMAIL: &str = "/api/v1/users/me/email";
const CONFIRM: &str = "/api/v1/users/me/email/verify";
const ADA: &str = "ada@example.com";
const NEW: &str = "Battery-Staple-9";
const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn a_password_changes_with_the_current_one_and_other_sessions_end() -> Outcome {
    let app = App::start().await?;
    let first = app.member(ADA).await?;
    let [one, other] = [first, app.log_in(ADA, PASSWORD).await?].map(|tokens| app.bearer(tokens.text("/access_token")));
    let wrong = one.post(PASSWORD_OF, &json!({"current_password": "Wrong-Horse-7", "new_password": NEW})).await?;
    assert_eq!((wrong.status, wrong.text("/code")), (400, "wrong_password"));
    assert_eq!(wrong.fields(), ["current_password"]);
    let weak = one.post(PASSWORD_OF, &json!({"current_password": PASSWORD, "new_password": "short"})).await?;
    assert_eq!((weak.status, weak.fields()), (400, vec!["new_password"]), "{weak:?}");
    let done = one.post(PASSWORD_OF, &json!({"current_password": PASSWORD, "new_password": NEW})).await?;
    assert_eq!((done.status, &done.body), (200, &json!({"message": "Password changed"})), "{done:?}");
    assert_eq!(done.header("cache-control"), "no-store");
    assert_eq!([one.get(ME).await?.status, other.get(ME).await?.status], [200, 401]);
    assert_eq!([app.log_in(ADA, PASSWORD).await?.status, app.log_in(ADA, NEW).await?.status], [401, 200]);
    assert_eq!(app.post_of(ADA).await?.last(), Some(&LetterKind::PasswordChanged));
    Ok(())
}

#[tokio::test]
async fn an_address_changes_with_a_code_that_came_to_the_new_one() -> Outcome {
    const LOVELACE: &str = "lovelace@example.com";
    let app = App::start().await?;
    let ada = app.bearer(app.member(ADA).await?.text("/access_token"));
    let wrong = ada.post(EMAIL, &json!({"new_email": LOVELACE, "password": "Wrong-Horse-7"})).await?;
    assert_eq!((wrong.status, wrong.text("/code"), wrong.fields()), (400, "wrong_password", vec!["password"]));
    let bad = ada.post(EMAIL, &json!({"new_email": "nowhere", "password": PASSWORD})).await?;
    assert_eq!((bad.status, bad.fields()), (400, vec!["new_email"]));
    let sent = ada.post(EMAIL, &json!({"new_email": LOVELACE, "password": PASSWORD})).await?;
    assert_eq!((sent.status, &sent.body), (200, &json!({"message": "OTP sent"})), "{sent:?}");
    let code = app.code_for(LOVELACE).await?;
    let as_number = ada.post(CONFIRM, &json!({"code": 1})).await?;
    assert_eq!((as_number.status, as_number.fields()), (400, vec!["code"]));
    let wrong = if code == "000000" { "111111" } else { "000000" };
    assert_eq!(ada.post(CONFIRM, &json!({"code": wrong})).await?.text("/code"), "invalid_code");
    let done = ada.post(CONFIRM, &json!({"code": code})).await?;
    assert_eq!((done.status, &done.body), (200, &json!({"message": "Email changed"})), "{done:?}");
    assert_eq!(ada.get(ME).await?.text("/email"), LOVELACE);
    assert_eq!([app.log_in(ADA, PASSWORD).await?.status, app.log_in(LOVELACE, PASSWORD).await?.status], [401, 200]);
    assert_eq!(app.post_of(ADA).await?.last(), Some(&LetterKind::EmailChanged));
    Ok(())
}

#[tokio::test]
async fn an_account_goes_with_its_password_and_for_good() -> Outcome {
    let app = App::start().await?;
    let ada = app.bearer(app.member(ADA).await?.text("/access_token"));
    let wrong = ada.json("DELETE", ME, &json!({"password": "Wrong-Horse-7"})).await?;
    assert_eq!((wrong.status, wrong.text("/code"), wrong.fields()), (400, "wrong_password", vec!["password"]));
    let gone = ada.json("DELETE", ME, &json!({"password": PASSWORD})).await?;
    assert_eq!((gone.status, gone.bytes.len(), gone.header("cache-control")), (204, 0, "no-store"), "{gone:?}");
    assert_eq!(gone.cookies().len(), 0);
    assert_eq!(ada.get(ME).await?.status, 401);
    assert_eq!(app.log_in(ADA, PASSWORD).await?.status, 401);
    assert_eq!(app.post_of(ADA).await?.last(), Some(&LetterKind::AccountDeleted));
    app.clock.advance(SignedDuration::from_hours(24));
    app.register(ADA).await
}

#[tokio::test]
async fn administrators_do_not_delete_themselves() -> Outcome {
    let app = App::start().await?;
    let answer = app.admin().await?.json("DELETE", ME, &json!({"password": PASSWORD})).await?;
    assert_eq!((answer.status, answer.text("/code")), (403, "own_access"), "{answer:?}");
    Ok(())
}

/// The calls that change something of one's own, with bodies that can be read.
fn changes() -> [(&'static str, &'static str, Value); 4] {
    [
        ("POST", PASSWORD_OF, json!({"current_password": "x", "new_password": NEW})),
        ("POST", EMAIL, json!({"new_email": "new@example.com"})),
        ("POST", CONFIRM, json!({"code": "000000"})),
        ("DELETE", ME, json!({})),
    ]
}

#[tokio::test]
async fn nobody_changes_anything_without_being_signed_in() -> Outcome {
    let app = App::start().await?;
    for (method, path, body) in changes() {
        let anonymous = app.anon().json(method, path, &body).await?;
        assert_eq!((anonymous.status, anonymous.header("www-authenticate")), (401, "Bearer"), "{path}");
        let dead = app.bearer("x").json(method, path, &body).await?;
        let challenge = "Bearer error=\"invalid_token\"";
        assert_eq!((dead.status, dead.header("www-authenticate")), (401, challenge), "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn a_page_of_another_site_changes_nothing_with_a_cookie() -> Outcome {
    let app = App::start().await?;
    let mut browser = app.browser();
    browser.sign_in(ADA).await?;
    for (method, path, body) in changes() {
        for elsewhere in
            [("origin", "https://evil.test"), ("origin", "null"), ("sec-fetch-site", "cross-site"), ("origin", "")]
        {
            let answer = browser.send(method, path, Body::from(body.to_string()), &[elsewhere, JSON]).await?;
            assert_eq!((answer.status, answer.text("/code")), (403, "cross_site"), "{path} {elsewhere:?}");
        }
        // What a form of another site could send without asking first.
        let form = [("origin", "https://evil.test"), ("content-type", "text/plain")];
        assert_eq!(browser.send(method, path, Body::from(body.to_string()), &form).await?.status, 403, "{path}");
    }
    assert!(browser.is_signed_in().await?);
    assert!(app.post_of("new@example.com").await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn without_a_password_a_sign_in_of_just_now_is_enough_and_an_older_one_is_not() -> Outcome {
    let app = App::start().await?;
    let mut browser = app.browser();
    browser.sign_in(ADA).await?;
    let own = ("origin", "https://app.example.com");
    app.clock.advance(SignedDuration::from_mins(50));
    for (method, path, body) in [("POST", EMAIL, json!({"new_email": "new@example.com"})), ("DELETE", ME, json!({}))] {
        let answer = browser.send(method, path, Body::from(body.to_string()), &[own, JSON]).await?;
        assert_eq!((answer.status, answer.text("/code")), (401, "sign_in_again"), "{path}");
        let challenge = answer.header("www-authenticate");
        assert!(challenge.starts_with("Bearer error=\"insufficient_user_authentication\""), "{challenge}");
    }
    browser.sign_in(ADA).await?;
    let gone = browser.send("DELETE", ME, Body::empty(), &[own]).await?;
    assert_eq!(gone.status, 204, "{gone:?}");
    assert!(browser.cookies.is_empty(), "{:?}", browser.cookies);
    Ok(())
}
