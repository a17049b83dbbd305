//! The HTTP surfaces of Doorward: what is asked under which path, in which words it is answered, and what every
//! answer carries. The only home of axum, and the only mapping from domain errors to HTTP.
//!
//! A request passes [`Envelope::begin`], then either the gateway or [`Surfaces::answer`], then
//! [`Envelope::finish`]. Knows no SQL, no configuration file and no socket.

mod access_log;
mod actor;
mod api;
mod body;
mod contract;
mod cookies;
mod cors;
mod json;
mod layers;
mod members;
mod moment;
mod openapi;
mod pages;
mod problem;
mod query;
mod routes;
mod target;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::body::Body;
use bytes::Bytes;
use doorward_identity::mail::Mailbox;
use doorward_identity::{Entropy, Identity};
use http::{Request, Response};
use ipnet::IpNet;
use tower_service::Service;

pub use access_log::AccessLine;
pub use cookies::{SameSite, SessionCookie};
pub use cors::Cors;
pub use layers::{Answered, Envelope, Exchange, RequestObserver};
pub use openapi::document;

use routes::RouteNames;

/// What an operator decides about the surfaces.
#[derive(Clone, Debug)]
pub struct WebSettings {
    /// `development`, `staging` or `production`, as `/health` tells it.
    pub environment: String,
    /// The version of this Doorward.
    pub version: String,
    /// Which pages may read answers.
    pub cors: Cors,
    /// Whether `X-User-Email` says who somebody is. For development only.
    pub dev_headers: bool,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// How clients reach us, without a slash at its end.
    pub public_url: String,
    /// The origin of that, as browsers write it.
    pub public_origin: String,
    /// The web application, without a slash at its end.
    pub frontend_url: String,
    /// The cookie of sessions.
    pub session_cookie: SessionCookie,
    /// Which surfaces there are.
    pub surfaces: EnabledSurfaces,
    /// The mailbox whose letters everybody may read, for development only; none is shown without it.
    pub mailbox: Option<Arc<Mailbox>>,
    /// Whether requests should be sent here: false while starting and stopping.
    pub readiness: Arc<AtomicBool>,
}

/// Which of the surfaces there are. Administration and health always are.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is on or off by itself")]
pub struct EnabledSurfaces {
    /// Sign-in through a provider's page: `/api/v1/auth`, `/api/v1/users`.
    pub hosted: bool,
    /// Accounts with codes by e-mail, under the same paths.
    pub accounts: bool,
    /// `/api/auth`.
    pub signin: bool,
    /// `/auth`, `/teams`, `/domains`.
    pub directory: bool,
}

/// What handlers work with.
pub(crate) struct Api {
    identity: Arc<Identity>,
    settings: WebSettings,
    /// The `OpenAPI` document, written once.
    document: Bytes,
}

/// Every path that Doorward answers itself, and the envelope for those and all others.
pub struct Surfaces {
    envelope: Envelope,
    router: axum::Router,
    names: RouteNames,
}

impl Surfaces {
    /// Puts the surfaces together. `entropy` makes request ids differ between processes.
    pub fn new(
        identity: Arc<Identity>,
        settings: WebSettings,
        observer: Arc<dyn RequestObserver>,
        entropy: &dyn Entropy,
    ) -> Self {
        let envelope = Envelope::new(&settings, observer, entropy);
        let (router, names) = routes::build(identity, settings);
        Self { envelope, router, names }
    }

    /// What every request passes, proxied ones too.
    pub const fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// Answers a request that has begun and that no route of the gateway takes, and finishes it.
    pub async fn answer(&self, exchange: &Arc<Exchange>, mut request: Request<Body>) -> Response<Body> {
        let route = self.names.of(request.uri().path());
        request.extensions_mut().insert(Arc::clone(exchange));
        let Ok(mut answer) = self.router.clone().call(request).await;
        self.envelope.finish(exchange, Answered::Own(route), &mut answer);
        answer
    }
}
