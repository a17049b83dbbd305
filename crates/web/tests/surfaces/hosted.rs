//! Signing in through a provider's page, step by step, and every way in which it must not work.

use std::sync::atomic::Ordering;

use axum::body::Body;
use doorward_identity::policy::Admin;
use doorward_identity::user::UserStatus;
use doorward_web::SameSite;
use jiff::SignedDuration;
use serde_json::json;

use crate::app::{App, Outcome};
use crate::browser::CALLBACK;

const LOGIN: &str = "/api/v1/auth/login";
const ALICE: &str = "alice@example.com";

#[tokio::test]
async fn leaving_leads_to_the_provider_with_a_cookie_for_the_way_back() -> Outcome {
    let app = App::start().await?;
    for (query, provider) in [("", "main"), ("?provider=main", "main"), ("?provider=other&unknown=1", "other")] {
        let answer = app.anon().get(&format!("{LOGIN}{query}")).await?;
        assert_eq!(answer.status, 302);
        let state = answer.header("location").strip_prefix(&format!("https://{provider}.example/authorize?state="));
        let state = state.ok_or("another provider")?.to_owned();
        assert_eq!((answer.header("cache-control"), answer.header("referrer-policy")), ("no-store", "no-referrer"));
        let [cookie] = answer.cookies()[..] else { return Err("not one cookie".into()) };
        let (id, _) = state.split_once('.').ok_or("no id")?;
        assert!(cookie.starts_with(&format!("doorward_flow_{id}=")), "{cookie}");
        assert!(cookie.ends_with("; Path=/; Max-Age=600; SameSite=Lax; HttpOnly"), "{cookie}");
    }
    let asked = app.anon().get(&format!("{LOGIN}?max_age=0")).await?;
    assert!(asked.header("location").ends_with("&max_age=0"));
    for bad in ["provider=nobody", "provider=", "max_age=soon", "max_age=-1", "provider=main&provider=other"] {
        let answer = app.anon().get(&format!("{LOGIN}?{bad}")).await?;
        assert_eq!((answer.status, answer.cookies().len()), (400, 0), "{bad}");
    }
    Ok(())
}

#[tokio::test]
async fn coming_back_signs_in_and_leads_to_the_dashboard() -> Outcome {
    let app = App::start().await?;
    let mut browser = app.browser();
    let answer = browser.sign_in(ALICE).await?;
    assert_eq!(answer.header("location"), "https://app.example.com/dashboard");
    assert_eq!((answer.header("cache-control"), answer.bytes.len()), ("no-store", 0));
    let cookies = answer.cookies();
    assert_eq!(cookies.len(), 2, "{cookies:?}");
    assert!(cookies[0].starts_with("doorward_flow_") && cookies[0].contains("=; Path=/; Max-Age=0"), "{cookies:?}");
    assert!(cookies[1].starts_with("access_token=dws_") && cookies[1].len() < 200, "{cookies:?}");
    assert!(cookies[1].ends_with("; Path=/; Max-Age=2592000; SameSite=Lax; HttpOnly"), "{cookies:?}");
    assert!(browser.is_signed_in().await?);
    assert_eq!(browser.get("/api/v1/users/me").await?.text("/email"), ALICE);
    Ok(())
}

#[tokio::test]
async fn over_tls_the_cookies_have_the_prefix_that_browsers_guard() -> Outcome {
    let app = App::start_with(|settings| {
        settings.session_cookie.name = "__Host-access_token".to_owned();
        settings.session_cookie.secure = true;
    })
    .await?;
    let mut browser = app.browser();
    let answer = browser.sign_in(ALICE).await?;
    for cookie in answer.cookies() {
        assert!(cookie.starts_with("__Host-") && cookie.ends_with("; Secure"), "{cookie}");
        assert!(cookie.contains("; Path=/;") && !cookie.contains("Domain"), "{cookie}");
    }
    let status = browser.get("/api/v1/auth/status").await?;
    assert_eq!(status.body, json!({"authenticated": true, "cookie_name": "__Host-access_token"}));
    let handle = browser.cookies.remove("__Host-access_token").ok_or("no cookie")?;
    browser.cookies.insert("access_token".to_owned(), handle);
    assert!(!browser.is_signed_in().await?, "without the prefix it may come from anybody");
    Ok(())
}

#[tokio::test]
async fn a_strict_cookie_goes_on_by_a_page_of_our_own() -> Outcome {
    let app = App::start_with(|settings| settings.session_cookie.same_site = SameSite::Strict).await?;
    let mut browser = app.browser();
    let state = browser.leave("?return_to=/reports?a=1%26b=%22").await?;
    let page = browser.come_back(&state, ALICE).await?;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    let html = String::from_utf8(page.bytes)?;
    assert!(html.contains(r#"<meta http-equiv="refresh" content="0;url=/reports?a=1&amp;b=&quot;">"#), "{html}");
    assert!(html.contains(r#"<a href="/reports?a=1&amp;b=&quot;">Continue</a>"#), "{html}");
    assert!(browser.is_signed_in().await?);
    Ok(())
}

#[tokio::test]
async fn people_come_back_to_paths_of_this_site_only() -> Outcome {
    let app = App::start().await?;
    let dashboard = "https://app.example.com/dashboard";
    for (wish, place) in [
        ("/reports", "/reports"),
        ("/reports%3Fweek%3D7%26all%23top", "/reports?week=7&all#top"),
        ("", dashboard),
        ("https://evil.example", dashboard),
        ("https:evil.example", dashboard),
        ("//evil.example", dashboard),
        ("///evil.example", dashboard),
        ("/%5Cevil.example", dashboard),
        ("%5C%5Cevil.example", dashboard),
        ("/%09/evil.example", dashboard),
        ("/%0D%0ALocation:%20x", dashboard),
        ("%20/reports", dashboard),
        ("javascript:alert(1)", dashboard),
        ("JAVASCRIPT:alert(1)", dashboard),
        ("data:text/html,x", dashboard),
        ("evilcorp.com", dashboard),
        ("@evil.example", dashboard),
        ("reports", dashboard),
        ("/%252fevil.example", dashboard),
        ("/%00", dashboard),
        ("/%ff", dashboard),
        ("/caf%C3%A9", dashboard),
        ("/api/v1/auth/login", dashboard),
        ("/api/v1/auth/logout?x", dashboard),
    ] {
        let mut browser = app.browser();
        let state = browser.leave(&format!("?return_to={wish}")).await?;
        assert_eq!(browser.come_back(&state, ALICE).await?.header("location"), place, "{wish}");
    }
    Ok(())
}

#[tokio::test]
async fn whoever_comes_back_wrongly_is_not_signed_in_and_gets_no_cookie() -> Outcome {
    let app = App::start().await?;
    let strangers = app.browser().leave("").await?;
    let long = "x".repeat(5000);
    for (query, code) in [
        ("code=alice@example.com".to_owned(), "bad_state"),
        ("state=&code=alice@example.com".to_owned(), "bad_state"),
        ("state=x&code=alice@example.com".to_owned(), "bad_state"),
        ("state={state}x&code=alice@example.com".to_owned(), "bad_state"),
        (format!("state={strangers}&code=alice@example.com"), "bad_state"),
        ("state={state}&state={state}&code=alice@example.com".to_owned(), "invalid_input"),
        ("state={state}&code=alice@example.com&code=bob@example.com".to_owned(), "invalid_input"),
        ("state={state}&code=a&iss=https://main.example&iss=https://other.example".to_owned(), "invalid_input"),
        (format!("state={{state}}&code={long}"), "invalid_input"),
        (format!("state={long}&code=a"), "invalid_input"),
        ("state={state}".to_owned(), "bad_state"),
        ("state={state}&error=access_denied".to_owned(), "not_finished"),
        ("state={state}&error=access_denied&code=alice@example.com".to_owned(), "not_finished"),
        ("state={state}&code=refused".to_owned(), "provider_failed"),
        ("state={state}&code=lie".to_owned(), "provider_failed"),
        ("state={state}&code=?alice@example.com".to_owned(), "email_not_verified"),
    ] {
        let mut browser = app.browser();
        let state = browser.leave("").await?;
        let answer = browser.get(&format!("{CALLBACK}?{}", query.replace("{state}", &state))).await?;
        let refusal = (answer.status, answer.text("/code"), answer.header("content-type"));
        assert_eq!(refusal, (400, code, "application/problem+json"), "{query}");
        assert_eq!(answer.cookies(), Vec::<&str>::new(), "{query}");
        assert!(!browser.is_signed_in().await?, "{query}");
    }
    Ok(())
}

#[tokio::test]
async fn a_sign_in_counts_once_in_one_browser_for_ten_minutes() -> Outcome {
    let app = App::start().await?;
    let mut browser = app.browser();
    let state = browser.leave("").await?;
    let mut copy = browser.clone();
    assert_eq!(app.browser().come_back(&state, ALICE).await?.text("/code"), "bad_state", "another browser");
    assert_eq!(browser.come_back(&state, ALICE).await?.status, 302);
    assert_eq!(copy.come_back(&state, ALICE).await?.text("/code"), "bad_state", "a second time");

    let late = browser.leave("").await?;
    app.clock.advance(SignedDuration::from_secs(601));
    assert_eq!(browser.come_back(&late, ALICE).await?.text("/code"), "bad_state", "too late");
    Ok(())
}

#[tokio::test]
async fn sign_ins_in_several_tabs_do_not_disturb_each_other() -> Outcome {
    let app = App::start().await?;
    let mut browser = app.browser();
    let first = browser.leave("?return_to=/first").await?;
    let second = browser.leave("?return_to=/second&provider=other").await?;
    assert_eq!(browser.come_back(&second, ALICE).await?.header("location"), "/second");
    assert_eq!(browser.come_back(&first, ALICE).await?.header("location"), "/first");
    assert_eq!(browser.flows(), 0);
    for _ in 0..8 {
        browser.leave("").await?;
        assert!(browser.flows() <= 5, "{}", browser.flows());
    }
    Ok(())
}

#[tokio::test]
async fn head_and_other_methods_neither_begin_nor_finish_a_sign_in() -> Outcome {
    let app = App::start_with(|settings| settings.surfaces.accounts = false).await?;
    let mut browser = app.browser();
    let state = browser.leave("").await?;
    let back = format!("{CALLBACK}?state={state}&code={ALICE}");
    for method in ["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"] {
        for path in [LOGIN, &back] {
            let answer = browser.call(method, path).await?;
            assert_eq!((answer.status, answer.cookies().len()), (405, 0), "{method} {path}");
            assert!(answer.header("allow").contains("GET"), "{method} {path}");
        }
    }
    assert_eq!(browser.get(&back).await?.status, 302, "nothing was used up");
    Ok(())
}

#[tokio::test]
async fn a_provider_that_is_down_is_not_the_persons_fault() -> Outcome {
    let app = App::start().await?;
    let mut browser = app.browser();
    let state = browser.leave("").await?;
    app.provider.down.store(true, Ordering::Relaxed);
    for answer in [browser.get(LOGIN).await?, browser.come_back(&state, ALICE).await?] {
        assert_eq!((answer.status, answer.header("retry-after")), (503, "5"));
        assert_eq!((answer.text("/code"), answer.cookies().len()), ("provider_unavailable", 0));
    }
    Ok(())
}

#[tokio::test]
async fn a_new_sign_in_ends_the_session_that_the_browser_had() -> Outcome {
    let app = App::start().await?;
    let mut browser = app.browser();
    browser.sign_in(ALICE).await?;
    let mut copy = browser.clone();
    browser.sign_in("bob@example.com").await?;
    assert_eq!(browser.get("/api/v1/users/me").await?.text("/email"), "bob@example.com");
    assert!(!copy.is_signed_in().await?);
    Ok(())
}

#[tokio::test]
async fn disabled_people_and_unproved_accounts_stay_outside() -> Outcome {
    let app = App::start().await?;
    let mut browser = app.browser();
    browser.sign_in(ALICE).await?;
    let id = browser.get("/api/v1/users/me").await?.text("/id").parse()?;
    app.identity.set_user_status(&Admin::command_line(), id, UserStatus::Disabled).await?;
    assert_eq!(browser.get("/api/v1/users/me").await?.status, 401);
    let state = browser.leave("").await?;
    let answer = browser.come_back(&state, ALICE).await?;
    assert_eq!((answer.status, answer.text("/code")), (400, "user_disabled"));

    // Whoever signed up with somebody's address first does not get them as a guest.
    app.person("victim@example.com").await?;
    let state = browser.leave("").await?;
    let answer = browser.come_back(&state, "victim@example.com").await?;
    assert_eq!((answer.status, answer.text("/code")), (400, "account_conflict"));
    Ok(())
}

#[tokio::test]
async fn a_session_slides_with_use_and_is_over_an_hour_after_the_last() -> Outcome {
    let app = App::start().await?;
    let mut browser = app.browser();
    browser.sign_in(ALICE).await?;
    for _ in 0..3 {
        app.clock.advance(SignedDuration::from_mins(59));
        assert!(browser.is_signed_in().await?);
    }
    app.clock.advance(SignedDuration::from_mins(61));
    assert!(!browser.is_signed_in().await?);
    let me = browser.get("/api/v1/users/me").await?;
    assert_eq!((me.status, me.text("/code")), (401, "invalid_token"));
    Ok(())
}

#[tokio::test]
async fn status_is_never_an_error() -> Outcome {
    let app = App::start().await?;
    let mut browser = app.browser();
    browser.sign_in(ALICE).await?;
    let mut unseen = app.browser();
    unseen.sign_in("bob@example.com").await?;
    app.store.close().await;
    for (headers, authenticated) in [
        (&[][..], false),
        (&[("cookie", "access_token=x")], false),
        (&[("authorization", "Bearer x")], false),
        (&[("authorization", "Bearer a"), ("authorization", "Bearer b")], false),
        (&[("authorization", "Bearer")], false),
        (&[("origin", "https://evil.test")], false),
    ] {
        let answer = app.anon().send("GET", "/api/v1/auth/status", Body::empty(), headers).await?;
        let expected = json!({"authenticated": authenticated, "cookie_name": "access_token"});
        assert_eq!((answer.status, answer.body), (200, expected), "{headers:?}");
    }
    assert!(!unseen.is_signed_in().await?, "who cannot be known now is nobody");
    Ok(())
}

#[tokio::test]
async fn the_providers_are_listed_with_where_to_sign_in() -> Outcome {
    let app = App::start().await?;
    let answer = app.anon().get("/api/v1/auth/providers").await?;
    let provider = |id: &str| {
        let login_url = format!("http://localhost:8000/api/v1/auth/login?provider={id}");
        json!({"id": id, "issuer": format!("https://{id}.example"), "login_url": login_url})
    };
    assert_eq!((answer.status, answer.body), (200, json!({"providers": [provider("main"), provider("other")]})));
    Ok(())
}

#[tokio::test]
async fn without_the_surface_there_is_nothing_of_it() -> Outcome {
    let app = App::start_with(|settings| {
        settings.surfaces.hosted = false;
        settings.surfaces.accounts = false;
    })
    .await?;
    for path in [LOGIN, CALLBACK, "/api/v1/auth/status", "/api/v1/users/me"] {
        assert_eq!(app.anon().get(path).await?.status, 404, "{path}");
    }
    Ok(())
}
