//! The port for accounts.

use async_trait::async_trait;

use super::{EmailKey, ExternalIdentity, NewUser, User, UserContext};
use crate::audit::AuditEvent;
use crate::credential::PasswordHash;
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
    /// Makes the account, its identity, its first team and domain and the audit line, or nothing at all.
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
    /// `user.version`; stores `user.version + 1` and a change line. A user saved as disabled loses every session.
    async fn save_user(&self, user: &User, audit: &AuditEvent) -> Result<Saved, StoreError>;

    /// Puts `new` in the place of `old` if `old` is still there: a quiet rehash at sign-in, no new version.
    async fn replace_password_hash(
        &self,
        user: UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<bool, StoreError>;

    /// Removes the account and all that hangs on it, with a change line. False when there was none.
    async fn delete_user(&self, id: UserId, audit: &AuditEvent) -> Result<bool, StoreError>;

    /// Users in order of creation.
    async fn list_users(&self, query: &UserQuery) -> Result<Vec<User>, StoreError>;
}
