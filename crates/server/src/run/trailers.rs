//! What may follow a request's body: fields about the content, never about the request.
//!
//! A head is judged before its body is read; what would have had to be judged with it comes too late
//! and is dropped (RFC 9110, section 6.5.1). Knows no body and no service.

use http::{HeaderMap, HeaderName};

/// Framing, routing, credentials, conditions, and how to read the content.
const HEAD_ONLY: [&str; 24] = [
    "authorization",
    "cache-control",
    "connection",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "max-forwards",
    "origin",
    "pragma",
    "range",
    "referer",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-http-method",
    "x-method-override",
    "x-real-ip",
    "x-request-id",
];
/// The same for whole families.
const HEAD_ONLY_FAMILIES: [&str; 8] =
    ["accept", "content-", "if-", "proxy-", "sec-", "x-forwarded", "x-http-method-", "x-original-"];

/// Drops what comes too late.
pub(super) fn keep_allowed(trailers: &mut HeaderMap) {
    let late: Vec<HeaderName> = trailers.keys().filter(|name| !is_allowed(name.as_str())).cloned().collect();
    for name in late {
        trailers.remove(name);
    }
}

/// Services that turn names into variables read `_` as `-`, so such a name has more than one meaning.
fn is_allowed(name: &str) -> bool {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_plain && !HEAD_ONLY.contains(&name) && !HEAD_ONLY_FAMILIES.iter().any(|family| name.starts_with(family))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_fields_about_the_content_stay() {
        let names = [
            "x-checksum",
            "host",
            "content-length",
            "content-type",
            "authorization",
            "cookie",
            "transfer-encoding",
            "x-forwarded-for",
            "if-match",
            "sec-fetch-site",
            "x_checksum",
            "digest",
            "proxy-authorization",
        ];
        let mut trailers =
            HeaderMap::from_iter(names.map(|name| (name.parse().unwrap(), HeaderValue::from_static("1"))));
        keep_allowed(&mut trailers);
        let mut kept: Vec<&str> = trailers.keys().map(HeaderName::as_str).collect();
        kept.sort_unstable();
        assert_eq!(kept, ["digest", "x-checksum"]);
    }
}
