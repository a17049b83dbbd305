//! The name and password a database is signed in to with, where they may change while Doorward runs.

use async_trait::async_trait;
use secrecy::SecretString;

/// What a database is signed in to with.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The name; `None` leaves the one of the database's address.
    pub username: Option<String>,
    /// The password.
    pub password: SecretString,
}

/// Credentials cannot be read. The message names the setting and where it points to, and says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CredentialError(pub String);

/// Where credentials come from. A store asks once when it opens, and again whenever the database refuses the ones it
/// has: that is how it hears of a rotation, whoever began it.
#[async_trait]
pub trait CredentialSource: Send + Sync {
    /// What to sign in with, as far as is known here.
    async fn current(&self) -> Result<Credentials, CredentialError>;

    /// What to sign in with now that the database refused `refused`: read anew, the one that is only about to be
    /// promoted included. `None` when there is none the database has not refused.
    async fn after_refusal(&self, refused: &Credentials) -> Result<Option<Credentials>, CredentialError>;

    /// Where they come from, in the operator's words: `store.password (aws-sm://app/db#password)`.
    fn origin(&self) -> String;
}
