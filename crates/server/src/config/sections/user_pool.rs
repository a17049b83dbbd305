//! Who keeps the passwords.

use secrecy::SecretString;

use super::super::mistake::Mistake;
use super::super::values::Values;
use super::choice::choice;

choice! {
    /// Who keeps the passwords.
    PoolKind {
        /// Doorward's own store.
        Local = "local",
        /// A Cognito user pool.
        Cognito = "cognito",
    }
}

/// The user pool.
#[derive(Clone, Debug)]
#[cfg_attr(not(test), expect(dead_code, reason = "Cognito pools come with the accounts surface"))]
pub(crate) struct UserPool {
    /// Who keeps the passwords.
    pub(crate) kind: PoolKind,
    /// The pool people move over from.
    pub(crate) migrate_from: Option<PoolKind>,
    /// Id of the Cognito pool.
    pub(crate) pool_id: Option<String>,
    /// Id of the client there.
    pub(crate) client_id: Option<String>,
    /// Secret of the client there.
    pub(crate) client_secret: Option<SecretString>,
    /// AWS region.
    pub(crate) region: Option<String>,
}

impl UserPool {
    pub(super) fn read(values: &Values) -> Result<Self, Mistake> {
        Ok(Self {
            kind: values.one("user_pool.kind")?,
            migrate_from: values.maybe("user_pool.migrate_from")?,
            pool_id: values.maybe("user_pool.pool_id")?,
            client_id: values.maybe("user_pool.client_id")?,
            client_secret: values.secret("user_pool.client_secret"),
            region: values.maybe("user_pool.region")?,
        })
    }
}
