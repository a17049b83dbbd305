//! The body of a request on its way to a service: what still arrives, or what is there as a whole.
//!
//! Owns nothing but that choice. Knows no deadline; a body that arrives brings its own.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use pin_project_lite::pin_project;

use super::timed_body::TimedBody;

pin_project! {
    /// A request's body. Its errors are those of [`TimedBody`].
    #[project = Projected]
    pub(crate) enum RequestBody {
        /// Of a connection.
        Arriving { #[pin] body: TimedBody<Incoming> },
        /// Of an event: all of it, given once.
        Whole { body: Option<Bytes> },
    }
}

impl From<TimedBody<Incoming>> for RequestBody {
    fn from(body: TimedBody<Incoming>) -> Self {
        Self::Arriving { body }
    }
}

impl From<Bytes> for RequestBody {
    fn from(body: Bytes) -> Self {
        Self::Whole { body: Some(body).filter(|body| !body.is_empty()) }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.project() {
            Projected::Arriving { body } => body.poll_frame(cx),
            Projected::Whole { body } => Poll::Ready(body.take().map(|body| Ok(Frame::data(body)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Arriving { body } => body.is_end_stream(),
            Self::Whole { body } => body.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Arriving { body } => body.size_hint(),
            Self::Whole { body } => SizeHint::with_exact(body.as_ref().map_or(0, |body| body.len() as u64)),
        }
    }
}
