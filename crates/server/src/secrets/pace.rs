//! How often something is read again because of refusals: at once the first time, and after ever longer pauses while
//! that brings nothing new. A password that is wrong for good must not be asked for with every request.

use std::time::Duration;

use doorward_identity::Clock;
use doorward_identity::clock::Moment;

const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// The pace of one reader.
pub(super) struct Pace {
    last: Option<Moment>,
    pause: Duration,
    longest: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self::up_to(LONGEST)
    }
}

impl Pace {
    /// One whose pauses become no longer than that.
    pub(super) const fn up_to(longest: Duration) -> Self {
        Self { last: None, pause: Duration::ZERO, longest }
    }

    /// Whether it may be read again.
    pub(super) fn is_due(&self, clock: &dyn Clock) -> bool {
        self.last.is_none_or(|last| last.elapsed(clock) >= self.pause)
    }

    /// It was read, and brought something new or not.
    pub(super) fn was_read(&mut self, clock: &dyn Clock, brought_new: bool) {
        self.pause = if brought_new { Duration::ZERO } else { (self.pause * 2).max(SHORTEST).min(self.longest) };
        self.last = Some(Moment::now(clock));
    }
}

#[cfg(test)]
mod tests {
    use doorward_identity::clock::ManualClock;
    use jiff::{SignedDuration, Timestamp};

    use super::*;

    #[test]
    fn pauses_grow_while_nothing_new_comes_and_end_when_it_does() {
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        let mut pace = Pace::default();
        assert!(pace.is_due(&clock));
        for pause in [1, 2, 4, 8, 16, 30, 30] {
            pace.was_read(&clock, false);
            // The moments that this test itself takes count as well.
            clock.advance(SignedDuration::from_millis(pause * 1_000 - 500));
            assert!(!pace.is_due(&clock), "{pause}");
            clock.advance(SignedDuration::from_millis(500));
            assert!(pace.is_due(&clock), "{pause}");
        }
        pace.was_read(&clock, true);
        assert!(pace.is_due(&clock));
    }
}
