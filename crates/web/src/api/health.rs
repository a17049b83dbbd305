//! Signs of life, for people, load balancers and orchestrators.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::response::Response;
use doorward_protocol::problem::FieldError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::Api;
use crate::json;
use crate::problem::Problem;

/// How this Doorward is.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health<'s> {
    #[schema(value_type = String, example = "healthy")]
    status: &'static str,
    #[schema(value_type = String, example = "doorward")]
    service: &'static str,
    #[schema(example = "development")]
    environment: &'s str,
    #[schema(example = "0.1.0")]
    version: &'s str,
}

/// Which Doorward this is.
#[derive(Serialize, ToSchema)]
pub(crate) struct Welcome<'s> {
    #[schema(value_type = String, example = "doorward")]
    service: &'static str,
    #[schema(value_type = String, example = "healthy")]
    status: &'static str,
    #[schema(example = "0.1.0")]
    version: &'s str,
}

/// A plain yes.
#[derive(Serialize, ToSchema)]
pub(crate) struct Probe {
    #[schema(value_type = String, example = "ready")]
    status: &'static str,
}

/// What answers here.
#[utoipa::path(
    get, path = "/", operation_id = "root", tag = "service",
    responses((status = 200, description = "Name and version", body = Welcome))
)]
pub(crate) async fn root(State(api): State<Arc<Api>>) -> Response {
    json::ok(&Welcome { service: "doorward", status: "healthy", version: &api.settings.version })
}

/// The health of the service, as each of the old systems told it.
#[utoipa::path(
    get, path = "/health", operation_id = "health", tag = "service",
    responses((status = 200, description = "It runs", body = Health))
)]
pub(crate) async fn health(State(api): State<Arc<Api>>) -> Response {
    json::ok(&Health {
        status: "healthy",
        service: "doorward",
        environment: &api.settings.environment,
        version: &api.settings.version,
    })
}

/// Whether the process is alive.
#[utoipa::path(
    get, path = "/livez", operation_id = "livez", tag = "service",
    responses((status = 200, description = "It lives", body = Probe))
)]
pub(crate) async fn livez() -> Response {
    json::ok(&Probe { status: "alive" })
}

/// Whether requests should be sent here: not while it starts or stops, nor while the store gives no answer.
#[utoipa::path(
    get, path = "/readyz", operation_id = "readyz", tag = "service",
    responses((status = 200, description = "It is ready", body = Probe),
        (status = 503, description = "It is not; `errors` names what is missing"))
)]
pub(crate) async fn readyz(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
    let mut missing = Vec::new();
    let mut note = |field: &str, message: &str| {
        missing.push(FieldError { field: field.to_owned(), message: message.to_owned() });
    };
    if !api.settings.readiness.load(Ordering::Acquire) {
        note("server", "is starting or stopping");
    }
    if let Err(error) = api.identity.ping().await {
        tracing::warn!(%error, "not ready");
        note("store", "gives no answer");
    }
    if missing.is_empty() { Ok(json::ok(&Probe { status: "ready" })) } else { Err(Problem::not_ready(missing)) }
}
