//! Who calls: the extractors through which a handler learns it. Knows headers, not what the caller wants.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use doorward_identity::policy::Admin;
use doorward_identity::session::{Caller, Origin};
use doorward_protocol::credential;
use http::header::{AUTHORIZATION, COOKIE, HeaderName, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method};

use crate::Api;
use crate::layers::Exchange;
use crate::problem::Problem;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const X_USER_EMAIL: HeaderName = HeaderName::from_static("x-user-email");
const X_USER_NAME: HeaderName = HeaderName::from_static("x-user-name");

/// From where the request came.
pub(crate) struct CameFrom(pub(crate) Origin);

/// Somebody with a bearer token that counts.
pub(crate) struct Bearer(pub(crate) Arc<Caller>);

/// Somebody with a bearer token that counts, or else, where that is allowed, with developer headers.
pub(crate) struct Somebody(pub(crate) Arc<Caller>);

/// Somebody with a bearer token or, where no `Authorization` is sent, with a session's cookie that count; with a cookie
/// only from a page that may act for its reader.
pub(crate) struct SignedInPerson(pub(crate) Arc<Caller>);

/// Whoever wants to sign out, signed in or not, unless another site's page wants it.
pub(crate) struct Leaver {
    /// Who it is, if anybody.
    pub(crate) caller: Option<Arc<Caller>>,
    /// Whether a browser asks, whose cookie goes too.
    pub(crate) is_browser: bool,
}

/// The bearer token that was presented, good or not.
pub(crate) struct Presented(pub(crate) Option<String>);

/// An administrator with a bearer token.
pub(crate) struct Administrator(pub(crate) Admin);

impl<State: Sync> FromRequestParts<State> for CameFrom {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, Problem> {
        Ok(Self(origin(parts)))
    }
}

impl FromRequestParts<Arc<Api>> for Bearer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let token = bearer_token(&parts.headers)?.ok_or_else(Problem::not_authenticated)?;
        Ok(Self(api.identity.validate(token).await?))
    }
}

impl FromRequestParts<Arc<Api>> for Somebody {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        if let Some(token) = bearer_token(&parts.headers)? {
            return Ok(Self(api.identity.validate(token).await?));
        }
        if !api.settings.dev_headers {
            return Err(Problem::not_authenticated());
        }
        let email = single(&parts.headers, &X_USER_EMAIL)?;
        let email = email.ok_or_else(|| Problem::malformed("X-User-Email or a bearer token must be given"))?;
        let name = single(&parts.headers, &X_USER_NAME)?;
        Ok(Self(api.identity.caller_by_developer_headers(email, name).await?))
    }
}

impl FromRequestParts<Arc<Api>> for SignedInPerson {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        if parts.headers.contains_key(AUTHORIZATION) {
            let Bearer(caller) = Bearer::from_request_parts(parts, api).await?;
            return Ok(Self(caller));
        }
        let handle = cookie(&parts.headers, &api.settings.session_cookie.name);
        let handle = handle.ok_or_else(Problem::not_authenticated)?;
        must_be_own_page(parts, api)?;
        Ok(Self(api.identity.validate_handle(handle).await?))
    }
}

impl FromRequestParts<Arc<Api>> for Leaver {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let is_browser = !parts.headers.contains_key(AUTHORIZATION);
        if is_browser {
            // Without a cookie too: the answer would take away one that the browser did not send along.
            must_be_own_page(parts, api)?;
        }
        match SignedInPerson::from_request_parts(parts, api).await {
            Ok(SignedInPerson(caller)) => Ok(Self { caller: Some(caller), is_browser }),
            Err(problem) if problem.is_unauthorized() => Ok(Self { caller: None, is_browser }),
            Err(problem) => Err(problem),
        }
    }
}

impl<State: Sync> FromRequestParts<State> for Presented {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, Problem> {
        Ok(Self(bearer_token(&parts.headers)?.map(str::to_owned)))
    }
}

impl FromRequestParts<Arc<Api>> for Administrator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let Bearer(caller) = Bearer::from_request_parts(parts, api).await?;
        Ok(Self(Admin::signed_in(&caller, origin(parts))?))
    }
}

fn origin(parts: &Parts) -> Origin {
    parts.extensions.get::<Arc<Exchange>>().map(|exchange| exchange.origin()).unwrap_or_default()
}

fn bearer_token(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    Ok(credential::bearer(values(headers, &AUTHORIZATION))?)
}

/// The cookie of that name.
pub(crate) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    credential::cookie(values(headers, &COOKIE), name)
}

/// Refuses what a page of another site asks for. Only asking changes nothing.
fn must_be_own_page(parts: &Parts, api: &Api) -> Result<(), Problem> {
    let only_asks = matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
    let allowed = |origin: &str| origin == api.settings.public_origin || api.settings.cors.lists(origin);
    let (origins, sites) = (values(&parts.headers, &ORIGIN), values(&parts.headers, &SEC_FETCH_SITE));
    if only_asks || credential::may_write(origins, sites, allowed) { Ok(()) } else { Err(Problem::cross_site()) }
}

fn values<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> + use<'h> {
    headers.get_all(name).iter().map(HeaderValue::as_bytes)
}

/// The value of a header that may be there once.
fn single<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, Problem> {
    let mut values = headers.get_all(name).iter();
    let value = values.next();
    if values.next().is_some() {
        return Err(Problem::malformed(format!("The header {name} must be given once")));
    }
    let text = |value: &'h http::HeaderValue| std::str::from_utf8(value.as_bytes()).ok();
    match value.map(text) {
        None => Ok(None),
        Some(Some(value)) => Ok(Some(value)),
        Some(None) => Err(Problem::malformed(format!("The header {name} is not UTF-8"))),
    }
}
