//! Mail: letters are put into an outbox in the store together with what causes them, and leave from there.
//!
//! The HTTP call that causes a letter never waits for a mail server. How a letter becomes a message and leaves is the
//! business of [`Postman`].

mod administer;
mod deliver;
mod mailbox;
mod model;
mod port;
mod store;
mod write;

pub use crate::ids::MailId;
pub use deliver::MailRound;
pub use mailbox::{Mailbox, Message};
pub use model::{
    LeasedMail, Letter, LetterKind, MailCounts, MailEntry, MailLease, MailQuery, MailState, NewMail, QueuedMail,
    Settlement,
};
pub use port::{NoPostman, PostError, Postman};
pub use store::MailStore;
pub(crate) use write::NOTICE_LIFE;
