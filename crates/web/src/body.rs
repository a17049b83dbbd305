//! A request's body, taken whole: at most [`MAX_BODY`] bytes, of one media type, not compressed. Knows no format.

use std::error::Error;
use std::{io, iter};

use axum::body::Body;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::problem::Problem;

/// The most a body may be long.
const MAX_BODY: usize = 1024 * 1024;

/// The whole of a body.
pub(crate) async fn collect(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    let too_large = || {
        let detail = "The body is longer than 1 MiB";
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
    };
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > MAX_BODY as u64) {
        return Err(too_large());
    }
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(error) if is_stalled(&*error) => {
            let detail = "The body did not arrive in time";
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "body_stalled", detail))
        }
        Err(_) => Err(Problem::malformed("The body did not arrive whole")),
    }
}

/// Whether a body ended because its client sent nothing more for too long.
fn is_stalled(error: &(dyn Error + 'static)) -> bool {
    let timed_out = |error: &io::Error| error.kind() == io::ErrorKind::TimedOut;
    let mut cause = Some(error);
    iter::from_fn(|| {
        let current = cause?;
        cause = current.source();
        Some(current)
    })
    .any(|error| error.downcast_ref().is_some_and(timed_out))
}

/// Refuses a body that is compressed, or whose one media type is not as wanted.
pub(crate) fn must_be(
    headers: &HeaderMap,
    wanted: impl Fn(&str) -> bool,
    otherwise: &'static str,
) -> Result<(), Problem> {
    let unsupported = |detail| Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    match (types.next(), types.next()) {
        (Some(one), None) if one.to_str().is_ok_and(wanted) => {}
        _ => return unsupported(otherwise),
    }
    let plain = |coding: &HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"identity");
    if headers.get_all(CONTENT_ENCODING).iter().all(plain) {
        Ok(())
    } else {
        unsupported("The body must not be compressed")
    }
}
