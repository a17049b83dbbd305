//! The signed assertion, and for whom it is. Knows no key.

use bytes::Bytes;
use doorward_identity::session::Caller;
use http::HeaderValue;
use http::header::HeaderName;

use crate::authenticate::Authenticator;
use crate::refusal::Refusal;
use crate::route::Route;

/// The header it travels in.
pub(crate) const NAME: HeaderName = HeaderName::from_static("x-doorward-assertion");

/// The header's value for this request alone.
pub(crate) fn value(
    authenticator: &impl Authenticator,
    caller: &Caller,
    route: &Route,
    request_id: &str,
) -> Result<HeaderValue, Refusal> {
    let assertion = authenticator.assertion(caller, &audience(route), request_id).map_err(|error| {
        tracing::error!(route = route.name, error = &error as &dyn std::error::Error, "an assertion cannot be signed");
        Refusal::Internal
    })?;
    HeaderValue::from_maybe_shared(Bytes::from(assertion)).map_err(|_| Refusal::Internal)
}

/// For whom: the origin of the service behind. Several of a route are one service, named by the first. A route
/// without any goes by its name.
pub(crate) fn audience(route: &Route) -> String {
    let url = route.upstreams.endpoints().first().map(|endpoint| endpoint.upstream.to_string());
    url.map_or_else(|| route.name.clone(), |url| url.split('/').take(3).collect::<Vec<_>>().join("/"))
}
