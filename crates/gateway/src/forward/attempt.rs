//! Asking one service once: a connection, the request over it, and the wait for the head of the answer.

use std::error::Error;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};

use super::{Forwarder, Timeouts};
use crate::alarm::Alarm;
use crate::authenticate::Authenticator;
use crate::connect::Offer;
use crate::link::{Answered, HEAD_BYTES, Link};
use crate::observer::Outcome;
use crate::outgoing::{Progress, Sent, Shipment};
use crate::pool::{Pooled, Way};
use crate::refusal::Refusal;
use crate::retry::is_idempotent;
use crate::upstream::Endpoint;

/// What is sent on one HTTP/2 connection without waiting for the service to take it.
const HTTP2_WINDOW: u32 = 1024 * 1024;

/// How often an HTTP/2 connection in use is asked whether it is alive: one that hangs is shared by many.
const HTTP2_PING: Duration = Duration::from_secs(10);

/// What the system says when this process (EMFILE) or the whole of it (ENFILE) has too many files open, or every
/// local port is taken (EADDRNOTAVAIL).
const NO_ROOM: [i32; 3] = [24, 23, 99];

/// On which terms a service is asked.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    pub(super) timeouts: Timeouts,
    /// When a request without a streamed body must have been answered.
    pub(super) deadline: Instant,
    pub(super) offer: Offer,
    /// Whether a retry is left, so that it is worth keeping a copy.
    pub(super) may_again: bool,
}

/// The head of an answer, and what its body comes over.
pub(super) struct Answer {
    pub(super) response: Response<Incoming>,
    /// The connection, unless others use it as well.
    pub(super) pooled: Option<Box<Pooled>>,
    pub(super) alarm: Alarm,
}

/// Why there is none.
pub(super) struct Failure {
    pub(super) refusal: Refusal,
    /// What the service did; nothing if it is not to blame.
    pub(super) outcome: Option<Outcome>,
    /// It says nothing about the service: the connection had been idle and may have been closed just then, or this
    /// process has no room for another.
    pub(super) is_excused: bool,
    pub(super) cause: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    fn new(refusal: Refusal, outcome: Outcome, cause: impl Into<Option<Box<dyn Error + Send + Sync>>>) -> Self {
        Self { refusal, outcome: Some(outcome), is_excused: false, cause: cause.into() }
    }

    fn unreachable(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(Refusal::UpstreamUnreachable, Outcome::Unreachable, error.into())
    }

    fn not_connected(error: io::Error) -> Self {
        let is_excused = error.raw_os_error().is_some_and(|code| NO_ROOM.contains(&code));
        Self { is_excused, ..Self::unreachable(error) }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, outcome: None, is_excused: false, cause: None }
    }
}

impl<A: Authenticator> Forwarder<A> {
    /// Asks a service once. A connection that turns out to be closed before any of the request was sent does not
    /// count as asking.
    pub(super) async fn ask(
        &self,
        endpoint: &Endpoint,
        shipment: &mut Shipment,
        terms: Terms,
    ) -> Result<Answer, Failure> {
        loop {
            let (way, is_fresh) = match self.pool.ready(&endpoint.origin, terms.offer == Offer::Any, Instant::now()) {
                Some(way) => (way, false),
                None => (Box::pin(self.new_way(endpoint, terms)).await?, true),
            };
            let is_shared = matches!(way, Way::Shared(_));
            let again = terms.may_again && is_idempotent(&shipment.method);
            let request = shipment.request(endpoint, is_shared, again)?;
            let progress = request.body().progress();
            let patience = Patience::new(terms, progress.clone());
            let (outcome, pooled, mut alarm) = match way {
                Way::Own(mut pooled) => {
                    let mut alarm = std::mem::take(&mut pooled.link.alarm);
                    let outcome = over_link(&mut pooled.link, request, patience, &mut alarm).await;
                    (outcome, Some(pooled), alarm)
                }
                Way::Shared(mut sender) => {
                    let mut alarm = Alarm::default();
                    (over_shared(sender.try_send_request(request), patience, &mut alarm).await, None, alarm)
                }
            };
            let mut error = match outcome {
                Some(Ok(response)) => {
                    alarm.clear();
                    return Ok(Answer { response, pooled, alarm });
                }
                Some(Err(error)) => error,
                None => return Err(Failure::new(Refusal::UpstreamSilent, Outcome::Silent, None)),
            };
            let unsent = error.take_message();
            let was_sent = unsent.is_none();
            if let Some(request) = unsent {
                shipment.take_back(request);
                if !is_fresh {
                    continue;
                }
            }
            if let Some(fault) = progress.and_then(|progress| progress.take_fault()) {
                return Err(fault.into());
            }
            let cause: Box<dyn Error + Send + Sync> = error.into_error().into();
            let failure = Failure::new(Refusal::UpstreamBroken, Outcome::Broken, cause);
            return Err(Failure { is_excused: was_sent && !is_fresh, ..failure });
        }
    }

    /// Opens a connection. Large and rare, hence on the heap where it is called.
    async fn new_way(&self, endpoint: &Endpoint, terms: Terms) -> Result<Way, Failure> {
        let within = terms.timeouts.connect;
        let opened = self.connector.open(endpoint, terms.offer, within).await.map_err(Failure::not_connected)?;
        if !opened.http2 {
            let link = Link::new(opened.stream).await.map_err(Failure::unreachable)?;
            return Ok(Way::Own(Box::new(Pooled::new(link, &endpoint.origin, &self.pool, Instant::now()))));
        }
        let handshake = http2::Builder::new(TokioExecutor::new())
            .max_header_list_size(u32::try_from(HEAD_BYTES).unwrap_or(u32::MAX))
            .initial_connection_window_size(HTTP2_WINDOW)
            .initial_stream_window_size(HTTP2_WINDOW)
            .timer(TokioTimer::new())
            .keep_alive_interval(HTTP2_PING)
            .handshake(TokioIo::new(opened.stream));
        let (sender, connection) = handshake.await.map_err(Failure::unreachable)?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "an HTTP/2 connection to a service ended early");
            }
        });
        self.pool.share(&endpoint.origin, sender.clone(), Instant::now());
        Ok(Way::Shared(sender))
    }
}

/// The head of the answer over a connection of its own; `None` if it took too long.
async fn over_link(
    link: &mut Link,
    request: Request<Sent>,
    mut patience: Patience,
    alarm: &mut Alarm,
) -> Option<Answered> {
    patience.begin(alarm);
    let mut answer = pin!(link.send(request));
    poll_fn(|cx| match link.poll(cx, |cx| answer.as_mut().poll(cx)) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending => patience.poll(alarm, cx).map(|()| None),
    })
    .await
}

/// The same over a connection that drives itself.
async fn over_shared(
    answer: impl Future<Output = Answered>,
    mut patience: Patience,
    alarm: &mut Alarm,
) -> Option<Answered> {
    patience.begin(alarm);
    let mut answer = pin!(answer);
    poll_fn(|cx| match answer.as_mut().poll(cx) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending => patience.poll(alarm, cx).map(|()| None),
    })
    .await
}

/// How long the head of an answer is waited for: its time begins when the service has the whole request, and does
/// not run while the client is what is waited for.
struct Patience {
    deadline: Instant,
    answer: Duration,
    progress: Option<Arc<Progress>>,
    mark: u32,
}

impl Patience {
    fn new(terms: Terms, progress: Option<Arc<Progress>>) -> Self {
        Self { deadline: terms.deadline, answer: terms.timeouts.answer, progress, mark: 0 }
    }

    fn begin(&self, alarm: &mut Alarm) {
        alarm.set(self.deadline.into());
    }

    fn poll(&mut self, alarm: &mut Alarm, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(progress) = &self.progress {
            let is_over = progress.is_over();
            if is_over || progress.awaits_client() || progress.pieces() != self.mark {
                self.mark = progress.pieces();
                alarm.set((Instant::now() + self.answer).into());
            }
            if is_over {
                self.progress = None;
            }
        }
        alarm.poll(cx)
    }
}
