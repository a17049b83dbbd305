//! Who keeps the passwords: Doorward's own store, or a user pool elsewhere.

mod account;
mod administer;
mod failure;
mod model;
mod port;
mod sign_up;

use std::sync::Arc;

pub(crate) use account::{RecordError, Recorded};
pub use administer::{Standing, UserPoolReport};
pub use failure::PoolFailure;
pub(crate) use failure::{ENDS_HERE_ONLY, permitted};
pub use model::{Challenge, PoolAccount, PoolPage, PoolSignUp, PoolSignedIn, PoolTokens};
pub use port::{OutsidePool, PoolError};

/// Who keeps the passwords.
#[derive(Clone)]
pub enum UserPool {
    /// Doorward.
    Local,
    /// Doorward; whoever still has their password only in the former pool moves over with their next right one.
    Leaving(Arc<dyn OutsidePool>),
    /// The pool elsewhere. The store keeps no password and no code that confirms a sign-up.
    Outside(Arc<dyn OutsidePool>),
}

impl UserPool {
    /// The pool that keeps the passwords, if it is not Doorward.
    pub fn outside(&self) -> Option<&dyn OutsidePool> {
        match self {
            Self::Outside(pool) => Some(&**pool),
            Self::Local | Self::Leaving(_) => None,
        }
    }

    /// The pool that people leave.
    pub fn former(&self) -> Option<&dyn OutsidePool> {
        match self {
            Self::Leaving(pool) => Some(&**pool),
            Self::Local | Self::Outside(_) => None,
        }
    }

    /// Any pool elsewhere that people of this installation have accounts in.
    pub fn elsewhere(&self) -> Option<&dyn OutsidePool> {
        self.outside().or_else(|| self.former())
    }
}
