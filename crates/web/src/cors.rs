//! Which web pages may read our answers (the Fetch standard's CORS protocol): exact origins, never a pattern.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, VARY,
};
use http::{HeaderMap, HeaderValue};

/// What a page may read beside the body.
const EXPOSED: HeaderValue = HeaderValue::from_static("ETag, Location, Retry-After, WWW-Authenticate, X-Request-Id");
/// What a page may do.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");
/// How long a browser may remember the answer to a preflight, in seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");
const TRUE: HeaderValue = HeaderValue::from_static("true");

/// The pages that are allowed.
#[derive(Clone, Debug, Default)]
pub struct Cors {
    /// Origins (`https://app.example.com`), compared byte for byte. Only their pages may send cookies along.
    pub origins: Vec<String>,
    /// Whether `http://localhost` and `http://127.0.0.1` are allowed at any port, without cookies: whatever runs on a
    /// developer's machine is not the front end.
    pub any_localhost: bool,
}

impl Cors {
    /// Whether a page of that origin is allowed.
    pub(crate) fn allows(&self, origin: &HeaderValue) -> bool {
        let Ok(origin) = origin.to_str() else { return false };
        self.lists(origin) || (self.any_localhost && is_localhost(origin))
    }

    /// Whether a page of that origin may act with the cookies of whoever reads it.
    pub(crate) fn lists(&self, origin: &str) -> bool {
        self.origins.iter().any(|listed| listed == origin)
    }

    /// Tells the browser whether the page may read an answer. Whatever an upstream said about it goes.
    pub(crate) fn mark(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        headers.append(VARY, HeaderValue::from_static("Origin"));
        headers.remove(ACCESS_CONTROL_ALLOW_ORIGIN);
        headers.remove(ACCESS_CONTROL_ALLOW_CREDENTIALS);
        let Some(origin) = origin.filter(|origin| self.allows(origin)) else { return };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        if origin.to_str().is_ok_and(|origin| self.lists(origin)) {
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        }
    }

    /// The headers of the answer to a preflight from an allowed origin. What the page wants to send is allowed:
    /// the origin is what is trusted.
    pub(crate) fn allow(request: &HeaderMap, response: &mut HeaderMap) {
        response.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        response.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        if let Some(wanted) = request.get(ACCESS_CONTROL_REQUEST_HEADERS) {
            response.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
        }
        for name in [ACCESS_CONTROL_REQUEST_METHOD, ACCESS_CONTROL_REQUEST_HEADERS] {
            response.append(VARY, HeaderValue::from(name));
        }
    }
}

/// Whether an origin is plain HTTP on this machine, at any port.
fn is_localhost(origin: &str) -> bool {
    let Some(host) = origin.strip_prefix("http://") else { return false };
    let port = ["localhost", "127.0.0.1"].iter().find_map(|name| host.strip_prefix(name));
    match port.map(|port| port.strip_prefix(':')) {
        Some(Some(port)) => (1..=5).contains(&port.len()) && port.bytes().all(|digit| digit.is_ascii_digit()),
        Some(None) => host == "localhost" || host == "127.0.0.1",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(cors: &Cors, origin: &'static str) -> bool {
        cors.allows(&HeaderValue::from_static(origin))
    }

    #[test]
    fn only_the_exact_origin_is_allowed() {
        let cors = Cors { origins: vec!["https://app.example.com".to_owned()], any_localhost: false };
        assert!(allows(&cors, "https://app.example.com"));
        for other in [
            "null",
            "*",
            "https://app.example.com.evil.test",
            "https://evil.test/https://app.example.com",
            "http://app.example.com",
            "https://app.example.com:8443",
            "HTTPS://APP.EXAMPLE.COM",
            "https://app.example.co",
            "http://localhost:3000",
            "",
        ] {
            assert!(!allows(&cors, other), "{other} was allowed");
        }
    }

    #[test]
    fn cookies_go_along_only_from_listed_origins() {
        let cors = Cors { origins: vec!["https://app.example.com".to_owned()], any_localhost: true };
        for (origin, read, credentials) in [
            ("https://app.example.com", true, true),
            ("http://localhost:3000", true, false),
            ("https://evil.test", false, false),
            ("null", false, false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
            cors.mark(Some(&HeaderValue::from_static(origin)), &mut headers);
            assert_eq!(headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN), read, "{origin}");
            assert_eq!(headers.contains_key(ACCESS_CONTROL_ALLOW_CREDENTIALS), credentials, "{origin}");
        }
    }

    #[test]
    fn development_allows_this_machine_at_any_port() {
        let cors = Cors { origins: Vec::new(), any_localhost: true };
        for own in ["http://localhost:3000", "http://127.0.0.1:5173", "http://localhost"] {
            assert!(allows(&cors, own), "{own} was refused");
        }
        for other in [
            "http://localhost.evil.test",
            "http://localhost:3000.evil.test",
            "http://localhost:",
            "http://127.0.0.1.evil.test:80",
            "http://localhost:123456",
            "https://evil.test",
            "http://localhost@evil.test",
        ] {
            assert!(!allows(&cors, other), "{other} was allowed");
        }
    }
}
