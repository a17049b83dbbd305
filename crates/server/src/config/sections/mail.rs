//! How mail is sent.

use secrecy::SecretString;

use super::super::mistake::Mistake;
use super::super::values::Values;

/// Mail.
#[derive(Clone, Debug)]
#[cfg_attr(not(test), expect(dead_code, reason = "mail comes with the accounts surface"))]
pub(crate) struct Mail {
    /// The way, password and all.
    pub(crate) url: SecretString,
    /// Which way it is.
    pub(crate) kind: MailKind,
    /// The sender.
    pub(crate) from: String,
}

/// The ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MailKind {
    /// Into the log.
    Log,
    /// By SMTP.
    Smtp,
    /// By Amazon's service.
    Ses,
}

impl Mail {
    pub(super) fn read(values: &Values) -> Result<Self, Mistake> {
        let url: String = values.one("mail.url")?;
        let kind = match url.split(':').next() {
            Some("smtp" | "smtps") => MailKind::Smtp,
            Some("ses") => MailKind::Ses,
            _ => MailKind::Log,
        };
        Ok(Self { url: url.into(), kind, from: values.one("mail.from")? })
    }
}
