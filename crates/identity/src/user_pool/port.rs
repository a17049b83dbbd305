//! The port to a user pool elsewhere.

use async_trait::async_trait;
use secrecy::SecretString;

use super::{Challenge, PoolAccount, PoolPage, PoolSignUp, PoolSignedIn, PoolTokens};
use crate::user::EmailAddress;

/// Why the pool did not do it: one word for each thing a caller can do about it. Texts are ours, never the pool's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// The address belongs to an account there.
    #[error("the address is taken in the user pool")]
    Taken,
    /// The password breaks the pool's rule.
    #[error("{0}")]
    WeakPassword(String),
    /// Something else given is no good there: the field, and what is wrong with it.
    #[error("{0}: {1}")]
    BadInput(&'static str, String),
    /// Wrong address, password or token, or an account that may not sign in.
    #[error("wrong credentials")]
    BadCredentials,
    /// The password may be right, but the address was never confirmed.
    #[error("the sign-up was never confirmed")]
    NotConfirmed,
    /// The sign-up is confirmed already.
    #[error("the sign-up is confirmed already")]
    AlreadyConfirmed,
    /// Not that code.
    #[error("the code is wrong")]
    WrongCode,
    /// The code is too old.
    #[error("the code is too old")]
    LateCode,
    /// There is no such account.
    #[error("there is no such account in the user pool")]
    UnknownUser,
    /// The password was right; the pool wants more.
    #[error("the user pool wants more: {}", .0.as_str())]
    Challenge(Challenge),
    /// Too much was asked.
    #[error("the user pool wants to be asked later")]
    Throttled {
        /// Seconds to wait.
        retry_after_s: u64,
    },
    /// A rule of the pool's owner (a trigger) refuses it.
    #[error("a rule of the user pool refuses it")]
    Refused,
    /// The pool could not send its mail.
    #[error("the user pool could not deliver its mail")]
    NotDelivered,
    /// No answer in time, no connection, a failure there: the same call may succeed later. The text is for the log.
    #[error("the user pool is not available: {0}")]
    Unavailable(String),
    /// The operator has to mend something: a client, a permission. The text is for the log.
    #[error("the user pool refuses Doorward itself: {0}")]
    Misconfigured(String),
}

/// A user pool elsewhere. A `username` is an account's subject there, or its address where that is not known. Passwords
/// come normalized (NFC), for setting as for signing in.
#[async_trait]
pub trait OutsidePool: Send + Sync {
    /// `iss` of its tokens, and the issuer of its accounts' identities.
    fn issuer(&self) -> &str;

    /// Signs somebody up; the pool mails them a code. Answers their subject.
    async fn sign_up(&self, new: PoolSignUp<'_>) -> Result<String, PoolError>;

    /// Confirms a sign-up with the mailed code.
    async fn confirm_sign_up(&self, email: &EmailAddress, code: &str) -> Result<(), PoolError>;

    /// Mails the code once more. `AlreadyConfirmed` or `UnknownUser` where the pool says so.
    async fn resend_code(&self, email: &EmailAddress) -> Result<(), PoolError>;

    /// Signs in with a password.
    async fn sign_in(&self, username: &str, password: &SecretString) -> Result<PoolSignedIn, PoolError>;

    /// New tokens for a refresh token of that subject, if the subject is known.
    async fn renew(&self, subject: Option<&str>, refresh_token: &SecretString) -> Result<PoolTokens, PoolError>;

    /// Whose access token it is. The pool judges the token.
    async fn whose(&self, access_token: &str) -> Result<PoolAccount, PoolError>;

    /// The account of that name.
    async fn find(&self, username: &str) -> Result<Option<PoolAccount>, PoolError>;

    /// Makes a confirmed account with a verified address, without a mail. Answers its subject.
    async fn create(&self, new: PoolSignUp<'_>) -> Result<String, PoolError>;

    /// Sets a password for good, which confirms the account. It proves no address: whoever has seen it proved, as by a
    /// code that was mailed there, says so with [`Self::set_email`].
    async fn set_password(&self, username: &str, password: &SecretString) -> Result<(), PoolError>;

    /// Gives an account this address, verified; it may be the one it has.
    async fn set_email(&self, username: &str, email: &EmailAddress) -> Result<(), PoolError>;

    /// Ends every session of an account there; its refresh tokens count no more.
    async fn sign_out_everywhere(&self, subject: &str) -> Result<(), PoolError>;

    /// Ends the session of one refresh token there.
    async fn revoke(&self, refresh_token: &SecretString) -> Result<(), PoolError>;

    /// Deletes an account. Done when there is none.
    async fn delete(&self, subject: &str) -> Result<(), PoolError>;

    /// Some of its accounts, from `page` on (from the first without it).
    async fn list(&self, page: Option<&str>) -> Result<PoolPage, PoolError>;
}
