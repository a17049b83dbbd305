//! Secrets that are kept elsewhere: how a setting refers to one, reading it, and taking another up when it is replaced.
//!
//! ```text
//! Reference ─ Reader (file, AWS Secrets Manager) ─ Snapshot ─┬→ Vault           what the configuration is made with
//!                                                            ├→ Live            a secret in use
//!                                                            └→ DatabaseSignIn  name and password of the database
//! Rounds: everything in use is read again now and then
//! ```
//!
//! Nothing here shows a secret: messages tell where it is kept.

mod database;
mod file;
mod live;
mod manager;
mod pace;
mod reader;
mod reference;
mod rounds;
mod vault;
mod version;

use std::fmt;

pub(crate) use self::database::{DatabaseSignIn, Part, Parts};
pub(crate) use self::reference::Reference;
pub(crate) use self::rounds::Rounds;
pub(crate) use self::vault::Vault;
pub(crate) use self::version::Stage;

/// The shared secret of tokens, which is not presented to anybody: the domain is told when there is another, and for how
/// long the one before counts.
const SHARED: &str = "tokens.secret";

/// Why a reference gives no secret, and what to do. Told behind the reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable {
    /// What is wrong, with the reference as its subject.
    pub(crate) what: String,
    /// What to do.
    pub(crate) hint: String,
}

impl Unreadable {
    fn new(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { what: what.into(), hint: hint.into() }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.what, self.hint)
    }
}
