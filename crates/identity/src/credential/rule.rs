//! Which passwords are good enough.

use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::UnicodeNormalization;

use super::common::is_common;

/// The most characters a password may have, on every surface.
const MAX_LENGTH: usize = 128;

/// A surface's rule for new passwords.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordRule {
    /// The least characters.
    pub min: usize,
    /// Kinds of character of which at least one must be there.
    pub classes: Vec<CharacterClass>,
}

/// A kind of character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CharacterClass {
    /// An upper-case letter.
    Upper,
    /// A lower-case letter.
    Lower,
    /// A digit.
    Digit,
    /// Anything that is neither letter, digit nor space.
    Special,
}

impl CharacterClass {
    /// The class of that name in the configuration.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "upper" => Some(Self::Upper),
            "lower" => Some(Self::Lower),
            "digit" => Some(Self::Digit),
            "special" => Some(Self::Special),
            _ => None,
        }
    }

    fn contains(self, c: char) -> bool {
        match self {
            Self::Upper => c.is_uppercase(),
            Self::Lower => c.is_lowercase(),
            Self::Digit => c.is_numeric(),
            Self::Special => !c.is_alphanumeric() && !c.is_whitespace(),
        }
    }
}

/// A rule that a password broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordFault {
    /// Too short.
    #[error("Password must be at least {0} characters long")]
    TooShort(usize),
    /// Too long.
    #[error("Password must be at most {MAX_LENGTH} characters long")]
    TooLong,
    /// No upper-case letter.
    #[error("Password must contain at least one uppercase letter")]
    NoUpper,
    /// No lower-case letter.
    #[error("Password must contain at least one lowercase letter")]
    NoLower,
    /// No digit.
    #[error("Password must contain at least one digit")]
    NoDigit,
    /// Nothing else.
    #[error("Password must contain at least one special character")]
    NoSpecial,
    /// Among the first that anybody tries.
    #[error("Password is too common")]
    Common,
    /// The person's own address.
    #[error("Password must not be the e-mail address")]
    IsEmail,
}

/// The one form a password is judged and hashed in: NFC (RFC 8265, 4.2.2), nothing else changed.
pub(crate) fn normalize(password: &SecretString) -> SecretString {
    password.expose_secret().nfc().collect::<String>().into()
}

impl PasswordRule {
    /// Every rule that `password` (already normalised) breaks for whoever has that address, which may be left empty.
    /// `documented` is taken though it is common.
    pub(crate) fn faults(&self, password: &SecretString, email: &str, documented: Option<&str>) -> Vec<PasswordFault> {
        let password = password.expose_secret();
        let length = password.chars().count();
        let mut faults = Vec::new();
        if length < self.min {
            faults.push(PasswordFault::TooShort(self.min));
        }
        if length > MAX_LENGTH {
            faults.push(PasswordFault::TooLong);
        }
        for class in &self.classes {
            if !password.chars().any(|c| class.contains(c)) {
                faults.push(match class {
                    CharacterClass::Upper => PasswordFault::NoUpper,
                    CharacterClass::Lower => PasswordFault::NoLower,
                    CharacterClass::Digit => PasswordFault::NoDigit,
                    CharacterClass::Special => PasswordFault::NoSpecial,
                });
            }
        }
        let lower = password.to_lowercase();
        if is_common(&lower) && documented != Some(password) {
            faults.push(PasswordFault::Common);
        }
        if !email.is_empty() && lower == email.to_lowercase() {
            faults.push(PasswordFault::IsEmail);
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(rule: &PasswordRule, password: &str) -> Vec<PasswordFault> {
        rule.faults(&normalize(&password.into()), "ann@example.com", None)
    }

    fn strict() -> PasswordRule {
        use CharacterClass::{Digit, Lower, Special, Upper};
        PasswordRule { min: 8, classes: vec![Upper, Lower, Digit, Special] }
    }

    #[test]
    fn every_broken_rule_is_named() {
        use PasswordFault::{NoDigit, NoSpecial, NoUpper, TooShort};
        assert_eq!(faults(&strict(), "short"), [TooShort(8), NoUpper, NoDigit, NoSpecial]);
        assert_eq!(faults(&strict(), "SecurePass123!"), []);
    }

    #[test]
    fn characters_are_counted_not_bytes() {
        let rule = PasswordRule { min: 8, classes: vec![] };
        assert_eq!(faults(&rule, &"\u{1f511}".repeat(7)), [PasswordFault::TooShort(8)]);
        assert_eq!(faults(&rule, &"\u{1f511}".repeat(64)), []);
        assert_eq!(faults(&rule, &"\u{1f511}".repeat(129)), [PasswordFault::TooLong]);
        // Composed and decomposed forms are one password of one length.
        assert_eq!(faults(&rule, &"e\u{301}".repeat(7)), [PasswordFault::TooShort(8)]);
    }

    #[test]
    fn common_passwords_and_the_own_address_are_refused() {
        let rule = PasswordRule { min: 8, classes: vec![] };
        for common in ["password", "Password", "password1", "12345678", "qwertyuiop", "password123"] {
            assert_eq!(faults(&rule, common), [PasswordFault::Common], "{common}");
        }
        assert_eq!(faults(&rule, "Ann@Example.com"), [PasswordFault::IsEmail]);
        let documented = rule.faults(&"password123".into(), "ann@example.com", Some("password123"));
        assert_eq!(documented, []);
    }
}
