//! The calls of Amazon's API that are made, by its own names.

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    SignUp,
    ConfirmSignUp,
    ResendConfirmationCode,
    InitiateAuth,
    GetTokensFromRefreshToken,
    GetUser,
    RevokeToken,
    AdminGetUser,
    AdminCreateUser,
    AdminSetUserPassword,
    AdminUpdateUserAttributes,
    AdminUserGlobalSignOut,
    AdminDeleteUser,
    ListUsers,
    DescribeUserPool,
    DescribeUserPoolClient,
}

impl Operation {
    /// Its name, which is also the one of the permission that it needs behind `cognito-idp:`.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::SignUp => "SignUp",
            Self::ConfirmSignUp => "ConfirmSignUp",
            Self::ResendConfirmationCode => "ResendConfirmationCode",
            Self::InitiateAuth => "InitiateAuth",
            Self::GetTokensFromRefreshToken => "GetTokensFromRefreshToken",
            Self::GetUser => "GetUser",
            Self::RevokeToken => "RevokeToken",
            Self::AdminGetUser => "AdminGetUser",
            Self::AdminCreateUser => "AdminCreateUser",
            Self::AdminSetUserPassword => "AdminSetUserPassword",
            Self::AdminUpdateUserAttributes => "AdminUpdateUserAttributes",
            Self::AdminUserGlobalSignOut => "AdminUserGlobalSignOut",
            Self::AdminDeleteUser => "AdminDeleteUser",
            Self::ListUsers => "ListUsers",
            Self::DescribeUserPool => "DescribeUserPool",
            Self::DescribeUserPoolClient => "DescribeUserPoolClient",
        }
    }

    /// Whether Doorward itself is judged by it, by its credentials, and nobody else.
    pub(super) const fn is_administrative(self) -> bool {
        !matches!(
            self,
            Self::SignUp
                | Self::ConfirmSignUp
                | Self::ResendConfirmationCode
                | Self::InitiateAuth
                | Self::GetTokensFromRefreshToken
                | Self::GetUser
                | Self::RevokeToken
        )
    }
}
