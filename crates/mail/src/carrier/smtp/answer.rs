//! What a failure means: whether the same letter may leave later, and what the operator is told.

use std::error::Error as _;

use doorward_identity::mail::PostError;
use lettre::transport::smtp::Error;

use super::SmtpSettings;
use crate::carrier::{innermost, quote};

/// What was being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Connect,
    Encrypt,
    SignIn,
    Sender,
    Recipient,
    Message,
}

impl Step {
    const fn refused(self) -> &'static str {
        match self {
            Self::Connect => "turned us away",
            Self::Encrypt => "refused to begin TLS",
            Self::SignIn => "refused the user or password of mail.url",
            Self::Sender => "refused the sender",
            Self::Recipient => "refused the recipient",
            Self::Message => "refused the message",
        }
    }

    /// Whether a refusal for good is about this letter, and not about us: our side an operator can mend.
    const fn is_about_the_letter(self) -> bool {
        matches!(self, Self::Recipient | Self::Message)
    }
}

/// Judges what went wrong.
pub(super) fn failure(server: &SmtpSettings, step: Step, error: &Error) -> PostError {
    let Some(code) = error.status() else {
        return PostError::Later(format!("{server}: {}", reason(step, error)));
    };
    let code = u16::from(code);
    let said = error.source().map(|said| quote(&said.to_string())).unwrap_or_default();
    // A server may repeat what it was sent, and to this that was a password.
    let said = if step == Step::SignIn { enhanced_status(&said) } else { &said };
    let text = format!("{server} {}: {code} {said}", step.refused());
    let text = text.trim_end().to_owned();
    if error.is_permanent() && step.is_about_the_letter() && !wants_sign_in(code) {
        PostError::Never(text)
    } else {
        PostError::Later(text)
    }
}

/// RFC 4954, 6: however late a server says so.
const fn wants_sign_in(code: u16) -> bool {
    matches!(code, 530 | 534 | 535 | 538)
}

/// The status at the beginning of an answer (RFC 3463), such as `5.7.8`.
fn enhanced_status(said: &str) -> &str {
    let word = said.split(' ').next().unwrap_or_default();
    let is_status =
        word.len() <= 9 && word.split('.').count() == 3 && word.chars().all(|c| c == '.' || c.is_ascii_digit());
    if is_status { word } else { "" }
}

/// What went wrong where nothing was answered, or nothing that makes sense.
fn reason(step: Step, error: &Error) -> String {
    match step {
        Step::SignIn if error.is_client() => "it offers neither AUTH PLAIN nor AUTH LOGIN".to_owned(),
        Step::SignIn => "the connection failed at the sign-in".to_owned(),
        Step::Encrypt => format!("TLS failed: {}", innermost(error)),
        Step::Connect | Step::Sender | Step::Recipient | Step::Message => {
            format!("the connection failed: {}", innermost(error))
        }
    }
}
