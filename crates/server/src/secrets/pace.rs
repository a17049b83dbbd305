//! How often something is read again because of refusals: at once the first time, and after ever longer pauses while
//! that brings nothing new. A password that is wrong for good must not be asked for with every request.

use std::time::{Duration, Instant};

const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// The pace of one reader.
#[derive(Default)]
pub(super) struct Pace {
    last: Option<Instant>,
    pause: Duration,
}

impl Pace {
    /// Whether it may be read again at that time.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.last.is_none_or(|last| now.saturating_duration_since(last) >= self.pause)
    }

    /// It was read, and brought something new or not.
    pub(super) fn was_read(&mut self, now: Instant, brought_new: bool) {
        self.pause = if brought_new { Duration::ZERO } else { (self.pause * 2).clamp(SHORTEST, LONGEST) };
        self.last = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_while_nothing_new_comes_and_end_when_it_does() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let short_of = |seconds| start + Duration::from_secs(seconds).saturating_sub(Duration::from_millis(1));
        let mut pace = Pace::default();
        assert!(pace.is_due(start));
        for (time, next) in [(0, 1), (1, 3), (3, 7), (7, 15), (15, 31), (31, 61), (61, 91)] {
            pace.was_read(at(time), false);
            assert!(!pace.is_due(short_of(next)) && pace.is_due(at(next)), "{time}");
        }
        pace.was_read(at(91), true);
        assert!(pace.is_due(at(91)));
    }
}
