//! The surfaces: the five systems' ways in, over one account model.

use serde::{Deserialize, Serialize};

/// Which system's contract a call came through. Decides claims, lives and wording, never who a person is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Surface {
    /// System 0: sign-in through a provider, cookie sessions.
    Hosted,
    /// System 1: accounts with e-mailed codes.
    Accounts,
    /// System 2: e-mail and password (`/api/auth`).
    Signin,
    /// System 3: identity for microservices (`/auth`).
    Directory,
}

impl Surface {
    /// The name in tokens, logs, metrics and the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hosted => "hosted",
            Self::Accounts => "accounts",
            Self::Signin => "signin",
            Self::Directory => "directory",
        }
    }

    /// The surface of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Hosted, Self::Accounts, Self::Signin, Self::Directory]
            .into_iter()
            .find(|surface| surface.as_str() == name)
    }
}
