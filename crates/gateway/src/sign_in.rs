//! Sending a person to the sign-in page instead of a refusal. Knows which requests a person makes by going somewhere,
//! and where the page is; not who they are.

use doorward_protocol::return_path;
use http::header::{ACCEPT, AUTHORIZATION, HeaderName};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method};
use jiff::SignedDuration;

use crate::refusal::Refusal;

const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const SIGN_IN: &str = "/api/v1/auth/login";

/// The way to the sign-in page and back, if signing in is what the refusal asks for and a person is there to do it.
pub(crate) fn instead(refusal: Refusal, method: &Method, headers: &HeaderMap, target: &PathAndQuery) -> Refusal {
    let max_age = match &refusal {
        Refusal::NotAuthenticated => None,
        Refusal::StaleSignIn { max_age } => Some(*max_age),
        _ => return refusal,
    };
    if !is_navigation(method, headers) {
        return refusal;
    }
    match HeaderValue::try_from(location(target, max_age)) {
        Ok(location) => Refusal::SignInFirst { location, rule: refusal.rule() },
        Err(_) => refusal,
    }
}

/// Whether a person's browser goes to a page, rather than a script fetching something. Whoever brings a token is no
/// browser.
fn is_navigation(method: &Method, headers: &HeaderMap) -> bool {
    if !matches!(*method, Method::GET | Method::HEAD) || headers.contains_key(AUTHORIZATION) {
        return false;
    }
    match headers.get(SEC_FETCH_MODE) {
        Some(mode) => mode == "navigate",
        None if headers.contains_key(SEC_FETCH_DEST) => false,
        None => headers.get_all(ACCEPT).iter().any(lists_html),
    }
}

fn lists_html(accept: &HeaderValue) -> bool {
    let kinds = accept.as_bytes().split(|byte| *byte == b',');
    let mut essences = kinds.map(|kind| kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii());
    essences.any(|essence| essence.eq_ignore_ascii_case(b"text/html"))
}

/// A target that is no safe place to come back to is left out; the page has a place of its own.
fn location(target: &PathAndQuery, max_age: Option<SignedDuration>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    if let Some(back) = return_path::same_site(target.as_str()) {
        query.append_pair("return_to", back);
    }
    if let Some(max_age) = max_age {
        query.append_pair("max_age", &max_age.as_secs().to_string());
    }
    match query.finish() {
        none if none.is_empty() => SIGN_IN.to_owned(),
        query => format!("{SIGN_IN}?{query}"),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_a_browser_that_goes_somewhere_is_sent_to_sign_in() {
        for (method, sent, expected) in [
            (Method::GET, &[("sec-fetch-mode", "navigate")][..], true),
            (Method::HEAD, &[("sec-fetch-mode", "navigate")], true),
            (Method::POST, &[("sec-fetch-mode", "navigate")], false),
            (Method::GET, &[("sec-fetch-mode", "cors"), ("accept", "text/html")], false),
            (Method::GET, &[("sec-fetch-mode", "no-cors"), ("accept", "text/html")], false),
            (Method::GET, &[("sec-fetch-dest", "empty"), ("accept", "text/html")], false),
            (Method::GET, &[("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")], true),
            (Method::GET, &[("accept", "application/json, Text/HTML ;q=0.1")], true),
            (Method::GET, &[("accept", "*/*")], false),
            (Method::GET, &[("accept", "text/htmlx")], false),
            (Method::GET, &[], false),
            (Method::GET, &[("sec-fetch-mode", "navigate"), ("authorization", "Basic YTpi")], false),
        ] {
            assert_eq!(is_navigation(&method, &headers(sent)), expected, "{method} {sent:?}");
        }
    }

    #[test]
    fn the_way_leads_back_to_where_it_began_unless_that_could_be_elsewhere() {
        let to = |target: &'static str, max_age| location(&PathAndQuery::from_static(target), max_age);
        assert_eq!(to("/a?b=c&d=%20e", None), "/api/v1/auth/login?return_to=%2Fa%3Fb%3Dc%26d%3D%2520e");
        assert_eq!(to("/a", Some(SignedDuration::from_mins(5))), "/api/v1/auth/login?return_to=%2Fa&max_age=300");
        assert_eq!(to("//evil.example", None), SIGN_IN);
        assert_eq!(to("//evil.example", Some(SignedDuration::ZERO)), "/api/v1/auth/login?max_age=0");
    }
}
