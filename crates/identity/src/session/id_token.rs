//! ID tokens of the accounts surface: they tell a client who signed in (OpenID Connect Core, §2). Of a type and for an
//! audience that nobody takes for an access token.

use doorward_protocol::jwt;
use jiff::Timestamp;
use serde::Serialize;

use crate::fault::Internal;
use crate::user::User;
use crate::{Identity, SessionId, UserId};

/// `typ` of an ID token.
const ID_TOKEN_TYPE: &str = "id+jwt";
/// Whom it is for: the clients of the surface.
const AUDIENCE: &str = "accounts";

#[derive(Serialize)]
struct IdClaims<'u> {
    iss: &'u str,
    sub: UserId,
    aud: &'static str,
    token_use: &'static str,
    sid: SessionId,
    email: &'u str,
    email_verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'u str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    given_name: Option<&'u str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    family_name: Option<&'u str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_number: Option<&'u str>,
    roles: Vec<&'u str>,
    auth_time: i64,
    iat: i64,
    exp: i64,
}

impl Identity {
    /// Says who `user` is, who proved it at `authenticated_at`, for as many seconds as the access token beside it.
    pub(super) fn issue_id_token(
        &self,
        user: &User,
        session: SessionId,
        authenticated_at: Timestamp,
        expires_in: i64,
    ) -> Result<String, Internal> {
        let now = self.clock.now();
        let claims = IdClaims {
            iss: &self.settings.issuer,
            sub: user.id,
            aud: AUDIENCE,
            token_use: "id",
            sid: session,
            email: user.email.as_str(),
            email_verified: user.email_verified_at.is_some(),
            name: user.name.as_deref(),
            given_name: user.first_name.as_deref(),
            family_name: user.last_name.as_deref(),
            phone_number: user.phone.as_ref().map(crate::user::PhoneNumber::as_str),
            roles: user.held_roles().collect(),
            auth_time: authenticated_at.as_second(),
            iat: now.as_second(),
            exp: now.as_second().saturating_add(expires_in),
        };
        let signer = self.keyring.signer(now).map_err(Internal::new)?;
        jwt::sign(&signer.key, signer.kid.as_deref(), ID_TOKEN_TYPE, &claims).map_err(Internal::new)
    }
}
