//! When Doorward itself cannot: 503 with when to come back, and never a wrong "no".

use std::sync::atomic::Ordering;

use serde_json::json;

use crate::app::{App, Outcome, PASSWORD};

#[tokio::test]
async fn without_its_store_it_says_so_and_judges_no_token() -> Outcome {
    let app = App::start().await?;
    let alice = app.person("alice@example.com").await?;
    let fresh = app.signed_in("alice@example.com").await?;
    assert_eq!(alice.get("/auth/me").await?.status, 200);
    app.store.close().await;
    let credentials = json!({"email": "alice@example.com", "password": PASSWORD});
    let unseen = json!({"token": fresh.token});
    for (path, body) in [
        ("/api/auth/signin", &credentials),
        ("/auth/register", &json!({"email": "b@example.com", "password": PASSWORD})),
        ("/auth/validate", &unseen),
    ] {
        let answer = app.anon().post(path, body).await?;
        assert_eq!((answer.status, answer.header("retry-after")), (503, "1"), "{path}");
        assert_eq!(answer.text("/code"), "unavailable", "{path}");
        let told = answer.body.to_string().to_lowercase();
        assert!(!told.contains("sql") && !told.contains("pool"), "{told}");
    }
    assert_eq!(alice.get("/auth/me").await?.status, 200, "what is remembered goes on");
    let ready = app.anon().get("/readyz").await?;
    assert_eq!((ready.status, ready.fields()), (503, vec!["store"]));
    assert_eq!(app.anon().get("/livez").await?.status, 200);
    assert_eq!(app.anon().get("/health").await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn it_is_not_ready_while_it_starts_or_stops() -> Outcome {
    let app = App::start().await?;
    assert_eq!(app.anon().get("/readyz").await?.status, 200);
    app.readiness.store(false, Ordering::Release);
    let ready = app.anon().get("/readyz").await?;
    assert_eq!((ready.status, ready.fields()), (503, vec!["server"]));
    Ok(())
}
