//! Which letter brings which code.

use doorward_identity::code::CodePurpose;
use doorward_identity::mail::LetterKind;

/// The letter that brings a code for that purpose.
pub(crate) const fn letter_of(purpose: CodePurpose) -> LetterKind {
    match purpose {
        CodePurpose::EmailVerification => LetterKind::ConfirmEmail,
        CodePurpose::PasswordReset => LetterKind::ResetPassword,
        CodePurpose::EmailChange => LetterKind::ConfirmNewEmail,
    }
}
