//! The words for one-time codes.

use doorward_protocol::opaque::SecretHash;
use jiff::{SignedDuration, Timestamp};

use crate::UserId;
use crate::mail::NewMail;
use crate::user::EmailAddress;

/// How long a code may be used.
pub const CODE_TTL: SignedDuration = SignedDuration::from_mins(10);
/// Guesses at one code, right or wrong.
pub(crate) const CODE_ATTEMPTS: u32 = 5;
/// How long whoever redeemed a code for a reset may take to choose a password.
pub(crate) const GRANT_TTL: SignedDuration = SignedDuration::from_mins(10);

/// What a code is for. A user has at most one live code for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodePurpose {
    /// The account's address is theirs.
    EmailVerification,
    /// They may choose a new password.
    PasswordReset,
    /// The address they want instead is theirs.
    EmailChange,
}

impl CodePurpose {
    /// Every purpose.
    pub const ALL: [Self; 3] = [Self::EmailVerification, Self::PasswordReset, Self::EmailChange];

    /// The name in requests and stores.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EmailVerification => "email_verification",
            Self::PasswordReset => "password_reset",
            Self::EmailChange => "email_change",
        }
    }

    /// The purpose of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == name)
    }
}

/// A code about to be kept, with the mail that brings it.
#[derive(Clone, Debug)]
pub struct NewCode {
    /// Whose.
    pub user: UserId,
    /// What for.
    pub purpose: CodePurpose,
    /// The code under a key that is not in the store.
    pub digest: SecretHash,
    /// The address it goes to where that is not the account's (for [`CodePurpose::EmailChange`]).
    pub new_email: Option<EmailAddress>,
    /// Guesses it bears.
    pub attempts: u32,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The mail.
    pub mail: NewMail,
}

/// Somebody tries a code.
#[derive(Clone, Debug)]
pub struct CodeGuess {
    /// Whose code; nobody's where no account has the address.
    pub user: UserId,
    /// What for.
    pub purpose: CodePurpose,
    /// What they typed, under the same key.
    pub digest: SecretHash,
    /// What the right code does.
    pub effect: CodeEffect,
}

/// What a right code does, in the same step in which it is used up.
#[derive(Clone, Debug)]
pub enum CodeEffect {
    /// Nothing more: another has to act first.
    UseUp,
    /// The account's address counts as verified; a contested one loses its password and sessions by it.
    VerifyEmail,
    /// Whoever has the grant may choose a password.
    Grant {
        /// Its hash.
        grant: SecretHash,
        /// Until when.
        until: Timestamp,
    },
    /// The code's address takes the place of the account's, verified; the former hears of it.
    ChangeEmail {
        /// The mail to the former address.
        notice: NewMail,
    },
}

/// What became of a guess.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Redemption {
    /// Right, used up, and its effect is done.
    Redeemed {
        /// The code's own address, if it has one.
        new_email: Option<EmailAddress>,
    },
    /// Wrong; or there is no code, or no guess left. A guess less is left.
    Wrong,
    /// Right, but too late.
    Late,
    /// Right and used up, but another account has the address by now.
    Taken,
}
