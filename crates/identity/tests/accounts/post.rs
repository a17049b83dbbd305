//! A postman that keeps what he is given, and can be told to do worse.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use doorward_identity::mail::{Letter, LetterKind, MailId, PostError, Postman};
use doorward_identity::user::EmailAddress;
use tokio::sync::Notify;

/// What he does with the next letters.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mood {
    /// Takes them.
    Takes,
    /// Nobody opens.
    Down,
    /// Refuses them for good.
    Refuses,
    /// Takes them and never says so.
    HangsAfterTaking,
    /// Neither takes them nor says so.
    Hangs,
}

/// A letter that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    pub(crate) id: MailId,
    pub(crate) to: String,
    pub(crate) letter: Letter,
}

/// The postman.
#[derive(Debug)]
pub(crate) struct Post {
    mood: Mutex<Mood>,
    arrived: Mutex<Vec<Arrived>>,
    calls: AtomicU32,
    /// Told whenever he was called and hangs.
    pub(crate) hanging: Notify,
}

impl Post {
    pub(crate) fn new() -> Self {
        Self {
            mood: Mutex::new(Mood::Takes),
            arrived: Mutex::default(),
            calls: AtomicU32::new(0),
            hanging: Notify::new(),
        }
    }

    pub(crate) fn turns(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// How often he was called.
    pub(crate) fn calls(&self) -> u32 {
        self.calls.load(Ordering::SeqCst)
    }

    /// Everything that arrived, in order.
    pub(crate) fn arrived(&self) -> Vec<Arrived> {
        self.arrived.lock().unwrap().clone()
    }

    /// Which letters arrived at an address, in order.
    pub(crate) fn kinds_to(&self, email: &str) -> Vec<LetterKind> {
        self.arrived().iter().filter(|letter| letter.to == email).map(|letter| letter.letter.kind()).collect()
    }

    /// The last code that arrived at an address.
    pub(crate) fn last_code_to(&self, email: &str) -> Option<String> {
        self.arrived().iter().rev().filter(|letter| letter.to == email).find_map(|letter| match &letter.letter {
            Letter::ConfirmEmail { code } | Letter::ResetPassword { code } | Letter::ConfirmNewEmail { code } => {
                Some(code.clone())
            }
            _ => None,
        })
    }

    fn keep(&self, id: MailId, recipient: &EmailAddress, letter: &Letter) {
        let arrived = Arrived { id, to: recipient.as_str().to_owned(), letter: letter.clone() };
        self.arrived.lock().unwrap().push(arrived);
    }

    async fn hang(&self) -> Result<(), PostError> {
        self.hanging.notify_one();
        std::future::pending().await
    }
}

#[async_trait]
impl Postman for Post {
    async fn send(&self, id: MailId, recipient: &EmailAddress, letter: &Letter) -> Result<(), PostError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Takes => {
                self.keep(id, recipient, letter);
                Ok(())
            }
            Mood::Down => Err(PostError::Later("mail.example: connection refused".to_owned())),
            Mood::Refuses => Err(PostError::Never("mail.example: 550 no such mailbox".to_owned())),
            Mood::HangsAfterTaking => {
                self.keep(id, recipient, letter);
                self.hang().await
            }
            Mood::Hangs => self.hang().await,
        }
    }
}
