//! E-mail addresses: parsed once, refused where two systems could read them differently, compared by one key.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// The most an address may be long (RFC 5321, 4.5.3.1, less the angle brackets).
const MAX_LENGTH: usize = 254;
/// The most its local part may be long.
const MAX_LOCAL: usize = 64;

/// An address as its owner wrote it, known to be of a plain form: dot-atom `@` domain.
///
/// Quoted local parts, comments, address literals and anything that needs them are refused: they are where one
/// program sees one mailbox and the next another.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress {
    text: String,
    key: EmailKey,
}

/// What addresses are compared by: compatibility-composed, lower case, the domain in its ASCII form.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EmailKey(String);

/// The text is no address Doorward takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEmail {
    /// Not of the form `name@example.com`.
    #[error("an e-mail address has the form name@example.com")]
    Form,
    /// Longer than mail can carry.
    #[error("an e-mail address has at most 254 characters, 64 of them before the @")]
    TooLong,
    /// The part after the `@` is no domain name.
    #[error("the part after the @ is no domain name")]
    Domain,
}

impl EmailAddress {
    /// The address as given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What it is compared by.
    pub const fn key(&self) -> &EmailKey {
        &self.key
    }
}

impl EmailKey {
    /// The key as a store keeps it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EmailAddress {
    type Err = InvalidEmail;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > MAX_LENGTH {
            return Err(InvalidEmail::TooLong);
        }
        let (local, domain) = text.split_once('@').ok_or(InvalidEmail::Form)?;
        if local.len() > MAX_LOCAL {
            return Err(InvalidEmail::TooLong);
        }
        let local_key: String = local.nfkc().flat_map(char::to_lowercase).nfkc().collect();
        // Judged in both spellings: a full-width dot or sign must not turn into syntax only in the key.
        // An encoded word (RFC 2047) is another address to whatever decodes it on the way.
        if !is_dot_atom(local) || !is_dot_atom(&local_key) || local_key.contains("=?") {
            return Err(InvalidEmail::Form);
        }
        let domain_key = domain_key(domain)?;
        let key = EmailKey(format!("{local_key}@{domain_key}"));
        Ok(Self { text: text.to_owned(), key })
    }
}

/// Whether a local part is words of atom characters joined by single dots. Letters and digits of any script count.
fn is_dot_atom(local: &str) -> bool {
    let is_atom_char = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    // A combining mark cannot begin a word, but may follow its letter where no composed form exists.
    let is_word_char = |c: char| is_atom_char(c) || unicode_normalization::char::is_combining_mark(c);
    local.split('.').all(|word| word.starts_with(is_atom_char) && word.chars().all(is_word_char))
}

/// The ASCII form of a domain of at least two labels.
fn domain_key(domain: &str) -> Result<String, InvalidEmail> {
    if domain.contains('@') {
        return Err(InvalidEmail::Form);
    }
    let ascii = idna::domain_to_ascii_strict(domain).map_err(|_| InvalidEmail::Domain)?;
    let labels: Vec<&str> = ascii.split('.').collect();
    let numeric_end = labels.last().is_none_or(|last| last.bytes().all(|b| b.is_ascii_digit()));
    if labels.len() < 2 || numeric_end { Err(InvalidEmail::Domain) } else { Ok(ascii) }
}

impl TryFrom<String> for EmailAddress {
    type Error = InvalidEmail;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<EmailAddress> for String {
    fn from(email: EmailAddress) -> Self {
        email.text
    }
}

impl std::fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EmailAddress(…)")
    }
}

impl std::fmt::Debug for EmailKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EmailKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Result<String, InvalidEmail> {
        text.parse::<EmailAddress>().map(|email| email.key.0)
    }

    #[test]
    fn spellings_of_one_address_have_one_key() {
        for (one, other) in [
            ("User@Example.COM", "user@example.com"),
            ("jos\u{e9}@example.com", "jose\u{301}@example.com"),
            ("a@b\u{fc}cher.example", "a@xn--bcher-kva.example"),
            ("\u{ff41}lice@example.com", "alice@example.com"),
        ] {
            assert_eq!(key(one), key(other), "{one} and {other}");
            assert!(key(one).is_ok(), "{one}");
        }
    }

    #[test]
    fn what_only_looks_alike_stays_apart() {
        assert_ne!(key("m\u{131}ke@example.com"), key("mike@example.com"));
        assert_ne!(key("a.b@example.com"), key("ab@example.com"));
        assert_ne!(key("a+x@example.com"), key("a@example.com"));
    }

    #[test]
    fn odd_forms_are_refused() {
        for odd in [
            "",
            "@",
            "a",
            "a@",
            "@example.com",
            "a@b",
            "a@evil@corp.com",
            "a@@corp.com",
            "\"a b\"@example.com",
            "a b@example.com",
            "a@exa mple.com",
            "a,b@example.com",
            "<a@example.com>",
            "a@example.com,b@example.com",
            ".a@example.com",
            "a.@example.com",
            "a..b@example.com",
            "a@.example.com",
            "a@example..com",
            "a@example.com.",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "a\r\nBcc: b@example.com",
            "a\0@example.com",
            "a\u{ff20}example.com",
            "a@example.com\u{ff0c}b",
            "a\u{ff0e}\u{ff0e}b@example.com",
            "a@-example.com",
            "a@exam_ple.com",
            "\u{202e}a@example.com",
            "a@example.c\u{200b}om\u{0}",
            "(a)@example.com",
            "=?utf-8?q?b=40corp.com?=@example.com",
            "\u{ff1d}\u{ff1f}utf-8?q?b?=@example.com",
            " a@example.com",
            "a@example.com ",
        ] {
            assert!(odd.parse::<EmailAddress>().is_err(), "{odd:?} was taken");
        }
        assert_eq!(key(&format!("{}@example.com", "a".repeat(65))), Err(InvalidEmail::TooLong));
    }

    #[test]
    fn a_huge_address_is_refused_at_once() {
        assert_eq!(key(&"a@".repeat(32_768)), Err(InvalidEmail::TooLong));
    }
}
