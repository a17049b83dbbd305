//! Addresses as mail servers are told them: the operator's, parsed strictly, and those letters go to.

use doorward_identity::user::{EmailAddress, InvalidEmail};
use lettre::Address;
use lettre::message::Mailbox;

/// Longest name before an address.
const LONGEST_NAME: usize = 100;

/// Why a mailbox of the configuration is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadMailbox {
    #[error(transparent)]
    Email(#[from] InvalidEmail),
    #[error(
        "the name before the <address> has at most {LONGEST_NAME} characters, no control characters and no < > \\ or \""
    )]
    Name,
    #[error("write it as name@example.com, or as A Name <name@example.com>")]
    Form,
    #[error("an address of ours has only ASCII letters before the @")]
    NotAscii,
}

/// Parses `name@example.com` or `A Name <name@example.com>`, the name also in double quotes.
pub(crate) fn parse_mailbox(text: &str) -> Result<Mailbox, BadMailbox> {
    let text = text.trim();
    let (name, address) = match text.strip_suffix('>') {
        Some(rest) => {
            let (name, address) = rest.split_once('<').ok_or(BadMailbox::Form)?;
            (parse_name(name.trim())?, address)
        }
        None => (None, text),
    };
    let address = parse_address(address)?;
    // Every server must be able to carry the sender, also those without SMTPUTF8.
    if address.user().is_ascii() { Ok(Mailbox::new(name, address)) } else { Err(BadMailbox::NotAscii) }
}

/// At `localhost` nobody has an account, but a developer's machine may write from there.
fn parse_address(text: &str) -> Result<Address, BadMailbox> {
    let Some(local) = text.strip_suffix("@localhost") else { return Ok(on_the_wire(&text.parse()?)) };
    let elsewhere: EmailAddress = format!("{local}@localhost.test").parse()?;
    Ok(Address::new_dangerous(on_the_wire(&elsewhere).user(), "localhost"))
}

fn parse_name(name: &str) -> Result<Option<String>, BadMailbox> {
    let quoted = name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let name = quoted.unwrap_or(name).trim();
    let odd = |c: char| c.is_control() || "<>\\\"".contains(c);
    if name.contains(odd) || name.chars().count() > LONGEST_NAME {
        return Err(BadMailbox::Name);
    }
    Ok(if name.is_empty() { None } else { Some(name.to_owned()) })
}

/// The address as servers are told it: the domain in its ASCII form.
///
/// A local part beyond ASCII is written as it is compared, so that the mailbox that answers for an account is the
/// one the account stands for, and not another that only some server takes for the same.
pub(crate) fn on_the_wire(email: &EmailAddress) -> Address {
    let given = email.as_str().split_once('@').map_or("", |(local, _)| local);
    let (compared, domain) = email.key().as_str().rsplit_once('@').unwrap_or_default();
    // Judged already, and more strictly than here: neither part has a sign that means anything to a mail server.
    Address::new_dangerous(if given.is_ascii() { given } else { compared }, domain)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_mailbox_is_an_address_with_or_without_a_name() {
        for (text, name, address) in [
            ("door@example.com", None, "door@example.com"),
            ("<door@example.com>", None, "door@example.com"),
            ("Doorward <no-reply@localhost>", Some("Doorward"), "no-reply@localhost"),
            ("Doorward <door@example.com>", Some("Doorward"), "door@example.com"),
            ("\"Smith, Jo\" <jo@example.com>", Some("Smith, Jo"), "jo@example.com"),
            ("Türhüter <door@bücher.example>", Some("Türhüter"), "door@xn--bcher-kva.example"),
        ] {
            let mailbox = parse_mailbox(text).unwrap();
            assert_eq!((mailbox.name.as_deref(), mailbox.email.as_ref()), (name, address), "{text}");
        }
    }

    #[test]
    fn what_is_no_single_mailbox_is_refused() {
        for text in [
            "",
            "Doorward",
            "door@intranet",
            "@localhost",
            "a@example.com, b@example.com",
            "A <a@example.com> <b@example.com>",
            "A <a@example.com>, b@example.com",
            "A\r\nBcc: b@example.com <a@example.com>",
            "A <a@example.com\r\nBcc: b@example.com>",
            "A\u{0}B <a@example.com>",
            "jos\u{e9}@example.com",
            "\"a\" b\" <a@example.com>",
        ] {
            assert!(parse_mailbox(text).is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn a_recipient_is_written_as_given_unless_only_some_servers_could_read_it() {
        for (given, written) in [
            ("Ann.Lee+x@Example.COM", "Ann.Lee+x@example.com"),
            ("ann@b\u{fc}cher.example", "ann@xn--bcher-kva.example"),
            ("\u{ff41}nn@example.com", "ann@example.com"),
            ("Jos\u{e9}@example.com", "jos\u{e9}@example.com"),
            ("!#$%&'*+-/=^?_`{|}~@example.com", "!#$%&'*+-/=^?_`{|}~@example.com"),
        ] {
            let email: EmailAddress = given.parse().unwrap();
            assert_eq!(on_the_wire(&email).to_string(), written);
        }
    }
}
