//! Bodies of answers: our own, or a service's as it streams in. Knows no request.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::time::Instant;

use crate::alarm::Alarm;
use crate::observer::GatewayObserver;
use crate::pool::Pooled;
use crate::route::Route;
use crate::streams::Open;
use crate::upstream::Held;

/// The body of an answer.
pub struct GatewayBody(Kind);

enum Kind {
    /// Doorward's own.
    Whole(Full<Bytes>),
    /// A service's, as it comes.
    Streaming(Stream),
}

/// Why an answer broke off.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// The service behind broke it off.
    #[error("the service behind broke its answer off")]
    Broken(#[from] hyper::Error),
    /// The service behind fell silent.
    #[error("the service behind fell silent within its answer")]
    Silent,
    /// Who asked for it does not count any more.
    #[error("the session of the caller ended within the answer")]
    Revoked,
}

impl GatewayBody {
    pub(crate) fn whole(body: Bytes) -> Self {
        Self(Kind::Whole(Full::new(body)))
    }

    pub(crate) fn streaming(mut stream: Stream) -> Self {
        if stream.incoming.is_end_stream() {
            stream.finish();
            return Self::whole(Bytes::new());
        }
        Self(Kind::Streaming(stream))
    }
}

/// A service's answer, which ends in [`AnswerError::Silent`] when nothing comes for the route's time.
///
/// Only the time counts in which somebody waits for the service: a client that reads slowly costs it nothing.
pub(crate) struct Stream {
    pub(crate) incoming: Incoming,
    /// The connection it comes over, if that is this answer's alone.
    pub(crate) pooled: Option<Box<Pooled>>,
    pub(crate) alarm: Alarm,
    pub(crate) route: Arc<Route>,
    /// The service is busy until the end.
    pub(crate) held: Option<Held>,
    pub(crate) observer: Arc<dyn GatewayObserver>,
    /// What may end it from outside.
    pub(crate) open: Option<Open>,
    /// Whether a client expects it to end at any time and begins again by itself.
    pub(crate) begins_again: bool,
}

impl Stream {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, AnswerError>>> {
        if self.open.as_ref().is_some_and(|open| open.is_cut(cx)) {
            self.pooled = None;
            self.held = None;
            return Poll::Ready((!self.begins_again).then_some(Err(AnswerError::Revoked)));
        }
        let frame = match &mut self.pooled {
            Some(pooled) => pooled.poll_frame(cx, &mut self.incoming),
            None => Pin::new(&mut self.incoming).poll_frame(cx),
        };
        let Poll::Ready(frame) = frame else {
            if !self.alarm.is_set() {
                self.alarm.set(Instant::now() + self.route.timeouts.idle);
            }
            ready!(self.alarm.poll(cx));
            return Poll::Ready(Some(Err(self.broke_off(AnswerError::Silent))));
        };
        self.alarm.clear();
        Poll::Ready(match frame {
            None => {
                self.finish();
                None
            }
            Some(Ok(frame)) => {
                if self.incoming.is_end_stream() {
                    self.finish();
                }
                Some(Ok(frame))
            }
            Some(Err(error)) => Some(Err(self.broke_off(error.into()))),
        })
    }

    /// All of it has come: the connection is free, and the service has one request fewer.
    fn finish(&mut self) {
        if let Some(pooled) = self.pooled.take() {
            pooled.release(std::mem::take(&mut self.alarm));
        }
        self.held = None;
        self.open = None;
    }

    fn broke_off(&mut self, error: AnswerError) -> AnswerError {
        self.pooled = None;
        if let Some(mut held) = self.held.take() {
            held.failed(&self.route.name, "the service behind broke its answer off", Some(&error), &*self.observer);
        }
        error
    }
}

impl From<Bytes> for GatewayBody {
    fn from(body: Bytes) -> Self {
        Self::whole(body)
    }
}

impl Body for GatewayBody {
    type Data = Bytes;
    type Error = AnswerError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match &mut self.get_mut().0 {
            Kind::Whole(body) => Pin::new(body).poll_frame(cx).map_err(|never| match never {}),
            Kind::Streaming(stream) => stream.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole(body) => body.is_end_stream(),
            Kind::Streaming(stream) => stream.incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(body) => body.size_hint(),
            Kind::Streaming(stream) => stream.incoming.size_hint(),
        }
    }
}
