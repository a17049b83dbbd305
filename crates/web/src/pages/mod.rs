//! Pages for people: what a browser that asks for HTML gets in place of problem details, and the step from a sign-in
//! to where it leads. They need no script and load nothing.
//!
//! There is one template but for the mailbox of development; all that is put into one passes [`escaped`].

mod mailbox;
mod negotiation;

use std::fmt::Write as _;

use axum::body::Body;
use bytes::Bytes;
use doorward_protocol::problem::Problem;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

pub(crate) use mailbox::mailbox;
pub(crate) use negotiation::prefers_html;

const STYLE: &str = include_str!("page.css");
/// Nothing but that very style, by its SHA-256.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'sha256-3gzy5lP2fg3vjd+H77iFGFCJO4XVgHbVh/6OiMFbNPg='; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'",
);
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// Where pages lead.
#[derive(Clone, Debug)]
pub(crate) struct Ways {
    /// To signing in, if people can through a page.
    pub(crate) sign_in: Option<&'static str>,
    /// To the application.
    pub(crate) home: String,
}

/// A place to go from a page.
struct Link<'l> {
    to: &'l str,
    words: &'l str,
}

/// A refusal as a page: the same status and headers, another body. Whatever is no refusal of ours stays as it is.
///
/// A refusal carries what it says among its extensions, which nobody outside can put there.
pub(crate) fn instead_of<B: From<Bytes>>(answer: &mut Response<B>, signing_in: bool, request_id: &str, ways: &Ways) {
    let status = answer.status();
    let Some(problem) = answer.extensions_mut().remove::<Problem>() else { return };
    let words = if signing_in { "Try again" } else { "Sign in" };
    let helps = signing_in || status == StatusCode::UNAUTHORIZED;
    let sign_in = ways.sign_in.filter(|_| helps).map(|to| Link { to, words });
    let home = Link { to: &ways.home, words: "Go to the application" };
    let links: Vec<Link<'_>> = sign_in.into_iter().chain([home]).collect();
    let note = format!("When asking for help, give this number: <code>{}</code>", escaped(request_id));
    let heading = if signing_in { "Signing in did not work" } else { heading(status) };
    let html = page(heading, problem.detail.as_deref().unwrap_or_default(), &links, "", &note);
    *answer.body_mut() = Bytes::from(html).into();
    dress(answer.headers_mut());
}

/// What happened, in a few words.
const fn heading(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "You are not signed in",
        StatusCode::FORBIDDEN => "You may not do this",
        StatusCode::NOT_FOUND => "Page not found",
        StatusCode::TOO_MANY_REQUESTS => "Too many requests",
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => "Not available right now",
        status if status.as_u16() >= 500 => "Something went wrong",
        _ => "This cannot be done",
    }
}

/// Somebody is signed in and goes on to `to`. A step of our own between the provider and there: a cookie that is
/// `SameSite=Strict` does not travel along redirects that began at another site.
pub(crate) fn onward(to: &str) -> Response<Body> {
    let refresh = format!("<meta http-equiv=\"refresh\" content=\"0;url={}\">\n", escaped(to));
    let body = page("You are signed in", "One moment.", &[Link { to, words: "Continue" }], &refresh, "");
    let mut response = Response::new(Body::from(body));
    dress(response.headers_mut());
    response
}

fn dress(headers: &mut HeaderMap) {
    headers.remove(CONTENT_LENGTH);
    headers.insert(CONTENT_TYPE, HTML);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.append(VARY, HeaderValue::from_static("Accept"));
}

/// Fills the template. `refresh` and `note` are HTML already.
fn page(heading: &str, text: &str, links: &[Link<'_>], refresh: &str, note: &str) -> String {
    let anchors = links.iter().fold(String::new(), |mut anchors, link| {
        // Writing to a string cannot fail.
        let _ = write!(anchors, "<a href=\"{}\">{}</a> ", escaped(link.to), escaped(link.words));
        anchors
    });
    format!(
        include_str!("page.html"),
        refresh = refresh,
        heading = escaped(heading),
        style = STYLE,
        text = escaped(text),
        links = anchors,
        note = note,
    )
}

/// A text as it may stand in HTML, in an element or between quotes. What is invisible or turns the direction of what
/// follows does not come along.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => {
                html.push('\u{fffd}');
            }
            other if other.is_control() => html.push('\u{fffd}'),
            other => html.push(other),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    use doorward_protocol::opaque::SecretHash;

    use super::*;

    #[test]
    fn the_policy_names_the_style_that_is_there() -> Result<(), Box<dyn std::error::Error>> {
        let hash = BASE64_STANDARD.encode(SecretHash::of(STYLE).as_bytes());
        assert!(POLICY.to_str()?.contains(&format!("'sha256-{hash}'")), "sha256-{hash}");
        Ok(())
    }

    #[test]
    fn nothing_put_into_a_page_becomes_markup() {
        let hostile = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&{text}</style>\u{202e}\u{0}\r\n";
        let link = [Link { to: hostile, words: hostile }];
        let html = page(hostile, hostile, &link, "", "");
        let expected = "&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=alert(2)&gt;&quot;&#39;&amp;{text}\
                        &lt;/style&gt;\u{fffd}\u{fffd}\u{fffd}\u{fffd}";
        assert_eq!(html.matches(expected).count(), 5, "{html}");
        let tags = page("", "", &[Link { to: "", words: "" }], "", "").matches('<').count();
        assert_eq!(html.matches('<').count(), tags);
    }

    #[test]
    fn a_refusal_of_ours_becomes_a_page_and_a_services_own_does_not() -> Result<(), http::Error> {
        let json = "{\"detail\":\"asleep\"}";
        let ways = Ways { sign_in: Some("/login"), home: "https://app.example.com".to_owned() };
        for ours in [true, false] {
            let mut answer = Response::builder().status(503).header("retry-after", "1").body(Bytes::from(json))?;
            if ours {
                let problem = Problem::new(503, "Service Unavailable", "asleep").with_detail("It is asleep");
                answer.extensions_mut().insert(problem);
            }
            instead_of(&mut answer, false, "id-1", &ways);
            assert_eq!(answer.headers()["retry-after"], "1");
            assert_eq!(answer.body() == json, !ours);
            let html = String::from_utf8_lossy(answer.body());
            let parts = ["<h1>Not available right now</h1>", "<p>It is asleep</p>", "<code>id-1</code>"];
            assert_eq!(parts.iter().all(|part| html.contains(part)), ours, "{html}");
            assert!(!html.contains("/login"), "signing in does not help here");
        }
        Ok(())
    }
}
