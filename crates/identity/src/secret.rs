//! A secret that Doorward presents to another party, and that may be replaced while Doorward runs.

use std::fmt::Debug;

use async_trait::async_trait;
use secrecy::SecretString;

/// Where such a secret comes from. Whoever presents it asks each time, and again when the other party refuses it.
#[async_trait]
pub trait SecretSource: Debug + Send + Sync {
    /// The secret, as far as is known here.
    fn current(&self) -> SecretString;

    /// Another than `refused`, which the other party does not take; nothing where there is none.
    async fn after_refusal(&self, refused: &SecretString) -> Option<SecretString>;
}

/// One that is never replaced.
#[async_trait]
impl SecretSource for SecretString {
    fn current(&self) -> SecretString {
        self.clone()
    }

    async fn after_refusal(&self, _: &SecretString) -> Option<SecretString> {
        None
    }
}
