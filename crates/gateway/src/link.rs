//! One HTTP/1.1 connection to a service, driven by whoever uses it: no task of its own. Knows no route.
//!
//! The future that waits for an answer, and then the body of that answer, poll the connection themselves. So a client
//! that leaves takes the connection with it, a client that reads slowly is felt by the service, and a request costs no
//! switch between tasks.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper_util::rt::TokioIo;

use crate::alarm::Alarm;
use crate::connect::Stream;
use crate::outgoing::Sent;

/// The longest head of an answer.
pub(crate) const HEAD_BYTES: usize = 64 * 1024;
/// Read ahead at most.
const BUFFER_BYTES: usize = 256 * 1024;
/// How often the library is asked again in one go before others get their turn.
const TURNS: usize = 8;

/// What the library says of a request: the head of its answer, or why there is none, with the request if none of it
/// was sent.
pub(crate) type Answered = Result<Response<Incoming>, TrySendError<Request<Sent>>>;

/// A connection.
pub(crate) struct Link {
    sender: SendRequest<Sent>,
    /// Gone once the library is done with it and that is known to whoever waits.
    connection: Option<Connection<TokioIo<Stream>, Sent>>,
    is_over: bool,
    relay: Arc<Relay>,
    waker: Waker,
    /// For the waits of whoever uses the connection.
    pub(crate) alarm: Alarm,
}

impl Link {
    pub(crate) async fn new(stream: Stream) -> hyper::Result<Self> {
        let (sender, connection) = http1::Builder::new()
            .max_header_size(HEAD_BYTES)
            .max_buf_size(BUFFER_BYTES)
            .handshake(TokioIo::new(stream))
            .await?;
        let relay = Arc::new(Relay::default());
        let waker = Waker::from(Arc::clone(&relay));
        Ok(Self { sender, connection: Some(connection), is_over: false, relay, waker, alarm: Alarm::default() })
    }

    /// Hands a request over. Nothing happens until the answer is polled together with the connection.
    pub(crate) fn send(&mut self, request: Request<Sent>) -> impl Future<Output = Answered> + use<> {
        self.sender.try_send_request(request)
    }

    /// Drives the connection and asks `wanted`, until one of them can do nothing more.
    pub(crate) fn poll<T>(&mut self, cx: &Context<'_>, mut wanted: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        self.relay.task.register(cx.waker());
        let mut inner = Context::from_waker(&self.waker);
        for _ in 0..TURNS {
            self.relay.begin();
            if let Some(connection) = self.connection.as_mut().filter(|_| !self.is_over) {
                // Why it ended is told to whoever waits for the answer or its body.
                self.is_over = Pin::new(connection).poll(&mut inner).is_ready();
            }
            let mut outcome = wanted(&mut inner);
            if self.is_over && outcome.is_pending() && self.connection.take().is_some() {
                // A request that nobody looked at any more comes back when the library's half is gone.
                outcome = wanted(&mut inner);
            }
            let is_woken = self.relay.end();
            if outcome.is_ready() || !is_woken {
                return outcome;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Whether another request may be sent over it.
    pub(crate) fn is_reusable(&mut self) -> bool {
        if !self.is_over && !self.sender.is_ready() {
            // The library sees that an exchange is over when it is asked once more.
            let _ = self.poll(&Context::from_waker(Waker::noop()), |_| Poll::Ready(()));
        }
        !self.is_over && self.sender.is_ready()
    }

    /// Puts it aside: what wakes it up then is of no interest to anybody.
    pub(crate) fn put_aside(&mut self) {
        self.alarm.clear();
        self.relay.begin();
    }

    /// The bare connection after a switch of protocols, with what was read too far.
    pub(crate) fn into_stream(self) -> Option<(Stream, Bytes)> {
        let parts = self.connection?.into_parts();
        Some((parts.io.into_inner(), parts.read_buf))
    }
}

/// Passes wake-ups on to the task that uses the connection, except those that come while it is being polled: the
/// parts of the library wake each other all the time, and asking them again at once is cheaper than another turn of
/// the whole task.
#[derive(Default)]
struct Relay {
    task: AtomicWaker,
    is_polled: AtomicBool,
    is_woken: AtomicBool,
}

impl Relay {
    fn begin(&self) {
        self.is_polled.store(true, Ordering::SeqCst);
        self.is_woken.store(false, Ordering::SeqCst);
    }

    /// Whether somebody wanted to wake the task meanwhile. The order is what lets none be lost: who comes too late to
    /// be seen here sees that nobody polls.
    fn end(&self) -> bool {
        self.is_polled.store(false, Ordering::SeqCst);
        self.is_woken.swap(false, Ordering::SeqCst)
    }
}

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_woken.store(true, Ordering::SeqCst);
        if !self.is_polled.load(Ordering::SeqCst) {
            self.task.wake();
        }
    }
}
