//! What is sent to the accounts surface that is no good, for every call that takes a body; and a store that is gone.

use axum::body::Body;
use serde_json::{Value, json};

use crate::app::{Actor, App, Outcome, PASSWORD};
use crate::post::registration;

const ADA: &str = "ada@example.com";
const JSON: (&str, &str) = ("content-type", "application/json");

/// Every call that takes a body, with one that can be read.
fn calls() -> [(&'static str, &'static str, Value); 10] {
    let code = json!({"email": ADA, "code": "012345", "purpose": "email_verification"});
    [
        ("POST", "/api/v1/auth/register", registration(ADA)),
        ("POST", "/api/v1/auth/verify-otp", code),
        ("POST", "/api/v1/auth/request-otp", json!({"email": ADA, "purpose": "password_reset"})),
        ("POST", "/api/v1/auth/reset-password", json!({"reset_token": "x", "new_password": PASSWORD})),
        ("POST", "/api/v1/auth/login", json!({"email": ADA, "password": PASSWORD})),
        ("POST", "/api/v1/auth/refresh", json!({"refresh_token": "x"})),
        ("POST", "/api/v1/users/me/password", json!({"current_password": "x", "new_password": PASSWORD})),
        ("POST", "/api/v1/users/me/email", json!({"new_email": "new@example.com"})),
        ("POST", "/api/v1/users/me/email/verify", json!({"code": "012345"})),
        ("DELETE", "/api/v1/users/me", json!({"password": "x"})),
    ]
}

async fn somebody(app: &App) -> Outcome<Actor<'_>> {
    app.person("bob@example.com").await
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_refused_before_anything_else() -> Outcome {
    let app = App::start().await?;
    let bob = somebody(&app).await?;
    for (method, path, body) in calls() {
        let good = body.to_string();
        let doubled = good.replacen('{', "{\"x\":1,\"\\u0078\":2,", 1);
        let deep = good.replacen('{', &format!("{{\"x\":{}{},", "[".repeat(40), "]".repeat(40)), 1);
        let cut = &good[..good.len() - 1];
        for bad in ["[]", "null", "\"x\"", "1", "{", cut, &format!("{good}{good}"), &doubled, &deep, "{\"x\":NaN}"] {
            let answer = bob.send(method, path, Body::from(bad.to_owned()), &[JSON]).await?;
            assert_eq!((answer.status, answer.text("/code")), (400, "malformed_request"), "{path} {bad}");
        }
        let latin = Body::from(&b"{\"email\":\"\xe9\"}"[..]);
        assert_eq!(bob.send(method, path, latin, &[JSON]).await?.status, 400, "{path}");
        for headers in [
            &[][..],
            &[("content-type", "text/plain")],
            &[("content-type", "application/x-www-form-urlencoded")],
            &[JSON, ("content-type", "text/plain")],
            &[JSON, ("content-encoding", "gzip")],
        ] {
            let answer = bob.send(method, path, Body::from(good.clone()), headers).await?;
            assert_eq!((answer.status, answer.text("/code")), (415, "unsupported_media_type"), "{path} {headers:?}");
        }
        let long = format!("{{\"x\":\"{}\"}}", "x".repeat(1024 * 1024));
        assert_eq!(bob.send(method, path, Body::from(long), &[JSON]).await?.status, 413, "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn members_that_are_missing_or_of_another_type_are_named() -> Outcome {
    let app = App::start().await?;
    let bob = somebody(&app).await?;
    for (method, path, body) in calls() {
        let Value::Object(members) = &body else { return Err("no object".into()) };
        for name in members.keys() {
            let optional = name == "password" && path.starts_with("/api/v1/users/");
            for wrong in [Value::Null, json!(1), json!(["x"]), json!({"$ne": ""}), json!("left out")] {
                let mut changed = members.clone();
                if wrong == json!("left out") {
                    changed.remove(name);
                } else {
                    changed.insert(name.clone(), wrong.clone());
                }
                if optional && (wrong.is_null() || wrong == json!("left out")) {
                    continue;
                }
                let answer = bob.json(method, path, &Value::Object(changed)).await?;
                let named = (answer.status, answer.fields());
                assert_eq!(named, (400, vec![name.as_str()]), "{path} {name} {wrong}");
                assert_eq!(answer.header("cache-control"), "no-store");
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn members_that_nobody_asked_for_change_nothing() -> Outcome {
    let app = App::start().await?;
    let bob = somebody(&app).await?;
    for (method, path, body) in calls().into_iter().skip(3) {
        let mut more = body.clone();
        more["remember_me"] = json!({"deep": [1, 2.5, null]});
        let [plain, with_more] = [bob.json(method, path, &body).await?, bob.json(method, path, &more).await?];
        assert_eq!((plain.status, plain.body), (with_more.status, with_more.body), "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn no_text_makes_a_server_error_or_is_echoed() -> Outcome {
    let app = App::start().await?;
    let bob = somebody(&app).await?;
    let long = "x".repeat(100_000);
    for text in ["\u{0}", "\u{202e}abc", "' or 1=1 --", "%00", "\u{1f600}", "{{7*7}}", "\r\nBcc: x", "\u{ffff}", &long]
    {
        for (method, path, body) in calls() {
            let Value::Object(mut members) = body else { return Err("no object".into()) };
            for (_, value) in members.iter_mut().filter(|(name, _)| !["purpose", "accept_terms"].contains(&&***name)) {
                *value = json!(text);
            }
            let answer = bob.json(method, path, &Value::Object(members)).await?;
            assert!((400..500).contains(&answer.status), "{path} {text:.20?} answered {}", answer.status);
            assert!(answer.bytes.len() < 2_000, "{path} {text:.20?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn without_its_store_every_call_says_when_to_come_back() -> Outcome {
    let app = App::start().await?;
    let bob = somebody(&app).await?;
    assert_eq!(bob.get("/api/v1/users/me/sessions").await?.status, 200);
    app.store.close().await;
    for (method, path, body) in calls() {
        // A token that cannot be one needs no store to be refused.
        if path.ends_with("/reset-password") || path.ends_with("/refresh") {
            continue;
        }
        let answer = bob.json(method, path, &body).await?;
        assert_eq!((answer.status, answer.header("retry-after")), (503, "1"), "{path}: {answer:?}");
        assert_eq!((answer.text("/code"), answer.header("cache-control")), ("unavailable", "no-store"), "{path}");
    }
    Ok(())
}
