//! The services behind: where they are. Knows no route's terms and opens no connection.

mod group;

use std::fmt;
use std::str::FromStr;

use doorward_protocol::request_target::{JudgedPath, TargetError};
use http::uri::{Authority, InvalidUri, PathAndQuery, Scheme};
use http::{HeaderValue, Uri};

pub(crate) use group::{Endpoint, Held, Resting};
pub use group::{Group, GroupSettings, HealthCheck, Status};

/// A service behind: where it is, and the path under which it takes what a route passes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    scheme: Scheme,
    authority: Authority,
    path: PathAndQuery,
}

/// The text is no upstream's URL.
#[derive(Debug, thiserror::Error)]
pub enum InvalidUpstream {
    /// No URL at all.
    #[error("an upstream is a URL such as http://service:8001/path")]
    Url(#[from] InvalidUri),
    /// Not `http` or `https`, or no host.
    #[error("an upstream's URL begins with http:// or https:// and a host")]
    Place,
    /// A user or password in it.
    #[error("an upstream's URL has no user and no password")]
    UserInfo,
    /// A query or fragment.
    #[error("an upstream's URL has no query and no fragment")]
    Query,
    /// A path that could be read in two ways.
    #[error(transparent)]
    Path(#[from] TargetError),
}

impl FromStr for Upstream {
    type Err = InvalidUpstream;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains(['?', '#']) {
            return Err(InvalidUpstream::Query);
        }
        let parts = text.parse::<Uri>()?.into_parts();
        let scheme = parts.scheme.filter(|scheme| *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS);
        let authority = parts.authority.filter(|authority| !authority.host().is_empty());
        let (Some(scheme), Some(authority)) = (scheme, authority) else {
            return Err(InvalidUpstream::Place);
        };
        if authority.as_str().contains('@') {
            return Err(InvalidUpstream::UserInfo);
        }
        let path = parts.path_and_query.unwrap_or(PathAndQuery::from_static("/"));
        JudgedPath::judge(path.as_str())?;
        Ok(Self { scheme, authority, path })
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.path)
    }
}

impl Upstream {
    pub(crate) fn is_https(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// Its name or address, without the brackets that a URL puts around one of IPv6.
    pub(crate) fn host(&self) -> &str {
        self.authority.host().trim_start_matches('[').trim_end_matches(']')
    }

    pub(crate) fn port(&self) -> u16 {
        self.authority.port_u16().unwrap_or(if self.is_https() { 443 } else { 80 })
    }

    /// What `Host` says.
    fn host_header(&self) -> HeaderValue {
        // An authority has only characters that a header may have.
        HeaderValue::from_str(self.authority.as_str()).unwrap_or(HeaderValue::from_static(""))
    }

    /// Two upstreams of one origin may share connections.
    fn origin(&self, http2: bool) -> String {
        format!("{}://{}{}", self.scheme, self.authority, if http2 { " HTTP/2" } else { "" })
    }

    /// The target of a request: `rest`, what a star matched, is appended to the path; the query travels as it came.
    ///
    /// Both halves were judged and the seam is a single `/`, so the whole has one reading as well.
    pub(crate) fn target(&self, rest: &str, target: &PathAndQuery) -> Result<PathAndQuery, InvalidUri> {
        let own = self.path.as_str();
        let base = if rest.is_empty() { own } else { own.trim_end_matches('/') };
        if base.is_empty() && rest == target.path() {
            return Ok(target.clone());
        }
        let Some(query) = target.query() else {
            return if rest.is_empty() { Ok(self.path.clone()) } else { PathAndQuery::try_from([base, rest].concat()) };
        };
        PathAndQuery::try_from([base, rest, "?", query].concat())
    }

    /// The whole URI of a request, as HTTP/2 splits it up.
    pub(crate) fn uri(&self, target: PathAndQuery) -> Result<Uri, http::Error> {
        let uri = Uri::builder().scheme(self.scheme.clone()).authority(self.authority.clone());
        uri.path_and_query(target).build()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn what_the_star_matched_and_the_query_are_appended() {
        for (upstream, rest, target, uri) in [
            ("http://a:1/x", "", "/r", "http://a:1/x"),
            ("http://a:1/x/", "", "/r", "http://a:1/x/"),
            ("http://a:1", "", "/r", "http://a:1/"),
            ("http://a:1", "", "/r?", "http://a:1/?"),
            ("http://a:1/x", "", "/r?b=%2e%2e&c=//", "http://a:1/x?b=%2e%2e&c=//"),
            ("https://a/x", "/y", "/r/y", "https://a/x/y"),
            ("https://a/x/", "/y%20z", "/r/y%20z?q", "https://a/x/y%20z?q"),
            ("http://[::1]:8001/", "/", "/", "http://[::1]:8001/"),
            ("http://a", "/y", "/y?q", "http://a/y?q"),
            ("http://a", "/y", "/r/y?q", "http://a/y?q"),
        ] {
            let upstream: Upstream = upstream.parse().unwrap();
            let target = upstream.target(rest, &target.parse().unwrap()).unwrap();
            assert_eq!(upstream.uri(target).unwrap().to_string(), uri);
        }
    }

    #[test]
    fn host_and_port_are_what_a_connection_needs() {
        for (upstream, host, port) in [
            ("http://a", "a", 80),
            ("https://a", "a", 443),
            ("http://[::1]:8001", "::1", 8001),
            ("https://a:1", "a", 1),
        ] {
            let upstream: Upstream = upstream.parse().unwrap();
            assert_eq!((upstream.host(), upstream.port()), (host, port));
        }
    }

    #[test]
    fn a_url_that_hides_something_is_no_upstream() {
        for text in [
            "",
            "a:1",
            "/x",
            "ftp://a/x",
            "http://",
            "http://user@a/",
            "http://user:secret@a/",
            "http://a/?x",
            "http://a/#x",
            "http://a/x/../y",
            "http://a//x",
        ] {
            assert!(text.parse::<Upstream>().is_err(), "{text}");
        }
    }
}
