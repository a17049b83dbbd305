//! Refresh and logout beside each sign-in.

use serde_json::{Value, json};

use crate::app::{App, Outcome, PASSWORD};

const SURFACES: [(&str, &str, &str); 2] =
    [("/api/auth/signin", "/api/auth/refresh", "/api/auth/logout"), ("/auth/login", "/auth/refresh", "/auth/logout")];

async fn tokens(app: &App, path: &str) -> Outcome<Value> {
    let credentials = json!({"email": "alice@example.com", "password": PASSWORD});
    Ok(app.anon().post(path, &credentials).await?.body)
}

fn token<'b>(body: &'b Value, member: &str) -> &'b str {
    body[member].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_refresh_token_gives_the_sign_in_answer_again_and_works_once() -> Outcome {
    let app = App::start().await?;
    app.person("alice@example.com").await?;
    for (sign_in, refresh, _) in SURFACES {
        let first = tokens(&app, sign_in).await?;
        let wish = json!({"refresh_token": first["refresh_token"]});
        let second = app.anon().post(refresh, &wish).await?;
        assert_eq!(second.status, 200, "{refresh}");
        assert_ne!(second.body["refresh_token"], first["refresh_token"]);
        assert_eq!(second.body["user"]["email"], "alice@example.com");
        assert_eq!(second.body["expires_in"], first["expires_in"]);
        app.clock.advance(jiff::SignedDuration::from_secs(30));
        let reused = app.anon().post(refresh, &wish).await?;
        assert_eq!((reused.status, reused.text("/code")), (401, "invalid_refresh_token"));
        let ended = app.bearer(second.text("/access_token")).get("/api/auth/me").await?;
        assert_eq!((ended.status, ended.text("/detail")), (401, "Token has been revoked"));
    }
    Ok(())
}

#[tokio::test]
async fn what_is_no_refresh_token_answers_401_or_names_the_member() -> Outcome {
    let app = App::start().await?;
    for (refresh, missing) in [("/api/auth/refresh", 400), ("/auth/refresh", 422)] {
        let unknown = app.anon().post(refresh, &json!({"refresh_token": "dwr_x_y"})).await?;
        assert_eq!(unknown.status, 401);
        assert_eq!(unknown.header("www-authenticate"), "Bearer error=\"invalid_token\"");
        let answer = app.anon().post(refresh, &json!({})).await?;
        assert_eq!((answer.status, answer.fields()), (missing, vec!["refresh_token"]));
    }
    Ok(())
}

#[tokio::test]
async fn logging_out_ends_the_access_token_and_the_refresh_token() -> Outcome {
    let app = App::start().await?;
    app.person("alice@example.com").await?;
    for (sign_in, refresh, logout) in SURFACES {
        let held = tokens(&app, sign_in).await?;
        let bearer = app.bearer(token(&held, "access_token"));
        let out = bearer.call("POST", logout).await?;
        assert_eq!((out.status, &out.body), (200, &json!({"message": "Successfully logged out"})));
        assert_eq!(bearer.get("/api/auth/me").await?.status, 401);
        let renewed = app.anon().post(refresh, &json!({"refresh_token": held["refresh_token"]})).await?;
        assert_eq!(renewed.status, 401);
        assert_eq!(bearer.call("POST", logout).await?.status, 401);
    }
    Ok(())
}

#[tokio::test]
async fn logging_out_by_refresh_token_needs_no_access_token() -> Outcome {
    let app = App::start().await?;
    app.person("alice@example.com").await?;
    for (sign_in, _, logout) in SURFACES {
        let held = tokens(&app, sign_in).await?;
        let wish = json!({"refresh_token": held["refresh_token"]});
        assert_eq!(app.bearer("over.and.done").post(logout, &wish).await?.status, 200);
        assert_eq!(app.bearer(token(&held, "access_token")).get("/auth/me").await?.status, 401);
        assert_eq!(app.anon().post(logout, &wish).await?.status, 401);
        assert_eq!(app.anon().call("POST", logout).await?.status, 401);
        assert_eq!(app.anon().post(logout, &json!({})).await?.status, 401);
    }
    Ok(())
}

#[tokio::test]
async fn everywhere_ends_every_session_and_needs_a_bearer_token() -> Outcome {
    let app = App::start().await?;
    let first = app.person("alice@example.com").await?;
    let second = app.signed_in("alice@example.com").await?;
    let held = tokens(&app, "/auth/login").await?;
    let by_refresh = json!({"refresh_token": held["refresh_token"]});
    assert_eq!(app.anon().post("/auth/logout?everywhere=true", &by_refresh).await?.status, 401);
    assert_eq!(second.get("/auth/me").await?.status, 200);
    assert_eq!(first.call("POST", "/auth/logout?everywhere=perhaps").await?.status, 422);
    assert_eq!(first.call("POST", "/auth/logout?everywhere=true").await?.status, 200);
    for ended in [first, second, app.bearer(token(&held, "access_token"))] {
        assert_eq!(ended.get("/auth/me").await?.status, 401);
    }
    Ok(())
}
