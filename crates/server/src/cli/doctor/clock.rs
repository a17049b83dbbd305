//! Whether this machine's clock agrees with the others'. Tokens of other parties are judged by it.

use jiff::{SignedDuration, Timestamp};

use super::finding::Finding;

/// Beyond this, fresh tokens of others count as not yet valid or as expired.
const TOLERATED: SignedDuration = SignedDuration::from_secs(60);

/// What somebody else's clock showed.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    /// Who.
    pub(super) who: String,
    pub(super) theirs: Timestamp,
    pub(super) ours: Timestamp,
}

/// Compares. One that differs while others agree is wrong itself, so the nearest reading decides.
pub(super) fn skew(readings: &[Reading]) -> Finding {
    let differences = readings.iter().map(|reading| (reading.ours.duration_since(reading.theirs), &reading.who));
    match differences.min_by_key(|(difference, _)| difference.abs()) {
        None => Finding::skipped("clock", "nobody to compare with"),
        Some((difference, who)) if difference.abs() > TOLERATED => {
            let (seconds, side) =
                (difference.abs().as_secs(), if difference.is_positive() { "ahead of" } else { "behind" });
            let what = format!("{seconds} s {side} {who}");
            Finding::bad("clock", what, "turn on time synchronisation (NTP) on this machine")
        }
        Some((_, who)) => Finding::good("clock", format!("agrees with {who}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    fn reading(who: &str, ahead_s: i64) -> Reading {
        let theirs = Timestamp::UNIX_EPOCH;
        Reading { who: who.to_owned(), theirs, ours: theirs + SignedDuration::from_secs(ahead_s) }
    }

    #[test]
    fn a_minute_is_tolerated_either_way() {
        for (ahead, verdict) in
            [(0, Verdict::Good), (60, Verdict::Good), (-60, Verdict::Good), (61, Verdict::Bad), (-61, Verdict::Bad)]
        {
            assert_eq!(skew(&[reading("them", ahead)]).verdict, verdict, "{ahead}");
        }
        assert_eq!(skew(&[reading("them", -300)]).what, "300 s behind them");
        assert_eq!(skew(&[]).verdict, Verdict::Skipped);
    }

    #[test]
    fn one_wrong_clock_among_the_others_is_theirs() {
        assert_eq!(skew(&[reading("wrong", 4_000), reading("right", 1)]), Finding::good("clock", "agrees with right"));
    }
}
