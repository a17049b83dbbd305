//! Pages for people: who gets one, and that nothing a stranger wrote becomes part of it.

use axum::body::Body;

use crate::app::{Answer, App, Outcome};

const BROWSER: (&str, &str) = ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
const CALLBACK: &str = "/api/v1/auth/callback";

async fn page(app: &App, path: &str) -> Outcome<(Answer, String)> {
    let answer = app.anon().send("GET", path, Body::empty(), &[BROWSER]).await?;
    let html = String::from_utf8(answer.bytes.clone())?;
    Ok((answer, html))
}

#[tokio::test]
async fn a_browser_that_comes_back_wrongly_gets_a_page_that_says_what_to_do() -> Outcome {
    let app = App::start().await?;
    let (answer, html) = page(&app, &format!("{CALLBACK}?state=x&code=y")).await?;
    assert_eq!((answer.status, answer.header("content-type")), (400, "text/html; charset=utf-8"));
    assert_eq!((answer.header("cache-control"), answer.cookies().len()), ("no-store", 0));
    let policy = answer.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
    assert!(answer.headers.get_all("vary").iter().any(|vary| vary == "Accept"));
    assert!(html.starts_with("<!doctype html>\n<html lang=\"en\">"), "{html}");
    for part in [
        "<title>Signing in did not work</title>",
        "<h1>Signing in did not work</h1>",
        "was not begun in this browser",
        "<a href=\"/api/v1/auth/login\">Try again</a>",
        "<a href=\"https://app.example.com\">Go to the application</a>",
        &format!("<code>{}</code>", answer.header("x-request-id")),
    ] {
        assert!(html.contains(part), "{part} is missing in {html}");
    }
    assert!(!html.contains("<script") && !html.contains(" style=") && !html.contains(" src="), "{html}");
    Ok(())
}

#[tokio::test]
async fn nothing_that_a_provider_or_a_stranger_writes_is_part_of_a_page() -> Outcome {
    let app = App::start().await?;
    let mut browser = app.browser();
    let script = "%3Cscript%3Ealert(1)%3C/script%3E%22'";
    for query in [
        "state={state}&error={script}",
        "state={state}&error=access_denied&error_description={script}&error_uri={script}",
        "state={state}&code={script}&iss={script}",
        "state={script}",
        "state={state}&error=a&{script}=1",
    ] {
        let state = browser.leave("").await?;
        let path = format!("{CALLBACK}?{}", query.replace("{state}", &state).replace("{script}", script));
        let answer = browser.send("GET", &path, Body::empty(), &[BROWSER]).await?;
        let html = String::from_utf8(answer.bytes)?;
        assert_eq!(answer.status, 400, "{path}");
        assert!(!html.contains("alert(1)"), "{html}");
    }
    // Doubled parameters are named, as text.
    let (answer, html) = page(&app, &format!("{CALLBACK}?%3Cb%3E=1&%3Cb%3E=2")).await?;
    assert_eq!((answer.status, html.contains("&lt;b&gt;"), html.contains("<b>")), (400, true, false), "{html}");
    let (_, html) = page(&app, "/%3Cscript%3Ealert(1)%3C/script%3E").await?;
    assert!(html.contains("<h1>Page not found</h1>") && !html.contains("alert(1)"), "{html}");
    Ok(())
}

#[tokio::test]
async fn pages_are_for_navigation_and_programs_get_problem_details() -> Outcome {
    let app = App::start().await?;
    for (path, status, heading) in [
        ("/nothing", 404, "Page not found"),
        ("/api/v1/users/me", 401, "You are not signed in"),
        ("/auth/me", 401, "You are not signed in"),
        ("/api/v1/auth/login?provider=nobody", 400, "Signing in did not work"),
        ("/api/v1/auth/logout", 405, "This cannot be done"),
    ] {
        let (answer, html) = page(&app, path).await?;
        assert_eq!(answer.status, status, "{path}");
        assert!(html.contains(&format!("<h1>{heading}</h1>")), "{path}: {html}");
        for accept in ["*/*", "application/json", "application/json, text/plain, */*", "text/html;q=0.1, */*"] {
            let answer = app.anon().send("GET", path, Body::empty(), &[("accept", accept)]).await?;
            let refusal = (answer.status, answer.header("content-type"));
            assert_eq!(refusal, (status, "application/problem+json"), "{path} {accept}");
        }
    }
    let posted = app.anon().send("POST", "/api/auth/signin", Body::empty(), &[BROWSER]).await?;
    assert_eq!(posted.header("content-type"), "application/problem+json");
    let fine = app.anon().send("GET", "/health", Body::empty(), &[BROWSER]).await?;
    assert_eq!((fine.status, fine.header("content-type")), (200, "application/json"));
    Ok(())
}

#[tokio::test]
async fn without_providers_pages_no_page_leads_to_signing_in() -> Outcome {
    let app = App::start_with(|settings| settings.surfaces.hosted = false).await?;
    let (answer, html) = page(&app, "/auth/me").await?;
    assert_eq!((answer.status, html.contains("/api/v1/auth/login")), (401, false));
    Ok(())
}
