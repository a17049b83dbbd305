//! Bodies of answers: our own, or a service's as it streams in. Knows no request.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::route::Route;

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
}

impl From<Infallible> for AnswerError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl GatewayBody {
    pub(crate) fn whole(body: Bytes) -> Self {
        Self(Kind::Whole(Full::new(body)))
    }

    pub(crate) fn streaming(incoming: Incoming, route: Arc<Route>) -> Self {
        Self(Kind::Streaming(Stream { incoming, route, alarm: None, is_waiting: false }))
    }
}

/// A service's answer, which ends in [`AnswerError::Silent`] when nothing comes for the route's time.
///
/// Only the time counts in which somebody waits for the service: a client that reads slowly costs it nothing.
struct Stream {
    incoming: Incoming,
    route: Arc<Route>,
    alarm: Option<Pin<Box<Sleep>>>,
    is_waiting: bool,
}

impl Stream {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, AnswerError>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.incoming).poll_frame(cx) else {
            ready!(self.poll_alarm(cx));
            tracing::warn!(route = self.route.name, "the service behind fell silent within its answer");
            return Poll::Ready(Some(Err(AnswerError::Silent)));
        };
        self.is_waiting = false;
        Poll::Ready(frame.map(|frame| {
            frame.map_err(|error| {
                let cause: &dyn std::error::Error = &error;
                tracing::warn!(route = self.route.name, error = cause, "the service behind broke its answer off");
                error.into()
            })
        }))
    }

    fn poll_alarm(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = || Instant::now() + self.route.timeouts.idle;
        let alarm = match &mut self.alarm {
            Some(alarm) => {
                if !self.is_waiting {
                    alarm.as_mut().reset(deadline());
                }
                alarm
            }
            none => none.insert(Box::pin(sleep_until(deadline()))),
        };
        self.is_waiting = true;
        alarm.as_mut().poll(cx)
    }
}

impl Body for GatewayBody {
    type Data = Bytes;
    type Error = AnswerError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match &mut self.get_mut().0 {
            Kind::Whole(body) => Pin::new(body).poll_frame(cx).map_err(AnswerError::from),
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
