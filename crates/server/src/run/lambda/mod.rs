//! Serving the events of AWS Lambda: one after the other, each answered and its after-work done before the next is asked for.
//!
//! Between two events the process is frozen: nothing that anybody waits for may be left to the background. Requests are
//! judged by the rules that hold for connections and reach the same service. Knows nothing of accounts, stores or
//! configuration: it is given a [`Function`].
//!
//! ```text
//! runtime_api (next) → event → target, request → Serve → answer → runtime_api (response) → after-work ┐
//!      └────────────────────────────────────────────────────────────────────────────────────────────────┘
//! ```

mod answer;
mod event;
mod fault;
mod request;
mod runtime_api;
mod target;

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http_body::Body;
use http_body_util::{BodyExt as _, Either, Full, LengthLimitError, Limited};
use jiff::Timestamp;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, timeout_at};

use super::{GuardedRequest, Limits, Serve};
use answer::{ANSWER_BYTES, Streamed};
use event::{Event, HttpEvent, Payload};
use fault::Fault;
use runtime_api::Invocation;

pub(crate) use event::Task;
pub(crate) use runtime_api::{ApiError, RuntimeApi};

/// Of the time an invocation has, what is kept for handing over the answer: a part, within bounds.
const KEPT_PART: u32 = 10;
const LEAST_KEPT: Duration = Duration::from_millis(100);
const MOST_KEPT: Duration = Duration::from_secs(1);
/// Bodies of it have no end.
const EVENT_STREAM: &[u8] = b"text/event-stream";
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The name of a function URL.
const FUNCTION_URL: &str = ".lambda-url.";

/// What answers events.
pub(crate) trait Function {
    /// What answers requests.
    type Service: Serve;

    /// What answers a request, as fit as if it had been running all the time; an error if it cannot be had until then.
    fn service(&self, until: Instant) -> impl Future<Output = Result<Rc<Self::Service>, Unavailable>>;

    /// Does other work; answers what was done, or why not.
    fn work(&self, task: Task, until: Instant) -> impl Future<Output = Result<serde_json::Value, String>>;

    /// The answer has been handed over: does what it left to do, and nothing is left when this ends.
    fn finish(&self, until: Instant) -> impl Future<Output = ()>;

    /// The time of day.
    fn now(&self) -> Timestamp;
}

/// There is nothing to answer requests with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unavailable {
    /// When it may be worth another try.
    pub(crate) retry_after: Duration,
}

/// How requests are taken.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    /// What clients may take; a connection's do not apply.
    pub(crate) limits: Limits,
    /// What a domain of one's own puts before every path.
    pub(crate) base_path: Option<String>,
    /// Whether triggers that can stream do.
    pub(crate) streaming: bool,
}

/// Serves until told to stop, or until there is no runtime API any more. On a `LocalSet`.
pub(crate) async fn serve<F: Function>(api: &RuntimeApi, function: &F, terms: &Terms) -> Result<(), ServeError> {
    let mut terminate = signal(SignalKind::terminate())?;
    if let Err(error) = api.ask_to_be_told_of_the_end().await {
        tracing::debug!(%error, "AWS will not tell before it ends this process");
    }
    loop {
        let invocation = tokio::select! {
            invocation = api.next(|| function.now()) => invocation?,
            _ = terminate.recv() => return Ok(()),
        };
        let until = invocation.deadline - kept(invocation.deadline.saturating_duration_since(Instant::now()));
        match conclude(api, function, terms, &invocation, until).await {
            Ok(()) => {}
            // AWS did not wait, or does not take the answer. What comes next is another matter.
            Err(error) => tracing::error!(invocation = invocation.id, %error, "an answer could not be handed over"),
        }
        function.finish(until).await;
    }
}

/// Why serving ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    /// Signals cannot be caught.
    #[error("signals cannot be caught: {0}")]
    Signals(#[from] io::Error),
    /// There is no runtime API (any more).
    #[error(transparent)]
    Api(#[from] ApiError),
}

fn kept(time: Duration) -> Duration {
    (time / KEPT_PART).clamp(LEAST_KEPT, MOST_KEPT)
}

/// Answers one invocation.
async fn conclude<F: Function>(
    api: &RuntimeApi,
    function: &F,
    terms: &Terms,
    invocation: &Invocation,
    until: Instant,
) -> Result<(), ApiError> {
    let Some(json) = &invocation.event else {
        return api.fail(invocation, "Doorward.EventTooLarge", "the event is larger than any event may be").await;
    };
    match Event::read(json) {
        Ok(Event::Http(event)) => match respond(function, terms, &invocation.id, *event, until).await {
            Answer::Whole(answer) => api.answer(invocation, answer).await,
            Answer::Streamed(answer) => api.stream(invocation, *answer).await,
        },
        Ok(Event::Task(task)) => match timeout_at(until, function.work(task, until)).await {
            Ok(Ok(done)) => api.answer(invocation, done.to_string().into_bytes()).await,
            Ok(Err(why)) => api.fail(invocation, "Doorward.WorkFailed", &why).await,
            Err(_) => api.fail(invocation, "Doorward.TimeIsUp", "the function's time-out is too short for this").await,
        },
        Err(unknown) => {
            tracing::error!(invocation = invocation.id, error = %unknown, "an event is refused");
            api.fail(invocation, "Doorward.UnknownEvent", &unknown.to_string()).await
        }
    }
}

/// An answer on its way: as a whole, or as it comes.
type Content<B> = Either<Bytes, B>;

/// What the runtime API is given.
enum Answer<B> {
    Whole(Vec<u8>),
    Streamed(Box<Streamed<Either<Full<Bytes>, B>>>),
}

/// Answers a request.
async fn respond<F: Function>(
    function: &F,
    terms: &Terms,
    invocation: &str,
    event: HttpEvent,
    until: Instant,
) -> Answer<<F::Service as Serve>::Body> {
    let (payload, streams) = (event.payload, terms.streaming && can_stream(&event));
    let gateway_request_id = event.context.request_id.clone().unwrap_or_default();
    let answered = match request::judge(event, terms.limits, terms.base_path.as_deref()) {
        Ok((peer, request)) => match timeout_at(until, function.service(until)).await {
            Ok(Ok(service)) => attempt(service, peer, request, streams, until).await,
            Ok(Err(Unavailable { retry_after })) => Err(Fault::Unavailable { retry_after }),
            Err(_) => Err(Fault::TimeIsUp),
        },
        Err(fault) => Err(fault),
    };
    let response = answered.unwrap_or_else(|fault| explained(fault, invocation).map(Either::Left));
    let (head, body) = response.into_parts();
    let request_id = head.headers.get(REQUEST_ID).map_or("", |id| id.to_str().unwrap_or_default());
    tracing::info!(invocation, gateway_request_id, request_id, status = head.status.as_u16(), "event answered");
    let stream = |body| Answer::Streamed(Box::new(answer::streamed(payload, &head, body, until)));
    match body {
        Either::Right(body) => stream(Either::Right(body)),
        Either::Left(body) if streams => stream(Either::Left(Full::new(body))),
        Either::Left(body) => Answer::Whole(answer::whole(payload, &head, &body).unwrap_or_else(|| {
            let (head, body) = explained(Fault::TooLarge, invocation).into_parts();
            answer::whole(payload, &head, &body).unwrap_or_default()
        })),
    }
}

/// A function's own address streams if it is set to, and so does a REST API; an HTTP API cannot, whichever form its events
/// have.
fn can_stream(event: &HttpEvent) -> bool {
    match event.payload {
        Payload::V1 => !event.says_version,
        Payload::V2 => event.context.domain_name.as_deref().is_some_and(|domain| domain.contains(FUNCTION_URL)),
    }
}

/// Has the service answer, in a task of its own, so that a panic costs this answer alone.
async fn attempt<S: Serve>(
    service: Rc<S>,
    peer: SocketAddr,
    request: GuardedRequest,
    streams: bool,
    until: Instant,
) -> Result<Response<Content<S::Body>>, Fault> {
    let mut task = tokio::task::spawn_local(async move {
        let response = service.serve(peer, request).await;
        if streams { Ok(response.map(Either::Right)) } else { collected(response).await }
    });
    match timeout_at(until, &mut task).await {
        Ok(Ok(answered)) => answered,
        Ok(Err(_)) => Err(Fault::Panic),
        Err(_) => {
            task.abort();
            Err(Fault::TimeIsUp)
        }
    }
}

/// The answer with its body as a whole, if it has an end.
async fn collected<B>(response: Response<B>) -> Result<Response<Content<B>>, Fault>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>>,
{
    let kind = response.headers().get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    if kind.starts_with(EVENT_STREAM) {
        return Err(Fault::Stream);
    }
    let (head, body) = response.into_parts();
    match Limited::new(body, ANSWER_BYTES).collect().await {
        Ok(body) => Ok(Response::from_parts(head, Either::Left(body.to_bytes()))),
        Err(error) if error.is::<LengthLimitError>() => Err(Fault::TooLarge),
        Err(_) => Err(Fault::BrokenOff),
    }
}

/// The answer to a fault. It has the invocation's id, under which the log tells of it.
fn explained(fault: Fault, invocation: &str) -> Response<Bytes> {
    let mut response = fault.response();
    if response.status().is_client_error() {
        tracing::warn!(invocation, reason = fault.detail(), "an event's request is refused");
    } else {
        tracing::error!(invocation, reason = fault.detail(), "an event's request could not be answered");
    }
    response.headers_mut().extend(HeaderValue::from_str(invocation).map(|id| (REQUEST_ID, id)));
    response
}

#[cfg(test)]
mod tests;
