//! What is refused to people about their own accounts, and what a user pool elsewhere did not do.

use std::time::Duration;

use doorward_identity::user::AccountError;
use doorward_identity::user_pool::{Challenge, PoolFailure};
use http::StatusCode;

use super::{FRESH_TOKEN, Problem};
use crate::contract::Contract::Accounts;

/// How long a pool is left alone that could not deliver its mail.
const MAIL_RETRY: Duration = Duration::from_secs(60);

impl Problem {
    /// The answer to a wish whose current password stands in the field of that name.
    pub(crate) fn of_account(error: AccountError, password_field: &'static str) -> Self {
        let bad = |code, detail| Self::new(StatusCode::BAD_REQUEST, code, detail);
        match error {
            AccountError::Refused(faults) => Self::refused(Accounts, faults),
            AccountError::BadCode => bad("invalid_code", "Invalid confirmation code"),
            AccountError::LateCode => bad("expired_code", "Confirmation code has expired"),
            AccountError::BadResetToken => bad("invalid_reset_token", "Invalid or expired reset token"),
            AccountError::WrongPassword => {
                bad("wrong_password", "The current password is wrong").at(password_field, "is wrong")
            }
            AccountError::SignInAgain => {
                let detail = "Sign in again first: this takes a sign-in of just now";
                let problem = Self::new(StatusCode::UNAUTHORIZED, "sign_in_again", detail);
                Self { challenge: FRESH_TOKEN, ..problem }
            }
            AccountError::Taken => Self::taken(Accounts),
            AccountError::OwnAccess => Self::new(StatusCode::FORBIDDEN, "own_access", error.to_string()),
            AccountError::Throttled { retry_after_s } => Self::throttled(retry_after_s),
            AccountError::Overloaded(overloaded) => Self::overloaded(overloaded.retry_after_s),
            AccountError::Pool(failure) => failure.into(),
            AccountError::Store(error) => error.into(),
            AccountError::Internal(error) => error.into(),
        }
    }
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        Self::of_account(error, "password")
    }
}

impl From<PoolFailure> for Problem {
    fn from(failure: PoolFailure) -> Self {
        match failure {
            PoolFailure::Unavailable { retry_after_s } => {
                let detail = "Accounts cannot be asked about right now; try again in a moment";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail).retry_after(retry_after_s)
            }
            PoolFailure::Throttled { retry_after_s } => Self::throttled(retry_after_s),
            PoolFailure::Challenge(challenge) => {
                Self::new(StatusCode::FORBIDDEN, challenge.as_str(), what_to_do(challenge))
            }
            PoolFailure::Refused => {
                Self::new(StatusCode::FORBIDDEN, "refused_by_rule", "A rule of this installation does not allow it")
            }
            PoolFailure::NotDelivered => {
                let detail = "The mail could not be delivered; try again in a minute";
                let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "mail_not_delivered", detail);
                problem.retry_after(MAIL_RETRY.as_secs())
            }
        }
    }
}

/// How somebody gets on whose password was right, but not enough.
const fn what_to_do(challenge: Challenge) -> &'static str {
    match challenge {
        Challenge::NewPassword => "This password was given to you by somebody else; choose your own by resetting it",
        Challenge::PasswordReset => "Your password has to be reset before you can sign in; request a code for that",
        Challenge::SecondFactor => "Your account asks for a second factor; sign in through the sign-in page",
        Challenge::Other => "Your account asks for more than a password; sign in through the sign-in page",
    }
}
