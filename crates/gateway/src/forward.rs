//! Step five: sending a request to a service behind and its answer back. Knows whose request it is only to end an
//! open stream with their session.

mod attempt;
mod health;
mod passed_on;

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use doorward_identity::session::Caller;
use http::Response;
use http::request::Parts;
use http::uri::PathAndQuery;
use http_body::Body;

use crate::answer::GatewayBody;
use crate::authenticate::Authenticator;
use crate::connect::{Connector, Offer};
use crate::inject::Outgoing;
use crate::observer::{GatewayObserver, Outcome};
use crate::outgoing::Shipment;
use crate::pool::Pool;
use crate::refusal::Refusal;
use crate::retry;
use crate::route::Route;
use crate::streams::Streams;
use crate::upgrade::Wish;
use crate::upstream::Held;
use attempt::{Answer, Failure, Terms};

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
    pub(crate) caller: Option<Arc<Caller>>,
    pub(crate) upgrade: Option<Wish>,
}

/// A service's answer on its way to the client.
pub(crate) struct Forwarded {
    pub(crate) response: Response<GatewayBody>,
    /// The service that gave it.
    pub(crate) upstream: Arc<str>,
}

/// Sends requests over connections of its own.
pub(crate) struct Forwarder<A> {
    pool: Arc<Pool>,
    connector: Connector,
    streams: Streams<A>,
    observer: Arc<dyn GatewayObserver>,
}

impl<A: Authenticator> Forwarder<A> {
    pub(crate) fn new(connector: Connector, authenticator: Arc<A>, observer: Arc<dyn GatewayObserver>) -> Self {
        Self { pool: Arc::default(), connector, streams: Streams::new(authenticator), observer }
    }

    /// The same for another worker.
    pub(crate) fn with_own_connections(&self) -> Self {
        Self {
            pool: Arc::default(),
            connector: self.connector.clone(),
            streams: self.streams.for_another_worker(),
            observer: Arc::clone(&self.observer),
        }
    }

    /// Sends the request and waits for the head of the answer; its body follows as it comes.
    pub(crate) async fn forward<B>(&self, passage: Passage<B>) -> Result<Forwarded, Refusal>
    where
        B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + Unpin + 'static,
    {
        let Passage { route, target, head, body, caller, upgrade } = passage;
        let protocol = upgrade.as_ref().map(|wish| wish.protocol.clone());
        let mut shipment = Shipment::new(&route, target, head, body).wishing(protocol);
        let (held, answer) = self.answer(&route, &mut shipment).await?;
        self.pass_on(route, held, answer, caller, upgrade)
    }

    /// Asks one service after the other, as far as that is safe, wise and in time.
    async fn answer(&self, route: &Route, shipment: &mut Shipment) -> Result<(Held, Answer), Refusal> {
        let group = &*route.upstreams;
        group.budget.request();
        let began = Instant::now();
        let deadline = began + route.timeouts.answer;
        let offer = if shipment.is_upgrade() { Offer::Http1 } else { Offer::Any };
        let mut failed = Vec::new();
        loop {
            let asked = Instant::now();
            let mut held = group.choose(&failed, asked)?;
            let upstream = Arc::clone(&held.endpoint().name);
            let may_again = u32::try_from(failed.len()).is_ok_and(|times| times < route.retries);
            let terms = Terms { timeouts: route.timeouts, deadline, offer, may_again };
            let failure = match self.ask(held.endpoint(), shipment, terms).await {
                Ok(answer) => {
                    let outcome = Outcome::Answered(answer.response.status().as_u16());
                    self.observer.upstream(&route.name, &upstream, outcome, asked.elapsed());
                    held.succeeded(&*self.observer);
                    return Ok((held, answer));
                }
                Err(failure) => failure,
            };
            self.note(route, &mut held, &failure, asked.elapsed());
            drop(held);
            let pause = retry::pause(failed.len() + 1, group.endpoints().len());
            let is_in_time = Instant::now() + pause < deadline;
            let is_worth_it = may_again && failure.outcome.is_some() && shipment.is_here() && is_in_time;
            if !is_worth_it || !group.budget.take(asked) {
                return Err(failure.refusal);
            }
            self.observer.retried(&route.name, &upstream);
            failed.push(upstream);
            if !pause.is_zero() {
                // On the heap: a timer is aligned so widely that any future that holds one is dear to allocate.
                Box::pin(tokio::time::sleep(pause)).await;
            }
        }
    }

    /// Says what went wrong, to people and to whoever counts.
    fn note(&self, route: &Route, held: &mut Held, failure: &Failure, elapsed: Duration) {
        let Some(outcome) = failure.outcome else { return };
        self.observer.upstream(&route.name, &held.endpoint().name, outcome, elapsed);
        if !failure.is_excused {
            let cause = failure.cause.as_deref().map(|cause| cause as &(dyn Error + 'static));
            held.failed(&route.name, what_failed(outcome), cause, &*self.observer);
        }
    }
}

fn what_failed(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Unreachable => "the service behind cannot be reached",
        Outcome::Silent => "the service behind did not answer in time",
        Outcome::Broken | Outcome::Answered(_) => "the service behind gave no complete answer",
    }
}
