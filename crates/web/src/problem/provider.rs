//! What is refused to people who sign in through an outside provider, and to the provider itself.

use doorward_identity::provider::{ProviderError, ProviderLogoutError, ProviderSignInError, UnlinkError};
use http::StatusCode;

use super::Problem;

/// How long a provider that cannot be reached is left alone, in seconds.
const RETRY_S: u64 = 5;

impl From<ProviderSignInError> for Problem {
    fn from(error: ProviderSignInError) -> Self {
        use ProviderSignInError as E;
        let code = match error {
            E::UnknownProvider => "unknown_provider",
            E::BadState => "bad_state",
            E::NoSession => "no_session",
            E::NotFinished(_) => "not_finished",
            E::Throttled { retry_after_s } => return Self::throttled(retry_after_s),
            E::Provider(ProviderError::Unavailable(_)) => "provider_unavailable",
            E::Provider(ProviderError::Unknown | ProviderError::Refused(_) | ProviderError::Untrustworthy(_)) => {
                "provider_failed"
            }
            E::EmailNotVerified => "email_not_verified",
            E::Conflict => "account_conflict",
            E::Disabled => "user_disabled",
            E::Store(error) => return error.into(),
            E::Internal(error) => return error.into(),
        };
        match error {
            E::Provider(ProviderError::Unavailable(_)) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, code, error.to_string()).retry_after(RETRY_S)
            }
            _ => Self::new(StatusCode::BAD_REQUEST, code, error.to_string()),
        }
    }
}

impl From<ProviderLogoutError> for Problem {
    fn from(error: ProviderLogoutError) -> Self {
        let refused = |detail: String| Self::new(StatusCode::BAD_REQUEST, "invalid_logout_token", detail);
        match error {
            ProviderLogoutError::Provider(ProviderError::Unavailable(_)) => Self::unavailable(&error),
            ProviderLogoutError::Provider(_) | ProviderLogoutError::Replayed => refused(error.to_string()),
            ProviderLogoutError::Store(error) => error.into(),
        }
    }
}

impl From<UnlinkError> for Problem {
    fn from(error: UnlinkError) -> Self {
        match error {
            UnlinkError::NotLinked => Self::not_found(),
            UnlinkError::LastWayIn => Self::new(StatusCode::CONFLICT, "last_way_in", error.to_string()),
            UnlinkError::Store(error) => error.into(),
        }
    }
}
