//! An event's request, judged like one that came over a connection, and put into the same form.
//!
//! Believes the trigger where it speaks for itself (method, path, address of the client) and nobody else. Knows no service.

use std::net::{IpAddr, SocketAddr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_LENGTH, COOKIE, HOST, HeaderName, HeaderValue, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request, Uri};

use super::event::HttpEvent;
use super::fault::Fault;
use super::target;
use crate::run::{GuardedRequest, Limits, Refusal, RequestBody, grammar, head, http2_head};

/// About a connection that ended at the trigger.
const OF_CONNECTION: [HeaderName; 7] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// The request, and whom it came from.
pub(super) fn judge(
    mut event: HttpEvent,
    limits: Limits,
    base: Option<&str>,
) -> Result<(SocketAddr, GuardedRequest), Fault> {
    let source = event.context.source().and_then(|source| source.parse::<IpAddr>().ok()).ok_or(Fault::NoSource)?;
    let target = target::of(&event, base);
    head::judge_target(event.method.as_bytes(), target.as_bytes())?;
    let body = body(&event)?;
    let (mut head, ()) = Request::new(()).into_parts();
    head.method = Method::from_bytes(event.method.as_bytes()).map_err(|_| Refusal::RequestLine)?;
    head.uri = PathAndQuery::from_maybe_shared(target).map_err(|_| Refusal::TargetByte).map(Uri::from)?;
    head.headers = headers(&mut event)?;
    if head.uri.to_string().len() + size(&head.headers) > limits.head_bytes {
        return Err(Refusal::HeadTooLarge.into());
    }
    if head.headers.get_all(UPGRADE).iter().any(|protocol| protocol.as_bytes().eq_ignore_ascii_case(b"websocket")) {
        return Err(Fault::WebSocket);
    }
    http2_head::judge(&mut head, limits.head_fields)?;
    for name in OF_CONNECTION {
        head.headers.remove(name);
    }
    // The body is here as a whole, however the client sent it.
    if head.headers.remove(CONTENT_LENGTH).is_some() || !body.is_empty() {
        head.headers.insert(CONTENT_LENGTH, body.len().into());
    }
    Ok((SocketAddr::new(source, 0), Request::from_parts(head, RequestBody::from(body))))
}

fn body(event: &HttpEvent) -> Result<Bytes, Fault> {
    if event.is_base64_encoded {
        STANDARD.decode(&event.body).map(Bytes::from).map_err(|_| Fault::BodyEncoding)
    } else {
        Ok(Bytes::copy_from_slice(event.body.as_bytes()))
    }
}

/// The headers: every value where the form has them, and cookies from their own place where they have one.
fn headers(event: &mut HttpEvent) -> Result<HeaderMap, Fault> {
    let (single, multi) = (std::mem::take(&mut event.headers), std::mem::take(&mut event.multi_value_headers));
    let mut headers = HeaderMap::new();
    for (name, value) in multi.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value))) {
        append(&mut headers, name, value)?;
    }
    for (name, value) in &single {
        if multi.is_empty() {
            append(&mut headers, name, value)?;
        } else if multi.get(name).is_none_or(|values| !values.contains(value)) {
            return Err(Fault::TwoForms);
        }
    }
    if !event.cookies.is_empty() {
        let cookies = event.cookies.join("; ");
        if headers.get_all(COOKIE).iter().any(|told| !are_same(told.as_bytes(), cookies.as_bytes())) {
            return Err(Fault::TwoForms);
        }
        headers.insert(COOKIE, HeaderValue::from_maybe_shared(cookies).map_err(|_| Refusal::ControlByte)?);
    }
    if let (None, Some(domain)) = (headers.get(HOST), &event.context.domain_name) {
        headers.insert(HOST, HeaderValue::from_str(domain).map_err(|_| Refusal::Host)?);
    }
    Ok(headers)
}

fn append(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), Fault> {
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Refusal::FieldName)?;
    let value = HeaderValue::from_bytes(grammar::trim(value.as_bytes())).map_err(|_| Refusal::ControlByte)?;
    headers.try_append(name, value).map_err(|_| Refusal::TooManyFields)?;
    Ok(())
}

/// Whether two lists of cookies differ in white space alone.
fn are_same(one: &[u8], other: &[u8]) -> bool {
    let pieces =
        |cookies: &[u8]| cookies.split(|&byte| byte == b';').map(|piece| piece.trim_ascii().to_vec()).collect();
    let (one, other): (Vec<_>, Vec<_>) = (pieces(one), pieces(other));
    one == other
}

/// What the headers would take in a request head.
fn size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len()).sum()
}

#[cfg(test)]
mod tests;
