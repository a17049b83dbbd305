//! The port for accounts.

use async_trait::async_trait;

use super::{EmailKey, ExternalIdentity, NewUser, PasswordChange, User, UserContext};
use crate::audit::AuditEvent;
use crate::credential::PasswordHash;
use crate::mail::NewMail;
use crate::store::{Inserted, Saved};
use crate::{StoreError, UserId};

/// Which users to list.
#[derive(Clone, Debug, Default)]
pub struct UserQuery {
    /// Only users made after this one (the last of the page before).
    pub after: Option<UserId>,
    /// Only users whose e-mail or name contains this, whatever the case. `%` and `_` stand for themselves.
    pub search: Option<String>,
    /// At most so many.
    pub limit: u32,
}

/// Accounts. Each method is atomic.
#[async_trait]
pub trait UserStore: Send + Sync {
    /// Makes the account, its identity, its first team and domain, its first code with its mail and the audit line, or
    /// nothing at all.
    /// `Taken` when the e-mail or the identity belongs to somebody.
    async fn insert_user(&self, new: &NewUser, audit: &AuditEvent) -> Result<Inserted, StoreError>;

    /// The user with that id.
    async fn find_user(&self, id: UserId) -> Result<Option<User>, StoreError>;

    /// The user with that e-mail, whatever its spelling.
    async fn find_user_by_email(&self, email: &EmailKey) -> Result<Option<User>, StoreError>;

    /// The user an outside identity belongs to.
    async fn find_user_by_identity(&self, identity: &ExternalIdentity) -> Result<Option<User>, StoreError>;

    /// Gives a user one more outside identity. `Taken` when it belongs to somebody, them included.
    async fn link_identity(
        &self,
        user: UserId,
        identity: &ExternalIdentity,
        audit: &AuditEvent,
    ) -> Result<Inserted, StoreError>;

    /// The user with their active teams and domains.
    async fn find_context(&self, id: UserId) -> Result<Option<UserContext>, StoreError>;

    /// Writes all of the user but `created_at` and `last_signin_at`, if the stored version is still
    /// `user.version`; stores `user.version + 1` and a change line. A user saved as disabled loses every session; one
    /// saved with another address loses every code. `signed_out_at` and `password_changed_at` are not written.
    async fn save_user(&self, user: &User, audit: &AuditEvent) -> Result<Saved, StoreError>;

    /// Puts `new` in the place of `old` if `old` is still there: a quiet rehash at sign-in, no new version.
    async fn replace_password_hash(
        &self,
        user: UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<bool, StoreError>;

    /// Changes the password of an active user if the proof holds at `audit.at`: a new version, every other session
    /// ended as [`crate::session::EndReason::PasswordChanged`], `password_changed_at` set, `signed_out_at` too unless
    /// a session is kept, every code and grant of the user gone, the notice in the outbox, a change line. False, and
    /// nothing done, when the proof does not hold.
    async fn change_password(&self, change: &PasswordChange<'_>, audit: &AuditEvent) -> Result<bool, StoreError>;

    /// Notes that somebody else wants the address of an account that was never confirmed. When it is, by whomever, its
    /// password goes and its sessions end: the owner of the address chooses a new one by a reset. Nothing happens to
    /// an account whose address is verified.
    async fn contest_sign_up(&self, user: UserId) -> Result<(), StoreError>;

    /// Makes the address count as verified by a pool elsewhere, if it is still that one, with a change line. Nobody
    /// else may have had a hold on the account before: its password goes (`password_changed_at` is `audit.at`) and every
    /// session ends. False, and nothing done, when it is not that address's account, or the address is verified.
    async fn verify_email(&self, user: UserId, email: &EmailKey, audit: &AuditEvent) -> Result<bool, StoreError>;

    /// Removes the account and all that hangs on it, with a change line; `farewell` goes into the outbox. False when
    /// there was none.
    async fn delete_user(&self, id: UserId, farewell: Option<&NewMail>, audit: &AuditEvent)
    -> Result<bool, StoreError>;

    /// Users in order of creation.
    async fn list_users(&self, query: &UserQuery) -> Result<Vec<User>, StoreError>;
}
