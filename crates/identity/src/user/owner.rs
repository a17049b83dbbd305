//! What the owner of an account proves, beyond a session, before something is done that a thief of it must not do.

use jiff::SignedDuration;
use secrecy::SecretString;

use super::{AccountError, User};
use crate::session::{Caller, Origin};
use crate::user_pool::{OutsidePool, PoolFailure, permitted};
use crate::{Identity, UserId};

/// How long ago somebody whose account has no password may have proved who they are.
pub const RECENT_SIGN_IN: SignedDuration = SignedDuration::from_mins(10);

impl Identity {
    /// The caller's account as it is now.
    pub(super) async fn find_caller(&self, caller: &Caller) -> Result<User, AccountError> {
        let found = self.store.find_user(caller.context.user.id).await?;
        found.filter(User::is_active).ok_or(AccountError::SignInAgain)
    }

    /// The caller's account as it is now, if they know its password or, where it has none, signed in a moment ago.
    pub(super) async fn require_owner(
        &self,
        caller: &Caller,
        password: Option<&SecretString>,
        origin: &Origin,
    ) -> Result<User, AccountError> {
        let user = self.find_caller(caller).await?;
        let has_password = match self.user_pool.outside() {
            None => user.password_hash.is_some(),
            Some(pool) => self.has_password_at(pool, user.id).await?,
        };
        if has_password {
            let missing = || AccountError::refused("password", "the password is needed for this");
            self.require_password(&user, password.ok_or_else(missing)?, origin).await?;
        } else if caller.authenticated_at.is_none_or(|at| self.clock.now().duration_since(at) > RECENT_SIGN_IN) {
            return Err(AccountError::SignInAgain);
        }
        Ok(user)
    }

    /// Whether an account has a password at the pool. One that is gone, or that Doorward may not look up, is asked for it.
    async fn has_password_at(&self, pool: &dyn OutsidePool, user: UserId) -> Result<bool, AccountError> {
        let Some(subject) = self.pool_subject(pool, user).await? else { return Ok(false) };
        let therefore = "whoever comes to the pool by a provider is asked for a password, too";
        let found = permitted(pool.find(&subject).await, therefore).map_err(PoolFailure::from)?;
        Ok(found.flatten().is_none_or(|account| account.has_password))
    }
}
