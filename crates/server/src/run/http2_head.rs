//! The judgement of the head of an HTTP/2 request, and its translation into what an HTTP/1 request
//! would have said: a target in origin form and a `Host`.
//!
//! The HTTP library has refused by now what RFC 9113 calls malformed: control bytes, capital letters,
//! headers about the connection, two framings. It also cuts a fragment off the target before anybody
//! sees it. Pure; knows no connection and no service.

use http::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, EXPECT, HOST, HeaderName, HeaderValue, ORIGIN,
};
use http::request::Parts;
use http::{HeaderMap, Uri};

use super::refusal::Refusal;
use super::{grammar, head};

/// Headers of which a second one would let two readers see two requests.
const ONCE: [HeaderName; 6] = [HOST, CONTENT_LENGTH, EXPECT, AUTHORIZATION, CONTENT_TYPE, ORIGIN];

/// Judges a head and puts it into the form of HTTP/1.
pub(super) fn judge(request: &mut Parts, most_fields: usize) -> Result<(), Refusal> {
    let method = request.method.as_str().as_bytes();
    if method.len() > head::METHOD_BYTES {
        return Err(Refusal::RequestLine);
    }
    let target = request.uri.path_and_query().cloned();
    head::judge_target(method, target.as_ref().map_or(b"", |target| target.as_str().as_bytes()))?;
    judge_fields(&request.headers, most_fields)?;
    settle_host(request.uri.authority().map(http::uri::Authority::as_str), &mut request.headers)?;
    join_cookies(&mut request.headers)?;
    request.uri = target.map(Uri::from).unwrap_or_default();
    Ok(())
}

fn judge_fields(headers: &HeaderMap, most_fields: usize) -> Result<(), Refusal> {
    if headers.len() > most_fields {
        return Err(Refusal::TooManyFields);
    }
    if ONCE.iter().any(|name| headers.get_all(name).iter().nth(1).is_some()) {
        return Err(Refusal::RepeatedField);
    }
    if headers.get(CONTENT_LENGTH).is_some_and(|length| grammar::parse_length(length.as_bytes()).is_none()) {
        return Err(Refusal::ContentLength);
    }
    if headers.get(EXPECT).is_some_and(|expect| !expect.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
        return Err(Refusal::Expectation);
    }
    Ok(())
}

/// Leaves exactly one host, which both places agree on if both name one.
fn settle_host(authority: Option<&str>, headers: &mut HeaderMap) -> Result<(), Refusal> {
    let host = headers.get(HOST).map(HeaderValue::as_bytes);
    let named = authority.map(str::as_bytes).or(host).ok_or(Refusal::MissingHost)?;
    if !grammar::is_host(named) || host.is_some_and(|host| !host.eq_ignore_ascii_case(named)) {
        return Err(Refusal::Host);
    }
    if host.is_none() {
        let host = HeaderValue::from_bytes(named).map_err(|_| Refusal::Host)?;
        headers.insert(HOST, host);
    }
    Ok(())
}

/// HTTP/2 lets a client send its cookies in pieces, HTTP/1 does not (RFC 9113, section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) -> Result<(), Refusal> {
    if headers.get_all(COOKIE).iter().nth(1).is_none() {
        return Ok(());
    }
    let pieces: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    let whole = HeaderValue::from_bytes(&pieces.join(&b"; "[..])).map_err(|_| Refusal::ControlByte)?;
    headers.insert(COOKIE, whole);
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use http::{Method, Request};

    use super::*;

    /// The verdict on a request for `uri` with `fields`, and the head that comes of it.
    fn judged(uri: &str, fields: &[(&str, &str)]) -> Result<Parts, Refusal> {
        let mut request = Request::builder().uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let (mut head, ()) = request.body(()).unwrap().into_parts();
        judge(&mut head, 64).map(|()| head)
    }

    #[test]
    fn a_request_looks_like_one_of_http_1() {
        let head = judged("https://a:1/x?y=z", &[("cookie", "a=1"), ("x", "1"), ("cookie", "b=2")]).unwrap();
        assert_eq!(head.uri, Uri::from_static("/x?y=z"));
        assert_eq!(head.headers[HOST], "a:1");
        assert_eq!(head.headers.get_all(COOKIE).iter().collect::<Vec<_>>(), ["a=1; b=2"]);
        let head = judged("/x", &[("host", "b")]).unwrap();
        assert_eq!(head.headers[HOST], "b");
    }

    #[test]
    fn two_names_for_the_host_must_agree() {
        assert!(judged("https://a/", &[("host", "A")]).is_ok());
        assert_eq!(judged("https://a/", &[("host", "b")]).unwrap_err(), Refusal::Host);
        assert_eq!(judged("https://a/", &[("host", "a"), ("host", "a")]).unwrap_err(), Refusal::RepeatedField);
        assert_eq!(judged("https://user@a/", &[]).unwrap_err(), Refusal::Host);
        assert_eq!(judged("/", &[("host", "a/b")]).unwrap_err(), Refusal::Host);
        assert_eq!(judged("/", &[]).unwrap_err(), Refusal::MissingHost);
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        for name in ["authorization", "content-type", "origin", "content-length", "expect"] {
            let value = if name == "expect" { "100-continue" } else { "1" };
            let twice = judged("https://a/", &[(name, value), (name, value)]);
            assert_eq!(twice.unwrap_err(), Refusal::RepeatedField, "{name}");
        }
        assert_eq!(judged("https://a/", &[("content-length", "+1")]).unwrap_err(), Refusal::ContentLength);
        assert_eq!(judged("https://a/", &[("expect", "x")]).unwrap_err(), Refusal::Expectation);
        assert_eq!(judged("https://a/", &[("x", "y"); 65]).unwrap_err(), Refusal::TooManyFields);
        assert!(judged("https://a/", &[("x", "y"); 64]).is_ok());
    }

    #[test]
    fn only_targets_in_origin_form_pass() {
        let of = |method: Method, uri: &str| {
            let (mut head, ()) =
                Request::builder().method(method).uri(uri).header(HOST, "a").body(()).unwrap().into_parts();
            judge(&mut head, 64)
        };
        assert_eq!(of(Method::OPTIONS, "*"), Ok(()));
        assert_eq!(of(Method::GET, "*"), Err(Refusal::TargetForm));
        assert_eq!(of(Method::CONNECT, "a:443"), Err(Refusal::Connect));
        assert_eq!(of(Method::GET, "/\u{e9}"), Err(Refusal::TargetByte));
        assert_eq!(of(Method::GET, &format!("/{}", "a".repeat(8192))), Err(Refusal::TargetTooLong));
    }
}
