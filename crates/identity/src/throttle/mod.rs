//! What may not be tried, or asked for, again and again: passwords, codes, and mail to one address. Five attempts on an
//! account are free, then each further one waits longer.
//!
//! An attempt is counted before the password is looked at and forgiven when it was right, so parallel guesses
//! cannot slip past the counter. A person who signs in from an address they used before has a counter of their
//! own there: an attacker elsewhere cannot lock them out. An attempt that a pool elsewhere could not judge is given
//! back: exactly one for exactly one, so that no more guesses are judged than are allowed.

mod address;
mod schedule;
mod turns;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

pub(crate) use address::{AddressThrottle, network};
pub use schedule::Schedule;
pub(crate) use turns::Turns;

use std::net::IpAddr;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::code::CodePurpose;
use crate::user::EmailAddress;
use crate::{Identity, StoreError, UserId};

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
    pub fn attempt(self, schedule: Schedule, now: Timestamp) -> Admission {
        if now < self.blocked_until {
            return Admission::Blocked { until: self.blocked_until };
        }
        let attempts = self.attempts.saturating_add(1);
        let blocked_until = now.checked_add(schedule.wait_after(attempts)).unwrap_or(Timestamp::MAX);
        Admission::Admitted(Self { attempts, blocked_until })
    }

    /// The counter without the attempt that made it `counted`, and that nobody judged: as if that one had never been, or,
    /// where others came after it, with the wait after the last of them. Pure, as [`Self::attempt`].
    #[must_use]
    pub fn without(self, counted: Self, schedule: Schedule) -> Self {
        let Some(attempts) = self.attempts.checked_sub(1) else { return self };
        let wait = if self == counted { SignedDuration::ZERO } else { schedule.wait_after(attempts) };
        let shorter = schedule.wait_after(self.attempts) - wait;
        Self { attempts, blocked_until: self.blocked_until.checked_sub(shorter).unwrap_or(Timestamp::MIN) }
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
    /// Whether an account stands behind it; other counters are swept after a day without use.
    pub known: bool,
    /// How long to wait between attempts.
    pub schedule: Schedule,
}

impl ThrottleKey {
    /// An account's counter.
    pub(crate) fn of_user(user: UserId) -> Self {
        Self { name: format!("user:{user}"), known: true, schedule: Schedule::Attempts }
    }

    /// An account's counter for one network its owner has used before.
    pub(crate) fn of_user_at(user: UserId, network: IpAddr) -> Self {
        Self { name: format!("user:{user}@{network}"), known: true, schedule: Schedule::Attempts }
    }

    /// The counter of an address that no account has. All that is no address share one.
    pub(crate) fn of_unknown(email: Option<&EmailAddress>) -> Self {
        let name = format!("unknown:{}", email.map_or_else(String::new, short_digest));
        Self { name, known: false, schedule: Schedule::Attempts }
    }

    /// The counter of the same account, or of nobody's, for guesses at codes.
    pub(crate) fn for_codes(self) -> Self {
        Self { name: format!("code:{}", self.name), schedule: Schedule::Codes, ..self }
    }

    /// An account's counter for guesses at codes that only whoever is signed in to it can make.
    pub(crate) fn of_own_codes(user: UserId) -> Self {
        Self { name: format!("code:own:{user}"), known: true, schedule: Schedule::Codes }
    }

    /// The counter of codes asked for to an address, whether an account has it or not. Each purpose has its own:
    /// whoever has just confirmed their address may still forget their password.
    pub(crate) fn of_mail_to(email: &EmailAddress, purpose: CodePurpose) -> Self {
        let name = format!("mail:{}:{}", purpose.as_str(), short_digest(email));
        Self { name, known: false, schedule: Schedule::Mail }
    }

    /// The counter of sign-ups with an address that are answered by mail.
    pub(crate) fn of_sign_up(email: &EmailAddress) -> Self {
        Self { name: format!("sign_up:{}", short_digest(email)), known: false, schedule: Schedule::Mail }
    }

    /// The counter of mail an account asks for to addresses that are not its own.
    pub(crate) fn of_mail_by(user: UserId) -> Self {
        Self { name: format!("mail:user:{user}"), known: false, schedule: Schedule::Mail }
    }
}

/// Tells addresses apart, whatever their spelling, without telling them.
fn short_digest(email: &EmailAddress) -> String {
    let digest = digest::digest(&digest::SHA256, email.key().as_str().as_bytes());
    URL_SAFE_NO_PAD.encode(&digest.as_ref()[..16])
}

/// Rounded up: whoever waits so long has waited long enough.
fn whole_seconds(wait: SignedDuration) -> u64 {
    let started = u64::from(wait.subsec_nanos() > 0);
    wait.as_secs().unsigned_abs() + started
}

impl Identity {
    /// Counts an attempt. Answers the counter by then, or the seconds to wait where it may not go on.
    pub(crate) async fn admit(&self, key: &ThrottleKey) -> Result<Result<Throttle, u64>, StoreError> {
        let now = self.clock.now();
        Ok(match self.store.admit_attempt(key, now).await? {
            Admission::Admitted(counted) => Ok(counted),
            Admission::Blocked { until } => Err(whole_seconds(until.duration_since(now))),
        })
    }

    /// Gives the attempt back that was counted so, and that nobody judged. A failure leaves it counted.
    pub(crate) async fn give_back(&self, key: &ThrottleKey, counted: Throttle) {
        if let Err(error) = self.store.return_attempt(key, counted).await {
            tracing::warn!(%error, "an attempt that was not judged stays counted");
        }
    }

    /// Sets a counter back to unused after something that was done by then: a failure does not undo it.
    pub(crate) async fn forgive(&self, key: &ThrottleKey) {
        if let Err(error) = self.store.forgive_attempts(key).await {
            tracing::warn!(%error, "attempts not forgiven; the next success tries again");
        }
    }
}

/// The counters' port.
#[async_trait]
pub trait ThrottleStore: Send + Sync {
    /// Reads the counter, applies [`Throttle::attempt`] with the key's schedule, writes it back: one atomic step.
    async fn admit_attempt(&self, key: &ThrottleKey, now: Timestamp) -> Result<Admission, StoreError>;

    /// Takes the attempt back that was admitted as `counted`, by [`Throttle::without`] with the key's schedule: one atomic
    /// step. Nothing happens to a counter that is unused by then.
    async fn return_attempt(&self, key: &ThrottleKey, counted: Throttle) -> Result<(), StoreError>;

    /// Sets a counter back to unused.
    async fn forgive_attempts(&self, key: &ThrottleKey) -> Result<(), StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waits_as_long_as_told_has_waited_long_enough() {
        for (millis, seconds) in [(1, 1), (999, 1), (1000, 1), (1001, 2), (59_500, 60)] {
            assert_eq!(whole_seconds(SignedDuration::from_millis(millis)), seconds);
        }
    }
}
