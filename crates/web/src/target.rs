//! What a request is aimed at: the ids in its path, and the version it expects there.

use axum::extract::{FromRequestParts, Path};
use http::HeaderValue;
use http::header::IF_MATCH;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// The ids in the path. What is no id is the id of nothing.
pub(crate) struct Ids<T>(pub(crate) T);

/// The version of `If-Match: "7"` (RFC 9110, 13.1.1); none when any will do.
pub(crate) struct IfMatch(pub(crate) Option<i64>);

impl<T: DeserializeOwned + Send, State: Send + Sync> FromRequestParts<State> for Ids<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(ids)) => Ok(Self(ids)),
            Err(_) => Err(Problem::not_found()),
        }
    }
}

impl<State: Sync> FromRequestParts<State> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, Problem> {
        let mut expected = parts.headers.get_all(IF_MATCH).iter();
        match (expected.next().map(HeaderValue::as_bytes), expected.next()) {
            (None | Some(b"*"), None) => Ok(Self(None)),
            (Some(tag), None) => version(tag).map(|version| Self(Some(version))).ok_or_else(Problem::stale),
            (_, Some(_)) => Err(Problem::stale()),
        }
    }
}

/// The version in an entity tag of ours. Any other tag matches nothing.
fn version(tag: &[u8]) -> Option<i64> {
    let digits = std::str::from_utf8(tag).ok()?.strip_prefix('"')?.strip_suffix('"')?;
    digits.parse().ok().filter(|version: &i64| version.to_string() == digits)
}
