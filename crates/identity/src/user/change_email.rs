//! Another address for an account: confirmed with a code that goes there, announced to the former one.

use secrecy::SecretString;

use super::verify_email::read_email;
use super::{AccountError, EmailAddress, User};
use crate::audit::{AuditAction, AuditActor};
use crate::change::ChangeSubject;
use crate::code::{CodeEffect, CodePurpose, Guess, read_digits};
use crate::fault::Internal;
use crate::mail::{Letter, NOTICE_LIFE};
use crate::session::{Caller, Origin};
use crate::store::Saved;
use crate::throttle::ThrottleKey;
use crate::user_pool::{OutsidePool, PoolError, PoolFailure};
use crate::{Identity, UserId};

/// How often an account that others write at the same time is read again.
const TRIES: usize = 5;

/// A wish for another address.
pub struct EmailChangeWish<'r> {
    /// The new address as typed.
    pub new_email: &'r str,
    /// The current password as typed; none for an account without one.
    pub password: Option<&'r SecretString>,
    /// From where.
    pub origin: Origin,
}

impl Identity {
    /// Mails a code to the new address. That another account has it is not told here.
    pub async fn request_email_change(&self, caller: &Caller, wish: EmailChangeWish<'_>) -> Result<(), AccountError> {
        let new_email = read_email("new_email", wish.new_email)?;
        let user = self.require_owner(caller, wish.password, &wish.origin).await?;
        if new_email.key() == user.email.key() {
            return Err(AccountError::refused("new_email", "this is the address of the account already"));
        }
        let purpose = CodePurpose::EmailChange;
        for key in [ThrottleKey::of_mail_by(user.id), ThrottleKey::of_mail_to(&new_email, CodePurpose::EmailChange)] {
            self.admit(&key).await?.map_err(|retry_after_s| self.refuse_code(purpose, retry_after_s))?;
        }
        let taken = self.store.find_user_by_email(new_email.key()).await?.is_some();
        let mut code = self.new_code(user.id, &user.email, purpose, Some(new_email))?;
        if taken {
            // The code takes the place of the last one as any other would, but nobody will ever read it.
            code.mail.expires_at = code.mail.created_at;
        }
        self.issue(&code, &wish.origin).await?;
        tracing::info!(user.id = %user.id, request_id = wish.origin.request_id.as_deref(), "change of address asked for");
        Ok(())
    }

    /// Gives the account the address that the code went to.
    pub async fn confirm_email_change(&self, caller: &Caller, code: &str, origin: Origin) -> Result<(), AccountError> {
        let digits = read_digits(code)?;
        let user = self.find_caller(caller).await?;
        let guess = Guess { user: Some(&user), email: &user.email, purpose: CodePurpose::EmailChange, origin: &origin };
        let there = match self.user_pool.outside() {
            Some(pool) => self.pool_subject(pool, user.id).await?.map(|subject| (pool, subject)),
            None => None,
        };
        let notice = self.new_mail(Some(user.id), &user.email, &Letter::EmailChanged, NOTICE_LIFE)?;
        match there {
            None => self.redeem(guess, &digits, CodeEffect::ChangeEmail { notice }).await.map(|_| ())?,
            Some((pool, subject)) => {
                let new_email = self.redeem(guess, &digits, CodeEffect::UseUp).await?.ok_or(AccountError::BadCode)?;
                self.set_email_at(pool, &subject, &new_email).await?;
                self.store.put_mail(&notice).await?;
                self.set_email_here(&user, &new_email, &origin).await?;
            }
        }
        self.live.apply(ChangeSubject::User(user.id));
        self.mail_was_put();
        tracing::info!(user.id = %user.id, request_id = origin.request_id.as_deref(), "address changed");
        Ok(())
    }

    /// Changes the address at the pool, unless another account here has it.
    async fn set_email_at(
        &self,
        pool: &dyn OutsidePool,
        subject: &str,
        new_email: &EmailAddress,
    ) -> Result<(), AccountError> {
        if self.store.find_user_by_email(new_email.key()).await?.is_some() {
            return Err(AccountError::Taken);
        }
        let told = match pool.set_email(subject, new_email).await {
            Err(PoolError::Taken) if self.free_address_there::<AccountError>(pool, new_email).await? => {
                pool.set_email(subject, new_email).await
            }
            told => told,
        };
        told.map_err(|error| match error {
            PoolError::Taken => AccountError::Taken,
            other => PoolFailure::from(other).into(),
        })
    }

    /// Writes the address that the pool has by now.
    async fn set_email_here(&self, user: &User, new_email: &EmailAddress, origin: &Origin) -> Result<(), AccountError> {
        let id: UserId = user.id;
        for _ in 0..TRIES {
            let mut user = self.store.find_user(id).await?.ok_or(AccountError::SignInAgain)?;
            let now = self.clock.now();
            (user.email, user.email_verified_at, user.updated_at) = (new_email.clone(), Some(now), now);
            let audit = self.audit(AuditActor::User(id), AuditAction::EmailChanged, id, None, origin);
            match self.store.save_user(&user, &audit).await? {
                Saved::Saved => return Ok(()),
                Saved::Taken => return Err(AccountError::Taken),
                Saved::Stale => {}
            }
        }
        Err(Internal::new("the account is written all the time").into())
    }
}
