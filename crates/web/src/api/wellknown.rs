//! What other services look up by convention: the keys that our tokens are signed with (RFC 7517).

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::HeaderValue;
use http::header::CACHE_CONTROL;
use utoipa::ToSchema;

use crate::Api;
use crate::json;

/// How long a key set may be cached: well below the time between a key's publication and its first use.
const CACHED: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// A set of public keys. While tokens are signed with a shared secret it verifies assertions alone.
#[derive(ToSchema)]
#[schema(as = JwkSet)]
#[expect(dead_code, reason = "describes what doorward-protocol writes")]
pub(crate) struct KeySet {
    /// JSON Web Keys.
    #[schema(value_type = Vec<Object>)]
    keys: Vec<()>,
}

/// The public keys that access tokens are verified with.
#[utoipa::path(
    get, path = "/.well-known/jwks.json", operation_id = "jwks", tag = "service",
    responses((status = 200, description = "The keys", body = KeySet))
)]
pub(crate) async fn jwks(State(api): State<Arc<Api>>) -> Response {
    let mut response = json::ok(&api.identity.jwks());
    response.headers_mut().insert(CACHE_CONTROL, CACHED);
    response
}
