//! How a moment is written in answers: RFC 3339 in UTC, to the second where that is exact, else to the millisecond.

use jiff::Timestamp;
use serde::{Serialize, Serializer};

/// A moment in an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment(pub(crate) Timestamp);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let at = self.0;
        if at.subsec_nanosecond() == 0 {
            serializer.collect_str(&at)
        } else {
            serializer.collect_str(&format_args!("{at:.3}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_seconds_have_no_fraction_and_others_three_digits() -> Result<(), Box<dyn std::error::Error>> {
        for (millisecond, text) in [(0, "\"1970-01-01T00:00:00Z\""), (1_500, "\"1970-01-01T00:00:01.500Z\"")] {
            let at = Moment(Timestamp::from_millisecond(millisecond)?);
            assert_eq!(serde_json::to_string(&at)?, text);
        }
        Ok(())
    }
}
