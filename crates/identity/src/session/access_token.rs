//! Access tokens: what each surface puts into them, and how they are signed.
//!
//! The claims about a person are for services that verify tokens themselves. Doorward takes a token for the session that
//! it names, and judges whose session that is by the account as it is now.

use doorward_protocol::jwt;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::fault::Internal;
use crate::user::User;
use crate::{Identity, SessionId, Surface, UserId, ids};

/// `typ` of an access token; other kinds of token carry another and are refused as one.
pub(super) const ACCESS_TOKEN_TYPE: &str = "JWT";

/// The claims of an access token (RFC 7519), which every surface reads alike.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccessClaims {
    /// The public URL of this Doorward.
    pub iss: String,
    /// The user's id; on the directory surface their e-mail, as its clients expect.
    pub sub: String,
    /// The user's id, on every surface.
    pub uid: UserId,
    /// Their e-mail.
    pub email: String,
    /// What they could do when it was issued. Not read here: a role that is taken away is gone at once, and the claim
    /// stays until the token ends.
    #[serde(skip_deserializing)]
    pub roles: Vec<String>,
    /// The session, by which it is revoked.
    pub sid: SessionId,
    /// This token's own id.
    pub jti: String,
    /// Issued at, in seconds since 1970.
    pub iat: i64,
    /// Ends at, in seconds since 1970.
    pub exp: i64,
}

/// An access token and its life in seconds.
pub(super) struct Issued {
    pub(super) token: String,
    pub(super) expires_in: i64,
}

impl Identity {
    /// Signs a token for a session of `user`; it never outlives the session.
    pub(super) fn issue_access_token(
        &self,
        surface: Surface,
        user: &User,
        session: SessionId,
        session_expires_at: Timestamp,
    ) -> Result<Issued, Internal> {
        let now = self.clock.now();
        let full_life = now.checked_add(self.settings.surface(surface).token_ttl).unwrap_or(Timestamp::MAX);
        let (iat, exp) = (now.as_second(), full_life.min(session_expires_at).as_second());
        let email = user.email.as_str().to_owned();
        let sub = match surface {
            Surface::Directory => email.clone(),
            Surface::Hosted | Surface::Accounts | Surface::Signin => user.id.to_string(),
        };
        let claims = AccessClaims {
            iss: self.settings.issuer.clone(),
            sub,
            uid: user.id,
            email,
            roles: user.held_roles().map(str::to_owned).collect(),
            sid: session,
            jti: ids::version_7(now, &*self.entropy).to_string(),
            iat,
            exp,
        };
        let signer = self.keyring.signer(now).map_err(Internal::new)?;
        let token = jwt::sign(&signer.key, signer.kid.as_deref(), ACCESS_TOKEN_TYPE, &claims).map_err(Internal::new)?;
        Ok(Issued { token, expires_in: exp - iat })
    }
}
