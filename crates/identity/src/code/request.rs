//! Asking for a code, which anybody may do for any address: the answer and the work are the same whether an account
//! has it or not.

use super::CodePurpose;
use crate::audit::{AuditAction, AuditActor};
use crate::session::Origin;
use crate::throttle::{Throttle, ThrottleKey};
use crate::user::{AccountError, EmailAddress, User, as_recorded};
use crate::user_pool::{OutsidePool, PoolError, PoolFailure, permitted};
use crate::{Identity, StoreError, UserId};

/// A wish for a code.
pub struct RequestCode<'r> {
    /// The address as typed.
    pub email: &'r str,
    /// What for.
    pub purpose: CodePurpose,
    /// From where.
    pub origin: Origin,
}

impl Identity {
    /// Mails a code, if an account has the address and has a use for the code.
    pub async fn request_code(&self, request: RequestCode<'_>) -> Result<(), AccountError> {
        let email: EmailAddress = request.email.parse().map_err(|error| AccountError::refused("email", error))?;
        // Each request counts like a failure from there: whoever asks for codes for many addresses is stopped.
        let address = request.origin.address;
        if let Some(retry_after_s) = self.wait_from(address).or_else(|| self.failed_from(address)) {
            return Err(self.refuse_code(request.purpose, retry_after_s));
        }
        let counted = self.admit_code_request(&email, request.purpose).await?;
        counted.map_err(|retry_after_s| self.refuse_code(request.purpose, retry_after_s))?;
        if request.purpose == CodePurpose::EmailVerification
            && let Some(pool) = self.user_pool.outside()
        {
            let user = self.store.find_user_by_email(email.key()).await?;
            return resend(pool, as_recorded(user.as_ref(), &email)).await;
        }
        let user = match self.user_pool.elsewhere() {
            Some(pool) if request.purpose == CodePurpose::PasswordReset => self.find_or_adopt(pool, &email).await?,
            _ => self.store.find_user_by_email(email.key()).await?,
        };
        self.send_code(user, &email, &request).await
    }

    /// Counts a mail that somebody asks for to that address, known or not, as [`Identity::admit`].
    pub(crate) async fn admit_code_request(
        &self,
        email: &EmailAddress,
        purpose: CodePurpose,
    ) -> Result<Result<Throttle, u64>, StoreError> {
        self.admit(&ThrottleKey::of_mail_to(email, purpose)).await
    }

    /// A code that is asked for too soon.
    pub(crate) fn refuse_code(&self, purpose: CodePurpose, retry_after_s: u64) -> AccountError {
        self.observer.code(purpose, "throttled");
        AccountError::Throttled { retry_after_s }
    }

    /// Puts a code for the user into the store and its mail into the outbox; for nobody the same without effect.
    async fn send_code(
        &self,
        user: Option<User>,
        typed: &EmailAddress,
        request: &RequestCode<'_>,
    ) -> Result<(), AccountError> {
        let (id, email) = match &user {
            Some(user) if is_of_use(request.purpose, user) => (user.id, &user.email),
            _ => (nobody(), typed),
        };
        let code = self.new_code(id, email, request.purpose, None)?;
        let issued = self.issue(&code, &request.origin).await?;
        let request_id = request.origin.request_id.as_deref();
        tracing::info!(request_id, purpose = request.purpose.as_str(), issued, "code asked for");
        Ok(())
    }

    /// Stores a code and wakes whoever sends its mail.
    pub(crate) async fn issue(&self, code: &super::NewCode, origin: &Origin) -> Result<bool, StoreError> {
        let (user, purpose) = (code.user, code.purpose);
        let detail = Some(purpose.as_str().to_owned());
        // Anybody may ask for the others.
        let actor = if purpose == CodePurpose::EmailChange { AuditActor::User(user) } else { AuditActor::System };
        let audit = self.audit(actor, AuditAction::CodeIssued, user, detail, origin);
        let issued = self.store.issue_code(code, &audit).await?;
        self.observer.code(purpose, if issued { "issued" } else { "unknown" });
        self.mail_was_put();
        Ok(issued)
    }

    /// The account with that address. One that only the pool has gets its record first. The pool is asked in any case,
    /// so that this takes the same time for every address. One whose record has another address does not count: its
    /// owner's mail goes there when they ask for it, and whoever else may have this one can sign up.
    async fn find_or_adopt(&self, pool: &dyn OutsidePool, email: &EmailAddress) -> Result<Option<User>, AccountError> {
        let there = match permitted(pool.find(email.as_str()).await, "only accounts known here can be reset") {
            Ok(there) => there.flatten(),
            Err(error) if self.user_pool.outside().is_some() => return Err(PoolFailure::from(error).into()),
            Err(error) => {
                // Whoever moved over does not depend on the former pool any more.
                tracing::warn!(%error, "the former user pool cannot be asked who has an account there");
                None
            }
        };
        match (self.store.find_user_by_email(email.key()).await?, there) {
            (None, Some(account)) => {
                if self.user_pool.outside().is_some() && self.free_address::<AccountError>(pool, &account).await? {
                    return Ok(None);
                }
                let user: Option<User> = self.record_of::<AccountError>(pool, &account).await?;
                Ok(user.filter(|user| user.email.key() == email.key()))
            }
            (here, _) => Ok(here),
        }
    }
}

/// Nobody's id: what is done for it has no effect, but costs the same.
pub(crate) const fn nobody() -> UserId {
    UserId::from_uuid(uuid::Uuid::nil())
}

/// Whether the user has anything to do with a code for that purpose.
fn is_of_use(purpose: CodePurpose, user: &User) -> bool {
    match purpose {
        CodePurpose::EmailVerification => user.email_verified_at.is_none(),
        CodePurpose::PasswordReset => true,
        // Only their owner asks for these, elsewhere.
        CodePurpose::EmailChange => false,
    }
}

/// Has the pool mail its code once more. That there is nothing to confirm is not told.
async fn resend(pool: &dyn OutsidePool, email: &EmailAddress) -> Result<(), AccountError> {
    match pool.resend_code(email).await {
        Ok(()) | Err(PoolError::UnknownUser | PoolError::AlreadyConfirmed) => Ok(()),
        Err(error) => Err(PoolFailure::from(error).into()),
    }
}
