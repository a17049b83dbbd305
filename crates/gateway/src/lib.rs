//! The gateway: may a request pass, and what is the service behind told about its caller.
//!
//! A request walks through five steps, one file each: [`route`] finds where it goes, `authenticate` who sends it,
//! `decide` whether they may, `inject` tells the service who they are, `forward` sends it. Between the last three
//! `strip` takes away what must not travel. What was judged is what is sent: nothing is parsed a second time.
//! Knows no web framework, no store and no configuration file.

mod alarm;
mod answer;
mod authenticate;
mod breaker;
mod connect;
mod decide;
mod forward;
mod inject;
mod json_object;
mod link;
mod observer;
mod outgoing;
mod pool;
mod refusal;
mod retry;
pub mod route;
mod spelling;
mod streams;
mod strip;
mod upgrade;
mod upstream;

use std::error::Error;
use std::marker::PhantomData;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use doorward_identity::Identity;
use http::{Method, Request, Response, Uri};
use http_body::Body;
use ipnet::IpNet;

use crate::connect::Connector;
use crate::forward::{Forwarder, Passage};
use crate::route::{Match, RouteMatch, Routes};
use crate::upgrade::Wish;

pub use answer::{AnswerError, GatewayBody};
pub use authenticate::Authenticator;
pub use connect::{ConnectSettings, StartError};
pub use decide::{Needs, Require};
pub use forward::Timeouts;
pub use inject::Inject;
pub use observer::{GatewayObserver, Health, Outcome, Unobserved};
pub use refusal::Refusal;
pub use upstream::{Group, GroupSettings, HealthCheck, InvalidUpstream, Status, Upstream};

/// What the gateway must know beside its routes.
#[derive(Clone, Debug)]
pub struct GatewaySettings {
    /// Proxies in front whose forwarding headers may travel on.
    pub trusted_proxies: Vec<IpNet>,
    /// The session cookie, which never travels upstream.
    pub cookie_name: String,
    /// How clients reach Doorward: told upstream as `X-Forwarded-Proto` and `X-Forwarded-Host`.
    pub public_url: Uri,
    /// How services behind are reached.
    pub connect: ConnectSettings,
}

/// What is known of a request beside itself.
#[derive(Clone, Copy, Debug)]
pub struct ExchangeInfo<'r> {
    /// Its id in the log.
    pub request_id: &'r str,
    /// The client's address, as far as it may be believed.
    pub client: IpAddr,
    /// Who is at the other end of the connection.
    pub peer: IpAddr,
}

/// The gateway of one worker, with upstream connections of its own; `B` is the body of the requests it is given.
pub struct Gateway<B, A = Identity> {
    routes: Arc<Routes>,
    authenticator: Arc<A>,
    stripper: Arc<strip::Stripper>,
    forwarder: Forwarder<A>,
    bodies: PhantomData<fn(B)>,
}

impl<B, A> Gateway<B, A>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + Unpin + 'static,
    A: Authenticator,
{
    /// A gateway for the routes. Reads the system's certificates if an upstream is reached by `https`.
    pub fn new(
        routes: Arc<Routes>,
        authenticator: Arc<A>,
        settings: GatewaySettings,
        observer: Arc<dyn GatewayObserver>,
    ) -> Result<Self, StartError> {
        let connector = Connector::new(&settings.connect, &routes)?;
        let forwarder = Forwarder::new(connector, Arc::clone(&authenticator), observer);
        let stripper = Arc::new(strip::Stripper::new(settings)?);
        Ok(Self { routes, authenticator, stripper, forwarder, bodies: PhantomData })
    }

    /// The same gateway for another worker: all is shared but the connections.
    #[must_use]
    pub fn with_own_connections(&self) -> Self {
        Self {
            routes: Arc::clone(&self.routes),
            authenticator: Arc::clone(&self.authenticator),
            stripper: Arc::clone(&self.stripper),
            forwarder: self.forwarder.with_own_connections(),
            bodies: PhantomData,
        }
    }

    /// Asks services for their health where routes say so, for as long as it is polled. Once is enough for all workers.
    pub fn watch_health(&self) -> impl Future<Output = ()> + Send + use<B, A> {
        self.forwarder.with_own_connections().watch_health(&self.routes)
    }

    /// Where a request goes. Its target must be as it stood in the request line.
    pub fn matches(&self, method: &Method, target: &Uri) -> Match {
        self.routes.find(method, target)
    }

    /// Passes a request on, or refuses it.
    pub async fn handle(
        &self,
        matched: RouteMatch,
        exchange: ExchangeInfo<'_>,
        request: Request<B>,
    ) -> Response<GatewayBody> {
        match self.pass(matched, exchange, request).await {
            Ok(response) => response,
            Err(refusal) => refusal.into_response(),
        }
    }

    async fn pass(
        &self,
        RouteMatch { route, target }: RouteMatch,
        exchange: ExchangeInfo<'_>,
        request: Request<B>,
    ) -> Result<Response<GatewayBody>, Refusal> {
        let (mut head, body) = request.into_parts();
        let caller = authenticate::caller(&*self.authenticator, &route.require, &head.headers).await?;
        decide::may_pass(&route.require, caller.as_deref())?;
        let upgrade = Wish::take(&mut head)?;
        self.stripper.strip(&mut head.headers, exchange.peer);
        let body = inject::inject(&route.inject, route.body_limit, caller.as_deref(), &mut head, body).await?;
        self.stripper.tell(&mut head.headers, exchange)?;
        let passage = Passage { route, target, head, body, caller, upgrade };
        Ok(self.forwarder.forward(passage).await?.response)
    }
}
