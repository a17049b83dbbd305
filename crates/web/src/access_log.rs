//! The access line: what is kept of one request, answered by whomever. It says what was asked, never with which secret:
//! a query is left out, and what looks like a token in a path is not written. Knows no log and no counter.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use http::Method;

/// Stands where a token stood.
const SECRET: &str = "[secret]";

/// One request and its answer.
#[derive(Clone, Debug)]
pub struct AccessLine<'r> {
    /// As the client sent it.
    pub method: &'r Method,
    /// Without its query, and without tokens.
    pub path: Cow<'r, str>,
    /// The answer's.
    pub status: u16,
    /// From the request's head to the answer's.
    pub elapsed: Duration,
    /// The length of the answer's body where it is known.
    pub bytes: Option<u64>,
    /// As far as it may be believed.
    pub client: IpAddr,
    /// Given by the client, or by us.
    pub request_id: &'r str,
    /// The route's name, of a bounded set.
    pub route: &'r str,
    /// What decided whether the request passes, at the gateway.
    pub rule: Option<&'r str>,
    /// The service that was asked, if one was.
    pub upstream: Option<&'r str>,
}

impl AccessLine<'_> {
    /// The method's name, of a bounded set.
    pub fn known_method(&self) -> &'static str {
        const KNOWN: [(&Method, &str); 7] = [
            (&Method::GET, "GET"),
            (&Method::POST, "POST"),
            (&Method::PATCH, "PATCH"),
            (&Method::PUT, "PUT"),
            (&Method::DELETE, "DELETE"),
            (&Method::HEAD, "HEAD"),
            (&Method::OPTIONS, "OPTIONS"),
        ];
        KNOWN.iter().find(|(known, _)| *known == self.method).map_or("OTHER", |(_, name)| *name)
    }
}

/// A path without the tokens that somebody put into it.
pub(crate) fn redacted(path: &str) -> Cow<'_, str> {
    if !path.split('/').any(is_secret) {
        return Cow::Borrowed(path);
    }
    let segments = path.split('/').map(|segment| if is_secret(segment) { SECRET } else { segment });
    Cow::Owned(segments.collect::<Vec<_>>().join("/"))
}

/// Whether a segment holds a JWT (`{"…` in base64url, and two dots) or an opaque secret of ours.
fn is_secret(segment: &str) -> bool {
    // Shorter than the shortest of these.
    if segment.len() < 8 {
        return false;
    }
    let jwt = || segment.contains("eyJ") && segment.bytes().filter(|byte| *byte == b'.').count() >= 2;
    ["dwr_", "dws_", "dwp_"].iter().any(|prefix| segment.contains(prefix)) || jwt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_in_a_path_is_not_written() {
        for (path, written) in [
            ("/", "/"),
            ("/api/v1/users/me", "/api/v1/users/me"),
            ("/files/eyJ.txt", "/files/eyJ.txt"),
            ("/assets/app.min.js", "/assets/app.min.js"),
            ("/verify/eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.c2ln", "/verify/[secret]"),
            ("/verify/token=eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.c2ln/x", "/verify/[secret]/x"),
            ("/s/dws_AAAA_BBBB", "/s/[secret]"),
            ("/reset/dwp_AAAA_BBBB", "/reset/[secret]"),
            ("/dwr_AAAA_BBBB/dws_AAAA", "/[secret]/[secret]"),
        ] {
            assert_eq!(redacted(path), written);
        }
    }
}
