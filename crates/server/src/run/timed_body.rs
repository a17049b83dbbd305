//! A request body that a client cannot stall.
//!
//! Owns the deadline on a body's progress, and lets no trailer through that would be a header. Counts
//! only the time in which somebody waits for the client: a service that takes its time between two
//! pieces costs the client nothing.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

use super::trailers;

/// What a client must send to be given the whole time-out again. One byte would do for an honest
/// one; this makes it dear to hold a request open with single bytes.
const PROGRESS_BYTES: usize = 256;

pin_project! {
    /// A body that fails when the client stops sending.
    ///
    /// Its errors are those of input and output, so that whoever reads it, in whatever crate, can tell
    /// them apart: `TimedOut`, `InvalidData` for broken framing, `UnexpectedEof` for a client that left.
    pub(crate) struct TimedBody<B> {
        #[pin]
        body: B,
        clock: WaitClock,
    }
}

/// How long the client may still be waited for.
struct WaitClock {
    allowance: Duration,
    left: Duration,
    progress: usize,
    waiting_since: Option<Instant>,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl<B> TimedBody<B> {
    pub(crate) fn new(body: B, allowance: Duration) -> Self {
        let clock = WaitClock { allowance, left: allowance, progress: 0, waiting_since: None, alarm: None };
        Self { body, clock }
    }
}

impl WaitClock {
    /// The client is being waited for: ready once that has lasted too long.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.waiting_since.is_none() {
            let now = Instant::now();
            self.waiting_since = Some(now);
            let deadline = now + self.left;
            match &mut self.alarm {
                Some(alarm) => alarm.as_mut().reset(deadline),
                None => self.alarm = Some(Box::pin(sleep_until(deadline))),
            }
        }
        match &mut self.alarm {
            Some(alarm) => alarm.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }

    /// The client has sent so many bytes.
    fn advance(&mut self, bytes: usize) {
        let waited = self.waiting_since.take().map(|since| since.elapsed()).unwrap_or_default();
        self.left = self.left.saturating_sub(waited);
        self.progress += bytes;
        if self.progress >= PROGRESS_BYTES {
            self.progress = 0;
            self.left = self.allowance;
        }
    }
}

impl<B> Body for TimedBody<B>
where
    B: Body<Data = Bytes, Error = hyper::Error>,
{
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.project();
        match this.body.poll_frame(cx) {
            Poll::Pending => this.clock.wait(cx).map(|()| Some(Err(stalled()))),
            Poll::Ready(Some(Ok(mut frame))) => {
                this.clock.advance(frame.data_ref().map_or(0, Buf::remaining));
                if let Some(trailers) = frame.trailers_mut() {
                    trailers::keep_allowed(trailers);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(failed(error)))),
            Poll::Ready(None) => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn stalled() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the request body did not arrive in time")
}

/// Broken framing is found by the guard or by the library, and each says so in its own way.
fn failed(error: hyper::Error) -> io::Error {
    let source = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<io::Error>());
    let kind = match source.map(io::Error::kind) {
        Some(io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) => io::ErrorKind::InvalidData,
        _ => io::ErrorKind::UnexpectedEof,
    };
    io::Error::new(kind, error)
}
