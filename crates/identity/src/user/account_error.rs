//! Why somebody's wish about their own account was not done: one error for all of these services.

use crate::StoreError;
use crate::credential::{HasherError, Overloaded};
use crate::fault::{FieldFault, Internal};
use crate::user_pool::PoolFailure;

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Something typed is no good; all of it is named.
    #[error("{}", crate::fault::sentence(.0))]
    Refused(Vec<FieldFault>),
    /// Not that code: wrong, used, none there, or of an address that no account has. One answer for all.
    #[error("the code is wrong")]
    BadCode,
    /// The right code, but too old.
    #[error("the code is too old")]
    LateCode,
    /// The token for the reset does not count, or no more.
    #[error("the reset token is not valid")]
    BadResetToken,
    /// The current password is not that one.
    #[error("the current password is wrong")]
    WrongPassword,
    /// The account has no password, and its owner did not sign in recently enough to do without.
    #[error("sign in again first")]
    SignInAgain,
    /// The address belongs to another account.
    #[error("the e-mail address is taken")]
    Taken,
    /// Administrators do not delete themselves.
    #[error("administrators do not give up their own access; another one does it for them")]
    OwnAccess,
    /// Too many attempts.
    #[error("too many attempts; try again in {retry_after_s} seconds")]
    Throttled {
        /// Seconds until the next attempt counts.
        retry_after_s: u64,
    },
    /// Too many passwords are being hashed.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// The user pool elsewhere did not do it.
    #[error(transparent)]
    Pool(#[from] PoolFailure),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Doorward itself.
    #[error(transparent)]
    Internal(#[from] Internal),
}

impl AccountError {
    /// One field that is no good.
    pub(crate) fn refused(field: &'static str, message: impl std::fmt::Display) -> Self {
        Self::Refused(vec![FieldFault::new(field, message)])
    }
}

impl From<HasherError> for AccountError {
    fn from(error: HasherError) -> Self {
        match error {
            HasherError::Overloaded(overloaded) => Self::Overloaded(overloaded),
            other => Self::Internal(Internal::new(other)),
        }
    }
}
