//! Confirming the address of an account with the mailed code.

use super::{AccountError, EmailAddress, User};
use crate::Identity;
use crate::code::{CodeEffect, CodePurpose, Guess, read_digits};
use crate::session::Origin;
use crate::user_pool::{OutsidePool, PoolAccount, PoolError, PoolFailure, permitted};

/// A code that somebody typed, and the address it went to.
pub struct CodePresented<'r> {
    /// The address as typed.
    pub email: &'r str,
    /// The code as typed.
    pub code: &'r str,
    /// From where.
    pub origin: Origin,
}

impl Identity {
    /// Makes an address count as verified.
    pub async fn verify_email(&self, presented: CodePresented<'_>) -> Result<(), AccountError> {
        let digits = read_digits(presented.code)?;
        let email = read_email("email", presented.email)?;
        let user = self.store.find_user_by_email(email.key()).await?;
        let purpose = CodePurpose::EmailVerification;
        let guess = Guess { user: user.as_ref(), email: &email, purpose, origin: &presented.origin };
        let Some(pool) = self.user_pool.outside() else {
            return self.redeem(guess, &digits, CodeEffect::VerifyEmail).await.map(|_| ());
        };
        let email = as_recorded(user.as_ref(), &email);
        let confirmed = async {
            match confirm(pool, email, digits.expose()).await {
                // A pool may say so of an address that nobody has: that must not tell it from one that somebody has.
                Err(AccountError::LateCode) if guess.user.is_none() => Err(AccountError::BadCode),
                judged => judged,
            }
        };
        self.count_guess(guess, confirmed).await?;
        if let Err(error) = self.note_confirmed(pool, email).await {
            tracing::warn!(%error, "address confirmed at the user pool only; the next sign-in notes it here");
        }
        Ok(())
    }

    /// Notes here what the pool has confirmed, in a record that is made where it is missing.
    async fn note_confirmed(&self, pool: &dyn OutsidePool, email: &EmailAddress) -> Result<(), AccountError> {
        let therefore = "an address is noted here as confirmed only when its owner signs in";
        let found = permitted(pool.find(email.as_str()).await, therefore).map_err(PoolFailure::from)?;
        if let Some(account) = found.flatten() {
            let account = PoolAccount { email_verified: true, ..account };
            self.record_of::<AccountError>(pool, &account).await?;
        }
        Ok(())
    }
}

pub(super) fn read_email(field: &'static str, typed: &str) -> Result<EmailAddress, AccountError> {
    typed.parse().map_err(|error| AccountError::refused(field, error))
}

/// An address as its record spells it, where there is one: a pool may take another case for another address.
pub(crate) fn as_recorded<'a>(user: Option<&'a User>, typed: &'a EmailAddress) -> &'a EmailAddress {
    user.map_or(typed, |user| &user.email)
}

async fn confirm(pool: &dyn OutsidePool, email: &EmailAddress, code: &str) -> Result<(), AccountError> {
    pool.confirm_sign_up(email, code).await.map_err(|error| match error {
        PoolError::WrongCode | PoolError::UnknownUser | PoolError::AlreadyConfirmed => AccountError::BadCode,
        PoolError::LateCode => AccountError::LateCode,
        other => PoolFailure::from(other).into(),
    })
}
