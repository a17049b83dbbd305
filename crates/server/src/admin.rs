//! The admin listener: figures and signs of life for the operator's own network, never for the public.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use doorward_identity::Identity;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;

use crate::gateway::Services;
use crate::metrics::Metrics;
use crate::run::{GuardedRequest, Serve, Tally};

/// The prometheus text format (`OpenMetrics` 1.0).
const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// What answers there.
#[derive(Clone)]
pub(crate) struct Admin {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) tally: Arc<Tally>,
    pub(crate) identity: Arc<Identity>,
    pub(crate) services: Services,
    pub(crate) readiness: Arc<AtomicBool>,
}

impl Serve for Admin {
    type Body = Full<Bytes>;

    async fn serve(&self, _peer: SocketAddr, request: GuardedRequest) -> Response<Self::Body> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return answer(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET is answered here\n".to_owned());
        }
        match request.uri().path() {
            "/metrics" => match self.metrics.text(&self.tally, self.identity.now()) {
                Ok(text) => answer(StatusCode::OK, OPEN_METRICS, text),
                Err(error) => answer(StatusCode::INTERNAL_SERVER_ERROR, TEXT, format!("{error}\n")),
            },
            "/livez" => answer(StatusCode::OK, TEXT, "alive\n".to_owned()),
            "/readyz" => self.ready().await,
            _ => answer(StatusCode::NOT_FOUND, TEXT, "here are /metrics, /livez and /readyz\n".to_owned()),
        }
    }
}

impl Admin {
    /// Whether requests may come. The services behind are told of beneath: Doorward is no less ready for one that is ill.
    async fn ready(&self) -> Response<Full<Bytes>> {
        let unready = |why: &str| answer(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("not ready: {why}\n"));
        if !self.readiness.load(Ordering::Relaxed) {
            return unready("starting or stopping");
        }
        match self.identity.ping().await {
            Ok(()) => answer(StatusCode::OK, TEXT, format!("ready\n{}", self.services)),
            Err(error) => unready(&error.to_string()),
        }
    }
}

fn answer(status: StatusCode, kind: HeaderValue, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
