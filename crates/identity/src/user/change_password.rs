//! A new password for whoever knows the current one. All other sessions end, and the owner hears of it.

use secrecy::SecretString;

use super::new_password::refused_by_pool;
use super::{AccountError, PasswordChange, PasswordProof};
use crate::Identity;
use crate::audit::{AuditAction, AuditActor};
use crate::change::ChangeSubject;
use crate::mail::{Letter, NOTICE_LIFE};
use crate::session::{Caller, Origin};
use crate::user_pool::{ENDS_HERE_ONLY, PoolFailure, permitted};

/// A wish for another password.
pub struct PasswordChangeWish<'r> {
    /// The current one as typed.
    pub current: &'r SecretString,
    /// The new one as typed.
    pub new: &'r SecretString,
    /// From where.
    pub origin: Origin,
}

impl Identity {
    /// Changes the caller's password. Their session goes on, unless a pool elsewhere keeps the passwords: there all
    /// sessions end or none.
    pub async fn change_own_password(&self, caller: &Caller, wish: PasswordChangeWish<'_>) -> Result<(), AccountError> {
        let user = self.find_caller(caller).await?;
        let password = self.judge_new_password(wish.new, user.email.as_str())?;
        self.require_password(&user, wish.current, &wish.origin).await?;
        let new_hash = match self.user_pool.outside() {
            None => Some(self.hasher.hash(password, wish.origin.address).await?),
            Some(pool) => {
                let subject = self.pool_subject(pool, user.id).await?.ok_or(AccountError::WrongPassword)?;
                pool.set_password(&subject, &password).await.map_err(refused_by_pool)?;
                permitted(pool.sign_out_everywhere(&subject).await, ENDS_HERE_ONLY).map_err(PoolFailure::from)?;
                None
            }
        };
        let proof = match (&new_hash, &user.password_hash) {
            (None, _) => PasswordProof::Pool,
            (Some(_), Some(current)) => PasswordProof::Current(current),
            (Some(_), None) => return Err(AccountError::WrongPassword),
        };
        let notice = self.new_mail(Some(user.id), &user.email, &Letter::PasswordChanged, NOTICE_LIFE)?;
        let keep = caller.session.filter(|_| new_hash.is_some());
        let change = PasswordChange { user: user.id, proof, new_hash: new_hash.as_ref(), keep, notice: &notice };
        let audit = self.audit(AuditActor::User(user.id), AuditAction::PasswordChanged, user.id, None, &wish.origin);
        // Not done when somebody else changed it since: then the current one is another by now.
        if !self.store.change_password(&change, &audit).await? {
            return Err(AccountError::WrongPassword);
        }
        self.live.apply(ChangeSubject::User(user.id));
        self.mail_was_put();
        tracing::info!(user.id = %user.id, request_id = wish.origin.request_id.as_deref(), "password changed");
        Ok(())
    }
}
