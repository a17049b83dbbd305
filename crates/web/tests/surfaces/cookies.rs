//! Cookies that could come from somebody else, and pages that could act for somebody else: none of them is believed.

use axum::body::Body;
use doorward_web::Cors;
use serde_json::json;

use crate::app::{App, Outcome};

const ME: &str = "/api/v1/users/me";
const SESSIONS: &str = "/api/v1/users/me/sessions";
const LOGOUT: &str = "/api/v1/auth/logout";
const APP: &str = "https://app.example.com";

/// The handle of somebody who is signed in.
async fn handle(app: &App) -> Outcome<String> {
    let mut browser = app.browser();
    browser.sign_in("alice@example.com").await?;
    Ok(browser.cookies.remove("access_token").ok_or("no cookie")?)
}

#[tokio::test]
async fn a_cookie_that_is_odd_in_any_way_is_no_session() -> Outcome {
    let app = App::start().await?;
    let handle = handle(&app).await?;
    let end = handle.len() - 1;
    let bad: Vec<Vec<String>> = [
        "",
        "access_token",
        "access_token=",
        "access_token=\"{h}\"",
        "access_token={h}; access_token={h}",
        "access_token={h}; access_token=x",
        "access_token=x; access_token={h}",
        "access_token={h}; ACCESS_TOKEN=x",
        "access_token={h}; __Host-access_token={h}",
        "access_token={h}; __hOsT-access_token=x",
        "access_token={h}; __Secure-access_token=x",
        "__Host-access_token={h}",
        "__Secure-access_token={h}",
        "Access_Token={h}",
        "$Version=1; access_token={h}",
        "$Version=\"1\"; access_token={h}; $Path=\"/\"",
        "access_token={h}; \u{a0}access_token=x",
        "\u{2003}access_token={h}",
        "access_token\u{3000}={h}",
        "access_token ={h}",
        "\taccess_token={h}",
        "access_token={h}\u{a0}",
        "access_token= {h}",
        "access_token={h},x",
        "access_token={h}\\",
        "access_token=%{h}",
        "access_token={h}=",
        "access_token={h}.x",
        "access_token[]={h}",
        "access_token=deleted",
        "access_token=null",
    ]
    .into_iter()
    .map(|cookie| vec![cookie.replace("{h}", &handle)])
    .chain([
        vec![format!("access_token={}", &handle[..end])],
        vec![format!("access_token={}", handle.replacen("dws_", "dwr_", 1))],
        vec![format!("access_token={}", handle.to_uppercase())],
        vec![format!("access_token={handle}"), format!("access_token={handle}")],
        vec![format!("access_token={handle}"), "__Host-Access_Token=x".to_owned()],
        vec![format!("access_token={}", "x".repeat(8000))],
    ])
    .collect();
    for cookies in bad {
        let headers: Vec<(&str, &str)> = cookies.iter().map(|cookie| ("cookie", cookie.as_str())).collect();
        let answer = app.anon().send("GET", ME, Body::empty(), &headers).await?;
        assert_eq!(answer.status, 401, "{cookies:?}");
        let status = app.anon().send("GET", "/api/v1/auth/status", Body::empty(), &headers).await?;
        assert_eq!((status.status, &status.body["authenticated"]), (200, &json!(false)), "{cookies:?}");
    }
    for good in ["access_token={h}", "a=1; access_token={h}; b=\"2\"", "my_access_token=x;access_token={h}"] {
        let cookie = good.replace("{h}", &handle);
        assert_eq!(app.anon().send("GET", ME, Body::empty(), &[("cookie", &cookie)]).await?.status, 200, "{cookie}");
    }
    Ok(())
}

#[tokio::test]
async fn an_authorization_header_keeps_the_cookie_from_being_looked_at() -> Outcome {
    let app = App::start().await?;
    let cookie = format!("access_token={}", handle(&app).await?);
    for (authorization, status) in [
        ("Bearer x", 401),
        ("Bearer", 401),
        ("Bearer ", 401),
        ("Basic YWxpY2U6eA==", 401),
        ("", 401),
        ("Negotiate", 401),
        (&format!("Bearer {}", cookie.trim_start_matches("access_token=")), 401),
    ] {
        let headers = [("cookie", cookie.as_str()), ("authorization", authorization)];
        assert_eq!(app.anon().send("GET", ME, Body::empty(), &headers).await?.status, status, "{authorization}");
    }
    let twice = [("cookie", cookie.as_str()), ("authorization", "Bearer a"), ("authorization", "Bearer a")];
    assert_eq!(app.anon().send("GET", ME, Body::empty(), &twice).await?.status, 400);

    let bearer = app.person("bob@example.com").await?;
    let both = bearer.send("GET", ME, Body::empty(), &[("cookie", &cookie)]).await?;
    assert_eq!(both.text("/email"), "bob@example.com");
    Ok(())
}

#[tokio::test]
async fn a_session_cookie_opens_no_surface_that_takes_tokens_only() -> Outcome {
    let app = App::start().await?;
    let cookie = format!("access_token={}", handle(&app).await?);
    for path in ["/api/auth/me", "/auth/me", "/teams", "/admin/v1/users"] {
        assert_eq!(app.anon().send("GET", path, Body::empty(), &[("cookie", &cookie)]).await?.status, 401, "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn only_pages_of_listed_origins_act_with_a_cookie() -> Outcome {
    let app = App::start_with(|settings| {
        settings.cors = Cors { origins: vec![APP.to_owned()], any_localhost: true };
    })
    .await?;
    let cookie = format!("access_token={}", handle(&app).await?);
    for (headers, allowed) in [
        (&[][..], true),
        (&[("origin", APP)], true),
        (&[("origin", "http://localhost:8000")], true),
        (&[("origin", APP), ("sec-fetch-site", "cross-site")], true),
        (&[("sec-fetch-site", "same-origin")], true),
        (&[("sec-fetch-site", "none")], true),
        (&[("sec-fetch-site", "same-site")], false),
        (&[("sec-fetch-site", "cross-site")], false),
        (&[("sec-fetch-site", "Same-Origin")], false),
        (&[("sec-fetch-site", "")], false),
        (&[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")], false),
        (&[("origin", "null")], false),
        (&[("origin", "")], false),
        (&[("origin", "http://localhost:3000")], false),
        (&[("origin", "http://localhost:8000.evil.test")], false),
        (&[("origin", "https://localhost:8000")], false),
        (&[("origin", "http://localhost")], false),
        (&[("origin", "http://127.0.0.1:8000")], false),
        (&[("origin", "https://app.example.com.evil.test")], false),
        (&[("origin", "https://app.example.com:443")], false),
        (&[("origin", "https://app.example.com/")], false),
        (&[("origin", "https://evil.test"), ("sec-fetch-site", "same-origin")], false),
        (&[("origin", APP), ("origin", "https://evil.test")], false),
        (&[("origin", APP), ("origin", APP)], false),
    ] {
        let mut sent = headers.to_vec();
        sent.push(("cookie", &cookie));
        let answer = app.anon().send("DELETE", SESSIONS, Body::empty(), &sent).await?;
        let expected = if allowed { (200, "") } else { (403, "cross_site") };
        assert_eq!((answer.status, answer.text("/code")), expected, "{headers:?}");
    }
    Ok(())
}

#[tokio::test]
async fn another_sites_form_signs_nobody_out_and_takes_no_cookie_away() -> Outcome {
    let app = App::start().await?;
    let cookie = format!("access_token={}", handle(&app).await?);
    let form = ("content-type", "application/x-www-form-urlencoded");
    let text = ("content-type", "text/plain");
    for headers in [
        &[form, ("origin", "https://evil.test"), ("cookie", &cookie)][..],
        &[form, ("origin", "https://evil.test")],
        &[text, ("origin", "null"), ("cookie", &cookie)],
        &[text, ("sec-fetch-site", "cross-site")],
    ] {
        let answer = app.anon().send("POST", LOGOUT, Body::from("a=b"), headers).await?;
        assert_eq!((answer.status, answer.cookies().len()), (403, 0), "{headers:?}");
    }
    assert_eq!(app.anon().send("GET", ME, Body::empty(), &[("cookie", &cookie)]).await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn reading_needs_no_origin_but_only_listed_ones_may_read_with_cookies() -> Outcome {
    let app = App::start_with(|settings| {
        settings.cors = Cors { origins: vec![APP.to_owned()], any_localhost: true };
    })
    .await?;
    let cookie = format!("access_token={}", handle(&app).await?);
    for (origin, read, credentials) in [
        (APP, APP, "true"),
        ("http://localhost:5173", "http://localhost:5173", ""),
        ("https://evil.test", "", ""),
        ("null", "", ""),
        ("https://app.example.com.evil.test", "", ""),
    ] {
        let headers = [("cookie", cookie.as_str()), ("origin", origin)];
        let answer = app.anon().send("GET", ME, Body::empty(), &headers).await?;
        let allowed = (answer.header("access-control-allow-origin"), answer.header("access-control-allow-credentials"));
        assert_eq!((answer.status, allowed), (200, (read, credentials)), "{origin}");
    }
    for (method, path) in [("DELETE", SESSIONS), ("POST", "/api/v1/users/me/identities"), ("POST", LOGOUT)] {
        let ask = [
            ("origin", APP),
            ("access-control-request-method", method),
            ("access-control-request-headers", "content-type"),
        ];
        let answer = app.anon().send("OPTIONS", path, Body::empty(), &ask).await?;
        assert_eq!((answer.status, answer.header("access-control-allow-credentials")), (204, "true"), "{path}");
        assert!(answer.header("access-control-allow-methods").contains(method), "{path}");
        assert_eq!(answer.header("access-control-allow-headers"), "content-type");
    }
    Ok(())
}
