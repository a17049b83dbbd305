//! What the parts of one connection tell each other: the guard below the HTTP library, the service
//! above it and the task that watches the clock.
//!
//! Owns the count of requests under way and the refusal waiting for its turn. One task on one
//! thread, hence plain cells.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{Either, Full};
use pin_project_lite::pin_project;

use super::refusal::Refusal;

/// The state of one connection, shared by its parts.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    /// Heads the guard has let up, a stand-in for a refused one included.
    heads: Cell<u64>,
    /// Requests that have reached the service.
    requests: Cell<u64>,
    /// Answers of which the HTTP library has taken everything.
    answered: Cell<u64>,
    refusal: Cell<Option<Refusal>>,
    head_begun: Cell<bool>,
    head_late: Cell<bool>,
    written: Cell<u64>,
    write_blocked: Cell<bool>,
    closing: Cell<bool>,
}

/// What a connection is waiting for, with a mark that moves when it gets some of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// The service, or a body that has its own deadline.
    Service,
    /// The client's first byte after so many requests.
    Request { after: u64 },
    /// The rest of a head after so many requests.
    Head { after: u64 },
    /// The client to take more than so many bytes.
    Reader { written: u64 },
    /// The client to notice the end.
    Close,
}

impl Exchange {
    /// What the connection waits for now.
    pub(super) fn wait(&self) -> Wait {
        let after = self.heads.get();
        if self.closing.get() {
            Wait::Close
        } else if self.write_blocked.get() {
            Wait::Reader { written: self.written.get() }
        } else if self.is_busy() {
            Wait::Service
        } else if self.head_begun.get() {
            Wait::Head { after }
        } else {
            Wait::Request { after }
        }
    }

    /// Whether a request has been let up whose answer is not finished.
    pub(super) fn is_busy(&self) -> bool {
        self.heads.get() > self.answered.get()
    }

    /// The guard has let up so many heads; a further one has begun to arrive, or not.
    pub(super) fn heads_passed(&self, heads: u64, head_begun: bool) {
        self.heads.set(heads);
        self.head_begun.set(head_begun);
    }

    /// The guard lets up a stand-in, to be answered by `refusal` when its turn comes.
    pub(super) fn refuse(&self, refusal: Refusal) {
        self.refusal.set(Some(refusal));
        self.heads_passed(self.heads.get() + 1, false);
    }

    /// A request has reached the service: the refusal to answer it with, if it is the stand-in.
    ///
    /// The stand-in is known by its number, so no request can pass itself off as one.
    pub(super) fn request_arrived(&self) -> Option<Refusal> {
        self.requests.set(self.requests.get() + 1);
        self.refusal.get().filter(|_| self.requests.get() == self.heads.get())
    }

    /// The time for the head under way is over.
    pub(super) fn give_up_head(&self) {
        self.head_late.set(true);
    }

    pub(super) fn is_head_late(&self) -> bool {
        self.head_late.get()
    }

    /// The client took so many bytes, or (`None`) has no room for more.
    pub(super) fn wrote(&self, bytes: Option<usize>) {
        self.write_blocked.set(bytes.is_none());
        self.written.set(self.written.get() + bytes.unwrap_or_default() as u64);
    }

    /// Nothing more is sent on this connection.
    pub(super) fn close(&self) {
        self.closing.set(true);
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

struct Underway(Rc<Exchange>);

impl Drop for Underway {
    fn drop(&mut self) {
        self.0.answered.set(self.0.answered.get() + 1);
    }
}

impl<B> Answer<B> {
    pub(super) fn new(body: Either<Full<Bytes>, B>, exchange: Rc<Exchange>) -> Self {
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
