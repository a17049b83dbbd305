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
use doorward_identity::mail::Mailbox;
use doorward_web::{Answered, Cors, EnabledSurfaces, RequestObserver, SameSite, SessionCookie, Surfaces, WebSettings};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::Either;

use crate::config::{self, Config, Environment};
use crate::gateway::{self, Proxy, Services};
use crate::recorder::Recorder;
use crate::run::{GuardedRequest, Refusal, Serve};

/// One worker's dispatcher.
pub(crate) struct Dispatcher {
    surfaces: Arc<Surfaces>,
    gateway: Proxy,
    recorder: Arc<Recorder>,
}

impl Dispatcher {
    /// Puts the surfaces and the gateway's routes together.
    pub(crate) fn new(
        config: &Config,
        settings: WebSettings,
        services: &Services,
        identity: &Arc<Identity>,
        recorder: Arc<Recorder>,
    ) -> anyhow::Result<Self> {
        let observer = Arc::clone(&recorder) as Arc<dyn RequestObserver>;
        let surfaces = Arc::new(Surfaces::new(Arc::clone(identity), settings, observer, &SystemEntropy));
        let gateway = gateway::build(config, services, identity, &recorder.metrics)?;
        Ok(Self { surfaces, gateway, recorder })
    }

    /// Asks services for their health, for all workers, for as long as it is polled.
    pub(crate) fn watch_health(&self) -> impl Future<Output = ()> + Send + use<> {
        self.gateway.watch_health()
    }

    /// The same for another worker: all is shared but the gateway's connections.
    pub(crate) fn with_own_connections(&self) -> Self {
        Self {
            surfaces: Arc::clone(&self.surfaces),
            gateway: self.gateway.with_own_connections(),
            recorder: Arc::clone(&self.recorder),
        }
    }
}

impl Serve for Dispatcher {
    type Body = Either<Body, GatewayBody>;

    async fn serve(&self, peer: SocketAddr, request: GuardedRequest) -> Response<Self::Body> {
        let (head, body) = request.into_parts();
        let envelope = self.surfaces.envelope();
        let exchange = envelope.begin(peer, &head);
        if let Some(mut answer) = envelope.preflight::<Body>(&exchange, &head) {
            envelope.finish(&exchange, Answered::Own("preflight"), &mut answer);
            return answer.map(Either::Left);
        }
        let answer = match self.gateway.matches(&head.method, &head.uri) {
            Match::None => {
                let request = Request::from_parts(head, Body::new(body));
                return self.surfaces.answer(&Arc::new(exchange), request).await.map(Either::Left);
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
                let handled = self.gateway.handle(matched, info, request).await;
                let (mut answer, upstream) = (handled.response, handled.upstream.as_deref());
                let answered = Answered::Upstream { route: &name, upstream, rule: &handled.rule };
                envelope.finish(&exchange, answered, &mut answer);
                answer
            }
        };
        answer.map(Either::Right)
    }

    fn refused(&self, peer: SocketAddr, refusal: Refusal, headers: &mut HeaderMap) {
        // Nothing of the refused head is believed, so it gets the id of a request that said nothing.
        let (head, ()) = Request::new(()).into_parts();
        let exchange = self.surfaces.envelope().begin(peer, &head);
        let request_id = exchange.request_id();
        tracing::warn!(client = %peer.ip(), request_id, reason = refusal.detail(), "request head refused");
        if let Ok(request_id) = HeaderValue::from_str(request_id) {
            headers.insert("x-request-id", request_id);
        }
        self.recorder.metrics.answered("refused", "other", refusal.status().as_u16(), Duration::ZERO);
    }
}

/// What the surfaces are told.
pub(crate) fn web_settings(config: &Config, readiness: Arc<AtomicBool>, mailbox: Option<Arc<Mailbox>>) -> WebSettings {
    WebSettings {
        environment: config.environment.as_str().to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        cors: Cors { origins: config.server.origins(), any_localhost: config.environment == Environment::Development },
        dev_headers: config.surfaces.directory.dev_headers,
        trusted_proxies: config.server.trusted_proxies.clone(),
        public_url: config.server.public_url.clone(),
        public_origin: url::Url::parse(&config.server.public_url)
            .map(|url| url.origin().ascii_serialization())
            .unwrap_or_default(),
        frontend_url: config.server.frontend_url.clone(),
        session_cookie: session_cookie(&config.session),
        surfaces: EnabledSurfaces {
            hosted: config.surfaces.hosted.enabled,
            accounts: config.surfaces.accounts.surface.enabled,
            signin: config.surfaces.signin.enabled,
            directory: config.surfaces.directory.surface.enabled,
        },
        mailbox,
        readiness,
    }
}

fn session_cookie(session: &config::Session) -> SessionCookie {
    SessionCookie {
        name: session.cookie_name.clone(),
        secure: session.cookie_secure,
        http_only: session.cookie_http_only,
        same_site: match session.cookie_same_site {
            config::SameSite::Lax => SameSite::Lax,
            config::SameSite::Strict => SameSite::Strict,
            config::SameSite::None => SameSite::None,
        },
        max_age: session.absolute_ttl,
    }
}
