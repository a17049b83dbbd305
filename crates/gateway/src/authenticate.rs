//! Step two: who sends a request. Knows headers and tokens, not what the caller wants.

use std::future::Future;
use std::sync::Arc;

use doorward_identity::Identity;
use doorward_identity::session::{Caller, ValidateError};
use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::decide::Require;
use crate::refusal::Refusal;

/// Who judges tokens.
pub trait Authenticator: Send + Sync + 'static {
    /// Whose token it is, if it counts.
    fn authenticate(&self, token: &str) -> impl Future<Output = Result<Arc<Caller>, ValidateError>> + Send;

    /// Whether somebody who was let in still is who they were; asked about open streams.
    fn still_counts(&self, caller: &Caller) -> impl Future<Output = bool> + Send;

    /// Moves whenever somebody may have stopped counting.
    fn change_generation(&self) -> u64;
}

impl Authenticator for Identity {
    async fn authenticate(&self, token: &str) -> Result<Arc<Caller>, ValidateError> {
        self.validate(token).await
    }

    async fn still_counts(&self, caller: &Caller) -> bool {
        Self::still_counts(self, caller).await
    }

    fn change_generation(&self) -> u64 {
        Self::change_generation(self)
    }
}

/// The caller; nobody only where the route lets anybody pass. A token that is there must count, on any route.
pub(crate) async fn caller(
    authenticator: &impl Authenticator,
    require: &Require,
    headers: &HeaderMap,
) -> Result<Option<Arc<Caller>>, Refusal> {
    match (bearer_token(headers)?, require) {
        (Some(token), _) => Ok(Some(authenticator.authenticate(token).await?)),
        (None, Require::Public) => Ok(None),
        (None, Require::Caller(_)) => Err(Refusal::NotAuthenticated),
    }
}

/// The token of `Authorization: Bearer …` (RFC 6750, 2.1). Credentials of another scheme are nobody's here.
fn bearer_token(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Refusal::AmbiguousHeader(AUTHORIZATION));
    }
    let value = value.as_bytes();
    let end = value.iter().position(|byte| *byte == b' ').unwrap_or(value.len());
    let (scheme, token) = value.split_at(end);
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Ok(None);
    }
    match std::str::from_utf8(token.trim_ascii()) {
        Ok(token) if !token.is_empty() => Ok(Some(token)),
        _ => Err(Refusal::NotAuthenticated),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (AUTHORIZATION, value.parse().unwrap())).collect()
    }

    #[test]
    fn a_token_is_read_from_one_bearer_header_only() {
        assert_eq!(bearer_token(&headers(&["Bearer abc"])).unwrap(), Some("abc"));
        assert_eq!(bearer_token(&headers(&["bEARER  abc "])).unwrap(), Some("abc"));
        assert_eq!(bearer_token(&headers(&[])).unwrap(), None);
        assert_eq!(bearer_token(&headers(&["Basic abc"])).unwrap(), None);
        assert_eq!(bearer_token(&headers(&["Bearerabc"])).unwrap(), None);
        for odd in [&["Bearer"][..], &["Bearer "], &["Bearer \u{e9}a", "Bearer b"], &["Bearer a", "Bearer a"]] {
            assert!(bearer_token(&headers(odd)).is_err(), "{odd:?}");
        }
    }
}
