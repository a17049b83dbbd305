//! The access log: one line for one request, answered by whomever. It says what was asked, never with which secret:
//! a query is left out, and what looks like a token in a path is not written.

use std::borrow::Cow;
use std::time::Duration;

use http::StatusCode;

use crate::layers::{Answered, Exchange};

/// Stands where a token stood.
const SECRET: &str = "[secret]";

/// Writes the line.
pub(crate) fn line(
    exchange: &Exchange,
    answered: Answered<'_>,
    status: StatusCode,
    elapsed: Duration,
    bytes: Option<u64>,
) {
    let (method, path) = exchange.asked();
    let path = &*redacted(path);
    let client = exchange.client();
    let request_id = exchange.request_id();
    let duration_ms = u32::try_from(elapsed.as_micros()).map_or(f64::MAX, f64::from) / 1000.0;
    let status = status.as_u16();
    let (route, upstream, rule) = match answered {
        Answered::Own(route) => (route, None, None),
        Answered::Upstream { route, upstream, rule } => (route, upstream, Some(rule)),
    };
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                target: "access",
                method, path, status, duration_ms, bytes, %client, request_id, route, rule, upstream, "request"
            )
        };
    }
    match status {
        500 => line!(error),
        501.. => line!(warn),
        _ => line!(info),
    }
}

/// A path without the tokens that somebody put into it.
fn redacted(path: &str) -> Cow<'_, str> {
    if !path.split('/').any(is_secret) {
        return Cow::Borrowed(path);
    }
    let segments = path.split('/').map(|segment| if is_secret(segment) { SECRET } else { segment });
    Cow::Owned(segments.collect::<Vec<_>>().join("/"))
}

/// Whether a segment holds a JWT (`{"…` in base64url, and two dots), a refresh token or a session's handle.
fn is_secret(segment: &str) -> bool {
    let jwt = || segment.contains("eyJ") && segment.bytes().filter(|byte| *byte == b'.').count() >= 2;
    segment.contains("dwr_") || segment.contains("dws_") || jwt()
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
            ("/dwr_AAAA_BBBB/dws_AAAA", "/[secret]/[secret]"),
        ] {
            assert_eq!(redacted(path), written);
        }
    }
}
