//! What the domain tells whoever counts: outcomes with their reasons, never names, addresses or secrets.

use std::time::Duration;

use crate::Surface;

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
    fn changes_read(&self, _: bool) {}
}
