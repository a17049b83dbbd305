//! The table of errors, row by row: every exception of every call that is made, and what callers are told.

use doorward_identity::user_pool::{Challenge, OutsidePool, PoolError};

use super::endpoint::{Answer, Endpoint, refusal};
use super::{SUBJECT, ann, password, pool, pool_with, settings, somebody, with_secret};

/// What a caller is told, as far as a caller can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Taken,
    Weak(&'static str),
    Bad(&'static str, &'static str),
    Credentials,
    NotConfirmed,
    AlreadyConfirmed,
    WrongCode,
    LateCode,
    /// By an answer of `find`: nobody. Otherwise that there is no such account.
    Unknown,
    Reset,
    Later(u64),
    Refused,
    Undelivered,
    Unavailable,
    /// Doorward's operator: the log says this.
    Operator(&'static str),
}

impl Told {
    fn is(self, error: &PoolError) -> bool {
        match self {
            Self::Unavailable => matches!(error, PoolError::Unavailable(_)),
            Self::Operator(what) => matches!(error, PoolError::Misconfigured(text) if text.contains(what)),
            told => *error == told.exactly(),
        }
    }

    fn exactly(self) -> PoolError {
        match self {
            Self::Taken => PoolError::Taken,
            Self::Weak(rule) => PoolError::WeakPassword(rule.to_owned()),
            Self::Bad(field, fault) => PoolError::BadInput(field, fault.to_owned()),
            Self::Credentials => PoolError::BadCredentials,
            Self::NotConfirmed => PoolError::NotConfirmed,
            Self::AlreadyConfirmed => PoolError::AlreadyConfirmed,
            Self::WrongCode => PoolError::WrongCode,
            Self::LateCode => PoolError::LateCode,
            Self::Unknown => PoolError::UnknownUser,
            Self::Reset => PoolError::Challenge(Challenge::PasswordReset),
            Self::Later(retry_after_s) => PoolError::Throttled { retry_after_s },
            Self::Refused => PoolError::Refused,
            Self::Undelivered => PoolError::NotDelivered,
            Self::Unavailable => PoolError::Unavailable(String::new()),
            Self::Operator(what) => PoolError::Misconfigured(what.to_owned()),
        }
    }
}

use Told::{
    AlreadyConfirmed, Bad, Credentials, LateCode, Later, NotConfirmed, Operator, Refused, Reset, Taken, Unavailable,
    Undelivered, Unknown, Weak, WrongCode,
};

/// The exception, Amazon's text, and what is told.
type Row = (&'static str, &'static str, Told);

/// Rows that hold for every call of somebody who is no administrator.
const OF_PEOPLE: &[Row] = &[
    ("ForbiddenException", "Request not allowed due to WAF block.", Refused),
    (
        "NotAuthorizedException",
        "Client the-client is configured with secret but SECRET_HASH was not received",
        OUR_SECRET,
    ),
    ("NotAuthorizedException", "SecretHash does not match for the client: the-client", OUR_SECRET),
    ("NotAuthorizedException", "Unable to verify secret hash for client the-client", OUR_SECRET),
    ("InvalidParameterException", "SecretHash was received, but the client has no secret", OUR_SECRET),
    ("NotAuthorizedException", "Unable to login because of security reasons", Refused),
];
const OUR_SECRET: Told = Operator("secret");

/// Rows that hold for every call.
const OF_ALL: &[Row] = &[
    ("InternalErrorException", "", Unavailable),
    ("ServiceUnavailableException", "", Unavailable),
    ("RequestTimeoutException", "", Unavailable),
    ("TooManyRequestsException", "Rate exceeded", Later(5)),
    ("ThrottlingException", "Rate exceeded", Later(5)),
    ("RequestLimitExceeded", "", Later(5)),
    ("LimitExceededException", "Attempt limit exceeded, please try after some time.", Later(900)),
    ("ResourceNotFoundException", "User pool client the-client does not exist.", Operator("no such")),
    ("OperationNotEnabledException", "", Operator("OperationNotEnabledException")),
    ("FeatureUnavailableInTierException", "", Operator("FeatureUnavailableInTierException")),
    ("InvalidUserPoolConfigurationException", "", Operator("InvalidUserPoolConfigurationException")),
    ("SomethingNewException", "", Operator("SomethingNewException")),
    ("InvalidParameterException", "Something new", Operator("InvalidParameterException")),
    ("AccessDeniedException", "User: arn:aws:iam::1:user/x is not authorized", Operator("cognito-idp:")),
    ("UnrecognizedClientException", "The security token included in the request is invalid.", Operator("credentials")),
    ("InvalidSignatureException", "Signature expired: 1 is now earlier than 2", Operator("clock")),
    ("ExpiredTokenException", "The security token included in the request is expired", Operator("credentials")),
    ("IncompleteSignatureException", "", Operator("credentials")),
    ("MissingAuthenticationTokenException", "Missing Authentication Token", Operator("credentials")),
];

/// Rows of calls that may run the pool's triggers or send its messages.
const OF_TRIGGERS: &[Row] = &[
    ("UserLambdaValidationException", "PreSignUp failed with error No.", Refused),
    ("UnexpectedLambdaException", "", Unavailable),
    ("InvalidLambdaResponseException", "", Unavailable),
    ("InvalidEmailRoleAccessPolicyException", "", Operator("messages")),
    ("InvalidSmsRoleAccessPolicyException", "", Operator("messages")),
    ("InvalidSmsRoleTrustRelationshipException", "", Operator("messages")),
    ("CodeDeliveryFailureException", "", Undelivered),
];

/// What the pool says of a password that is to be set.
const OF_PASSWORDS: &[Row] = &[
    ("InvalidPasswordException", "Password did not conform with policy: Password not long enough", Weak(SHORT)),
    (
        "InvalidPasswordException",
        "Password did not conform with policy: Password must have uppercase characters",
        Weak(UPPER),
    ),
    (
        "InvalidPasswordException",
        "Password did not conform with policy: Password must have lowercase characters",
        Weak(LOWER),
    ),
    (
        "InvalidPasswordException",
        "Password did not conform with policy: Password must have numeric characters",
        Weak(DIGIT),
    ),
    (
        "InvalidPasswordException",
        "Password did not conform with policy: Password must have symbol characters",
        Weak(SPECIAL),
    ),
    (
        "InvalidPasswordException",
        "Password did not conform with policy: Password must not start or end with space",
        Weak(SPACE),
    ),
    ("InvalidPasswordException", "Password cannot be used for security reasons.", Weak("Password is too common")),
    ("InvalidPasswordException", "Something new of <arn:aws:cognito>", Weak(SOMETHING)),
    ("PasswordHistoryPolicyViolationException", "Password has previously been used.", Weak("Password was used before")),
    (
        "InvalidParameterException",
        "1 validation error detected: Value at 'password' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[\\S]+.*[\\S]+$",
        Weak(SPACE),
    ),
    (
        "InvalidParameterException",
        "1 validation error detected: Value at 'password' failed to satisfy constraint: Member must have length less than or equal to 256",
        Weak("Password is too long"),
    ),
];
const SHORT: &str = "Password is too short";
const UPPER: &str = "Password must contain at least one uppercase letter";
const LOWER: &str = "Password must contain at least one lowercase letter";
const DIGIT: &str = "Password must contain at least one digit";
const SPECIAL: &str = "Password must contain at least one special character";
const SPACE: &str = "Password must not begin or end with a space";
const SOMETHING: &str = "Password does not meet the rules of the user pool";

/// What the pool says of the rest that somebody gives who signs up, or is made.
const OF_ATTRIBUTES: &[Row] = &[
    ("InvalidParameterException", "Invalid phone number format.", Bad("phone", "the user pool does not take it")),
    ("InvalidParameterException", "Invalid email address format.", Bad("email", "the user pool does not take it")),
    ("InvalidParameterException", "Username should be an email.", Bad("email", "the user pool does not take it")),
    (
        "InvalidParameterException",
        "Attributes did not conform to the schema: given_name: The attribute is required",
        Bad("first_name", "is required"),
    ),
    (
        "InvalidParameterException",
        "Attributes did not conform to the schema: phone_number: The attribute is required\n",
        Bad("phone", "is required"),
    ),
    (
        "InvalidParameterException",
        "Attributes did not conform to the schema: birthdate: The attribute is required",
        Operator("InvalidParameter"),
    ),
    (
        "InvalidParameterException",
        "Username cannot be of email format, since user pool is configured for email alias.",
        Operator("e-mail"),
    ),
    ("NotAuthorizedException", "A client attempted to write unauthorized attribute", Operator("write")),
];

const OF_SIGN_UP: &[Row] = &[
    ("UsernameExistsException", "An account with the given email already exists.", Taken),
    ("NotAuthorizedException", "SignUp is not permitted for this user pool", Refused),
];

const OF_CONFIRMATION: &[Row] = &[
    ("CodeMismatchException", "Invalid verification code provided, please try again.", WrongCode),
    ("ExpiredCodeException", "Invalid code provided, please request a code again.", LateCode),
    ("AliasExistsException", "An account with the given email already exists.", Taken),
    ("NotAuthorizedException", "User cannot be confirmed. Current status is CONFIRMED", AlreadyConfirmed),
    ("UserNotFoundException", "Username/client id combination not found.", Unknown),
    ("TooManyFailedAttemptsException", "Attempt limit exceeded, please try after some time.", Later(900)),
    (
        "InvalidParameterException",
        "1 validation error detected: Value at 'confirmationCode' failed to satisfy constraint",
        WrongCode,
    ),
    ("UserLambdaValidationException", "PostConfirmation failed with error No.", Refused),
];

const OF_RESENDING: &[Row] = &[
    ("InvalidParameterException", "User is already confirmed.", AlreadyConfirmed),
    ("UserNotFoundException", "Username/client id combination not found.", Unknown),
];

const OF_SIGNING_IN: &[Row] = &[
    ("NotAuthorizedException", "Incorrect username or password.", Credentials),
    ("NotAuthorizedException", "User is disabled.", Credentials),
    ("NotAuthorizedException", "Password attempts exceeded", Later(60)),
    ("UserNotFoundException", "User does not exist.", Credentials),
    ("UserNotConfirmedException", "User is not confirmed.", NotConfirmed),
    ("PasswordResetRequiredException", "Password reset required for the user", Reset),
    (
        "InvalidParameterException",
        "USER_PASSWORD_AUTH flow not enabled for this client",
        Operator("USER_PASSWORD_AUTH"),
    ),
    ("InvalidParameterException", "Auth flow not enabled for this client", Operator("USER_PASSWORD_AUTH")),
    ("InvalidParameterException", "Missing required parameter PASSWORD", Credentials),
    (
        "InvalidParameterException",
        "1 validation error detected: Value at 'authParameters.USERNAME' failed",
        Credentials,
    ),
    ("UnsupportedOperationException", "", Operator("UnsupportedOperationException")),
    ("UserLambdaValidationException", "PreAuthentication failed with error No.", Refused),
];

const OF_RENEWAL: &[Row] = &[
    ("NotAuthorizedException", "Invalid Refresh Token", Credentials),
    ("NotAuthorizedException", "Refresh Token has expired", Credentials),
    ("NotAuthorizedException", "Refresh Token has been revoked", Credentials),
    ("RefreshTokenReuseException", "", Credentials),
    ("UserNotFoundException", "User does not exist.", Credentials),
    ("InvalidParameterException", "Invalid refresh token.", Credentials),
];

const OF_THE_TOKEN_PRESENTED: &[Row] = &[
    ("NotAuthorizedException", "Invalid Access Token", Credentials),
    ("NotAuthorizedException", "Access Token has been revoked", Credentials),
    ("UserNotFoundException", "User does not exist.", Credentials),
    ("UserNotConfirmedException", "User is not confirmed.", NotConfirmed),
    ("PasswordResetRequiredException", "Password reset required for the user", Reset),
];

const OF_REVOCATION: &[Row] = &[
    ("UnauthorizedException", "", Credentials),
    ("UnsupportedTokenTypeException", "", Credentials),
    ("UnsupportedOperationException", "", Operator("revoking")),
];

const OF_ADMINISTRATION: &[Row] =
    &[("NotAuthorizedException", "User: x is not authorized to perform", Operator("cognito-idp:Admin"))];
const OF_KNOWN_USERS: &[Row] = &[("UserNotFoundException", "User does not exist.", Unknown)];
const OF_MAKING: &[Row] = &[
    ("UsernameExistsException", "An account with the given email already exists.", Taken),
    ("UnsupportedUserStateException", "", Operator("UnsupportedUserStateException")),
    ("PreconditionNotMetException", "", Operator("PreconditionNotMetException")),
];
const OF_CHANGING: &[Row] = &[
    ("AliasExistsException", "An account with the email already exists.", Taken),
    ("InvalidParameterException", "Invalid email address format.", Bad("email", "the user pool does not take it")),
];

/// Every call and its rows.
const TABLE: &[(&str, &[&[Row]])] = &[
    ("SignUp", &[OF_ALL, OF_PEOPLE, OF_TRIGGERS, OF_PASSWORDS, OF_ATTRIBUTES, OF_SIGN_UP]),
    ("ConfirmSignUp", &[OF_ALL, OF_PEOPLE, OF_CONFIRMATION]),
    ("ResendConfirmationCode", &[OF_ALL, OF_PEOPLE, OF_TRIGGERS, OF_RESENDING]),
    ("InitiateAuth", &[OF_ALL, OF_PEOPLE, OF_TRIGGERS, OF_SIGNING_IN]),
    ("GetTokensFromRefreshToken", &[OF_ALL, OF_PEOPLE, OF_TRIGGERS, OF_RENEWAL]),
    ("GetUser", &[OF_ALL, OF_PEOPLE, OF_THE_TOKEN_PRESENTED]),
    ("RevokeToken", &[OF_ALL, OF_PEOPLE, OF_REVOCATION]),
    ("AdminGetUser", &[OF_ALL, OF_ADMINISTRATION]),
    ("AdminCreateUser", &[OF_ALL, OF_ADMINISTRATION, OF_TRIGGERS, OF_PASSWORDS, OF_ATTRIBUTES, OF_MAKING]),
    ("AdminSetUserPassword", &[OF_ALL, OF_ADMINISTRATION, OF_PASSWORDS, OF_KNOWN_USERS]),
    ("AdminUpdateUserAttributes", &[OF_ALL, OF_ADMINISTRATION, OF_TRIGGERS, OF_KNOWN_USERS, OF_CHANGING]),
    ("AdminUserGlobalSignOut", &[OF_ALL, OF_ADMINISTRATION]),
    ("AdminDeleteUser", &[OF_ALL, OF_ADMINISTRATION]),
    ("ListUsers", &[OF_ALL]),
];

/// Makes that call.
async fn ask(pool: &dyn OutsidePool, operation: &str) -> Result<(), PoolError> {
    let (email, password) = (ann(), password());
    match operation {
        "SignUp" => pool.sign_up(somebody(&email, &password)).await.map(drop),
        "ConfirmSignUp" => pool.confirm_sign_up(&email, "123456").await,
        "ResendConfirmationCode" => pool.resend_code(&email).await,
        "InitiateAuth" => pool.sign_in(SUBJECT, &password).await.map(drop),
        "GetTokensFromRefreshToken" => pool.renew(None, &"refresh".into()).await.map(drop),
        "GetUser" => pool.whose(&super::token(&super::access_claims())).await.map(drop),
        "RevokeToken" => pool.revoke(&"refresh".into()).await,
        "AdminGetUser" => pool.find(SUBJECT).await.map(drop),
        "AdminCreateUser" => pool.create(somebody(&email, &password)).await.map(drop),
        "AdminSetUserPassword" => pool.set_password(SUBJECT, &password).await,
        "AdminUpdateUserAttributes" => pool.set_email(SUBJECT, &email).await,
        "AdminUserGlobalSignOut" => pool.sign_out_everywhere(SUBJECT).await,
        "AdminDeleteUser" => pool.delete(SUBJECT).await,
        _ => pool.list(None).await.map(drop),
    }
}

#[tokio::test]
async fn every_exception_of_every_call_means_what_the_table_says() {
    let endpoint = Endpoint::open().await;
    // Nobody comes by a provider.
    endpoint.answer("ListUsers", &serde_json::json!({"Users": []}));
    let ((pool, _), mut wrong) = (pool_with(with_secret(&endpoint.url())), Vec::new());
    for (operation, tables) in TABLE {
        for (exception, message, told) in tables.iter().copied().flatten() {
            endpoint.refuse(operation, exception, message);
            let error = ask(&pool, operation).await.unwrap_err();
            // Nothing of Amazon's text gets out, whatever it is.
            let leaks = message.len() > 16 && error.to_string().contains(message);
            if leaks || !told.is(&error) {
                wrong.push(format!("{operation}, {exception} {message:?}: {told:?} expected, and {error:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let endpoint = Endpoint::open().await;
    endpoint.refuse("AdminSetUserPassword", "AccessDeniedException", "User: arn:aws:iam::1:user/x is not authorized");
    let (pool, counted) = pool_with(settings(&endpoint.url()));
    let missing = "the permission cognito-idp:AdminSetUserPassword is missing".to_owned();
    assert_eq!(pool.set_password(SUBJECT, &password()).await, Err(PoolError::Misconfigured(missing)));
    assert_eq!(counted.all(), [("AdminSetUserPassword", "misconfigured")]);
}

#[tokio::test]
async fn an_answer_without_a_name_is_judged_by_its_status() {
    let endpoint = Endpoint::open().await;
    let pool = pool(&endpoint);
    for (status, body, told) in [
        (429, "", Later(5)),
        (429, "{}", Later(5)),
        (429, r#"{"__type":"SomethingNew"}"#, Later(5)),
        (400, "{}", Unavailable),
        (403, "<html>", Unavailable),
        (404, "", Unavailable),
        (418, r#"{"__type":"SomethingNew"}"#, Operator("SomethingNew")),
        (500, "{}", Unavailable),
        (503, "<html>", Unavailable),
        (500, r#"{"__type":"SomethingNew"}"#, Unavailable),
    ] {
        endpoint.script("AdminGetUser", [Answer::Json(status, body.to_owned())]);
        let error = pool.find(SUBJECT).await.unwrap_err();
        assert!(told.is(&error), "{status} {body}: {told:?} expected, and {error:?}");
    }
}

#[tokio::test]
async fn a_name_from_outside_is_cut_to_what_may_stand_in_a_log() {
    let endpoint = Endpoint::open().await;
    let name = format!("Odd\n\u{1b}[31m{}", "x".repeat(200));
    endpoint.script("AdminGetUser", [refusal(&name, "")]);
    let error = pool(&endpoint).find(SUBJECT).await.unwrap_err().to_string();
    assert!(error.len() < 128 && !error.contains(['\n', '\u{1b}', '[']), "{error:?}");
}
