//! What the domain tells whoever counts: outcomes with their reasons, never names, addresses or secrets.

use std::time::Duration;

use crate::Surface;
use crate::code::CodePurpose;
use crate::mail::{LetterKind, MailCounts};

/// Counts and times. Called on hot paths: an implementation only adds to counters.
pub trait Observer: Send + Sync {
    /// A sign-in was decided.
    fn sign_in(&self, surface: Surface, outcome: SignInOutcome);
    /// A sign-up was decided: `created`, `taken`, `refused` or `overloaded`.
    fn sign_up(&self, surface: Surface, outcome: &'static str);
    /// A token was judged; `reason` is `valid` or why not.
    fn token(&self, reason: &'static str, elapsed: Duration);
    /// A password was hashed or verified after waiting in the queue.
    fn hashed(&self, waited: Duration, worked: Duration);
    /// The queue for hashing has this many jobs now.
    fn hash_queue(&self, length: usize);
    /// The store answered (or not).
    fn store_call(&self, operation: &'static str, elapsed: Duration, ok: bool);
    /// A one-time code was asked for (`issued`, `unknown`, `throttled`) or tried (`redeemed`, `wrong`, `late`,
    /// `throttled`).
    fn code(&self, purpose: CodePurpose, outcome: &'static str);
    /// An attempt to send a mail ended: `sent`, `retry` or `abandoned`; or it came too late: `expired`.
    fn mail(&self, kind: LetterKind, outcome: &'static str);
    /// The outbox was counted.
    fn outbox(&self, counts: &MailCounts);
    /// A user pool elsewhere answered; `outcome` is `ok` or the error's name.
    fn pool_call(&self, operation: &'static str, elapsed: Duration, outcome: &'static str);
    /// The change log was read; `ok` is false when the store gave no answer.
    fn changes_read(&self, ok: bool);
}

/// What became of a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignInOutcome {
    /// They are in.
    Success,
    /// No such account.
    UnknownUser,
    /// The account has no password.
    NoPassword,
    /// Not the password.
    WrongPassword,
    /// The address was never confirmed, where that is asked for.
    NotVerified,
    /// The user pool elsewhere wants more than a password.
    Challenged,
    /// The account is disabled.
    Disabled,
    /// Too many attempts.
    Throttled,
    /// The hashing queue was full.
    Overloaded,
}

impl SignInOutcome {
    /// The name in logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::UnknownUser => "unknown_user",
            Self::NoPassword => "no_password",
            Self::WrongPassword => "wrong_password",
            Self::NotVerified => "not_verified",
            Self::Challenged => "challenged",
            Self::Disabled => "user_disabled",
            Self::Throttled => "throttled",
            Self::Overloaded => "overloaded",
        }
    }
}

/// Counts nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn sign_in(&self, _: Surface, _: SignInOutcome) {}
    fn sign_up(&self, _: Surface, _: &'static str) {}
    fn token(&self, _: &'static str, _: Duration) {}
    fn hashed(&self, _: Duration, _: Duration) {}
    fn hash_queue(&self, _: usize) {}
    fn store_call(&self, _: &'static str, _: Duration, _: bool) {}
    fn code(&self, _: CodePurpose, _: &'static str) {}
    fn mail(&self, _: LetterKind, _: &'static str) {}
    fn outbox(&self, _: &MailCounts) {}
    fn pool_call(&self, _: &'static str, _: Duration, _: &'static str) {}
    fn changes_read(&self, _: bool) {}
}
