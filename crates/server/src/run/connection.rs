//! One connection from its first byte to its last: the HTTP library between the guard and the
//! service, and the end of every wait.
//!
//! Owns the deadlines on the client, all on one alarm that is moved, not made anew, from wait to
//! wait. Knows nothing of other connections.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep_until};

use super::exchange::{Answer, Exchange, Wait};
use super::framing::HeadLimits;
use super::head_guard::HeadGuard;
use super::timed_body::TimedBody;
use super::{GuardedRequest, Limits, Refusal, Serve};

/// Longest wait for a client to close its side after the last answer.
const LINGER: Duration = Duration::from_secs(1);
/// Read ahead at most; also what the library lets a body buffer grow to.
const BUFFER_BYTES: usize = 256 * 1024;
/// Header lines the library has room for without allocating.
const LIBRARY_FIELDS: usize = 100;

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    /// A request was under way when the server was told to stop.
    pub(super) drained: bool,
    /// The client kept the server waiting too long.
    pub(super) timed_out: bool,
}

/// Serves the requests of one connection until it ends. `stop` ends when the server is told to.
pub(super) async fn serve<S: Serve>(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: SocketAddr,
    service: Rc<S>,
    limits: Limits,
    stop: impl Future<Output = ()>,
) -> Ended {
    let exchange = Rc::new(Exchange::default());
    let heads = HeadLimits { bytes: limits.head_bytes, fields: limits.head_fields };
    let guard = HeadGuard::new(stream, heads, Rc::clone(&exchange));
    let handler = {
        let exchange = Rc::clone(&exchange);
        service_fn(move |request: Request<Incoming>| {
            let refusal = exchange.request_arrived();
            let request = request.map(|body| TimedBody::new(body, limits.body_idle_timeout));
            let (service, exchange) = (Rc::clone(&service), Rc::clone(&exchange));
            async move {
                let response = answer(&*service, peer, refusal, request).await;
                Ok::<_, Infallible>(response.map(|body| Answer::new(body, exchange)))
            }
        })
    };
    let mut connection = pin!(library(limits).serve_connection(TokioIo::new(guard), handler));
    let mut stop = pin!(stop);
    let alarm = pin!(sleep_until(Instant::now() + limits.header_timeout));
    let mut watch = Watch::new(limits, alarm);
    let mut ended = Ended { drained: false, timed_out: false };
    let mut stopping = false;
    poll_fn(|cx| {
        loop {
            if let Poll::Ready(outcome) = connection.as_mut().poll(cx) {
                if let Err(error) = outcome {
                    tracing::debug!(%error, "a connection ended early");
                }
                return Poll::Ready(());
            }
            if !stopping && stop.as_mut().poll(cx).is_ready() {
                stopping = true;
                ended.drained = exchange.is_busy();
                connection.as_mut().graceful_shutdown();
                continue;
            }
            match watch.poll(cx, exchange.wait()) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Expired::Head) => {
                    ended.timed_out = true;
                    exchange.give_up_head();
                }
                Poll::Ready(Expired::Request) => connection.as_mut().graceful_shutdown(),
                Poll::Ready(Expired::Finally) => {
                    ended.timed_out |= exchange.wait() != Wait::Close;
                    return Poll::Ready(());
                }
            }
        }
    })
    .await;
    ended
}

/// The refusal if there is one, or else what the service answers.
async fn answer<S: Serve>(
    service: &S,
    peer: SocketAddr,
    refusal: Option<Refusal>,
    request: GuardedRequest,
) -> Response<Either<Full<Bytes>, S::Body>> {
    match refusal {
        Some(refusal) => {
            service.refused(peer, refusal);
            refusal.response().map(Either::Left)
        }
        None => service.serve(peer, request).await.map(Either::Right),
    }
}

/// The HTTP library's settings. Its own head time-out stays off: the guard holds back what is not
/// whole, so the library would take a slow head for an idle connection.
fn library(limits: Limits) -> http1::Builder {
    let mut library = http1::Builder::new();
    library
        .header_read_timeout(None)
        .max_buf_size(BUFFER_BYTES.max(2 * limits.head_bytes))
        .keep_alive(true)
        .auto_date_header(true);
    if limits.head_fields > LIBRARY_FIELDS {
        library.max_headers(limits.head_fields);
    }
    library
}

/// A wait has lasted too long.
enum Expired {
    /// For the rest of a head: the client is told.
    Head,
    /// For a request: the connection is closed in good order.
    Request,
    /// For anything else, or in vain after one of those.
    Finally,
}

/// The one alarm of a connection.
struct Watch<'a> {
    limits: Limits,
    wait: Wait,
    since: Instant,
    warned: bool,
    alarm: Pin<&'a mut Sleep>,
}

impl<'a> Watch<'a> {
    fn new(limits: Limits, alarm: Pin<&'a mut Sleep>) -> Self {
        Self { limits, wait: Wait::Service, since: Instant::now(), warned: false, alarm }
    }

    /// Whether `wait` has lasted too long.
    fn poll(&mut self, cx: &mut Context<'_>, wait: Wait) -> Poll<Expired> {
        let Some(limit) = self.limit(wait) else {
            self.wait = wait;
            return Poll::Pending;
        };
        if self.wait != wait {
            self.wait = wait;
            self.since = Instant::now();
            self.warned = false;
        }
        let deadline = self.since + limit;
        // An alarm that goes off too early is cheaper than one that is moved for every request.
        if self.alarm.deadline() > deadline {
            self.alarm.as_mut().reset(deadline);
        }
        while self.alarm.as_mut().poll(cx).is_ready() {
            if self.alarm.deadline() >= deadline {
                return Poll::Ready(self.expire());
            }
            self.alarm.as_mut().reset(deadline);
        }
        Poll::Pending
    }

    fn expire(&mut self) -> Expired {
        match (std::mem::replace(&mut self.warned, true), self.wait) {
            (false, Wait::Head { .. }) => Expired::Head,
            (false, Wait::Request { .. }) => Expired::Request,
            _ => Expired::Finally,
        }
    }

    fn limit(&self, wait: Wait) -> Option<Duration> {
        match wait {
            Wait::Service => None,
            Wait::Request { after: 0 } | Wait::Head { .. } => Some(self.limits.header_timeout),
            Wait::Request { .. } | Wait::Reader { .. } => Some(self.limits.idle_timeout),
            Wait::Close => Some(LINGER),
        }
    }
}
