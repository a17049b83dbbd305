//! A connection that speaks HTTP/2: the HTTP library with bounds on everything a client may pile up,
//! the end of every wait, and one task a request.
//!
//! The library keeps the framing (RFC 9113) and its floods within bounds; what a request may look
//! like besides is judged in `http2_head`, so that a service meets the same requests in both versions.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio::time::Sleep;

use super::connection::{Call, Ended};
use super::http2_head;
use super::rewound::Rewound;
use super::timed_body::TimedBody;
use super::watch::{Expired, Wait, Watch};
use super::{Limits, Serve};

/// Requests under way at a time on one connection.
const STREAMS: u32 = 128;
/// Requests that a client may take back before they are looked at, and streams it may break, until
/// the connection is ended.
const RESETS: usize = 32;
const BROKEN_STREAMS: usize = 128;
/// What a client may send ahead of what is read: on one stream, and on all of a connection.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// What is kept of one answer while the client does not take it.
const SEND_BUFFER_BYTES: usize = 64 * 1024;
/// How often a silent client is asked whether it is still there, and how long it may take to say so.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(15);

/// Serves the requests of one connection, of which `opening` has been read already.
pub(super) async fn serve<S: Serve>(
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    opening: Vec<u8>,
    call: Call<S>,
    alarm: Pin<&mut Sleep>,
    mut stop: Pin<&mut impl Future<Output = ()>>,
) -> Ended {
    let limits = call.limits;
    let streams = Rc::new(Streams::default());
    let tasks = Tasks::default();
    let handler = {
        let streams = Rc::clone(&streams);
        service_fn(move |request| respond(request, call.clone(), Stream::open(&streams)))
    };
    let io = TokioIo::new(Rewound::new(stream, opening));
    let mut connection = pin!(library(limits, tasks.clone()).serve_connection(io, handler));
    let mut watch = Watch::new(limits, alarm);
    let mut ended = Ended::default();
    poll_fn(|cx| {
        loop {
            if !streams.stopping.get() && stop.as_mut().poll(cx).is_ready() {
                streams.stopping.set(true);
                ended.drained = streams.open.get() > 0;
                connection.as_mut().graceful_shutdown();
            }
            ended.panics += tasks.poll_panics(cx);
            if let Poll::Ready(outcome) = connection.as_mut().poll(cx) {
                if let Err(error) = outcome {
                    tracing::debug!(%error, "a connection ended early");
                }
                return Poll::Ready(());
            }
            match watch.poll(cx, streams.wait()) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Expired::Request) => {
                    streams.closing.set(true);
                    connection.as_mut().graceful_shutdown();
                }
                Poll::Ready(Expired::Head | Expired::Finally) => {
                    ended.timed_out = streams.wait() != Wait::Close;
                    return Poll::Ready(());
                }
            }
        }
    })
    .await;
    ended
}

/// Answers one request, judged first.
fn respond<S: Serve>(
    request: Request<Incoming>,
    call: Call<S>,
    stream: Stream,
) -> impl Future<Output = Result<Response<Answer<S::Body>>, Infallible>> + use<S> {
    let (mut head, body) = request.into_parts();
    let refusal = http2_head::judge(&mut head, call.limits.head_fields).err();
    let request = Request::from_parts(head, TimedBody::new(body, call.limits.body_idle_timeout).into());
    async move {
        let response = call.answer(refusal, request).await;
        Ok(response.map(|body| Answer::new(body, stream)))
    }
}

fn library(limits: Limits, tasks: Tasks) -> http2::Builder<Tasks> {
    let mut library = http2::Builder::new(tasks);
    library
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_pending_accept_reset_streams(RESETS)
        .max_local_error_reset_streams(BROKEN_STREAMS)
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_TIMEOUT);
    library
}

/// The tasks of one connection's requests, which end with it. One that panics costs its request alone.
#[derive(Clone, Default)]
struct Tasks(Rc<RefCell<JoinSet<()>>>);

impl Tasks {
    /// How many tasks have panicked since the last call; ended ones are forgotten.
    fn poll_panics(&self, cx: &mut Context<'_>) -> usize {
        let mut tasks = self.0.borrow_mut();
        let mut panics = 0;
        while let Poll::Ready(Some(outcome)) = tasks.poll_join_next(cx) {
            panics += usize::from(outcome.is_err_and(|error| error.is_panic()));
        }
        panics
    }
}

impl<F: Future<Output = ()> + 'static> Executor<F> for Tasks {
    fn execute(&self, task: F) {
        self.0.borrow_mut().spawn_local(task);
    }
}

/// What is under way on one connection.
#[derive(Default)]
struct Streams {
    /// Requests that have arrived.
    arrived: Cell<u64>,
    /// Those of them that are not answered to the end.
    open: Cell<usize>,
    /// Those of these whose next piece waits for the client to take it.
    offered: Cell<usize>,
    /// Pieces of answers that clients made room for.
    taken: Cell<u64>,
    /// The server has said that it takes no more requests.
    stopping: Cell<bool>,
    /// The client has had its time to agree to the end.
    closing: Cell<bool>,
}

impl Streams {
    /// What the connection waits for now. Only when all answers wait for the client does it wait for
    /// the client: a stalled one beside others costs no more than its buffer.
    fn wait(&self) -> Wait {
        match self.open.get() {
            0 if self.closing.get() => Wait::Close,
            // The library may still have the end of an answer, and the client has to say that it knows.
            0 if self.stopping.get() => Wait::Request { after: 0 },
            0 => Wait::Request { after: self.arrived.get() },
            open if open == self.offered.get() => Wait::Reader { taken: self.taken.get() },
            _ => Wait::Service,
        }
    }
}

/// One request's part in that.
struct Stream {
    streams: Rc<Streams>,
    is_offered: bool,
}

impl Stream {
    fn open(streams: &Rc<Streams>) -> Self {
        streams.arrived.set(streams.arrived.get() + 1);
        streams.open.set(streams.open.get() + 1);
        Self { streams: Rc::clone(streams), is_offered: false }
    }

    /// Something waits for the client to make room for it, or not.
    fn offer(&mut self, is_offered: bool) {
        let streams = &self.streams;
        match (self.is_offered, is_offered) {
            (false, true) => streams.offered.set(streams.offered.get() + 1),
            (true, false) => {
                streams.offered.set(streams.offered.get() - 1);
                streams.taken.set(streams.taken.get() + 1);
            }
            _ => {}
        }
        self.is_offered = is_offered;
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.offer(false);
        self.streams.open.set(self.streams.open.get() - 1);
    }
}

pin_project! {
    /// The body of an answer. The library asks for the next piece when the client has room for it.
    struct Answer<B> {
        #[pin]
        body: Either<Full<Bytes>, B>,
        stream: Stream,
    }
}

impl<B> Answer<B> {
    fn new(body: Either<Full<Bytes>, B>, mut stream: Stream) -> Self {
        stream.offer(true);
        Self { body, stream }
    }
}

impl<B> Body for Answer<B>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.project();
        this.stream.offer(false);
        let frame = this.body.poll_frame(cx);
        this.stream.offer(frame.is_ready());
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
