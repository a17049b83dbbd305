//! The surfaces: the ways in, each with the contract of a system that Doorward stands in for, over one account model.

use serde::{Deserialize, Serialize};

/// Whose contract a call came through. Decides claims, lives and wording, never who a person is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Surface {
    /// Sign-in through a provider's page, cookie sessions.
    Hosted,
    /// Accounts with e-mailed codes.
    Accounts,
    /// E-mail and password (`/api/auth`).
    Signin,
    /// Identity for microservices (`/auth`).
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
