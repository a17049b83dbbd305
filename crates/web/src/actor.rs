//! Who calls: the extractors through which a handler learns it. Knows headers, not what the caller wants.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use doorward_identity::policy::Admin;
use doorward_identity::session::{Caller, Origin};
use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName};
use http::request::Parts;

use crate::Api;
use crate::layers::Exchange;
use crate::problem::Problem;

const X_USER_EMAIL: HeaderName = HeaderName::from_static("x-user-email");
const X_USER_NAME: HeaderName = HeaderName::from_static("x-user-name");

/// From where the request came.
pub(crate) struct CameFrom(pub(crate) Origin);

/// Somebody with a bearer token that counts.
pub(crate) struct Bearer(pub(crate) Arc<Caller>);

/// Somebody with a bearer token that counts, or else, where that is allowed, with developer headers.
pub(crate) struct Somebody(pub(crate) Arc<Caller>);

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

/// The token of `Authorization: Bearer …` (RFC 6750, 2.1). Two such headers are a disguise, another scheme is nobody.
fn bearer_token(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = single(headers, &AUTHORIZATION)? else { return Ok(None) };
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(token.trim_matches(' '))),
        _ => Err(Problem::not_authenticated()),
    }
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
