//! What no client should send: refused in kind, by name, and never with a 5xx.

use axum::body::Body;
use serde_json::json;

use crate::app::{App, Outcome, PASSWORD};

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

#[tokio::test]
async fn a_body_that_is_no_json_object_answers_400_on_every_surface() -> Outcome {
    let app = App::start().await?;
    let admin = app.admin().await?;
    let deep = format!("{{\"email\":{}1{}}}", "[".repeat(40), "]".repeat(40));
    let bodies: [&[u8]; 14] = [
        b"",
        b"{",
        b"{\"email\":}",
        b"[]",
        b"null",
        b"42",
        b"\"text\"",
        b"{\"a\":1}{\"b\":2}",
        b"{\"a\":01}",
        b"{'a':1}",
        b"{\"email\":\"\xff\"}",
        b"{\"email\":\"\\ud800\"}",
        b"{\"nested\":{\"x\":1,\"\\u0078\":2}}",
        deep.as_bytes(),
    ];
    for path in ["/api/auth/signup", "/api/auth/signin", "/auth/register", "/auth/login", "/admin/v1/users"] {
        for body in bodies {
            let answer = admin.send("POST", path, Body::from(body.to_vec()), &JSON).await?;
            assert_eq!(answer.status, 400, "{path} {:?}", String::from_utf8_lossy(body));
            assert_eq!(answer.text("/code"), "malformed_request");
        }
    }
    Ok(())
}

#[tokio::test]
async fn nesting_is_fine_to_a_depth_of_32() -> Outcome {
    let app = App::start().await?;
    for (levels, status) in [(31, 200), (32, 400)] {
        let body = format!(r#"{{"token":"x","more":{}1{}}}"#, "[".repeat(levels), "]".repeat(levels));
        let answer = app.anon().send("POST", "/auth/validate", Body::from(body), &JSON).await?;
        assert_eq!(answer.status, status, "{levels} levels");
    }
    Ok(())
}

#[tokio::test]
async fn another_media_type_or_a_compressed_body_answers_415() -> Outcome {
    let app = App::start().await?;
    let body = json!({"token": "x"}).to_string();
    for (headers, status) in [
        (&[("content-type", "application/json")][..], 200),
        (&[("content-type", "Application/JSON;charset=UTF-8")], 200),
        (&[("content-type", "application/vnd.api+json")], 200),
        (&[("content-type", "application/json"), ("content-encoding", "identity")], 200),
        (&[], 415),
        (&[("content-type", "text/plain")], 415),
        (&[("content-type", "application/x-www-form-urlencoded")], 415),
        (&[("content-type", "application/jsonx")], 415),
        (&[("content-type", "+json")], 415),
        (&[("content-type", "\u{e9}+json")], 415),
        (&[("content-type", "application/json; charset=utf-16")], 415),
        (&[("content-type", "application/json"), ("content-type", "text/plain")], 415),
        (&[("content-type", "application/json"), ("content-encoding", "gzip")], 415),
    ] {
        let answer = app.anon().send("POST", "/auth/validate", Body::from(body.clone()), headers).await?;
        assert_eq!(answer.status, status, "{headers:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_body_over_one_mebibyte_answers_413_announced_or_not() -> Outcome {
    let app = App::start().await?;
    let body = format!(r#"{{"token":"{}"}}"#, "x".repeat(1024 * 1024));
    let answer = app.anon().send("POST", "/auth/validate", Body::from(body), &JSON).await?;
    assert_eq!(answer.status, 413);
    let announced = [JSON[0], ("content-length", "1048577")];
    let answer = app.anon().send("POST", "/auth/validate", Body::empty(), &announced).await?;
    assert_eq!(answer.status, 413);
    Ok(())
}

#[tokio::test]
async fn members_of_the_wrong_type_are_named_all_at_once() -> Outcome {
    let app = App::start().await?;
    let admin = app.admin().await?;
    for (path, status) in [("/api/auth/signup", 400), ("/auth/register", 422), ("/admin/v1/users", 422)] {
        let answer = admin.post(path, &json!({"email": ["a@example.com"], "password": {"$ne": ""}})).await?;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.fields(), ["email", "password"], "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn administration_refuses_what_it_does_not_know_by_name() -> Outcome {
    let app = App::start().await?;
    let admin = app.admin().await?;
    let wish = json!({"email": "new@example.com", "id": "x", "status": "active"});
    let answer = admin.post("/admin/v1/users", &wish).await?;
    let mut fields = answer.fields();
    fields.sort_unstable();
    assert_eq!((answer.status, fields), (422, vec!["id", "status"]));
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("limit=1&limit=2", "limit"),
        ("after=x", "after"),
        ("offset=3", "offset"),
        ("search=%00", "search"),
    ] {
        let answer = admin.get(&format!("/admin/v1/users?{query}")).await?;
        assert_eq!((answer.status, answer.fields()), (422, vec![field]), "{query}");
    }
    let answer = admin.get("/admin/v1/audit-events?action=nothing&subject=%00&before=0").await?;
    assert_eq!((answer.status, answer.fields()), (422, vec!["subject", "action", "before"]));
    Ok(())
}

#[tokio::test]
async fn a_flood_of_parameters_is_refused_before_they_are_compared() -> Outcome {
    let app = App::start().await?;
    let query = format!("/api/v1/auth/login?{}", "a&".repeat(101));
    assert_eq!(app.anon().get(&query).await?.text("/code"), "malformed_request");
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let flood = Body::from("a&".repeat(500_000));
    let answer = app.anon().send("POST", "/api/v1/auth/backchannel-logout", flood, &form).await?;
    assert_eq!((answer.status, answer.text("/code")), (400, "malformed_request"));
    Ok(())
}

#[tokio::test]
async fn odd_ids_paths_and_methods_answer_404_and_405() -> Outcome {
    let app = App::start().await?;
    let admin = app.admin().await?;
    for path in [
        "/admin/v1/users/7",
        "/admin/v1/users/00000000-0000-7000-8000-000000000000",
        "/admin/v1/users/%00",
        "/admin/v1/users/%ff",
        "/admin/v1/teams/x/members",
        "/nothing",
        "/auth/me/",
        "//auth/me",
    ] {
        let answer = admin.get(path).await?;
        assert_eq!((answer.status, answer.header("content-type")), (404, "application/problem+json"), "{path}");
    }
    assert_eq!(admin.call("DELETE", "/admin/v1/keys/%00").await?.status, 404);
    for (method, path, allow) in [
        ("GET", "/auth/login", "POST"),
        ("DELETE", "/health", "GET,HEAD"),
        ("TRACE", "/auth/me", "GET,HEAD"),
        ("PUT", "/admin/v1/users", "GET,HEAD,POST"),
        ("QUERY", "/docs", "GET,HEAD"),
    ] {
        let answer = app.anon().call(method, path).await?;
        assert_eq!((answer.status, answer.header("allow")), (405, allow), "{method} {path}");
        assert_eq!(answer.text("/code"), "method_not_allowed");
    }
    Ok(())
}

#[tokio::test]
async fn no_bytes_at_all_make_a_server_error() -> Outcome {
    let app = App::start().await?;
    let strange = ["\u{0}", "\u{202e}", "' or 1=1 --", "%00", "\u{1f600}", "{{7*7}}", "\r\nX: y", "\u{ffff}"];
    for text in strange {
        let wish = json!({"email": format!("{text}@example.com"), "password": text.repeat(20), "name": text});
        for path in ["/api/auth/signup", "/api/auth/signin", "/auth/register", "/auth/login"] {
            let answer = app.anon().post(path, &wish).await?;
            assert!(answer.status < 500, "{path} {text:?} answered {}", answer.status);
        }
        for path in ["/auth/validate", "/auth/refresh", "/api/auth/logout"] {
            let answer = app.anon().post(path, &json!({"token": text, "refresh_token": text})).await?;
            assert!(answer.status < 500, "{path} {text:?} answered {}", answer.status);
        }
    }
    let long = json!({"email": "a@example.com", "password": PASSWORD.repeat(40_000)});
    assert_eq!(app.anon().post("/api/auth/signup", &long).await?.status, 400);
    assert_eq!(app.anon().post("/api/auth/signin", &long).await?.status, 401);
    Ok(())
}
