//! Telephone numbers, kept as E.164.

use std::fmt;
use std::str::FromStr;

/// A telephone number as E.164 writes it: `+`, country code, number; at most 15 digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneNumber(String);

/// The text is no such number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPhone {
    /// A number of some country, but not of which.
    #[error("a telephone number begins with + and the country code, as in +14155550123")]
    NoCountry,
    /// Something in it is no digit and no mark between digits.
    #[error("a telephone number is digits, with spaces, hyphens, dots or brackets between them")]
    NotDigits,
    /// Too few or too many digits.
    #[error("a telephone number has 7 to 15 digits with its country code")]
    BadLength,
}

impl PhoneNumber {
    /// The number.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PhoneNumber {
    type Err = InvalidPhone;

    fn from_str(typed: &str) -> Result<Self, Self::Err> {
        let typed = typed.trim();
        if typed.len() > 64 {
            return Err(InvalidPhone::BadLength);
        }
        // The international prefix of most of the world stands for the +.
        let rest = typed.strip_prefix('+').or_else(|| typed.strip_prefix("00")).ok_or(InvalidPhone::NoCountry)?;
        let mut number = String::from("+");
        for c in rest.chars() {
            match c {
                '0'..='9' => number.push(c),
                ' ' | '\u{a0}' | '-' | '.' | '(' | ')' => {}
                _ => return Err(InvalidPhone::NotDigits),
            }
        }
        match number.as_bytes() {
            [_, b'0', ..] => Err(InvalidPhone::NoCountry),
            digits if (8..=16).contains(&digits.len()) => Ok(Self(number)),
            _ => Err(InvalidPhone::BadLength),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(typed: &str) -> Result<String, InvalidPhone> {
        typed.parse::<PhoneNumber>().map(|number| number.to_string())
    }

    #[test]
    fn a_number_is_kept_as_e164_however_it_is_written() {
        for typed in
            ["+14155550123", "+1 (415) 555-0123", " 001 415 555 0123 ", "+1.415.555.0123", "+1\u{a0}4155550123"]
        {
            assert_eq!(read(typed), Ok("+14155550123".to_owned()), "{typed:?}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused_with_the_reason() {
        for (typed, reason) in [
            ("", InvalidPhone::NoCountry),
            ("4155550123", InvalidPhone::NoCountry),
            ("0415 5550123", InvalidPhone::NoCountry),
            ("+0415 5550123", InvalidPhone::NoCountry),
            ("+1 415 CALL NOW", InvalidPhone::NotDigits),
            ("+1415\r\nBcc: x", InvalidPhone::NotDigits),
            ("+\u{ff11}4155550123", InvalidPhone::NotDigits),
            ("+14155550123 ext 5", InvalidPhone::NotDigits),
            ("+123456", InvalidPhone::BadLength),
            ("+1234567890123456", InvalidPhone::BadLength),
            ("+", InvalidPhone::BadLength),
        ] {
            assert_eq!(read(typed), Err(reason), "{typed:?}");
        }
    }
}
