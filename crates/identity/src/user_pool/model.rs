//! The words for a user pool elsewhere.

use secrecy::SecretString;
use uuid::Uuid;

use crate::user::{EmailAddress, PhoneNumber, User};

/// Somebody who signs up there.
#[derive(Clone, Copy, Debug)]
pub struct PoolSignUp<'s> {
    /// Their address, which is their name there.
    pub email: &'s EmailAddress,
    /// Their password.
    pub password: &'s SecretString,
    /// First name.
    pub given_name: Option<&'s str>,
    /// Last name.
    pub family_name: Option<&'s str>,
    /// Telephone.
    pub phone: Option<&'s PhoneNumber>,
}

impl<'s> PoolSignUp<'s> {
    /// What a record says of whoever it is.
    pub(crate) fn of(user: &'s User, password: &'s SecretString) -> Self {
        Self {
            email: &user.email,
            password,
            given_name: user.first_name.as_deref(),
            family_name: user.last_name.as_deref(),
            phone: user.phone.as_ref(),
        }
    }
}

/// An account as the pool tells of it.
#[expect(clippy::struct_excessive_bools, reason = "facts that do not follow from each other")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolAccount {
    /// Who they are there, for ever.
    pub subject: String,
    /// Their address.
    pub email: Option<String>,
    /// Whether the pool knows that it is theirs.
    pub email_verified: bool,
    /// First name.
    pub given_name: Option<String>,
    /// Last name.
    pub family_name: Option<String>,
    /// Telephone.
    pub phone: Option<String>,
    /// Whether the sign-up is confirmed.
    pub confirmed: bool,
    /// Whether they may sign in there.
    pub enabled: bool,
    /// Whether they have a password there, for all that the pool tells; not if they come there by a provider.
    pub has_password: bool,
}

impl PoolAccount {
    /// Its address, if it is one that an account here can have.
    pub(crate) fn address(&self) -> Option<EmailAddress> {
        self.email.as_deref()?.parse().ok()
    }

    /// Whether it goes by that address there. Anybody may say of any address that it is theirs.
    pub(crate) fn goes_by(&self, email: &EmailAddress) -> bool {
        self.address().is_some_and(|address| address.key() == email.key())
    }

    /// Whether the pool knows that this address is theirs.
    pub(crate) fn owns(&self, email: &EmailAddress) -> bool {
        self.email_verified && self.goes_by(email)
    }
}

/// The pool's own tokens.
#[derive(Clone, Debug)]
pub struct PoolTokens {
    /// For calls.
    pub access_token: SecretString,
    /// Who it is.
    pub id_token: SecretString,
    /// Renews them; `None` when the one that was presented stays.
    pub refresh_token: Option<SecretString>,
    /// Life of the access token in seconds.
    pub expires_in: i64,
    /// The pool's own session that they belong to, if they say so (Cognito's `origin_jti`).
    pub session: Option<Uuid>,
}

/// Somebody whose password was right.
#[derive(Clone, Debug)]
pub struct PoolSignedIn {
    /// Who.
    pub account: PoolAccount,
    /// Their tokens.
    pub tokens: PoolTokens,
}

/// Some of the pool's accounts.
#[derive(Clone, Debug, Default)]
pub struct PoolPage {
    /// The accounts.
    pub accounts: Vec<PoolAccount>,
    /// Where the next page begins; none after the last.
    pub next: Option<String>,
}

/// What the pool asks beside the right password, and Doorward cannot answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// An administrator set the password; another must be chosen.
    NewPassword,
    /// A reset was ordered there.
    PasswordReset,
    /// A second factor.
    SecondFactor,
    /// Something else.
    Other,
}

impl Challenge {
    /// The name in problems and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NewPassword => "new_password_required",
            Self::PasswordReset => "password_reset_required",
            Self::SecondFactor => "second_factor_required",
            Self::Other => "challenge_required",
        }
    }
}
