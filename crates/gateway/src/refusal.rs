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
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use jiff::SignedDuration;

use crate::answer::GatewayBody;
use crate::decide::Rule;
use crate::inject::{FormFault, MultipartFault};
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
    /// Nobody is signed in, and a person is there who can do it.
    SignInFirst {
        /// Where.
        location: HeaderValue,
        /// What asks for it.
        rule: Rule,
    },
    /// Signing in was too long ago.
    StaleSignIn {
        /// How long ago it may be.
        max_age: SignedDuration,
    },
    /// Another site's page may have made the browser send this.
    CrossSite,
    /// The token does not count.
    TokenRefused(TokenRejection),
    /// Whether the token counts cannot be found out now.
    IdentityUnavailable,
    /// Something failed here that never should.
    Internal,
    /// The caller lacks what is named.
    Forbidden {
        /// What it takes, for the log.
        rule: Rule,
        /// The same as a sentence.
        detail: String,
    },
    /// Called too often.
    TooOften {
        /// The rate, for the log.
        rule: Rule,
        /// How long until the next call is possible.
        wait: Duration,
    },
    /// Somebody asks whether a request may pass who is no proxy of ours.
    NoProxy,
    /// A proxy asks about a request, but says what it is like in no way, or in two.
    UnclearQuestion(&'static str),
    /// A proxy asks about a request that belongs to no route.
    NoRoute,
    /// A body to be added to is sent in none of the forms that can be.
    UnsupportedMediaType(&'static str),
    /// A body to be added to is no JSON object.
    NotAnObject(NotAnObject),
    /// A body to be added to is no multipart form that has one reading only.
    Multipart(MultipartFault),
    /// A body to be added to is no form that has one reading only.
    Form(FormFault),
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

/// Status, code and sentence.
type Description = (StatusCode, &'static str, Cow<'static, str>);

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
        headers.extend(self.hint());
        response
    }

    /// What decided, where a rule did.
    pub(crate) fn rule(&self) -> Rule {
        match self {
            Self::SignInFirst { rule, .. } | Self::Forbidden { rule, .. } | Self::TooOften { rule, .. } => rule.clone(),
            Self::NotAuthenticated => Rule::Borrowed("no session"),
            Self::TokenRefused(_) => Rule::Borrowed("token refused"),
            Self::StaleSignIn { .. } => Rule::Borrowed("stale sign-in"),
            Self::CrossSite => Rule::Borrowed("cross site"),
            Self::NoProxy => Rule::Borrowed("no trusted proxy"),
            Self::NoRoute => Rule::Borrowed("no route"),
            _ => Rule::Borrowed("not judged"),
        }
    }

    /// The status and the sentence, for whoever is not the client.
    pub(crate) fn told(&self) -> (StatusCode, Cow<'static, str>) {
        let (status, _, detail) = self.describe();
        (status, detail)
    }

    /// The header that says what the client can do about it.
    fn hint(self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::MethodNotAllowed { allow } => Some((ALLOW, HeaderValue::try_from(allow).ok()?)),
            Self::NotAuthenticated => Some((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            Self::SignInFirst { location, .. } => Some((LOCATION, location)),
            Self::StaleSignIn { max_age } => {
                // RFC 9470 §3.
                let seconds = max_age.as_secs();
                let challenge = format!("Bearer error=\"insufficient_user_authentication\", max_age=\"{seconds}\"");
                Some((WWW_AUTHENTICATE, HeaderValue::try_from(challenge).ok()?))
            }
            Self::TokenRefused(_) => {
                Some((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer error=\"invalid_token\"")))
            }
            Self::TooOften { wait, .. } => {
                let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                Some((RETRY_AFTER, HeaderValue::from(seconds)))
            }
            Self::UpstreamResting { retry_after } => {
                Some((RETRY_AFTER, HeaderValue::from(retry_after.as_secs().saturating_add(1))))
            }
            Self::IdentityUnavailable | Self::UpstreamUnreachable => Some((RETRY_AFTER, HeaderValue::from_static("1"))),
            _ => None,
        }
    }

    fn describe(&self) -> Description {
        match self {
            Self::Target(fault) => malformed(&fault.to_string()),
            Self::AmbiguousHeader(name) => malformed(&format!("The header {name} must be given once")),
            Self::NotAnObject(fault) => malformed(&fault.to_string()),
            Self::Multipart(fault) => malformed(&fault.to_string()),
            Self::Form(fault) => malformed(&fault.to_string()),
            Self::UnclearQuestion(detail) => malformed(detail),
            Self::BodyIncomplete => malformed("The body did not arrive whole"),
            Self::MethodNotAllowed { .. } => {
                (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "The method is not allowed here".into())
            }
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
            Self::Internal
            | Self::IdentityUnavailable
            | Self::UpstreamUnreachable
            | Self::UpstreamResting { .. }
            | Self::UpstreamBroken
            | Self::UpstreamSilent => self.describe_failure(),
            _ => self.describe_decision(),
        }
    }

    /// The caller may not pass.
    fn describe_decision(&self) -> Description {
        let forbidden = |code, detail: &'static str| (StatusCode::FORBIDDEN, code, Cow::Borrowed(detail));
        match self {
            Self::SignInFirst { .. } => (StatusCode::FOUND, "not_authenticated", "Sign in first".into()),
            Self::StaleSignIn { .. } => {
                (StatusCode::UNAUTHORIZED, "sign_in_too_old", "Signing in anew is required".into())
            }
            Self::TokenRefused(rejection) => (StatusCode::UNAUTHORIZED, "invalid_token", rejection.to_string().into()),
            Self::CrossSite => forbidden("cross_site", "This page may not send such a request with your session"),
            Self::Forbidden { detail, .. } => (StatusCode::FORBIDDEN, "forbidden", detail.clone().into()),
            Self::TooOften { .. } => {
                (StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "Too many requests; try again later".into())
            }
            Self::NoProxy => {
                forbidden("untrusted_proxy", "Only a proxy that server.trusted_proxies names may ask this")
            }
            Self::NoRoute => forbidden("no_route", "No route is configured for this request"),
            _ => (StatusCode::UNAUTHORIZED, "not_authenticated", "Not authenticated".into()),
        }
    }

    /// Something is out of order.
    fn describe_failure(&self) -> Description {
        let unavailable = |code, detail: &'static str| (StatusCode::SERVICE_UNAVAILABLE, code, Cow::Borrowed(detail));
        match self {
            Self::IdentityUnavailable => {
                unavailable("unavailable", "The service cannot answer right now; try again in a moment")
            }
            Self::UpstreamUnreachable | Self::UpstreamResting { .. } => unavailable(
                "upstream_unreachable",
                "The service behind cannot be reached right now; try again in a moment",
            ),
            Self::UpstreamBroken => {
                (StatusCode::BAD_GATEWAY, "upstream_broken", "The service behind gave no complete answer".into())
            }
            Self::UpstreamSilent => {
                (StatusCode::GATEWAY_TIMEOUT, "upstream_timeout", "The service behind did not answer in time".into())
            }
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong here".into()),
        }
    }
}

fn malformed(detail: &str) -> Description {
    (StatusCode::BAD_REQUEST, "malformed_request", sentence(detail).into())
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
