//! What the parts of one connection tell each other: the guard below the HTTP library, the service
//! above it and the task that watches the clock.
//!
//! Owns the count of requests under way and the refusal waiting for its turn. All parts run on one
//! thread; plain atomic loads and stores only let the guard leave with a tunnel, which must be `Send`.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{Either, Full};
use pin_project_lite::pin_project;

use super::refusal::Refusal;
use super::watch::Wait;

/// The state of one connection, shared by its parts.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    /// Heads the guard has let up, a stand-in for a refused one included.
    heads: AtomicU64,
    /// Requests that have reached the service.
    requests: AtomicU64,
    /// Answers of which the HTTP library has taken everything.
    answered: AtomicU64,
    refusal: OnceLock<Refusal>,
    head_begun: AtomicBool,
    head_late: AtomicBool,
    written: AtomicU64,
    write_blocked: AtomicBool,
    upgrade_asked: AtomicBool,
    upgraded: AtomicBool,
    stopping: AtomicBool,
    closing: AtomicBool,
}

impl Exchange {
    /// What the connection waits for now.
    pub(super) fn wait(&self) -> Wait {
        let after = self.heads.load(Relaxed);
        if self.closing.load(Relaxed) {
            Wait::Close
        } else if self.write_blocked.load(Relaxed) {
            Wait::Reader { taken: self.written.load(Relaxed) }
        } else if self.is_busy() {
            Wait::Service
        } else if self.is_stopping() {
            Wait::LastRequest { after }
        } else if self.head_begun.load(Relaxed) {
            Wait::Head { after }
        } else {
            Wait::Request { after }
        }
    }

    /// Whether a request has been let up whose answer is not finished.
    pub(super) fn is_busy(&self) -> bool {
        self.heads.load(Relaxed) > self.answered.load(Relaxed)
    }

    /// The guard has let up so many heads; a further one has begun to arrive, or not.
    pub(super) fn heads_passed(&self, heads: u64, head_begun: bool) {
        self.heads.store(heads, Relaxed);
        self.head_begun.store(head_begun, Relaxed);
    }

    /// The guard lets up a stand-in, to be answered by `refusal` when its turn comes.
    pub(super) fn refuse(&self, refusal: Refusal) {
        // The guard reads no further, so there is one refusal a connection.
        let _ = self.refusal.set(refusal);
        self.heads_passed(self.heads.load(Relaxed) + 1, false);
    }

    /// A request has reached the service: the refusal to answer it with, if it is the stand-in.
    ///
    /// The stand-in is known by its number, so no request can pass itself off as one.
    pub(super) fn request_arrived(&self) -> Option<Refusal> {
        self.requests.store(self.requests.load(Relaxed) + 1, Relaxed);
        self.refusal.get().copied().filter(|_| self.is_last_head())
    }

    fn is_last_head(&self) -> bool {
        self.requests.load(Relaxed) == self.heads.load(Relaxed)
    }

    /// The head that the guard let up last asks for another protocol; the guard lets nothing follow.
    pub(super) fn ask_for_upgrade(&self) {
        self.upgrade_asked.store(true, Relaxed);
    }

    /// Whether the request that has just reached the service is the one that asks for another protocol.
    pub(super) fn asks_for_upgrade(&self) -> bool {
        self.upgrade_asked.load(Relaxed) && self.is_last_head()
    }

    /// The service has agreed: from here on the bytes of both sides are a tunnel's.
    pub(super) fn upgrade(&self) {
        self.upgraded.store(true, Relaxed);
    }

    pub(super) fn is_upgraded(&self) -> bool {
        self.upgraded.load(Relaxed)
    }

    /// The time for the head under way is over.
    pub(super) fn give_up_head(&self) {
        self.head_late.store(true, Relaxed);
    }

    pub(super) fn is_head_late(&self) -> bool {
        self.head_late.load(Relaxed)
    }

    /// The client took so many bytes, or (`None`) has no room for more.
    pub(super) fn wrote(&self, bytes: Option<usize>) {
        self.write_blocked.store(bytes.is_none(), Relaxed);
        if let Some(bytes) = bytes {
            self.written.store(self.written.load(Relaxed) + bytes as u64, Relaxed);
        }
    }

    /// The server stops: the next answer is the last.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Relaxed);
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Relaxed)
    }

    /// Nothing more is sent on this connection.
    pub(super) fn close(&self) {
        self.closing.store(true, Relaxed);
    }
}

pin_project! {
    /// The body of an answer, which counts as under way until it is dropped.
    pub(super) struct Answer<B> {
        #[pin]
        body: Either<Full<Bytes>, B>,
        underway: Underway,
    }
}

struct Underway(Arc<Exchange>);

impl Drop for Underway {
    fn drop(&mut self) {
        self.0.answered.store(self.0.answered.load(Relaxed) + 1, Relaxed);
    }
}

impl<B> Answer<B> {
    pub(super) fn new(body: Either<Full<Bytes>, B>, exchange: Arc<Exchange>) -> Self {
        Self { body, underway: Underway(exchange) }
    }
}

impl<B> Body for Answer<B>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.project().body.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
