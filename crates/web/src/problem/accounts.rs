//! What is refused to people about their own accounts, and what a user pool elsewhere did not do.

use doorward_identity::user::{AccountError, RECENT_SIGN_IN};
use doorward_identity::user_pool::{Challenge, PoolFailure};
use http::StatusCode;

use super::Problem;
use crate::contract::Contract::Accounts;

/// How long a pool that could not deliver its mail is left alone, in seconds.
const MAIL_RETRY_S: u64 = 60;

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
                let seconds = RECENT_SIGN_IN.as_secs();
                // RFC 9470, 3.
                let challenge = format!("Bearer error=\"insufficient_user_authentication\", max_age=\"{seconds}\"");
                let problem = Self::new(StatusCode::UNAUTHORIZED, "sign_in_again", detail);
                Self { challenge: challenge.into(), ..problem }
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
                problem.retry_after(MAIL_RETRY_S)
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

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;
    use doorward_identity::fault::FieldFault;
    use doorward_identity::session::{RefreshError, SignInError};
    use doorward_identity::user::{AdminError, SignUpError};
    use http::header::{HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};

    use super::*;
    use crate::problem::Spoken;

    /// Status, code, sentence, and the header of that name.
    fn told(problem: Problem, header: &HeaderName) -> (u16, String, String, String) {
        let response = problem.into_response();
        let value = response.headers().get(header).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let written = response.extensions().get::<doorward_protocol::problem::Problem>();
        let (code, detail) = written.map(|it| (it.code.to_owned(), it.detail.clone())).unwrap_or_default();
        (response.status().as_u16(), code, detail.unwrap_or_default(), value)
    }

    #[test]
    fn every_refusal_of_an_account_has_the_words_of_the_contract() {
        let expected = |status, code: &str, detail: &str| (status, code.to_owned(), detail.to_owned(), String::new());
        for (error, status, code, detail) in [
            (AccountError::BadCode, 400, "invalid_code", "Invalid confirmation code"),
            (AccountError::LateCode, 400, "expired_code", "Confirmation code has expired"),
            (AccountError::BadResetToken, 400, "invalid_reset_token", "Invalid or expired reset token"),
            (AccountError::WrongPassword, 400, "wrong_password", "The current password is wrong"),
            (AccountError::Taken, 400, "email_taken", "Email already registered"),
            (AccountError::Refused(vec![FieldFault::new("code", "it is odd")]), 400, "invalid_input", "it is odd"),
            (
                AccountError::OwnAccess,
                403,
                "own_access",
                "administrators do not give up their own access; another one does it for them",
            ),
        ] {
            assert_eq!(told(error.into(), &RETRY_AFTER), expected(status, code, detail));
        }
    }

    #[test]
    fn whoever_must_sign_in_again_is_told_so_in_the_challenge() {
        let (status, code, _, challenge) = told(AccountError::SignInAgain.into(), &WWW_AUTHENTICATE);
        assert_eq!((status, code.as_str()), (401, "sign_in_again"));
        assert_eq!(challenge, "Bearer error=\"insufficient_user_authentication\", max_age=\"600\"");
    }

    #[test]
    fn a_pool_that_does_not_do_it_is_told_alike_by_every_service() {
        type Failed = fn(PoolFailure) -> Problem;
        let services: [Failed; 5] = [
            |failure| AccountError::from(failure).into(),
            |failure| SignInError::from(failure).under(Accounts),
            |failure| SignUpError::from(failure).under(Accounts),
            |failure| RefreshError::from(failure).into(),
            |failure| AdminError::from(failure).into(),
        ];
        for (failure, status, code, wait) in [
            (PoolFailure::Unavailable { retry_after_s: 5 }, 503, "unavailable", "5"),
            (PoolFailure::Throttled { retry_after_s: 60 }, 429, "throttled", "60"),
            (PoolFailure::NotDelivered, 503, "mail_not_delivered", "60"),
            (PoolFailure::Refused, 403, "refused_by_rule", ""),
            (PoolFailure::Challenge(Challenge::NewPassword), 403, "new_password_required", ""),
            (PoolFailure::Challenge(Challenge::PasswordReset), 403, "password_reset_required", ""),
            (PoolFailure::Challenge(Challenge::SecondFactor), 403, "second_factor_required", ""),
            (PoolFailure::Challenge(Challenge::Other), 403, "challenge_required", ""),
        ] {
            for service in services {
                let (told_status, told_code, detail, told_wait) = told(service(failure), &RETRY_AFTER);
                assert_eq!((told_status, told_code.as_str(), told_wait.as_str()), (status, code, wait));
                assert!(!detail.is_empty() && !detail.to_lowercase().contains("cognito"), "{detail}");
            }
        }
    }

    #[test]
    fn throttled_and_overloaded_say_when_to_come_back() {
        let throttled = told(AccountError::Throttled { retry_after_s: 120 }.into(), &RETRY_AFTER);
        assert_eq!((throttled.0, throttled.1.as_str(), throttled.3.as_str()), (429, "throttled", "120"));
        let not_verified = told(SignInError::NotVerified.under(Accounts), &WWW_AUTHENTICATE);
        assert_eq!(not_verified.0, 401);
        assert_eq!((not_verified.2.as_str(), not_verified.3.as_str()), ("Email not verified", "Bearer"));
    }
}
