//! Everything that is refused, as RFC 9457 problem details: the only mapping from service errors to HTTP.
//!
//! Every variant of every service error stands here, so a new one does not compile until somebody decided what a
//! client is told. What is our own fault is logged here, once, with its causes; the client hears only that much.

mod accounts;
mod provider;

use std::borrow::Cow;
use std::error::Error;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use doorward_identity::StoreError;
use doorward_identity::fault::{FieldFault, Internal};
use doorward_identity::issuer::KeysUnavailable;
use doorward_identity::keyring::{KeyringError, RotateError};
use doorward_identity::policy::Forbidden;
use doorward_identity::session::{RefreshError, SignInError, SignOutError, TokenRejection, ValidateError};
use doorward_identity::user::{AdminError, ProvisionError, SignUpError};
use doorward_protocol::credential::CredentialError;
use doorward_protocol::problem::{self, FieldError};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, StatusCode};

use crate::contract::Contract;

/// A refusal.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    retry_after_s: Option<u64>,
    /// What a 401 tells of the token that it wants.
    challenge: Cow<'static, str>,
}

/// A token is wanted.
const ANY_TOKEN: &str = "Bearer";
/// Another than the one that was sent (RFC 6750, 3).
const ANOTHER_TOKEN: &str = "Bearer error=\"invalid_token\"";

impl Problem {
    /// A refusal with a stable code and a sentence for people.
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after_s: None,
            challenge: Cow::Borrowed(ANY_TOKEN),
        }
    }

    /// The request cannot even be read.
    pub(crate) fn malformed(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed_request", detail)
    }

    /// Nobody is signed in.
    pub(crate) fn not_authenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "not_authenticated", "Not authenticated")
    }

    /// Whether it says that nobody is signed in.
    pub(crate) fn is_unauthorized(&self) -> bool {
        self.status == StatusCode::UNAUTHORIZED
    }

    /// Another site's page asks with a cookie that its reader never meant to use there.
    pub(crate) fn cross_site() -> Self {
        let detail = "The request comes from a page of another site";
        Self::new(StatusCode::FORBIDDEN, "cross_site", detail)
    }

    /// There is nothing of that name.
    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is nothing here")
    }

    /// The path is there, but not for that method.
    pub(crate) fn method_not_allowed(method: &Method) -> Self {
        let detail = format!("{method} is not served here; Allow names what is");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
    }

    /// The resource is not of the version that the client expects.
    pub(crate) fn stale() -> Self {
        let detail = "It is not of the version that was expected; read it again";
        Self::new(StatusCode::PRECONDITION_FAILED, "stale", detail)
    }

    /// Named fields are no good, in the contract's status.
    pub(crate) fn bad_input(contract: Contract, errors: Vec<FieldError>) -> Self {
        let each = errors.iter().map(|error| format!("{}: {}", error.field, error.message));
        let detail = each.collect::<Vec<_>>().join("; ");
        Self { errors, ..Self::new(contract.bad_input(), "invalid_input", detail) }
    }

    /// Not now; the reasons by name.
    pub(crate) fn not_ready(errors: Vec<FieldError>) -> Self {
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", "Not ready to serve");
        Self { errors, ..problem.retry_after(1) }
    }

    fn refused(contract: Contract, faults: Vec<FieldFault>) -> Self {
        let detail = faults.iter().map(|fault| fault.message.as_str()).collect::<Vec<_>>().join("; ");
        let errors = faults.into_iter().map(|fault| FieldError { field: fault.field.into(), message: fault.message });
        Self { errors: errors.collect(), ..Self::new(contract.bad_input(), "invalid_input", detail) }
    }

    fn taken(contract: Contract) -> Self {
        Self::new(contract.taken(), "email_taken", "Email already registered")
    }

    fn throttled(retry_after_s: u64) -> Self {
        let detail = "Too many attempts; try again later";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "throttled", detail).retry_after(retry_after_s)
    }

    fn overloaded(retry_after_s: u64) -> Self {
        let detail = "Too many passwords are being checked right now; try again in a moment";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", detail).retry_after(retry_after_s)
    }

    /// Our own fault: logged with its causes, told without them.
    fn internal(error: &dyn Error) -> Self {
        tracing::error!(error = causes(error), "a request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong here")
    }

    fn unavailable(error: &dyn Error) -> Self {
        tracing::warn!(error = causes(error), "a request could not be served now");
        let detail = "The service cannot answer right now; try again in a moment";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail).retry_after(1)
    }

    fn invalid_refresh_token() -> Self {
        let detail = "The refresh token is not valid";
        Self::new(StatusCode::UNAUTHORIZED, "invalid_refresh_token", detail).token_refused()
    }

    fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// Names the one field at fault.
    fn at(mut self, field: &str, message: &str) -> Self {
        self.errors = vec![FieldError { field: field.to_owned(), message: message.to_owned() }];
        self
    }

    fn token_refused(mut self) -> Self {
        self.challenge = Cow::Borrowed(ANOTHER_TOKEN);
        self
    }
}

/// A service error whose answer differs between contracts.
pub(crate) trait Spoken {
    /// The answer under a contract.
    fn under(self, contract: Contract) -> Problem;
}

impl Spoken for SignInError {
    fn under(self, contract: Contract) -> Problem {
        let unauthorized = StatusCode::UNAUTHORIZED;
        match self {
            Self::BadCredentials => Problem::new(unauthorized, "bad_credentials", contract.bad_credentials()),
            Self::NotVerified => Problem::new(unauthorized, "email_not_verified", "Email not verified"),
            Self::Throttled { retry_after_s } => Problem::throttled(retry_after_s),
            Self::Overloaded(overloaded) => Problem::overloaded(overloaded.retry_after_s),
            Self::Pool(failure) => failure.into(),
            Self::Store(error) => error.into(),
            Self::Internal(error) => error.into(),
        }
    }
}

impl Spoken for SignUpError {
    fn under(self, contract: Contract) -> Problem {
        match self {
            Self::Refused(faults) => Problem::refused(contract, faults),
            Self::Throttled { retry_after_s } => Problem::throttled(retry_after_s),
            Self::Taken => Problem::taken(contract),
            Self::Overloaded(overloaded) => Problem::overloaded(overloaded.retry_after_s),
            Self::Pool(failure) => failure.into(),
            Self::Store(error) => error.into(),
            Self::Internal(error) => error.into(),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::unavailable(&error),
            StoreError::Broken(_) => Self::internal(&error),
        }
    }
}

impl From<Internal> for Problem {
    fn from(error: Internal) -> Self {
        Self::internal(&error)
    }
}

impl From<KeysUnavailable> for Problem {
    fn from(error: KeysUnavailable) -> Self {
        Self::unavailable(&error)
    }
}

impl From<RefreshError> for Problem {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::Invalid => Self::invalid_refresh_token(),
            RefreshError::Pool(failure) => failure.into(),
            RefreshError::Store(error) => error.into(),
            RefreshError::Internal(error) => error.into(),
        }
    }
}

impl From<SignOutError> for Problem {
    fn from(error: SignOutError) -> Self {
        match error {
            SignOutError::Invalid => Self::invalid_refresh_token(),
            SignOutError::Pool(failure) => failure.into(),
            SignOutError::Store(error) => error.into(),
        }
    }
}

impl From<TokenRejection> for Problem {
    fn from(rejection: TokenRejection) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "invalid_token", rejection.to_string()).token_refused()
    }
}

impl From<ValidateError> for Problem {
    fn from(error: ValidateError) -> Self {
        match error {
            ValidateError::Rejected(rejection) => rejection.into(),
            ValidateError::Store(error) => error.into(),
            ValidateError::Keys(error) => error.into(),
        }
    }
}

impl From<ProvisionError> for Problem {
    fn from(error: ProvisionError) -> Self {
        match error {
            ProvisionError::InvalidEmail(fault) => {
                Self::new(StatusCode::BAD_REQUEST, "invalid_email", format!("X-User-Email: {fault}"))
            }
            ProvisionError::Disabled => Self::new(StatusCode::UNAUTHORIZED, "user_disabled", "User is disabled"),
            ProvisionError::Conflict => {
                let detail = "The e-mail address belongs to another account";
                Self::new(StatusCode::UNAUTHORIZED, "account_conflict", detail)
            }
            ProvisionError::Store(error) => error.into(),
        }
    }
}

impl From<CredentialError> for Problem {
    fn from(error: CredentialError) -> Self {
        match error {
            CredentialError::Repeated => Self::malformed("The header authorization must be given once"),
            CredentialError::NoToken => Self::not_authenticated(),
        }
    }
}

impl From<Forbidden> for Problem {
    fn from(forbidden: Forbidden) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", forbidden.to_string())
    }
}

impl From<AdminError> for Problem {
    fn from(error: AdminError) -> Self {
        let parent = |message: &str| vec![FieldFault::new("parent_domain_id", message)];
        match error {
            AdminError::NotFound => Self::not_found(),
            AdminError::Taken(field) => Self::new(StatusCode::CONFLICT, "taken", format!("The {field} is taken")),
            AdminError::Stale => Self::stale(),
            AdminError::Refused(faults) => Self::refused(Contract::Administration, faults),
            AdminError::NoParent => Self::refused(Contract::Administration, parent("there is no such domain")),
            AdminError::Cycle => Self::refused(Contract::Administration, parent("a domain cannot lie below itself")),
            AdminError::Overloaded(overloaded) => Self::overloaded(overloaded.retry_after_s),
            AdminError::Pool(failure) => failure.into(),
            AdminError::Store(error) => error.into(),
            AdminError::Internal(error) => error.into(),
        }
    }
}

impl From<RotateError> for Problem {
    fn from(error: RotateError) -> Self {
        match error {
            RotateError::Pending { .. } => Self::new(StatusCode::CONFLICT, "rotation_pending", error.to_string()),
            RotateError::Lost => Self::new(StatusCode::CONFLICT, "rotation_lost", error.to_string()),
            RotateError::NotFound => Self::not_found(),
            RotateError::Keyring(KeyringError::Store(error)) | RotateError::Store(error) => error.into(),
            RotateError::Keyring(
                error @ (KeyringError::Sealed { .. } | KeyringError::Damaged { .. } | KeyringError::NotMade(_)),
            ) => Self::internal(&error),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or("Error");
        let body = problem::Problem::new(self.status.as_u16(), title, self.code)
            .with_detail(self.detail.into_owned())
            .with_errors(self.errors);
        let mut response = Response::new(Body::from(serde_json::to_vec(&body).unwrap_or_default()));
        *response.status_mut() = self.status;
        response.extensions_mut().insert(body);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(problem::CONTENT_TYPE));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::try_from(&*self.challenge);
            headers.insert(WWW_AUTHENTICATE, challenge.unwrap_or(HeaderValue::from_static(ANY_TOKEN)));
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// An error and what caused it, in one line.
fn causes(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        line.push_str(": ");
        line.push_str(&cause.to_string());
        next = cause.source();
    }
    line
}
