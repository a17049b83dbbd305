//! Making codes: the digits, what the store keeps of them, and the mail that brings them.

use super::{CODE_ATTEMPTS, CODE_TTL, CodeDigits, CodePurpose, NewCode};
use crate::fault::Internal;
use crate::mail::Letter;
use crate::user::EmailAddress;
use crate::{Identity, UserId};

impl Identity {
    /// A code for the account with that address; its mail goes to `new_email` where that is given.
    pub(crate) fn new_code(
        &self,
        user: UserId,
        email: &EmailAddress,
        purpose: CodePurpose,
        new_email: Option<EmailAddress>,
    ) -> Result<NewCode, Internal> {
        let digits = CodeDigits::random(&*self.entropy);
        let mail =
            self.new_mail(Some(user), new_email.as_ref().unwrap_or(email), &letter(purpose, &digits), CODE_TTL)?;
        Ok(NewCode {
            user,
            purpose,
            digest: digits.digest(&self.keyring.sealing, user, purpose),
            new_email,
            attempts: CODE_ATTEMPTS,
            expires_at: mail.expires_at,
            mail,
        })
    }
}

fn letter(purpose: CodePurpose, digits: &CodeDigits) -> Letter {
    let code = digits.expose().to_owned();
    match purpose {
        CodePurpose::EmailVerification => Letter::ConfirmEmail { code },
        CodePurpose::PasswordReset => Letter::ResetPassword { code },
        CodePurpose::EmailChange => Letter::ConfirmNewEmail { code },
    }
}
