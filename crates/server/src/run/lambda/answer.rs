//! An answer in the form its trigger takes: as a whole in JSON, or its head in JSON and then piece by piece.
//!
//! Owns which bodies count as text, and how headers and cookies are told. Knows no service.

use std::error::Error;
use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, HeaderName, SET_COOKIE, TRANSFER_ENCODING};
use http::response::Parts;
use http::{HeaderMap, HeaderValue};
use http_body::{Body, Frame};
use pin_project_lite::pin_project;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, Sleep, sleep_until};

use super::event::Payload;

/// Told by the connection between client and trigger.
const OF_CONNECTION: [HeaderName; 4] =
    [CONNECTION, CONTENT_LENGTH, HeaderName::from_static("keep-alive"), TRANSFER_ENCODING];
/// Between the head of a streamed answer and its body.
const SEPARATOR: &[u8] = &[0; 8];
/// Why a streamed answer ended before its end.
pub(super) const ERROR_TYPE: HeaderName = HeaderName::from_static("lambda-runtime-function-error-type");

/// The most that AWS takes of an answer in JSON.
pub(super) const ANSWER_BYTES: usize = 6 * 1024 * 1024;

/// The whole answer; nothing if that is too much.
pub(super) fn whole(payload: Payload, head: &Parts, body: &[u8]) -> Option<Vec<u8>> {
    let mut answer = told(payload, head);
    let text = std::str::from_utf8(body).ok().filter(|_| !head.headers.contains_key(CONTENT_ENCODING));
    answer.insert("isBase64Encoded".to_owned(), text.is_none().into());
    answer.insert("body".to_owned(), text.map_or_else(|| STANDARD.encode(body), str::to_owned).into());
    Some(Value::from(answer).to_string().into_bytes()).filter(|answer| answer.len() <= ANSWER_BYTES)
}

/// The answer as it comes, until its time is up.
pub(super) fn streamed<B: Body<Data = Bytes>>(payload: Payload, head: &Parts, body: B, until: Instant) -> Streamed<B> {
    let prelude = Value::from(told(payload, head)).to_string();
    // A piece each, as an emulator wants it.
    let opening = [prelude.into(), Bytes::from_static(SEPARATOR)].into_iter();
    Streamed { opening, body, alarm: Box::pin(sleep_until(until)), is_over: false }
}

/// Status, headers and cookies.
fn told(payload: Payload, head: &Parts) -> Map<String, Value> {
    let mut answer = Map::new();
    answer.insert("statusCode".to_owned(), head.status.as_u16().into());
    let names = head.headers.keys().filter(|name| !OF_CONNECTION.contains(name));
    match payload {
        Payload::V1 => {
            let headers: Map<_, _> = names.map(|name| (name.to_string(), values(&head.headers, name).into())).collect();
            answer.insert("multiValueHeaders".to_owned(), headers.into());
        }
        Payload::V2 => {
            let names = names.filter(|name| *name != SET_COOKIE);
            let joined = |name| values(&head.headers, name).join(", ").into();
            let headers: Map<_, _> = names.map(|name| (name.to_string(), joined(name))).collect();
            answer.insert("headers".to_owned(), headers.into());
            answer.insert("cookies".to_owned(), json!(values(&head.headers, &SET_COOKIE)));
        }
    }
    answer
}

fn values(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.get_all(name).iter().map(text).collect()
}

pin_project! {
    /// A streamed answer: head, separator, body. Where the body breaks off, a trailer says so.
    pub(super) struct Streamed<B> {
        opening: std::array::IntoIter<Bytes, 2>,
        #[pin]
        body: B,
        alarm: Pin<Box<Sleep>>,
        is_over: bool,
    }
}

impl<B> Body for Streamed<B>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>>,
{
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.project();
        if let Some(piece) = this.opening.next() {
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        if *this.is_over {
            return Poll::Ready(None);
        }
        let why = match this.body.poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) if frame.is_data() => return Poll::Ready(Some(Ok(frame))),
            // Trailers of a service have no place in what a trigger takes.
            Poll::Ready(Some(Ok(_)) | None) => None,
            Poll::Ready(Some(Err(_))) => Some("Doorward.BrokenOff"),
            Poll::Pending => {
                if this.alarm.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                Some("Doorward.TimeIsUp")
            }
        };
        *this.is_over = true;
        let trailers = why.map(|why| HeaderMap::from_iter([(ERROR_TYPE, HeaderValue::from_static(why))]));
        Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use http::Response;
    use http::header::{CONTENT_TYPE, VARY};

    use super::*;

    fn head(headers: &[(HeaderName, &'static str)]) -> Parts {
        let mut response = Response::new(());
        for (name, value) in headers {
            response.headers_mut().append(name, HeaderValue::from_static(value));
        }
        response.into_parts().0
    }

    fn answered(payload: Payload, headers: &[(HeaderName, &'static str)], body: &[u8]) -> Value {
        serde_json::from_slice(&whole(payload, &head(headers), body).unwrap()).unwrap()
    }

    #[test]
    fn version_2_has_cookies_of_their_own_and_one_line_a_header() {
        let headers = [(SET_COOKIE, "a=1"), (SET_COOKIE, "b=2"), (VARY, "x"), (VARY, "y"), (CONTENT_LENGTH, "2")];
        let expected = json!({
            "statusCode": 200, "headers": {"vary": "x, y"}, "cookies": ["a=1", "b=2"],
            "isBase64Encoded": false, "body": "hi",
        });
        assert_eq!(answered(Payload::V2, &headers, b"hi"), expected);
    }

    #[test]
    fn version_1_has_every_value_of_every_header() {
        let headers = [(SET_COOKIE, "a=1"), (SET_COOKIE, "b=2"), (CONTENT_TYPE, "text/plain")];
        let expected = json!({"set-cookie": ["a=1", "b=2"], "content-type": ["text/plain"]});
        assert_eq!(answered(Payload::V1, &headers, b"")["multiValueHeaders"], expected);
    }

    #[test]
    fn what_is_not_text_or_compressed_travels_as_base64() {
        let of = |headers: &[_], body: &[u8]| {
            let answer = answered(Payload::V2, headers, body);
            (answer["isBase64Encoded"].as_bool().unwrap(), answer["body"].as_str().unwrap().to_owned())
        };
        assert_eq!(of(&[], "\u{e9}\0".as_bytes()), (false, "\u{e9}\0".to_owned()));
        assert_eq!(of(&[], b"\xff\0"), (true, "/wA=".to_owned()));
        assert_eq!(of(&[(CONTENT_ENCODING, "gzip")], b"text"), (true, "dGV4dA==".to_owned()));
    }
}
