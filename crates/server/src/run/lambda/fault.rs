//! What an event asks for and does not get, and the answer to each: problem details like everywhere else.

use std::time::Duration;

use bytes::Bytes;
use doorward_protocol::problem;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};

use crate::run::Refusal;
use crate::run::refusal;

/// Why a request is not answered by the service, or its answer not passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Its head is none to serve.
    Head(Refusal),
    /// It asks to go on as a WebSocket.
    WebSocket,
    /// It does not say where it came from.
    NoSource,
    /// Its headers are told twice, and differently.
    TwoForms,
    /// Its body is not encoded as it says.
    BodyEncoding,
    /// There is nothing to answer it with.
    Unavailable { retry_after: Duration },
    /// The service was lost to a panic.
    Panic,
    /// The invocation's time is up.
    TimeIsUp,
    /// The answer is a stream, and what asked takes answers as a whole.
    Stream,
    /// The answer is larger than may be passed on.
    TooLarge,
    /// The answer broke off.
    BrokenOff,
}

impl Fault {
    /// Status, code and sentence.
    fn words(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Head(refusal) => (refusal.status(), refusal::CODE, refusal.detail()),
            Self::WebSocket => (
                StatusCode::NOT_IMPLEMENTED,
                "websocket_unavailable",
                "A WebSocket cannot pass through AWS Lambda; it needs a Doorward that listens.",
            ),
            Self::NoSource => {
                (StatusCode::BAD_REQUEST, "event_refused", "The event does not name the address of the client.")
            }
            Self::TwoForms => {
                (StatusCode::BAD_REQUEST, "event_refused", "The event tells a header twice, and differently.")
            }
            Self::BodyEncoding => {
                (StatusCode::BAD_REQUEST, "event_refused", "The event's body is not the base64 it says.")
            }
            Self::Unavailable { .. } => {
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Doorward is not ready to serve at the moment.")
            }
            Self::Panic => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong here."),
            Self::TimeIsUp => {
                (StatusCode::GATEWAY_TIMEOUT, "time_is_up", "The request was not answered in the function's time.")
            }
            Self::Stream => (
                StatusCode::NOT_IMPLEMENTED,
                "stream_unavailable",
                "The answer is a stream, which passes through AWS Lambda only where the trigger streams.",
            ),
            Self::TooLarge => {
                (StatusCode::BAD_GATEWAY, "answer_too_large", "The answer is larger than AWS Lambda passes on.")
            }
            Self::BrokenOff => (StatusCode::BAD_GATEWAY, "answer_broken_off", "The answer broke off."),
        }
    }

    /// The sentence.
    pub(super) fn detail(self) -> &'static str {
        self.words().2
    }

    /// The answer.
    pub(super) fn response(self) -> Response<Bytes> {
        let (status, code, detail) = self.words();
        let mut response = Response::new(Bytes::from(refusal::problem(status, code, detail)));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(problem::CONTENT_TYPE));
        if let Self::Unavailable { retry_after } = self {
            response.headers_mut().insert(RETRY_AFTER, retry_after.as_secs().max(1).into());
        }
        response
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Head(refusal)
    }
}
