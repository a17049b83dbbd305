//! The gateway: may a request pass, and what is the service behind told about its caller.
//!
//! A request walks through five steps, one file each: [`route`] finds where it goes, `authenticate` who sends it,
//! `decide` whether they may, `inject` tells the service who they are, `forward` sends it. Steps two and three stand
//! together as `admission`, which `forward_auth` asks too; before the last two, `strip` takes away what must not
//! travel. What was judged is what is sent: nothing is parsed a second time.
//! Knows no web framework, no store and no configuration file.

mod admission;
mod alarm;
mod answer;
mod authenticate;
mod breaker;
mod connect;
mod decide;
mod explain;
mod forward;
mod forward_auth;
mod inject;
mod json_object;
mod link;
mod observer;
mod outgoing;
mod pool;
mod rate;
mod refusal;
mod retry;
pub mod route;
mod sign_in;
mod spelling;
mod streams;
mod strip;
mod trace;
mod upgrade;
mod upstream;

use std::error::Error;
use std::marker::PhantomData;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use doorward_identity::Identity;
use doorward_identity::session::Caller;
use http::request::Parts;
use http::uri::Authority;
use http::{Method, Request, Response, Uri};
use http_body::Body;
use ipnet::IpNet;

use crate::admission::{Admission, Admitted, Asked};
use crate::authenticate::CookieTerms;
use crate::connect::Connector;
use crate::forward::{Forwarded, Forwarder, Passage};
use crate::inject::{Introductions, assertion};
use crate::route::{Match, Passed, RouteMatch, Routes, Task};
use crate::strip::Stripper;
use crate::upgrade::Wish;

pub use answer::{AnswerError, GatewayBody};
pub use authenticate::Authenticator;
pub use connect::{ConnectSettings, StartError};
pub use decide::{Needs, Require, Rule};
pub use explain::Explanation;
pub use forward::Timeouts;
pub use inject::{FormFault, Inject, MultipartFault};
pub use observer::{GatewayObserver, Health, Outcome, Unobserved};
pub use rate::{Limiter, Per, Rate};
pub use refusal::Refusal;
pub use upstream::{Group, GroupSettings, HealthCheck, InvalidUpstream, Status, Upstream};

/// What the gateway must know beside its routes.
#[derive(Clone, Debug)]
pub struct GatewaySettings {
    /// Proxies in front whose forwarding headers may travel on, and who may ask whether a request may pass.
    pub trusted_proxies: Vec<IpNet>,
    /// The session cookie, with its prefix. It never travels upstream.
    pub cookie_name: String,
    /// The origins beside the public URL's whose pages may write with a session cookie.
    pub allowed_origins: Vec<String>,
    /// Whether people can sign in at a page of Doorward's, to be sent there when they go where that is needed.
    pub sign_in_page: bool,
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

/// An answer, and what the log is told of it.
pub struct Handled {
    /// The answer.
    pub response: Response<GatewayBody>,
    /// What decided whether the request passes.
    pub rule: Rule,
    /// The service that answered, if one did.
    pub upstream: Option<Arc<str>>,
}

/// The gateway of one worker, with upstream connections of its own; `B` is the body of the requests it is given.
pub struct Gateway<B, A = Identity> {
    routes: Arc<Routes>,
    admission: Arc<Admission<A>>,
    stripper: Arc<Stripper>,
    introductions: Arc<Introductions>,
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
        let stripper = Arc::new(Stripper::new(&settings)?);
        let mut origins = settings.allowed_origins;
        origins.push(own_origin(&settings.public_url));
        let cookies = CookieTerms { name: settings.cookie_name, origins };
        let admission = Arc::new(Admission { authenticator, cookies, sign_in_page: settings.sign_in_page });
        let introductions = Arc::new(Introductions::new());
        Ok(Self { routes, admission, stripper, introductions, forwarder, bodies: PhantomData })
    }

    /// The same gateway for another worker: all is shared but the connections.
    #[must_use]
    pub fn with_own_connections(&self) -> Self {
        Self {
            routes: Arc::clone(&self.routes),
            admission: Arc::clone(&self.admission),
            stripper: Arc::clone(&self.stripper),
            introductions: Arc::clone(&self.introductions),
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
        self.routes.matches(method, target)
    }

    /// Passes a request on, or refuses it.
    pub async fn handle(&self, matched: RouteMatch, exchange: ExchangeInfo<'_>, request: Request<B>) -> Handled {
        let (head, body) = request.into_parts();
        let passed = match matched.0 {
            Task::Pass(passed) => passed,
            Task::Answer(question) => return self.answer(&question, exchange, &head.method, &head.headers).await,
        };
        let asked =
            Asked { method: &head.method, target: &passed.target, headers: &head.headers, client: exchange.client };
        let Admitted { caller, rule } = match self.admission.admit(&passed.route, asked).await {
            Ok(admitted) => admitted,
            Err(refusal) => {
                let rule = refusal.rule();
                return Handled { response: refusal.into_response(), rule, upstream: None };
            }
        };
        match self.pass(passed, caller, exchange, head, body).await {
            Ok(Forwarded { response, upstream }) => Handled { response, rule, upstream: Some(upstream) },
            Err(refusal) => Handled { response: refusal.into_response(), rule, upstream: None },
        }
    }

    async fn pass(
        &self,
        Passed { route, target }: Passed,
        caller: Option<Arc<Caller>>,
        exchange: ExchangeInfo<'_>,
        mut head: Parts,
        body: B,
    ) -> Result<Forwarded, Refusal> {
        let upgrade = Wish::take(&mut head)?;
        self.stripper.strip(&mut head.headers, exchange.peer);
        let known = caller.as_deref();
        let body = inject::inject(&route.inject, route.body_limit, known, &mut head, body).await?;
        self.stripper.tell(&mut head.headers, exchange)?;
        if let Some(caller) = known.filter(|_| route.inject.headers) {
            self.introductions.tell(&mut head.headers, caller);
        }
        if let Some(caller) = known.filter(|_| route.inject.assertion) {
            let value = assertion::value(&*self.admission.authenticator, caller, &route, exchange.request_id)?;
            head.headers.insert(assertion::NAME, value);
        }
        self.forwarder.forward(Passage { route, target, head, body, caller, upgrade }).await
    }
}

/// The public URL as browsers name it as an origin: without a port where that goes without saying.
fn own_origin(url: &Uri) -> String {
    let (scheme, authority) = (url.scheme_str().unwrap_or_default(), url.authority().map_or("", Authority::as_str));
    let default = if scheme == "https" { ":443" } else { ":80" };
    format!("{scheme}://{}", authority.strip_suffix(default).unwrap_or(authority)).to_ascii_lowercase()
}
