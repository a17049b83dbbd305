//! The words for mail.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::UserId;
use crate::ids::MailId;
use crate::user::EmailAddress;

/// What is written to somebody. What it says is the templates' business; this is what they say it with.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Letter {
    /// The code that confirms the address of an account.
    ConfirmEmail {
        /// The code.
        code: String,
    },
    /// The code that allows to choose a new password.
    ResetPassword {
        /// The code.
        code: String,
    },
    /// The code that confirms the address somebody wants instead of theirs.
    ConfirmNewEmail {
        /// The code.
        code: String,
    },
    /// To the former address, which others may read by now: another one, which it does not name, took its place.
    EmailChanged,
    /// The password was changed or reset.
    PasswordChanged,
    /// The account was deleted by its owner.
    AccountDeleted,
    /// Somebody tried to sign up with the address of an account.
    AlreadyRegistered,
}

impl Letter {
    /// Which letter it is.
    pub const fn kind(&self) -> LetterKind {
        match self {
            Self::ConfirmEmail { .. } => LetterKind::ConfirmEmail,
            Self::ResetPassword { .. } => LetterKind::ResetPassword,
            Self::ConfirmNewEmail { .. } => LetterKind::ConfirmNewEmail,
            Self::EmailChanged => LetterKind::EmailChanged,
            Self::PasswordChanged => LetterKind::PasswordChanged,
            Self::AccountDeleted => LetterKind::AccountDeleted,
            Self::AlreadyRegistered => LetterKind::AlreadyRegistered,
        }
    }
}

impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Letter").field(&self.kind()).finish()
    }
}

/// Which letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LetterKind {
    /// [`Letter::ConfirmEmail`].
    ConfirmEmail,
    /// [`Letter::ResetPassword`].
    ResetPassword,
    /// [`Letter::ConfirmNewEmail`].
    ConfirmNewEmail,
    /// [`Letter::EmailChanged`].
    EmailChanged,
    /// [`Letter::PasswordChanged`].
    PasswordChanged,
    /// [`Letter::AccountDeleted`].
    AccountDeleted,
    /// [`Letter::AlreadyRegistered`].
    AlreadyRegistered,
}

impl LetterKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::ConfirmEmail,
        Self::ResetPassword,
        Self::ConfirmNewEmail,
        Self::EmailChanged,
        Self::PasswordChanged,
        Self::AccountDeleted,
        Self::AlreadyRegistered,
    ];

    /// The name in stores, metrics and of its templates.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConfirmEmail => "confirm_email",
            Self::ResetPassword => "reset_password",
            Self::ConfirmNewEmail => "confirm_new_email",
            Self::EmailChanged => "email_changed",
            Self::PasswordChanged => "password_changed",
            Self::AccountDeleted => "account_deleted",
            Self::AlreadyRegistered => "already_registered",
        }
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A mail about to be put into the outbox.
#[derive(Clone, Debug)]
pub struct NewMail {
    /// Identifier.
    pub id: MailId,
    /// The account it is about, as long as that is there.
    pub user: Option<UserId>,
    /// Which letter.
    pub kind: LetterKind,
    /// To whom.
    pub recipient: EmailAddress,
    /// The letter, sealed under the mail's id: it may hold a code.
    pub sealed_letter: Vec<u8>,
    /// When.
    pub created_at: Timestamp,
    /// After this it says nothing true any more and is not sent.
    pub expires_at: Timestamp,
}

/// A mail whose turn it is.
#[derive(Clone, Debug)]
pub struct QueuedMail {
    /// Identifier.
    pub id: MailId,
    /// Which letter.
    pub kind: LetterKind,
    /// To whom.
    pub recipient: EmailAddress,
    /// The letter, sealed.
    pub sealed_letter: Vec<u8>,
    /// When it was put into the outbox.
    pub created_at: Timestamp,
    /// After this it is not sent.
    pub expires_at: Timestamp,
    /// Which attempt this is, the first being 1. Whoever settles it names it: another may have taken over.
    pub attempt: u32,
}

/// Taking mail whose turn it is.
#[derive(Clone, Copy, Debug)]
pub struct MailLease {
    /// Now.
    pub at: Timestamp,
    /// Until then nobody else takes it.
    pub until: Timestamp,
    /// At most so many.
    pub limit: u32,
}

/// What a lease gives.
#[derive(Clone, Debug, Default)]
pub struct LeasedMail {
    /// Mail to send now.
    pub due: Vec<QueuedMail>,
    /// What became `Expired` in the same step.
    pub expired: Vec<LetterKind>,
}

/// What became of an attempt.
#[derive(Clone, Debug)]
pub enum Settlement {
    /// It was handed over; it leaves the outbox.
    Sent,
    /// It was not; the next attempt is at `at`.
    Retry {
        /// When.
        at: Timestamp,
        /// What went wrong, safe to show to operators.
        reason: String,
    },
    /// It will not be tried again by itself.
    Abandoned {
        /// What went wrong.
        reason: String,
    },
}

/// The state of a mail in the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MailState {
    /// It waits for its turn, or is being sent.
    Waiting,
    /// It was given up.
    Abandoned,
    /// It could not be sent while it said something true.
    Expired,
}

impl MailState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Abandoned, Self::Expired];

    /// The name in stores and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Abandoned => "abandoned",
            Self::Expired => "expired",
        }
    }

    /// The state of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// A mail as operators see it: never what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailEntry {
    /// Identifier.
    pub id: MailId,
    /// Which letter.
    pub kind: LetterKind,
    /// To whom.
    pub recipient: EmailAddress,
    /// How it stands.
    pub state: MailState,
    /// Attempts so far.
    pub attempts: u32,
    /// When it was put into the outbox.
    pub created_at: Timestamp,
    /// When it is tried (again); for one that waits.
    pub due_at: Timestamp,
    /// After this it is not sent.
    pub expires_at: Timestamp,
    /// What went wrong last.
    pub reason: Option<String>,
}

/// Which mail to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct MailQuery {
    /// Only mail in that state.
    pub state: Option<MailState>,
    /// Only mail after this one (the last of the page before).
    pub after: Option<MailId>,
    /// At most so many.
    pub limit: u32,
}

/// How much mail there is in the outbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MailCounts {
    /// Waiting.
    pub waiting: u64,
    /// Given up.
    pub abandoned: u64,
    /// Too late.
    pub expired: u64,
    /// When the oldest that waits was put in.
    pub oldest_waiting: Option<Timestamp>,
}
