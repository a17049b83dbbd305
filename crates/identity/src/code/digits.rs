//! The digits of a code: made, read as people type them, and kept under a key.

use std::fmt;
use std::str::FromStr;

use doorward_protocol::opaque::SecretHash;
use secrecy::{ExposeSecret, SecretString};

use super::CodePurpose;
use crate::keyring::SealingKey;
use crate::{Entropy, UserId};

/// Digits of a code.
const DIGITS: usize = 6;
/// Codes there are.
const CODES: u32 = 1_000_000;
/// What more than a code with spaces needs.
const LONGEST_TYPED: usize = 64;

/// Six digits.
#[derive(Clone)]
pub struct CodeDigits(SecretString);

/// The text is no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a code is 6 digits")]
pub struct InvalidCode;

impl CodeDigits {
    /// Any code, each as likely as the others.
    pub(crate) fn random(entropy: &dyn Entropy) -> Self {
        // The largest multiple of the number of codes; what lies above would favour the small ones.
        const FAIR: u32 = u32::MAX - u32::MAX % CODES;
        loop {
            let drawn = u32::from_be_bytes(entropy.bytes());
            if drawn < FAIR {
                return Self(format!("{:06}", drawn % CODES).into());
            }
        }
    }

    /// The digits.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// What a store keeps: without the key a million guesses would find the code.
    pub(crate) fn digest(&self, key: &SealingKey, user: UserId, purpose: CodePurpose) -> SecretHash {
        key.digest(&format!("code {} {user} {}", purpose.as_str(), self.expose()))
    }
}

impl fmt::Debug for CodeDigits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeDigits")
    }
}

impl FromStr for CodeDigits {
    type Err = InvalidCode;

    /// Reads a code as people type it: with spaces, or in the wide digits of East Asian keyboards.
    fn from_str(typed: &str) -> Result<Self, Self::Err> {
        if typed.len() > LONGEST_TYPED {
            return Err(InvalidCode);
        }
        let mut digits = String::with_capacity(DIGITS);
        for c in typed.chars().filter(|c| !c.is_whitespace()) {
            digits.push(plain_digit(c).ok_or(InvalidCode)?);
        }
        if digits.len() == DIGITS { Ok(Self(digits.into())) } else { Err(InvalidCode) }
    }
}

fn plain_digit(c: char) -> Option<char> {
    match c {
        '0'..='9' => Some(c),
        '\u{ff10}'..='\u{ff19}' => char::from_digit(u32::from(c) - 0xff10, 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::entropy::SeededEntropy;

    fn read(typed: &str) -> Result<String, InvalidCode> {
        typed.parse::<CodeDigits>().map(|code| code.expose().to_owned())
    }

    #[test]
    fn a_code_is_read_as_people_type_it() {
        for typed in
            ["012345", " 012 345 ", "0 1 2 3 4 5", "\u{ff10}\u{ff11}\u{ff12}\u{ff13}\u{ff14}\u{ff15}", "012\u{a0}345\n"]
        {
            assert_eq!(read(typed).unwrap(), "012345", "{typed:?}");
        }
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for odd in
            ["", "12345", "1234567", "12345a", "12-345", "O12345", "\u{661}23456", "+12345", "1234.5", "\u{2460}23456"]
        {
            assert_eq!(read(odd), Err(InvalidCode), "{odd:?}");
        }
        assert_eq!(read(&" ".repeat(1_000_000)), Err(InvalidCode));
    }

    #[test]
    fn random_codes_have_six_digits_and_differ() {
        let entropy = SeededEntropy::new(7);
        let codes: std::collections::HashSet<String> =
            (0..1000).map(|_| CodeDigits::random(&entropy).expose().to_owned()).collect();
        assert!(codes.len() > 980, "{} of 1000 differ", codes.len());
        assert!(codes.iter().all(|code| read(code).is_ok()));
        assert!(codes.iter().any(|code| code.starts_with('0')));
    }

    #[test]
    fn a_digest_belongs_to_one_user_and_one_purpose() {
        let key = SealingKey::derive(&"a secret".into()).unwrap();
        let other_key = SealingKey::derive(&"another secret".into()).unwrap();
        let code: CodeDigits = "012345".parse().unwrap();
        let entropy = SeededEntropy::new(1);
        let [ada, bob] = [0, 1].map(|_| UserId::new(jiff::Timestamp::UNIX_EPOCH, &entropy));
        let digest = code.digest(&key, ada, CodePurpose::PasswordReset);
        assert_eq!(digest, code.digest(&key, ada, CodePurpose::PasswordReset));
        assert_ne!(digest, code.digest(&key, bob, CodePurpose::PasswordReset));
        assert_ne!(digest, code.digest(&key, ada, CodePurpose::EmailVerification));
        assert_ne!(digest, code.digest(&other_key, ada, CodePurpose::PasswordReset));
    }
}
