//! Deleting one's own account.

use secrecy::SecretString;

use super::{AccountError, Role};
use crate::Identity;
use crate::audit::{AuditAction, AuditActor};
use crate::change::ChangeSubject;
use crate::mail::{Letter, NOTICE_LIFE};
use crate::session::{Caller, Origin};

impl Identity {
    /// Deletes the caller's account and all that hangs on it, here and in a pool elsewhere: else the same password
    /// would make it anew. A farewell goes to its address.
    pub async fn delete_own_account(
        &self,
        caller: &Caller,
        password: Option<&SecretString>,
        origin: Origin,
    ) -> Result<(), AccountError> {
        let user = self.require_owner(caller, password, &origin).await?;
        if user.has_role(Role::ADMIN) {
            return Err(AccountError::OwnAccess);
        }
        self.delete_there::<AccountError>(user.id).await?;
        // About nobody by the time it is sent.
        let farewell = self.new_mail(None, &user.email, &Letter::AccountDeleted, NOTICE_LIFE)?;
        let audit = self.audit(AuditActor::User(user.id), AuditAction::UserLeft, user.id, None, &origin);
        self.store.delete_user(user.id, Some(&farewell), &audit).await?;
        self.live.apply(ChangeSubject::User(user.id));
        self.mail_was_put();
        tracing::info!(user.id = %user.id, request_id = origin.request_id.as_deref(), "account deleted by its owner");
        Ok(())
    }
}
