//! What every answer carries, whoever gives it.

use axum::body::Body;

use crate::app::{App, Outcome};

#[tokio::test]
async fn a_good_request_id_comes_back_and_a_bad_one_is_replaced() -> Outcome {
    let app = App::start().await?;
    let own = app.anon().send("GET", "/health", Body::empty(), &[("x-request-id", "job-7.a_b")]).await?;
    assert_eq!(own.header("x-request-id"), "job-7.a_b");
    let mut made = Vec::new();
    for bad in ["", "a b", "<script>", &"x".repeat(129)] {
        let answer = app.anon().send("GET", "/nothing", Body::empty(), &[("x-request-id", bad)]).await?;
        let id = answer.header("x-request-id").to_owned();
        assert!(!id.is_empty() && id != bad, "{bad:?} became {id:?}");
        made.push(id);
    }
    made.dedup();
    assert_eq!(made.len(), 4);
    Ok(())
}

#[tokio::test]
async fn every_answer_has_security_headers_and_hsts_only_over_https() -> Outcome {
    let app = App::start().await?;
    for path in ["/health", "/nothing", "/auth/me"] {
        let answer = app.anon().get(path).await?;
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("x-frame-options"), "DENY");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("content-security-policy"), "default-src 'none'; frame-ancestors 'none'");
        assert_eq!(answer.header("strict-transport-security"), "");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    let app = App::start_with(|settings| settings.public_url = "https://door.example.com".to_owned()).await?;
    let answer = app.anon().get("/health").await?;
    assert_eq!(answer.header("strict-transport-security"), "max-age=31536000; includeSubDomains");
    Ok(())
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_may_ask_and_read_and_no_other() -> Outcome {
    let app = App::start().await?;
    let ask = |origin| {
        [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "authorization,content-type"),
        ]
    };
    let good = ask("https://app.example.com");
    let answer = app.anon().send("OPTIONS", "/api/auth/signin", Body::empty(), &good).await?;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), "https://app.example.com");
    assert_eq!(answer.header("access-control-allow-credentials"), "true");
    assert_eq!(answer.header("access-control-allow-headers"), "authorization,content-type");
    assert!(answer.header("access-control-allow-methods").contains("POST"));

    let read = app.anon().send("GET", "/auth/me", Body::empty(), &good[..1]).await?;
    assert_eq!(read.status, 401);
    assert_eq!(read.header("access-control-allow-origin"), "https://app.example.com");
    assert!(read.header("access-control-expose-headers").contains("WWW-Authenticate"));
    assert_eq!(read.header("vary"), "Origin");

    for other in ["https://evil.test", "null", "https://app.example.com.evil.test", "http://localhost:3000"] {
        for (method, headers) in [("OPTIONS", &ask(other)[..]), ("GET", &ask(other)[..1])] {
            let answer = app.anon().send(method, "/auth/me", Body::empty(), headers).await?;
            assert_eq!(answer.header("access-control-allow-origin"), "", "{other}");
            assert_eq!(answer.header("vary"), "Origin", "{other}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn requests_are_counted_under_the_names_of_routes() -> Outcome {
    let app = App::start().await?;
    for (method, path, expected) in [
        ("GET", "/health?secret=1", ("/health", "GET", 200)),
        ("GET", "/admin/v1/users/7", ("/admin/v1/users/{id}", "GET", 401)),
        ("GET", "/wp-login.php", ("unmatched", "GET", 404)),
        ("BREW", "/health", ("/health", "OTHER", 405)),
    ] {
        app.anon().call(method, path).await?;
        let counted = app.counted.last();
        let counted = counted.as_ref().map(|(route, method, status)| (route.as_str(), *method, *status));
        assert_eq!(counted, Some(expected));
    }
    Ok(())
}

#[tokio::test]
async fn a_session_remembers_the_client_that_a_trusted_proxy_names() -> Outcome {
    let app =
        App::start_with(|settings| settings.trusted_proxies = "192.0.2.0/24".parse().into_iter().collect()).await?;
    app.person("alice@example.com").await?;
    let admin = app.admin().await?;
    let body = serde_json::json!({"email": "alice@example.com", "password": crate::app::PASSWORD}).to_string();
    let agent = "é".repeat(300);
    let headers = [
        ("content-type", "application/json"),
        ("x-forwarded-for", "6.6.6.6, 203.0.113.9, 192.0.2.8"),
        ("user-agent", &agent),
    ];
    let signed_in = app.anon().send("POST", "/api/auth/signin", Body::from(body), &headers).await?;
    let id = signed_in.text("/user/id");
    let sessions = admin.get(&format!("/admin/v1/users/{id}/sessions")).await?;
    assert_eq!(sessions.status, 200);
    assert_eq!(sessions.body["items"].as_array().map(Vec::len), Some(2));
    let addresses: Vec<_> = [0, 1].map(|item| sessions.body["items"][item]["address"].as_str()).to_vec();
    assert!(addresses.contains(&Some("203.0.113.9")), "{addresses:?}");
    let agents =
        [0, 1].map(|item| sessions.body["items"][item]["user_agent"].as_str().map_or(0, |it| it.chars().count()));
    assert!(agents.contains(&256), "{agents:?}");
    Ok(())
}
