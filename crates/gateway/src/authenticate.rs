//! Step two: who sends a request. Knows headers, tokens and cookies, not what the caller wants.
//!
//! A token is presented on purpose, so a bad one is refused on any route. A cookie is not: a browser sends it with
//! everything and cannot drop it, so a dead one is as none, and one that another site may have made the browser send
//! with a write is refused, or on a public route as none.

use std::future::Future;
use std::sync::Arc;

use doorward_identity::Identity;
use doorward_identity::fault::Internal;
use doorward_identity::session::{Caller, ValidateError};
use doorward_protocol::credential::{self, CredentialError};
use http::header::{AUTHORIZATION, COOKIE, HeaderName, ORIGIN, SEC_WEBSOCKET_KEY, UPGRADE};
use http::{HeaderMap, HeaderValue, Method};
use jiff::Timestamp;

use crate::decide::Require;
use crate::refusal::Refusal;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Who judges callers and speaks for them.
pub trait Authenticator: Send + Sync + 'static {
    /// Whose token it is, if it counts.
    fn bearer(&self, token: &str) -> impl Future<Output = Result<Arc<Caller>, ValidateError>> + Send;

    /// Whose session handle it is, if it counts.
    fn cookie(&self, handle: &str) -> impl Future<Output = Result<Arc<Caller>, ValidateError>> + Send;

    /// Whether somebody who was let in still is who they were; asked about open streams.
    fn still_counts(&self, caller: &Caller) -> impl Future<Output = bool> + Send;

    /// Moves whenever somebody may have stopped counting.
    fn change_generation(&self) -> u64;

    /// A signed statement for `audience` that this request is the caller's.
    fn assertion(&self, caller: &Caller, audience: &str, request_id: &str) -> Result<String, Internal>;

    /// The time by which sign-ins grow old.
    fn now(&self) -> Timestamp;
}

impl Authenticator for Identity {
    async fn bearer(&self, token: &str) -> Result<Arc<Caller>, ValidateError> {
        self.validate(token).await
    }

    async fn cookie(&self, handle: &str) -> Result<Arc<Caller>, ValidateError> {
        self.validate_handle(handle).await
    }

    async fn still_counts(&self, caller: &Caller) -> bool {
        Self::still_counts(self, caller).await
    }

    fn change_generation(&self) -> u64 {
        Self::change_generation(self)
    }

    fn assertion(&self, caller: &Caller, audience: &str, request_id: &str) -> Result<String, Internal> {
        Self::assertion(self, caller, audience, request_id)
    }

    fn now(&self) -> Timestamp {
        Self::now(self)
    }
}

/// What makes a cookie count.
#[derive(Clone, Debug)]
pub(crate) struct CookieTerms {
    /// The session cookie's whole name.
    pub(crate) name: String,
    /// The origins whose pages may write with it.
    pub(crate) origins: Vec<String>,
}

/// The caller; nobody only where the route lets anybody pass.
pub(crate) async fn caller(
    authenticator: &impl Authenticator,
    terms: &CookieTerms,
    require: &Require,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Option<Arc<Caller>>, Refusal> {
    let nobody = || match require {
        Require::Public => Ok(None),
        Require::Caller(_) => Err(Refusal::NotAuthenticated),
    };
    if headers.contains_key(AUTHORIZATION) {
        return match credential::bearer(values(headers, &AUTHORIZATION)) {
            Ok(Some(token)) => Ok(Some(authenticator.bearer(token).await?)),
            Ok(None) => nobody(),
            Err(CredentialError::Repeated) => Err(Refusal::AmbiguousHeader(AUTHORIZATION)),
            Err(CredentialError::NoToken) => Err(Refusal::NotAuthenticated),
        };
    }
    let Some(handle) = credential::cookie(values(headers, &COOKIE), &terms.name) else { return nobody() };
    if is_write(method, headers) && !is_own_page(terms, headers) {
        return nobody().map_err(|_| Refusal::CrossSite);
    }
    match authenticator.cookie(handle).await {
        Ok(caller) => Ok(Some(caller)),
        Err(ValidateError::Rejected(_)) => nobody(),
        Err(error) => Err(error.into()),
    }
}

/// Whether a request may change something. One that opens a tunnel may change anything through it.
fn is_write(method: &Method, headers: &HeaderMap) -> bool {
    let is_tunnel = headers.contains_key(UPGRADE) || headers.contains_key(SEC_WEBSOCKET_KEY);
    is_tunnel || !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn is_own_page(terms: &CookieTerms, headers: &HeaderMap) -> bool {
    let is_ours = |origin: &str| terms.origins.iter().any(|own| own == origin);
    credential::may_write(values(headers, &ORIGIN), values(headers, &SEC_FETCH_SITE), is_ours)
}

fn values<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> {
    headers.get_all(name).iter().map(HeaderValue::as_bytes)
}
