//! Writing letters: sealed as they lie in the outbox, and opened again to be sent.

use jiff::{SignedDuration, Timestamp};
use secrecy::zeroize::Zeroizing;

use super::{Letter, MailId, NewMail, QueuedMail};
use crate::fault::Internal;
use crate::user::EmailAddress;
use crate::{Identity, UserId};

/// How long a notice says something true: that something happened.
pub(crate) const NOTICE_LIFE: SignedDuration = SignedDuration::from_hours(24 * 7);

impl Identity {
    /// A mail for the outbox, to be sent within `life`.
    pub(crate) fn new_mail(
        &self,
        user: Option<UserId>,
        recipient: &EmailAddress,
        letter: &Letter,
        life: SignedDuration,
    ) -> Result<NewMail, Internal> {
        let created_at = self.clock.now();
        let id = MailId::new(created_at, &*self.entropy);
        let plain = Zeroizing::new(serde_json::to_vec(letter).map_err(Internal::new)?);
        let sealed = self.keyring.sealing.seal(&place(id), &plain, &*self.entropy);
        Ok(NewMail {
            id,
            user,
            kind: letter.kind(),
            recipient: recipient.clone(),
            sealed_letter: sealed.map_err(Internal::new)?,
            created_at,
            expires_at: created_at.checked_add(life).unwrap_or(Timestamp::MAX),
        })
    }

    /// The letter of a mail.
    pub(super) fn open_letter(&self, mail: &QueuedMail) -> Result<Letter, Internal> {
        let plain = self.keyring.sealing.open(&place(mail.id), &mail.sealed_letter).map_err(Internal::new)?;
        serde_json::from_slice(&plain).map_err(Internal::new)
    }
}

fn place(id: MailId) -> String {
    format!("mail {id}")
}
