//! The mailbox of development: the last messages, in memory, for the page that shows them.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use super::{LetterKind, MailId};

/// Messages kept.
const KEPT: usize = 100;

/// A message as it left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Identifier of the mail.
    pub id: MailId,
    /// Which letter.
    pub kind: LetterKind,
    /// When.
    pub sent_at: Timestamp,
    /// The sender as in the header.
    pub from: String,
    /// The recipient's address.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub text: String,
    /// The same for readers that show HTML.
    pub html: String,
}

/// The last messages.
#[derive(Debug, Default)]
pub struct Mailbox(Mutex<VecDeque<Message>>);

impl Mailbox {
    /// Keeps a message; the oldest goes when there are too many.
    pub fn keep(&self, message: Message) {
        let mut messages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if messages.len() == KEPT {
            messages.pop_front();
        }
        messages.push_back(message);
    }

    /// The messages, newest first.
    pub fn messages(&self) -> Vec<Message> {
        let messages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        messages.iter().rev().cloned().collect()
    }
}
