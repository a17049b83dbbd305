//! How long to wait between attempts. Pure figures; the counters themselves are the business of others.

use jiff::SignedDuration;

/// Tries in a row that cost no wait.
const FREE_ATTEMPTS: u32 = 5;
/// After so many in a row only an administrator (or a sign-in from a known address) helps (NIST SP 800-63B, 3.2.2).
const LAST_ATTEMPT: u32 = 100;
/// The wait after the first try that is not free; doubles with each further one. With it an hour allows ten.
const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(60);
/// The longest wait.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(30);
/// The wait after the last attempt.
const LOCKED: SignedDuration = SignedDuration::from_hours(24 * 365);
/// The waits after the first mails to an address; the last stays. With them an hour allows five.
const MAIL_WAITS: [SignedDuration; 5] = [
    SignedDuration::from_mins(1),
    SignedDuration::from_mins(2),
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(20),
    SignedDuration::from_mins(60),
];

/// Which waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Schedule {
    /// Between guesses at a password: a few are free, and there is a last one.
    Attempts,
    /// Between guesses at codes: the same without a last one. A code is a way back in, nothing that could be found by
    /// trying for long: it changes with every request.
    Codes,
    /// Between mails that anybody can ask for: none is free.
    Mail,
}

impl Schedule {
    /// How long the next attempt has to wait after so many.
    pub(super) fn wait_after(self, attempts: u32) -> SignedDuration {
        match self {
            Self::Attempts if attempts >= LAST_ATTEMPT => LOCKED,
            Self::Attempts | Self::Codes => wait_after_guesses(attempts),
            Self::Mail => {
                let last = usize::try_from(attempts).unwrap_or(usize::MAX).min(MAIL_WAITS.len());
                last.checked_sub(1).map_or(SignedDuration::ZERO, |position| MAIL_WAITS[position])
            }
        }
    }
}

fn wait_after_guesses(attempts: u32) -> SignedDuration {
    let Some(doublings) = attempts.checked_sub(FREE_ATTEMPTS) else { return SignedDuration::ZERO };
    FIRST_WAIT.checked_mul(1 << doublings.min(16)).map_or(LONGEST_WAIT, |wait| wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::throttle::{Admission, Throttle};

    /// The moments of attempts made as fast as the throttle lets them, until `end`.
    fn attempts(schedule: Schedule, end: SignedDuration) -> Vec<Timestamp> {
        let (mut throttle, mut now, mut made) = (Throttle::unused(), Timestamp::UNIX_EPOCH, Vec::new());
        while now <= Timestamp::UNIX_EPOCH + end {
            match throttle.attempt(schedule, now) {
                Admission::Admitted(next) => {
                    throttle = next;
                    made.push(now);
                }
                Admission::Blocked { until } => now = until,
            }
        }
        made
    }

    /// The most attempts in any hour of them.
    fn most_in_an_hour(made: &[Timestamp]) -> usize {
        let hour = SignedDuration::from_hours(1);
        let from = |start: &Timestamp| made.iter().filter(|at| *at >= start && **at <= *start + hour).count();
        made.iter().map(from).max().unwrap_or(0)
    }

    #[test]
    fn five_attempts_are_free_and_the_sixth_waits() {
        let mut throttle = Throttle::unused();
        for _ in 0..5 {
            let Admission::Admitted(next) = throttle.attempt(Schedule::Attempts, Timestamp::UNIX_EPOCH) else {
                unreachable!("the first five are free");
            };
            throttle = next;
        }
        let until = Timestamp::UNIX_EPOCH + FIRST_WAIT;
        assert_eq!(throttle.attempt(Schedule::Attempts, Timestamp::UNIX_EPOCH), Admission::Blocked { until });
        assert!(matches!(throttle.attempt(Schedule::Attempts, until), Admission::Admitted(_)));
    }

    #[test]
    fn an_hour_allows_ten_attempts_and_a_month_a_hundred() {
        let made = attempts(Schedule::Attempts, SignedDuration::from_hours(24 * 30));
        assert_eq!(most_in_an_hour(&made), 10);
        assert_eq!(made.len(), 100);
    }

    #[test]
    fn guesses_at_codes_are_as_rare_but_never_at_an_end() {
        let made = attempts(Schedule::Codes, SignedDuration::from_hours(24 * 30));
        assert_eq!(most_in_an_hour(&made), 10);
        assert_eq!(Schedule::Codes.wait_after(u32::MAX), LONGEST_WAIT);
    }

    #[test]
    fn a_minute_allows_one_mail_and_an_hour_five() {
        let made = attempts(Schedule::Mail, SignedDuration::from_hours(24));
        assert!(made.windows(2).all(|pair| pair[1].duration_since(pair[0]) >= SignedDuration::from_mins(1)));
        assert_eq!(most_in_an_hour(&made), 5);
        assert_eq!(Schedule::Mail.wait_after(u32::MAX), SignedDuration::from_hours(1));
    }
}
