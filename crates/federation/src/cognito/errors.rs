//! The one table of what may go wrong at Amazon, and what that means to a caller.
//!
//! Exceptions are told apart by their names, since every call has a type of its own for the same ones and none for those
//! of the layers in front (credentials, rates). Where one name stands for several things, Amazon's text decides; the text
//! itself goes nowhere.

use std::error::Error;

use aws_sdk_cognitoidentityprovider::config::http::HttpResponse;
use aws_sdk_cognitoidentityprovider::error::{ConnectorError, ProvideErrorMetadata, SdkError};
use doorward_identity::user_pool::{Challenge, PoolError};

use super::operation::Operation;
use super::password_rule;

/// After how long something may be asked again, in seconds, where the pool's own rate is meant.
const BUSY_S: u64 = 5;
/// The same where an account's passwords were guessed: Amazon locks it for a second first, for 15 minutes at most.
const LOCKED_S: u64 = 60;
/// The same where an account's codes were guessed or asked for too often.
const EXHAUSTED_S: u64 = 900;

/// What the operator has to mend where the proof of the client is refused.
const OTHER_SECRET: &str = "the app client's secret is not the configured one, or one of the two has none";
/// The same where it does not let people in, or keeps them in, as it is asked to.
const OTHER_FLOW: &str = "the app client does not allow USER_PASSWORD_AUTH or REFRESH_TOKEN_AUTH";
/// What Amazon says then. Where refresh tokens count once, renewing has a call of its own.
const OF_FLOWS: &[&str] = &["flow not enabled", "auth method not supported", "token rotation"];
/// Names of too many requests, whoever's.
const OF_RATES: &[&str] = &[
    "TooManyRequestsException",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestLimitExceeded",
    "SlowDown",
];
/// Names of faults at Amazon's.
const OF_FAULTS: &[&str] = &[
    "InternalErrorException",
    "InternalServerException",
    "InternalFailure",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "ConcurrentModificationException",
    "RequestTimeout",
    "RequestTimeoutException",
];
/// Names of credentials that do not count.
const OF_CREDENTIALS: &[&str] = &[
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "OptInRequired",
];

/// Why nothing came.
pub(super) const TOO_SLOW: &str = "it did not answer in time";

/// What a failed call means.
pub(super) fn judge<E>(operation: Operation, failure: &SdkError<E, HttpResponse>) -> PoolError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match failure {
        SdkError::TimeoutError(_) => PoolError::Unavailable(TOO_SLOW.to_owned()),
        SdkError::DispatchFailure(failure) => failure.as_connector_error().map_or_else(unreachable, unsent),
        SdkError::ResponseError(response) => unreadable(response.raw().status().as_u16()),
        SdkError::ServiceError(answer) => {
            let (code, message) = (answer.err().code(), answer.err().message().unwrap_or_default());
            let status = answer.raw().status().as_u16();
            let named = code.and_then(|code| named(operation, code, message));
            named.unwrap_or_else(|| nameless(status, code))
        }
        _ => misconfigured("what it would be asked cannot be written down"),
    }
}

/// The name of an error in metrics.
pub(super) fn name(error: &PoolError) -> &'static str {
    match error {
        PoolError::Taken => "taken",
        PoolError::WeakPassword(_) => "weak_password",
        PoolError::BadInput(..) => "bad_input",
        PoolError::BadCredentials => "bad_credentials",
        PoolError::NotConfirmed => "not_confirmed",
        PoolError::AlreadyConfirmed => "already_confirmed",
        PoolError::WrongCode => "wrong_code",
        PoolError::LateCode => "late_code",
        PoolError::UnknownUser => "unknown_user",
        PoolError::Challenge(_) => "challenge",
        PoolError::Throttled { .. } => "throttled",
        PoolError::Refused => "refused",
        PoolError::NotDelivered => "not_delivered",
        PoolError::Unavailable(_) => "unavailable",
        PoolError::Misconfigured(_) => "misconfigured",
    }
}

/// Whether the pool does not take the client's secret.
pub(super) fn is_about_the_secret(error: &PoolError) -> bool {
    matches!(error, PoolError::Misconfigured(what) if what == OTHER_SECRET)
}

/// A name from outside as it may stand in a log.
pub(super) fn printable(code: &str) -> String {
    code.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(64).collect()
}

/// The table.
fn named(operation: Operation, code: &str, message: &str) -> Option<PoolError> {
    Some(match code {
        "UsernameExistsException" | "AliasExistsException" => PoolError::Taken,
        "InvalidPasswordException" | "PasswordHistoryPolicyViolationException" => {
            PoolError::WeakPassword(password_rule::broken(message))
        }
        "CodeMismatchException" => PoolError::WrongCode,
        "ExpiredCodeException" => PoolError::LateCode,
        "UserNotConfirmedException" => PoolError::NotConfirmed,
        "UserNotFoundException" => unknown_user(operation),
        "PasswordResetRequiredException" => PoolError::Challenge(Challenge::PasswordReset),
        "UnauthorizedException" | "RefreshTokenReuseException" | "UnsupportedTokenTypeException" => {
            PoolError::BadCredentials
        }
        "NotAuthorizedException" => not_authorized(operation, message),
        "InvalidParameterException" => invalid_parameter(operation, message),
        "TooManyFailedAttemptsException" | "LimitExceededException" => throttled(EXHAUSTED_S),
        code if OF_RATES.contains(&code) => throttled(BUSY_S),
        // A trigger of the pool's owner, or a firewall in front of it.
        "UserLambdaValidationException" | "ForbiddenException" => PoolError::Refused,
        "CodeDeliveryFailureException" => PoolError::NotDelivered,
        "UnexpectedLambdaException" | "InvalidLambdaResponseException" => {
            PoolError::Unavailable("one of the pool's triggers fails".to_owned())
        }
        code if OF_FAULTS.contains(&code) => PoolError::Unavailable(printable(code)),
        "AccessDeniedException" | "AccessDenied" | "NotAuthorized" => forbidden(operation),
        "UnsupportedOperationException" if operation == Operation::RevokeToken => {
            misconfigured("revoking tokens is not switched on for the app client")
        }
        "ResourceNotFoundException" => misconfigured("there is no such user pool, or no such app client in it"),
        "InvalidEmailRoleAccessPolicyException"
        | "InvalidSmsRoleAccessPolicyException"
        | "InvalidSmsRoleTrustRelationshipException" => misconfigured("the pool itself may not send its messages"),
        code if OF_CREDENTIALS.contains(&code) => {
            misconfigured(&format!("the AWS credentials do not count, or the clock is wrong ({})", printable(code)))
        }
        _ => return None,
    })
}

/// An answer without a name, or with one that the table does not know.
fn nameless(status: u16, code: Option<&str>) -> PoolError {
    match (status, code) {
        (429, _) => throttled(BUSY_S),
        // A name means that Amazon itself judged the request and found it wanting.
        (400..500, Some(code)) => misconfigured(&printable(code)),
        _ => unreadable(status),
    }
}

fn unreadable(status: u16) -> PoolError {
    match status {
        429 => throttled(BUSY_S),
        _ => PoolError::Unavailable(format!("its answer makes no sense, with status {status}")),
    }
}

/// Somebody who presents a password or a token is told no more by who they are not.
fn unknown_user(operation: Operation) -> PoolError {
    match operation {
        Operation::InitiateAuth
        | Operation::GetTokensFromRefreshToken
        | Operation::GetUser
        | Operation::RevokeToken => PoolError::BadCredentials,
        _ => PoolError::UnknownUser,
    }
}

/// Amazon's word for a wrong password, and for much else.
fn not_authorized(operation: Operation, message: &str) -> PoolError {
    let says = phrases(message);
    if says(&["attempts exceeded"]) {
        throttled(LOCKED_S)
    } else if says(&["current status is confirmed", "already confirmed"]) {
        PoolError::AlreadyConfirmed
    } else if says(OF_FLOWS) {
        misconfigured(OTHER_FLOW)
    } else if says(&["secret"]) {
        misconfigured(OTHER_SECRET)
    } else if says(&["unauthorized attribute"]) {
        misconfigured("the app client may not write email, given_name, family_name and phone_number")
    } else if says(&["not permitted", "security reasons"]) {
        // The pool's owner lets nobody sign up, or has Amazon judge the risk.
        PoolError::Refused
    } else if operation.is_administrative() {
        forbidden(operation)
    } else {
        PoolError::BadCredentials
    }
}

/// Amazon's word for bad input, and for a pool or client that is set up otherwise than Doorward needs it.
fn invalid_parameter(operation: Operation, message: &str) -> PoolError {
    let says = phrases(message);
    if says(&["already confirmed"]) {
        PoolError::AlreadyConfirmed
    } else if says(OF_FLOWS) {
        misconfigured(OTHER_FLOW)
    } else if says(&["secret"]) {
        misconfigured(OTHER_SECRET)
    } else if says(&["email alias", "should be either an email"]) {
        misconfigured("the pool does not take an e-mail address, and it alone, as the name to sign in with")
    } else if says(&["at 'password'", "at 'temporarypassword'"]) {
        PoolError::WeakPassword(password_rule::broken(message))
    } else if says(&["confirmationcode"]) {
        PoolError::WrongCode
    } else if operation == Operation::InitiateAuth && says(&["password", "username"]) {
        // No account has a name or a password like that.
        PoolError::BadCredentials
    } else if says(&["token"]) && !operation.is_administrative() {
        PoolError::BadCredentials
    } else if let Some((field, fault)) = bad_attribute(&message.to_ascii_lowercase()) {
        PoolError::BadInput(field, fault.to_owned())
    } else {
        misconfigured(&format!("{} is refused as it is asked (InvalidParameterException)", operation.as_str()))
    }
}

/// The field that the pool does not take as it is, by the names of the sign-up.
fn bad_attribute(message: &str) -> Option<(&'static str, &'static str)> {
    let required = message.contains("required");
    let fields = [
        ("phone", "phone"),
        ("given_name", "first_name"),
        ("givenname", "first_name"),
        ("family_name", "last_name"),
        ("familyname", "last_name"),
        ("email", "email"),
        ("username", "email"),
    ];
    let (_, field) = fields.into_iter().find(|(attribute, _)| message.contains(attribute))?;
    Some((field, if required { "is required" } else { "the user pool does not take it" }))
}

fn phrases(message: &str) -> impl Fn(&[&str]) -> bool {
    let message = message.to_ascii_lowercase();
    move |phrases| phrases.iter().any(|phrase| message.contains(phrase))
}

fn throttled(retry_after_s: u64) -> PoolError {
    PoolError::Throttled { retry_after_s }
}

fn misconfigured(what: &str) -> PoolError {
    PoolError::Misconfigured(what.to_owned())
}

fn forbidden(operation: Operation) -> PoolError {
    misconfigured(&format!("the permission cognito-idp:{} is missing", operation.as_str()))
}

/// Nothing was sent, or nothing came back.
fn unsent(error: &ConnectorError) -> PoolError {
    if error.is_timeout() {
        PoolError::Unavailable("no connection comes about in time".to_owned())
    } else if error.is_user() {
        misconfigured("its address cannot be asked")
    } else if error.is_other() && error.as_other().is_none() {
        // Before anything is sent it is signed.
        misconfigured("there are no AWS credentials to ask it with, or they cannot be had")
    } else {
        unreachable()
    }
}

fn unreachable() -> PoolError {
    PoolError::Unavailable("no connection comes about, or it breaks".to_owned())
}
