//! Identity for microservices, call by call.

use axum::body::Body;
use jiff::SignedDuration;
use serde_json::json;

use crate::app::{App, Outcome, PASSWORD};

#[tokio::test]
async fn registering_answers_tokens_and_the_person_with_the_default_team_and_domain() -> Outcome {
    let app = App::start().await?;
    let wish = json!({"email": "john@example.com", "password": "a long passphrase", "name": "John Doe"});
    let answer = app.anon().post("/auth/register", &wish).await?;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["token_type"], "bearer");
    assert_eq!(answer.body["expires_in"], 1800);
    let user = &answer.body["user"];
    let expected = json!({
        "id": user["id"], "email": "john@example.com", "name": "John Doe", "avatar_url": null,
        "roles": ["user"], "created_at": "2026-02-04T10:30:00Z",
        "teams": [{"id": user["teams"][0]["id"], "name": "General", "external_ref": null, "is_active": true}],
        "domains": [{
            "id": user["domains"][0]["id"], "key": "engineering", "name": "Engineering",
            "parent_domain_id": null, "is_active": true
        }],
    });
    assert_eq!(*user, expected);
    Ok(())
}

#[tokio::test]
async fn a_taken_address_answers_400_and_bad_input_422() -> Outcome {
    let app = App::start().await?;
    app.person("alice@example.com").await?;
    let taken = json!({"email": "alice@example.com", "password": "a long passphrase", "name": "A"});
    let answer = app.anon().post("/auth/register", &taken).await?;
    assert_eq!((answer.status, answer.text("/detail")), (400, "Email already registered"));

    let bad = json!({"email": "nobody", "password": "short", "name": ""});
    let answer = app.anon().post("/auth/register", &bad).await?;
    assert_eq!(answer.status, 422);
    assert_eq!(answer.fields(), ["email", "password", "name"]);
    Ok(())
}

#[tokio::test]
async fn logging_in_answers_the_same_body_and_401_in_the_words_of_this_surface() -> Outcome {
    let app = App::start().await?;
    app.person("alice@example.com").await?;
    let login = json!({"email": "alice@example.com", "password": PASSWORD});
    let answer = app.anon().post("/auth/login", &login).await?;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["user"]["teams"][0]["name"], "General");
    let wrong = json!({"email": "alice@example.com", "password": "wrong"});
    let answer = app.anon().post("/auth/login", &wrong).await?;
    assert_eq!((answer.status, answer.text("/detail")), (401, "Incorrect email or password"));
    assert_eq!(answer.header("www-authenticate"), "Bearer");
    Ok(())
}

#[tokio::test]
async fn validate_answers_200_for_every_token_of_every_surface() -> Outcome {
    let app = App::start().await?;
    let alice = app.person("alice@example.com").await?;
    let login = json!({"email": "alice@example.com", "password": PASSWORD});
    let directory = app.anon().post("/auth/login", &login).await?;
    for token in [alice.token.as_deref().unwrap_or_default(), directory.text("/access_token")] {
        let answer = app.anon().post("/auth/validate", &json!({"token": token})).await?;
        assert_eq!((answer.status, &answer.body["valid"]), (200, &json!(true)));
        assert_eq!(answer.body["error"], json!(null));
        assert_eq!(answer.body["user"]["email"], "alice@example.com");
        assert_eq!(answer.body["user"]["domains"][0]["key"], "engineering");
    }
    let forged = app.anon().post("/auth/validate", &json!({"token": "a.b.c"})).await?;
    assert_eq!(forged.status, 200);
    assert_eq!(forged.body, json!({"valid": false, "user": null, "error": "Token is malformed"}));

    app.clock.advance(SignedDuration::from_mins(31));
    let expired = app.anon().post("/auth/validate", &json!({"token": directory.text("/access_token")})).await?;
    assert_eq!(expired.body, json!({"valid": false, "user": null, "error": "Token has expired"}));
    Ok(())
}

#[tokio::test]
async fn validate_takes_a_json_object_with_a_token_and_nothing_else() -> Outcome {
    let app = App::start().await?;
    for (body, status) in [
        (r#"{"token": "x"}"#, 200),
        (r#"{"token": "x", "more": {"a": [1, null]}}"#, 200),
        (r#"{"token": 7}"#, 422),
        (r#"{"token": null}"#, 422),
        ("{}", 422),
        (r#""x""#, 400),
        ("[]", 400),
        ("null", 400),
        ("", 400),
        (r#"{"token": "x"} {}"#, 400),
        (r#"{"token": "x", "token": "y"}"#, 400),
        (r#"{"token": "x", "t\u006fken": "y"}"#, 400),
    ] {
        let headers = [("content-type", "application/json; charset=utf-8")];
        let answer = app.anon().send("POST", "/auth/validate", Body::from(body), &headers).await?;
        assert_eq!(answer.status, status, "{body}");
    }
    Ok(())
}

#[tokio::test]
async fn teams_and_domains_are_the_callers_own_or_all_that_are_active() -> Outcome {
    let app = App::start().await?;
    let alice = app.person("alice@example.com").await?;
    let names = |body: &serde_json::Value, member: &str| -> Vec<String> {
        let items = body.as_array().cloned().unwrap_or_default();
        items.iter().filter_map(|item| item[member].as_str().map(str::to_owned)).collect()
    };
    for (path, member, expected) in [
        ("/teams", "name", &["General"][..]),
        ("/teams/all", "name", &["Engineering", "General"]),
        ("/domains", "key", &["engineering"]),
        ("/domains/all", "key", &["engineering", "product"]),
    ] {
        let answer = alice.get(path).await?;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(names(&answer.body, member), expected, "{path}");
        assert_eq!(app.anon().get(path).await?.status, 401, "{path}");
    }
    let team = &alice.get("/teams/all").await?.body[0];
    assert_eq!(*team, json!({"id": team["id"], "name": "Engineering", "external_ref": "eng", "is_active": true}));
    Ok(())
}

#[tokio::test]
async fn developer_headers_count_only_where_they_are_allowed_and_a_bearer_token_wins() -> Outcome {
    let headers = [("x-user-email", "dev@example.com"), ("x-user-name", "D\u{e9}v")];
    let app = App::start().await?;
    let refused = app.anon().send("GET", "/auth/me", Body::empty(), &headers).await?;
    assert_eq!(refused.status, 401);

    let app = App::start_with(|settings| settings.dev_headers = true).await?;
    let made = app.anon().send("GET", "/auth/me", Body::empty(), &headers).await?;
    assert_eq!((made.status, made.text("/email"), made.text("/name")), (200, "dev@example.com", "D\u{e9}v"));
    assert_eq!(made.body["teams"][0]["name"], "General");
    let again = app.anon().send("GET", "/teams", Body::empty(), &headers[..1]).await?;
    assert_eq!(again.status, 200);

    let alice = app.person("alice@example.com").await?;
    let both = alice.send("GET", "/auth/me", Body::empty(), &headers).await?;
    assert_eq!(both.text("/email"), "alice@example.com");
    let bad_token = app.bearer("x").send("GET", "/auth/me", Body::empty(), &headers).await?;
    assert_eq!(bad_token.status, 401);

    assert_eq!(app.anon().get("/auth/me").await?.status, 400);
    for odd in ["", "nobody", "a@example.com, b@example.com"] {
        let answer = app.anon().send("GET", "/auth/me", Body::empty(), &[("x-user-email", odd)]).await?;
        assert_eq!(answer.status, 400, "{odd}");
    }
    let twice = [("x-user-email", "a@example.com"), ("x-user-email", "b@example.com")];
    assert_eq!(app.anon().send("GET", "/auth/me", Body::empty(), &twice).await?.status, 400);
    assert_eq!(app.anon().send("GET", "/api/auth/me", Body::empty(), &headers).await?.status, 401);
    Ok(())
}
