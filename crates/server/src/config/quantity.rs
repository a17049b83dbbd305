//! Amounts as operators write them: `15m`, `10MiB`, `60/1h per user`.

use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;

/// Longest first, so that `ms` is not taken for `m` and an `s`.
const TIMES: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
const SIZES: [(&str, u64); 4] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("B", 1)];

/// The text is no such amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotAnAmount;

/// A length of time: `500ms`, `10s`, `15m`, `1h`, `7d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span(Duration);

impl FromStr for Span {
    type Err = NotAnAmount;

    fn from_str(text: &str) -> Result<Self, NotAnAmount> {
        scaled(text, &TIMES).map(|millis| Self(Duration::from_millis(millis)))
    }
}

impl From<Span> for Duration {
    fn from(span: Span) -> Self {
        span.0
    }
}

impl From<Span> for SignedDuration {
    fn from(span: Span) -> Self {
        Self::try_from(span.0).unwrap_or(Self::MAX)
    }
}

/// A number of bytes: `512B`, `16KiB`, `10MiB`, `1GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size(pub(super) u64);

impl FromStr for Size {
    type Err = NotAnAmount;

    fn from_str(text: &str) -> Result<Self, NotAnAmount> {
        scaled(text, &SIZES).map(Self)
    }
}

/// So many in such a time: `60/1h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// How many.
    pub(crate) count: u32,
    /// In which time.
    pub(crate) per: Duration,
}

impl FromStr for Rate {
    type Err = NotAnAmount;

    fn from_str(text: &str) -> Result<Self, NotAnAmount> {
        let (count, per) = text.split_once('/').ok_or(NotAnAmount)?;
        let rate = Self { count: count.parse().map_err(|_| NotAnAmount)?, per: per.parse::<Span>()?.0 };
        if rate.count == 0 || rate.per.is_zero() { Err(NotAnAmount) } else { Ok(rate) }
    }
}

/// How often a route may be used: `60/1m per user`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RouteRate {
    /// How often.
    pub(crate) rate: Rate,
    /// Whose requests are counted together.
    pub(crate) per: RatePer,
}

/// Whose requests are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RatePer {
    /// A person's.
    User,
    /// An address's.
    Address,
    /// Everybody's.
    Route,
}

impl FromStr for RouteRate {
    type Err = NotAnAmount;

    fn from_str(text: &str) -> Result<Self, NotAnAmount> {
        let (rate, per) = text.split_once(" per ").ok_or(NotAnAmount)?;
        let per = match per {
            "user" => RatePer::User,
            "address" => RatePer::Address,
            "route" => RatePer::Route,
            _ => return Err(NotAnAmount),
        };
        Ok(Self { rate: rate.parse()?, per })
    }
}

fn scaled(text: &str, units: &[(&str, u64)]) -> Result<u64, NotAnAmount> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or(NotAnAmount)?;
    let (number, unit) = text.split_at(digits);
    let (_, scale) = units.iter().find(|(name, _)| *name == unit).ok_or(NotAnAmount)?;
    number.parse::<u64>().ok().and_then(|number| number.checked_mul(*scale)).ok_or(NotAnAmount)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_in_every_unit() {
        for (text, millis) in [("500ms", 500), ("10s", 10_000), ("15m", 900_000), ("2h", 7_200_000), ("0s", 0)] {
            assert_eq!(text.parse(), Ok(Span(Duration::from_millis(millis))), "{text}");
        }
        assert_eq!("7d".parse(), Ok(Span(Duration::from_hours(168))));
        for (text, bytes) in [("512B", 512), ("16KiB", 16_384), ("10MiB", 10_485_760), ("1GiB", 1_073_741_824)] {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
        let rate = Rate { count: 60, per: Duration::from_hours(1) };
        assert_eq!("60/1h".parse(), Ok(rate));
        for (text, per) in [("user", RatePer::User), ("address", RatePer::Address), ("route", RatePer::Route)] {
            assert_eq!(format!("60/1h per {text}").parse(), Ok(RouteRate { rate, per }));
        }
    }

    #[test]
    fn anything_else_is_no_amount() {
        for text in
            ["", "15", "m", "-1s", "1.5h", "15 m", "15M", "1h30m", "99999999999999999999d", "18446744073709551615d"]
        {
            assert_eq!(text.parse::<Span>(), Err(NotAnAmount), "{text}");
        }
        for text in ["10", "10MB", "10 MiB", "mib", "99999999999GiB999"] {
            assert_eq!(text.parse::<Size>(), Err(NotAnAmount), "{text}");
        }
        for text in ["60", "60/", "/1h", "0/1h", "60/0s", "60/1h per user"] {
            assert_eq!(text.parse::<Rate>(), Err(NotAnAmount), "{text}");
        }
        for text in ["60/1h", "60/1h per", "60/1h per users", "60/1h  per user", "per user", "0/1h per user"] {
            assert_eq!(text.parse::<RouteRate>(), Err(NotAnAmount), "{text}");
        }
    }
}
