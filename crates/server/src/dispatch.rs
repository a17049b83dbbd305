//! Dispatch: what each worker does with a request. First the envelope, then a route of the gateway or a
//! surface.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use axum::body::Body;
use doorward_gateway::route::Match;
use doorward_gateway::{ExchangeInfo, GatewayBody};
use doorward_identity::Identity;
use doorward_identity::entropy::SystemEntropy;
use doorward_web::{Answered, Cors, EnabledSurfaces, RequestObserver, Surfaces, WebSettings};
use http::{Request, Response};
use http_body_util::Either;

use crate::config::{Config, Environment};
use crate::gateway::{self, Proxy};
use crate::metrics::Metrics;
use crate::run::{GuardedRequest, Refusal, Serve};

/// One worker's dispatcher.
pub(crate) struct Dispatcher {
    surfaces: Arc<Surfaces>,
    gateway: Proxy,
    metrics: Arc<Metrics>,
}

impl Dispatcher {
    /// Puts the surfaces and the gateway's routes together.
    pub(crate) fn new(
        config: &Config,
        identity: &Arc<Identity>,
        metrics: &Arc<Metrics>,
        readiness: &Arc<AtomicBool>,
    ) -> anyhow::Result<Self> {
        let settings = web_settings(config, Arc::clone(readiness));
        let observer = Arc::clone(metrics) as Arc<dyn RequestObserver>;
        let surfaces = Arc::new(Surfaces::new(Arc::clone(identity), settings, observer, &SystemEntropy));
        Ok(Self { surfaces, gateway: gateway::build(config, identity)?, metrics: Arc::clone(metrics) })
    }

    /// The same for another worker: all is shared but the gateway's connections.
    pub(crate) fn with_own_connections(&self) -> Self {
        Self {
            surfaces: Arc::clone(&self.surfaces),
            gateway: self.gateway.with_own_connections(),
            metrics: Arc::clone(&self.metrics),
        }
    }
}

impl Serve for Dispatcher {
    type Body = Either<Body, GatewayBody>;

    async fn serve(&self, peer: SocketAddr, request: GuardedRequest) -> Response<Self::Body> {
        let (head, body) = request.into_parts();
        let envelope = self.surfaces.envelope();
        let exchange = Arc::new(envelope.begin(peer, &head));
        if let Some(mut answer) = envelope.preflight::<Body>(&exchange, &head) {
            envelope.finish(&exchange, Answered::Own("preflight"), &mut answer);
            return answer.map(Either::Left);
        }
        let answer = match self.gateway.matches(&head.method, &head.uri) {
            Match::None => {
                let request = Request::from_parts(head, Body::new(body));
                return self.surfaces.answer(&exchange, request).await.map(Either::Left);
            }
            Match::Refused(refusal) => {
                let mut answer = refusal.into_response();
                envelope.finish(&exchange, Answered::Own("gateway"), &mut answer);
                return answer.map(Either::Right);
            }
            Match::Route(matched) => {
                let name = matched.name().to_owned();
                let info =
                    ExchangeInfo { request_id: exchange.request_id(), client: exchange.client(), peer: peer.ip() };
                let request = Request::from_parts(head, body);
                let mut answer = self.gateway.handle(matched, info, request).await;
                envelope.finish(&exchange, Answered::Upstream { route: &name, upstream: None, rule: "" }, &mut answer);
                answer
            }
        };
        answer.map(Either::Right)
    }

    fn refused(&self, peer: SocketAddr, refusal: Refusal) {
        tracing::warn!(client = %peer.ip(), reason = refusal.detail(), "request head refused");
        self.metrics.request("refused", "other", refusal.status().as_u16(), Duration::ZERO);
    }
}

fn web_settings(config: &Config, readiness: Arc<AtomicBool>) -> WebSettings {
    WebSettings {
        environment: config.environment.as_str().to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        cors: Cors { origins: config.server.origins(), any_localhost: config.environment == Environment::Development },
        dev_headers: config.surfaces.directory.dev_headers,
        trusted_proxies: config.server.trusted_proxies.clone(),
        public_url_is_https: config.server.public_url.starts_with("https:"),
        surfaces: EnabledSurfaces {
            signin: config.surfaces.signin.enabled,
            directory: config.surfaces.directory.surface.enabled,
        },
        readiness,
    }
}
