//! Step five: sending a request to the service behind and its answer back. Knows no caller.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use doorward_identity::session::Caller;
use http::header::{HeaderValue, TRANSFER_ENCODING};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Request, Response, StatusCode, Version};
use http_body::Body;
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::timeout;

use crate::answer::GatewayBody;
use crate::authenticate::Authenticator;
use crate::connect::Connector;
use crate::inject::{Outgoing, body_fault};
use crate::observer::GatewayObserver;
use crate::refusal::Refusal;
use crate::route::Route;
use crate::strip::strip_hop_by_hop;
use crate::upgrade::Wish;
use crate::upstream::{Endpoint, Upstream};

/// How long an unused connection is kept. Common servers close theirs after 5 s; a request that meets such a close
/// half-way is lost, so we are the first to hang up.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);
/// How many unused connections are kept for each service.
const MAX_IDLE: usize = 128;

/// How long a service may take for what.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// To be connected to.
    pub connect: Duration,
    /// To begin its answer once it has the whole request.
    pub answer: Duration,
    /// To be silent within its answer.
    pub idle: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(2), answer: Duration::from_secs(30), idle: Duration::from_secs(30) }
    }
}

/// A request on its way to a service, authenticated, stripped and told.
pub(crate) struct Passage<B> {
    pub(crate) route: Arc<Route>,
    /// As it was judged.
    pub(crate) target: PathAndQuery,
    pub(crate) head: Parts,
    pub(crate) body: Outgoing<B>,
    #[expect(dead_code, reason = "asked about while a stream is open")]
    pub(crate) caller: Option<Arc<Caller>>,
    #[expect(dead_code, reason = "granted once tunnels flow")]
    pub(crate) upgrade: Option<Wish>,
}

/// A service's answer on its way to the client.
pub(crate) struct Forwarded {
    pub(crate) response: Response<GatewayBody>,
    /// The service that gave it.
    #[expect(dead_code, reason = "for the log line")]
    pub(crate) upstream: Arc<str>,
}

/// Sends requests over connections of its own.
pub(crate) struct Forwarder<B, A> {
    client: Client<HttpsConnector<HttpConnector>, Outgoing<B>>,
    connector: Connector,
    authenticator: Arc<A>,
    observer: Arc<dyn GatewayObserver>,
    turn: AtomicUsize,
}

impl<B, A> Forwarder<B, A>
where
    A: Authenticator,
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + Unpin + 'static,
{
    pub(crate) fn new(connector: Connector, authenticator: Arc<A>, observer: Arc<dyn GatewayObserver>) -> Self {
        // A request that met a closed connection before any of it was sent is sent again over another one.
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(MAX_IDLE)
            .retry_canceled_requests(true)
            .build(connector.0.clone());
        Self { client, connector, authenticator, observer, turn: AtomicUsize::new(0) }
    }

    pub(crate) fn with_own_connections(&self) -> Self {
        Self::new(self.connector.clone(), Arc::clone(&self.authenticator), Arc::clone(&self.observer))
    }

    /// Sends the request and waits for the head of the answer; its body follows as it comes.
    pub(crate) async fn forward(&self, passage: Passage<B>) -> Result<Forwarded, Refusal> {
        let Passage { route, target, head, body, .. } = passage;
        let Endpoint { upstream, name } = self.endpoint(&route)?;
        let request = outgoing(&route, upstream, &target, head, body)?;
        match timeout(route.timeouts.answer, self.client.request(request)).await {
            Ok(Ok(response)) => {
                let upstream = Arc::clone(name);
                Ok(Forwarded { response: incoming(route, response)?, upstream })
            }
            Ok(Err(error)) => Err(failed(&route, upstream, &error)),
            Err(_) => {
                tracing::warn!(route = route.name, %upstream, "the service behind did not answer in time");
                Err(Refusal::UpstreamSilent)
            }
        }
    }

    /// The services of a route take turns.
    fn endpoint<'r>(&self, route: &'r Route) -> Result<&'r Endpoint, Refusal> {
        match route.upstreams.endpoints() {
            [only] => Ok(only),
            several => {
                let turn = self.turn.fetch_add(1, Ordering::Relaxed);
                turn.checked_rem(several.len()).and_then(|turn| several.get(turn)).ok_or(Refusal::UpstreamUnreachable)
            }
        }
    }
}

/// The request as it goes upstream: the judged path under the upstream's own, the stripped headers, the body.
fn outgoing<B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>>>(
    route: &Route,
    upstream: &Upstream,
    target: &PathAndQuery,
    mut head: Parts,
    body: Outgoing<B>,
) -> Result<Request<Outgoing<B>>, Refusal> {
    let rest = route.path.rest(target.path()).ok_or(Refusal::Internal)?;
    head.uri = upstream.uri(rest, target.query()).map_err(|_| Refusal::Internal)?;
    head.version = Version::HTTP_11;
    head.extensions.clear();
    if !body.is_end_stream() && body.size_hint().exact().is_none() {
        // Said aloud, because hyper takes a GET without a length to have no body.
        head.headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    Ok(Request::from_parts(head, body))
}

/// The answer as it goes to the client: as it is, but for what was about the upstream connection.
fn incoming(route: Arc<Route>, response: Response<Incoming>) -> Result<Response<GatewayBody>, Refusal> {
    let (mut head, body) = response.into_parts();
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        // Nobody asked for it: `Upgrade` does not travel.
        tracing::warn!(route = route.name, "the service behind switched protocols unasked");
        return Err(Refusal::UpstreamBroken);
    }
    strip_hop_by_hop(&mut head.headers);
    head.version = Version::HTTP_11;
    head.extensions.clear();
    Ok(Response::from_parts(head, GatewayBody::streaming(body, route)))
}

/// Whose fault it is that there is no answer.
fn failed(route: &Route, upstream: &Upstream, error: &legacy::Error) -> Refusal {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(current) = cause {
        let is_body = current.downcast_ref().is_some_and(hyper::Error::is_user);
        cause = current.source();
        // What hyper calls a user's error is one of the body it was given, which is the client's.
        if is_body {
            return body_fault(cause.unwrap_or(current), route.body_limit);
        }
    }
    let cause: &dyn Error = error;
    if error.is_connect() {
        tracing::warn!(route = route.name, %upstream, error = cause, "the service behind cannot be reached");
        Refusal::UpstreamUnreachable
    } else {
        tracing::warn!(route = route.name, %upstream, error = cause, "the service behind gave no complete answer");
        Refusal::UpstreamBroken
    }
}
