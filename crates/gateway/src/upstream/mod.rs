//! The services behind: where they are. Knows no route's terms and opens no connection.

mod group;

use std::fmt;
use std::str::FromStr;

use doorward_protocol::request_target::{JudgedPath, TargetError};
use http::Uri;
use http::uri::{Authority, InvalidUri, PathAndQuery, Scheme};

pub(crate) use group::Endpoint;
pub use group::{Group, GroupSettings, HealthCheck};

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

    /// The URI for a request: `rest`, what a star matched, is appended to the path; the query travels as it came.
    ///
    /// Both halves were judged and the seam is a single `/`, so the whole has one reading as well.
    pub(crate) fn uri(&self, rest: &str, query: Option<&str>) -> Result<Uri, http::Error> {
        let path_and_query = if rest.is_empty() && query.is_none() {
            self.path.clone()
        } else {
            let own = self.path.as_str();
            let base = if rest.is_empty() { own } else { own.trim_end_matches('/') };
            let mut text = String::with_capacity(base.len() + rest.len() + query.map_or(0, |query| query.len() + 1));
            text.extend([base, rest]);
            text.extend(query.iter().flat_map(|query| ["?", query]));
            PathAndQuery::try_from(text)?
        };
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(path_and_query)
            .build()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn what_the_star_matched_and_the_query_are_appended() {
        for (upstream, rest, query, uri) in [
            ("http://a:1/x", "", None, "http://a:1/x"),
            ("http://a:1/x/", "", None, "http://a:1/x/"),
            ("http://a:1", "", None, "http://a:1/"),
            ("http://a:1", "", Some(""), "http://a:1/?"),
            ("http://a:1/x", "", Some("b=%2e%2e&c=//"), "http://a:1/x?b=%2e%2e&c=//"),
            ("https://a/x", "/y", None, "https://a/x/y"),
            ("https://a/x/", "/y%20z", Some("q"), "https://a/x/y%20z?q"),
            ("http://[::1]:8001/", "/", None, "http://[::1]:8001/"),
        ] {
            let upstream: Upstream = upstream.parse().unwrap();
            assert_eq!(upstream.uri(rest, query).unwrap().to_string(), uri);
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
