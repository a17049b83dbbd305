//! One message: what a letter says in a subject, in text and in HTML, written as MIME (RFC 5322, 2045, 2046).
//!
//! Nothing a person typed reaches a header but the address it goes to, and that only after it was parsed.

use std::time::SystemTime;

use doorward_identity::mail::MailId;
use lettre::Address;
use lettre::address::Envelope as Route;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart, SinglePart};

/// Longest subject, in characters.
const LONGEST_SUBJECT: usize = 200;

/// What a letter says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

/// Why a subject is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadSubject {
    #[error("the subject is empty")]
    Empty,
    #[error("the subject is more than one line, or has control characters")]
    Control,
    #[error("the subject has more than {LONGEST_SUBJECT} characters")]
    TooLong,
}

/// A subject is one line.
pub(crate) fn judge_subject(subject: &str) -> Result<(), BadSubject> {
    // U+2028 and U+2029 end lines too, in the eyes of some.
    if subject.contains(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        Err(BadSubject::Control)
    } else if subject.chars().count() > LONGEST_SUBJECT {
        Err(BadSubject::TooLong)
    } else if subject.trim().is_empty() {
        Err(BadSubject::Empty)
    } else {
        Ok(())
    }
}

/// A message ready to be carried.
pub(crate) struct Envelope {
    pub(crate) id: MailId,
    pub(crate) from: Address,
    pub(crate) to: Address,
    pub(crate) written: Written,
    /// The whole message as it travels.
    pub(crate) bytes: Vec<u8>,
}

/// Who writes.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    pub(crate) from: Mailbox,
    pub(crate) reply_to: Option<Mailbox>,
}

impl Sender {
    /// Writes the message. The same mail gives the same message at every attempt but for its date, so a reader that
    /// got it twice can tell.
    pub(crate) fn write(
        &self,
        id: MailId,
        to: Address,
        written: Written,
        date: SystemTime,
    ) -> Result<Envelope, lettre::error::Error> {
        let from = self.from.email.clone();
        let mut message = Message::builder()
            .envelope(Route::new(Some(from.clone()), vec![to.clone()])?)
            .from(self.from.clone())
            .to(Mailbox::from(to.clone()))
            .subject(written.subject.clone())
            .date(date)
            .message_id(Some(format!("<{id}@{}>", from.domain())))
            .header(AutoSubmitted);
        if let Some(reply_to) = &self.reply_to {
            message = message.reply_to(reply_to.clone());
        }
        // No encoding of a part writes "=_", so no part can end itself early.
        let parts = MultiPart::alternative()
            .boundary(format!("=_{id}"))
            .singlepart(part(ContentType::TEXT_PLAIN, &written.text))
            .singlepart(part(ContentType::TEXT_HTML, &written.html));
        let bytes = message.multipart(parts)?.formatted();
        Ok(Envelope { id, from, to, written, bytes })
    }
}

fn part(content_type: ContentType, body: &str) -> SinglePart {
    SinglePart::builder().header(content_type).body(body.to_owned())
}

/// No vacation notice shall answer it (RFC 3834).
#[derive(Clone, Copy)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

#[cfg(test)]
mod tests;
