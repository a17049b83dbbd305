//! E-mail and password, call by call.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::app::{App, Outcome, PASSWORD};

#[tokio::test]
async fn signing_up_answers_201_with_the_account_and_nothing_else() -> Outcome {
    let app = App::start().await?;
    let credentials = json!({"email": "Alice@Example.com", "password": PASSWORD, "is_admin": true, "roles": ["admin"]});
    let answer = app.anon().post("/api/auth/signup", &credentials).await?;
    assert_eq!(answer.status, 201);
    let id = answer.text("/id").to_owned();
    assert_eq!(id.len(), 36);
    let expected =
        json!({"id": id, "email": "Alice@Example.com", "created_at": "2026-02-04T10:30:00Z", "last_signin_at": null});
    assert_eq!(answer.body, expected);
    assert_eq!(answer.header("cache-control"), "no-store");
    Ok(())
}

#[tokio::test]
async fn a_taken_address_answers_409_in_any_spelling() -> Outcome {
    let app = App::start().await?;
    app.person("jos\u{e9}@example.com").await?;
    for spelling in ["JOSE\u{301}@EXAMPLE.COM", "jos\u{e9}@example.com"] {
        let answer = app.anon().post("/api/auth/signup", &json!({"email": spelling, "password": PASSWORD})).await?;
        assert_eq!(answer.status, 409, "{spelling}");
        assert_eq!(answer.text("/detail"), "Email already registered");
        assert_eq!(answer.text("/code"), "email_taken");
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    Ok(())
}

#[tokio::test]
async fn a_bad_address_and_every_broken_password_rule_are_told_at_once() -> Outcome {
    let app = App::start().await?;
    let answer = app.anon().post("/api/auth/signup", &json!({"email": "nobody", "password": "short"})).await?;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.fields(), ["email", "password", "password", "password", "password"]);
    for rule in ["name@example.com", "at least 8 characters", "uppercase", "digit", "special"] {
        assert!(answer.text("/detail").contains(rule), "{rule} is missing in {:?}", answer.text("/detail"));
    }
    Ok(())
}

#[tokio::test]
async fn signing_in_answers_tokens_and_the_account() -> Outcome {
    let app = App::start().await?;
    app.person("alice@example.com").await?;
    app.clock.advance(SignedDuration::from_millis(1_250));
    let credentials = json!({"email": "ALICE@example.com", "password": PASSWORD});
    let answer = app.anon().post("/api/auth/signin", &credentials).await?;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["token_type"], "bearer");
    assert_eq!(answer.body["expires_in"], 604_800);
    assert_eq!(answer.body["user"]["email"], "alice@example.com");
    assert_eq!(answer.body["user"]["last_signin_at"], "2026-02-04T10:30:01.250Z");
    assert!(answer.text("/refresh_token").starts_with("dwr_"));
    assert_eq!(answer.header("cache-control"), "no-store");
    let members: Vec<&String> = answer.body.as_object().map(|body| body.keys().collect()).unwrap_or_default();
    assert_eq!(members, ["access_token", "expires_in", "refresh_token", "token_type", "user"]);
    Ok(())
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_answer_alike() -> Outcome {
    let app = App::start().await?;
    app.person("alice@example.com").await?;
    let mut bodies = Vec::new();
    for email in ["alice@example.com", "nobody@example.com", "not an address"] {
        let credentials = json!({"email": email, "password": "Wrong-Horse-7"});
        let answer = app.anon().post("/api/auth/signin", &credentials).await?;
        assert_eq!(answer.status, 401, "{email}");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
        assert_eq!(answer.text("/detail"), "Invalid credentials");
        bodies.push(answer.body);
    }
    assert_eq!(bodies[0], bodies[1]);
    assert_eq!(bodies[0], bodies[2]);
    Ok(())
}

#[tokio::test]
async fn failing_too_often_answers_429_with_when_to_come_back() -> Outcome {
    let app = App::start().await?;
    app.person("alice@example.com").await?;
    let wrong = json!({"email": "alice@example.com", "password": "Wrong-Horse-7"});
    let mut statuses = Vec::new();
    for _ in 0..8 {
        let answer = app.anon().post("/api/auth/signin", &wrong).await?;
        if answer.status == 429 {
            assert!(answer.header("retry-after").parse::<u64>()? > 0);
            assert_eq!(answer.text("/code"), "throttled");
        }
        statuses.push(answer.status);
    }
    assert_eq!(statuses.first(), Some(&401));
    assert_eq!(statuses.last(), Some(&429));
    Ok(())
}

#[tokio::test]
async fn me_is_the_account_and_401_says_how_to_sign_in() -> Outcome {
    let app = App::start().await?;
    let alice = app.person("alice@example.com").await?;
    let me = alice.get("/api/auth/me").await?;
    assert_eq!(me.status, 200);
    assert_eq!(me.body["email"], "alice@example.com");
    assert_eq!(me.body["last_signin_at"], "2026-02-04T10:30:00Z");

    let missing = app.anon().get("/api/auth/me").await?;
    assert_eq!((missing.status, missing.header("www-authenticate")), (401, "Bearer"));
    assert_eq!(missing.text("/detail"), "Not authenticated");

    let forged = app.bearer("not.a.token").get("/api/auth/me").await?;
    assert_eq!((forged.status, forged.header("www-authenticate")), (401, "Bearer error=\"invalid_token\""));

    app.clock.advance(SignedDuration::from_hours(7 * 24 + 1));
    let expired = alice.get("/api/auth/me").await?;
    assert_eq!((expired.status, expired.text("/detail")), (401, "Token has expired"));
    Ok(())
}

#[tokio::test]
async fn an_authorization_header_that_could_be_read_two_ways_is_refused() -> Outcome {
    let app = App::start().await?;
    let alice = app.person("alice@example.com").await?;
    let token = alice.token.clone().unwrap_or_default();
    let two = alice.send("GET", "/api/auth/me", axum::body::Body::empty(), &[("authorization", "Bearer x")]).await?;
    assert_eq!(two.status, 400);
    for (scheme, status) in [
        (format!("bearer {token}"), 200),
        (format!("BEARER  {token}"), 200),
        (format!("Basic {token}"), 401),
        (format!("Bearer{token}"), 401),
        (format!("Bearer {token} {token}"), 401),
        (format!("Bearer {token},"), 401),
        ("Bearer".to_owned(), 401),
        ("Bearer ".to_owned(), 401),
        (token, 401),
    ] {
        let headers = [("authorization", scheme.as_str())];
        let answer = app.anon().send("GET", "/api/auth/me", axum::body::Body::empty(), &headers).await?;
        assert_eq!(answer.status, status, "{scheme}");
    }
    Ok(())
}

#[tokio::test]
async fn health_has_the_members_of_all_old_systems() -> Outcome {
    let app = App::start().await?;
    let health = app.anon().get("/health").await?;
    let expected =
        json!({"status": "healthy", "service": "doorward", "environment": "development", "version": "0.0.1"});
    assert_eq!((health.status, &health.body), (200, &expected));
    let head = app.anon().call("HEAD", "/health").await?;
    assert_eq!((head.status, head.body), (200, Value::Null));
    Ok(())
}
