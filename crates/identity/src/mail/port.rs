//! The port to whatever carries mail.

use async_trait::async_trait;

use super::{Letter, MailId};
use crate::user::EmailAddress;

/// Why a letter did not leave. The text is for operators: it names servers and their answers, never the letter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// The same letter may leave later.
    #[error("{0}")]
    Later(String),
    /// It never will: the address or the message is refused for good.
    #[error("{0}")]
    Never(String),
}

/// Makes messages of letters and hands them over. Answers when a server took the message, or did not.
#[async_trait]
pub trait Postman: Send + Sync {
    /// Hands one letter over. Has a deadline of its own.
    async fn send(&self, id: MailId, recipient: &EmailAddress, letter: &Letter) -> Result<(), PostError>;
}

/// Carries nothing: for commands, which send no mail.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPostman;

#[async_trait]
impl Postman for NoPostman {
    async fn send(&self, _: MailId, _: &EmailAddress, _: &Letter) -> Result<(), PostError> {
        Err(PostError::Later("this process sends no mail".to_owned()))
    }
}
