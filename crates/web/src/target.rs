//! What a request is aimed at: the ids in its path, the version it expects there, and the method.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path};
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, IF_MATCH};
use http::request::Parts;
use http::{HeaderValue, Method};
use serde::de::DeserializeOwned;

use crate::Api;
use crate::api::hosted::sign_in::LOGIN;
use crate::problem::Problem;

/// The ids in the path. What is no id is the id of nothing.
pub(crate) struct Ids<T>(pub(crate) T);

/// A request that is `GET` itself. Where getting begins or finishes something, the router's `HEAD` must not.
pub(crate) struct OnlyGet;

/// What `If-Match: "7"` expects (RFC 9110, 13.1.1). Judged only once the request is known to be good otherwise.
pub(crate) enum IfMatch {
    /// Any version will do.
    Any,
    /// Only this one.
    Version(i64),
    /// A tag that we never gave, or several.
    Nothing,
}

impl IfMatch {
    /// The one version that will do; none when any will.
    pub(crate) fn version(&self) -> Result<Option<i64>, Problem> {
        match self {
            Self::Any => Ok(None),
            Self::Version(version) => Ok(Some(*version)),
            Self::Nothing => Err(Problem::stale()),
        }
    }
}

impl<T: DeserializeOwned + Send, State: Send + Sync> FromRequestParts<State> for Ids<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(ids)) => Ok(Self(ids)),
            Err(_) => Err(Problem::not_found()),
        }
    }
}

impl FromRequestParts<Arc<Api>> for OnlyGet {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Response> {
        if parts.method == Method::GET {
            return Ok(Self);
        }
        let mut refused = Problem::method_not_allowed(&parts.method).into_response();
        // The accounts surface signs in by the same path.
        let is_shared = api.settings.surfaces.accounts && parts.uri.path() == LOGIN;
        let allow = if is_shared { "GET,POST" } else { "GET" };
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
        Err(refused)
    }
}

impl<State: Sync> FromRequestParts<State> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, Problem> {
        let mut expected = parts.headers.get_all(IF_MATCH).iter();
        Ok(match (expected.next().map(HeaderValue::as_bytes), expected.next()) {
            (None | Some(b"*"), None) => Self::Any,
            (Some(tag), None) => version(tag).map_or(Self::Nothing, Self::Version),
            (_, Some(_)) => Self::Nothing,
        })
    }
}

/// The version in an entity tag of ours. Any other tag matches nothing.
fn version(tag: &[u8]) -> Option<i64> {
    let digits = std::str::from_utf8(tag).ok()?.strip_prefix('"')?.strip_suffix('"')?;
    digits.parse().ok().filter(|version: &i64| version.to_string() == digits)
}
