//! A password that somebody chose instead of theirs, judged by the rule of the accounts surface.

use secrecy::SecretString;

use super::AccountError;
use crate::credential::normalize;
use crate::fault::FieldFault;
use crate::user_pool::{PoolError, PoolFailure};
use crate::{Identity, Surface};

/// The field it is asked for in.
const FIELD: &str = "new_password";

impl Identity {
    /// The password as it is kept, if it is good enough for whoever has that address. An empty address asks nothing
    /// of anybody's.
    pub(super) fn judge_new_password(&self, typed: &SecretString, email: &str) -> Result<SecretString, AccountError> {
        let password = normalize(typed);
        let rule = &self.settings.surface(Surface::Accounts).password_rule;
        let faults = rule.faults(&password, email, self.settings.documented_password.as_deref());
        if faults.is_empty() {
            return Ok(password);
        }
        Err(AccountError::Refused(faults.into_iter().map(|fault| FieldFault::new(FIELD, fault)).collect()))
    }
}

/// What a pool has against it.
pub(super) fn refused_by_pool(error: PoolError) -> AccountError {
    match error {
        PoolError::WeakPassword(fault) => AccountError::refused(FIELD, fault),
        PoolError::BadInput(field, fault) => AccountError::refused(field, fault),
        other => PoolFailure::from(other).into(),
    }
}
