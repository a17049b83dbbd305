//! What the surfaces say differently about the same thing: statuses and words, as the systems they stand in for
//! promised them. Knows no service.

use http::StatusCode;

/// Whose promises an answer keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contract {
    /// Sign-in through a provider's page, `/api/v1/auth` and `/api/v1/users`.
    Hosted,
    /// Accounts with codes by e-mail, `/api/v1/auth` and `/api/v1/users`.
    Accounts,
    /// E-mail and password, `/api/auth`.
    Signin,
    /// Identity for microservices, `/auth`, `/teams` and `/domains`.
    Directory,
    /// `/admin/v1`.
    Administration,
}

impl Contract {
    /// The status of a body whose members are missing, of the wrong type or no good.
    pub(crate) const fn bad_input(self) -> StatusCode {
        match self {
            Self::Hosted | Self::Accounts | Self::Signin => StatusCode::BAD_REQUEST,
            Self::Directory | Self::Administration => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    /// Whether a member nobody knows is refused. The old systems' clients may send more than is asked for.
    pub(crate) const fn refuses_unknown_members(self) -> bool {
        matches!(self, Self::Administration)
    }

    /// The one answer to a wrong e-mail and a wrong password.
    pub(crate) const fn bad_credentials(self) -> &'static str {
        match self {
            Self::Hosted | Self::Signin | Self::Administration => "Invalid credentials",
            Self::Accounts => "Invalid email or password",
            Self::Directory => "Incorrect email or password",
        }
    }

    /// The status of signing up with an address that somebody has.
    pub(crate) const fn taken(self) -> StatusCode {
        match self {
            Self::Hosted | Self::Signin | Self::Administration => StatusCode::CONFLICT,
            Self::Accounts | Self::Directory => StatusCode::BAD_REQUEST,
        }
    }
}
