//! Failed sign-ins: five are free, then each further try on the account waits longer.
//!
//! An attempt is counted before the password is looked at and forgiven when it was right, so parallel guesses
//! cannot slip past the counter. A person who signs in from an address they used before has a counter of their
//! own there: an attacker elsewhere cannot lock them out.

mod address;
mod turns;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

pub(crate) use address::{AddressThrottle, network};
pub(crate) use turns::Turns;

use std::net::IpAddr;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::user::EmailAddress;
use crate::{StoreError, UserId};

/// Tries in a row that cost no wait.
const FREE_ATTEMPTS: u32 = 5;
/// After so many in a row only an administrator (or a sign-in from a known address) helps (NIST SP 800-63B, 3.2.2).
const LAST_ATTEMPT: u32 = 100;
/// The wait after the first try that is not free; doubles with each further one.
const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(30);
/// The longest wait, which keeps an account below ten tries an hour.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(30);
/// The wait after the last attempt.
const LOCKED: SignedDuration = SignedDuration::from_hours(24 * 365);

/// The state of one counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// Attempts since the last success.
    pub attempts: u32,
    /// No attempt before this moment.
    pub blocked_until: Timestamp,
}

impl Throttle {
    /// A counter nobody used.
    pub const fn unused() -> Self {
        Self { attempts: 0, blocked_until: Timestamp::UNIX_EPOCH }
    }

    /// Counts an attempt at `now`, or says until when to wait. Pure: a store calls it with its row locked.
    pub fn attempt(self, now: Timestamp) -> Admission {
        if now < self.blocked_until {
            return Admission::Blocked { until: self.blocked_until };
        }
        let attempts = self.attempts.saturating_add(1);
        let blocked_until = now.checked_add(wait_after(attempts)).unwrap_or(Timestamp::MAX);
        Admission::Admitted(Self { attempts, blocked_until })
    }
}

/// How long the next attempt has to wait.
fn wait_after(attempts: u32) -> SignedDuration {
    match attempts {
        0..FREE_ATTEMPTS => SignedDuration::ZERO,
        LAST_ATTEMPT.. => LOCKED,
        _ => {
            let doublings = (attempts - FREE_ATTEMPTS).min(16);
            FIRST_WAIT.checked_mul(1 << doublings).map_or(LONGEST_WAIT, |wait| wait.min(LONGEST_WAIT))
        }
    }
}

/// Whether an attempt may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Admission {
    /// It may; this is the counter's new state.
    Admitted(Throttle),
    /// It may not yet.
    Blocked {
        /// The first moment it may.
        until: Timestamp,
    },
}

/// Whose counter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ThrottleKey {
    /// The counter's name: never an address or e-mail in clear where no account stands behind it.
    pub name: String,
    /// Whether an account stands behind it; counters of unknown e-mails are swept after a day.
    pub known: bool,
}

impl ThrottleKey {
    /// An account's counter.
    pub(crate) fn of_user(user: UserId) -> Self {
        Self { name: format!("user:{user}"), known: true }
    }

    /// An account's counter for one network its owner has used before.
    pub(crate) fn of_user_at(user: UserId, network: IpAddr) -> Self {
        Self { name: format!("user:{user}@{network}"), known: true }
    }

    /// The counter of an address that no account has. All that is no address share one.
    pub(crate) fn of_unknown(email: Option<&EmailAddress>) -> Self {
        let key = email.map_or("", |email| email.key().as_str());
        let digest = digest::digest(&digest::SHA256, key.as_bytes());
        let short = URL_SAFE_NO_PAD.encode(&digest.as_ref()[..16]);
        Self { name: format!("unknown:{short}"), known: false }
    }
}

/// The counters' port.
#[async_trait]
pub trait ThrottleStore: Send + Sync {
    /// Reads the counter, applies [`Throttle::attempt`], writes it back: one atomic step.
    async fn admit_attempt(&self, key: &ThrottleKey, now: Timestamp) -> Result<Admission, StoreError>;

    /// Sets a counter back to unused.
    async fn forgive_attempts(&self, key: &ThrottleKey) -> Result<(), StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Attempts as fast as the throttle lets them, until `end`.
    fn attempts_until(end: Timestamp) -> u32 {
        let (mut throttle, mut now, mut count) = (Throttle::unused(), Timestamp::UNIX_EPOCH, 0);
        while now <= end {
            match throttle.attempt(now) {
                Admission::Admitted(next) => {
                    throttle = next;
                    count += 1;
                }
                Admission::Blocked { until } => now = until,
            }
        }
        count
    }

    #[test]
    fn five_attempts_are_free_and_the_sixth_waits() {
        let mut throttle = Throttle::unused();
        for _ in 0..5 {
            let Admission::Admitted(next) = throttle.attempt(Timestamp::UNIX_EPOCH) else {
                unreachable!("the first five are free");
            };
            throttle = next;
        }
        let until = Timestamp::UNIX_EPOCH + FIRST_WAIT;
        assert_eq!(throttle.attempt(Timestamp::UNIX_EPOCH), Admission::Blocked { until });
        assert!(matches!(throttle.attempt(until), Admission::Admitted(_)));
    }

    #[test]
    fn an_hour_allows_at_most_a_dozen_and_a_month_at_most_a_hundred() {
        assert!(attempts_until(Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1)) <= 12);
        assert_eq!(attempts_until(Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * 30)), LAST_ATTEMPT);
    }
}
