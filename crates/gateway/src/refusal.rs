//! Everything the gateway answers itself: one table from reason to status, code and sentence.
//!
//! What is our own or a service's fault is logged where it is seen; the client hears only this much.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use doorward_identity::StoreError;
use doorward_identity::session::{TokenRejection, ValidateError};
use doorward_protocol::problem::{self, Problem};
use doorward_protocol::request_target::TargetError;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};

use crate::answer::GatewayBody;
use crate::json_object::NotAnObject;
use crate::upstream::Resting;

/// Why a request does not pass.
#[derive(Debug)]
pub enum Refusal {
    /// Its target could be read in more than one way.
    Target(TargetError),
    /// No route of this path takes its method.
    MethodNotAllowed {
        /// The methods that are taken.
        allow: String,
    },
    /// A header that may be there once is there more often.
    AmbiguousHeader(HeaderName),
    /// Nobody is signed in.
    NotAuthenticated,
    /// The token does not count.
    TokenRefused(TokenRejection),
    /// Whether the token counts cannot be found out now.
    IdentityUnavailable,
    /// Something failed here that never should.
    Internal,
    /// The caller lacks what is named.
    Forbidden(String),
    /// A body to be added to is not sent as plain JSON.
    UnsupportedMediaType(&'static str),
    /// A body to be added to is no JSON object.
    NotAnObject(NotAnObject),
    /// The body is longer than the route takes.
    BodyTooLarge {
        /// The most it may be long, in bytes.
        limit: u64,
    },
    /// The body broke off.
    BodyIncomplete,
    /// The body did not come in time.
    BodyStalled,
    /// No connection to the service behind.
    UpstreamUnreachable,
    /// Every service behind failed too often and is left alone for a while.
    UpstreamResting {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// The service behind answered nothing that makes sense.
    UpstreamBroken,
    /// The service behind did not answer in time.
    UpstreamSilent,
}

impl Refusal {
    /// The refusal as it goes to the client.
    pub fn into_response(self) -> Response<GatewayBody> {
        let (status, code, detail) = self.describe();
        let title = status.canonical_reason().unwrap_or("Error");
        let problem = Problem::new(status.as_u16(), title, code).with_detail(detail);
        let body = Bytes::from(serde_json::to_vec(&problem).unwrap_or_default());
        let mut response = Response::new(GatewayBody::whole(body));
        *response.status_mut() = status;
        // For who makes a page of it where a browser asks for one.
        response.extensions_mut().insert(problem);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(problem::CONTENT_TYPE));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match self {
            Self::MethodNotAllowed { allow } => {
                headers.extend(HeaderValue::try_from(allow).ok().map(|allow| (ALLOW, allow)));
            }
            Self::NotAuthenticated => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::TokenRefused(_) => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer error=\"invalid_token\""));
            }
            Self::UpstreamResting { retry_after } => {
                let seconds = retry_after.as_secs().saturating_add(1);
                headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
            }
            Self::IdentityUnavailable | Self::UpstreamUnreachable => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }

    fn describe(&self) -> (StatusCode, &'static str, Cow<'static, str>) {
        let malformed = |detail: String| (StatusCode::BAD_REQUEST, "malformed_request", detail.into());
        match self {
            Self::Target(fault) => malformed(sentence(&fault.to_string())),
            Self::AmbiguousHeader(name) => malformed(format!("The header {name} must be given once")),
            Self::NotAnObject(fault) => malformed(sentence(&fault.to_string())),
            Self::BodyIncomplete => malformed("The body did not arrive whole".to_owned()),
            Self::MethodNotAllowed { .. } => {
                (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "The method is not allowed here".into())
            }
            Self::NotAuthenticated => (StatusCode::UNAUTHORIZED, "not_authenticated", "Not authenticated".into()),
            Self::TokenRefused(rejection) => (StatusCode::UNAUTHORIZED, "invalid_token", rejection.to_string().into()),
            Self::Forbidden(missing) => (StatusCode::FORBIDDEN, "forbidden", missing.clone().into()),
            Self::UnsupportedMediaType(detail) => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", (*detail).into())
            }
            Self::BodyTooLarge { limit } => {
                let detail = format!("The body is longer than {limit} bytes");
                (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail.into())
            }
            Self::BodyStalled => {
                (StatusCode::REQUEST_TIMEOUT, "body_timeout", "The body did not arrive in time".into())
            }
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong here".into()),
            Self::IdentityUnavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "The service cannot answer right now; try again in a moment".into(),
            ),
            Self::UpstreamUnreachable | Self::UpstreamResting { .. } => (
                StatusCode::SERVICE_UNAVAILABLE,
                "upstream_unreachable",
                "The service behind cannot be reached right now; try again in a moment".into(),
            ),
            Self::UpstreamBroken => {
                (StatusCode::BAD_GATEWAY, "upstream_broken", "The service behind gave no complete answer".into())
            }
            Self::UpstreamSilent => {
                (StatusCode::GATEWAY_TIMEOUT, "upstream_timeout", "The service behind did not answer in time".into())
            }
        }
    }
}

/// With a capital at its beginning.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().into_iter().flat_map(char::to_uppercase).chain(characters).collect()
}

impl From<ValidateError> for Refusal {
    fn from(error: ValidateError) -> Self {
        match &error {
            ValidateError::Rejected(rejection) => Self::TokenRefused(*rejection),
            ValidateError::Store(StoreError::Broken(_)) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a token could not be judged");
                Self::Internal
            }
            ValidateError::Store(StoreError::Unavailable(_)) | ValidateError::Keys(_) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a token cannot be judged now");
                Self::IdentityUnavailable
            }
        }
    }
}

impl From<NotAnObject> for Refusal {
    fn from(fault: NotAnObject) -> Self {
        Self::NotAnObject(fault)
    }
}

impl From<Resting> for Refusal {
    fn from(resting: Resting) -> Self {
        Self::UpstreamResting { retry_after: resting.retry_after }
    }
}
