//! Time as a parameter: the one place that reads the wall clock, and the clock that tests turn by hand.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

/// Tells the time. Every rule that depends on time takes one of these.
pub trait Clock: Send + Sync {
    /// Now, cut to the millisecond, so that every store returns what it was given.
    fn now(&self) -> Timestamp;
}

/// The machine's wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    fn now(&self) -> Timestamp {
        to_millisecond(Timestamp::now())
    }
}

/// A clock that moves only when told to.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `now`.
    pub fn at(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.as_millisecond()))
    }

    /// Moves the clock forward (or back, with a negative duration).
    pub fn advance(&self, by: SignedDuration) {
        let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// A moment to count from, so that time counts in which the process was frozen.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    at: Timestamp,
    running: Instant,
}

impl Moment {
    /// This one.
    pub fn now(clock: &dyn Clock) -> Self {
        Self { at: clock.now(), running: Instant::now() }
    }

    /// How long it is over: the longer of what two clocks tell, since the one may be put back, and the other may stand still
    /// while the process does.
    pub fn elapsed(self, clock: &dyn Clock) -> Duration {
        let passed = clock.now().duration_since(self.at);
        Duration::try_from(passed).unwrap_or_default().max(self.running.elapsed())
    }
}

/// Cuts what is finer than a millisecond.
fn to_millisecond(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_counts_while_the_process_stands_still_and_is_never_taken_back() {
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        let moment = Moment::now(&clock);
        clock.advance(SignedDuration::from_hours(1));
        assert!(moment.elapsed(&clock) >= Duration::from_hours(1));
        clock.advance(SignedDuration::from_hours(-2));
        let before = moment.elapsed(&clock);
        assert!(before < Duration::from_hours(1) && moment.elapsed(&clock) >= before);
    }
}
