//! The pool's own tokens, as it hands them out.
//!
//! They are read without verifying a signature: they come from the pool itself over TLS (OIDC Core §3.1.3.7, 6). That they
//! are this pool's and this client's is looked at anyway, because a wrong setting would show here first.

use aws_sdk_cognitoidentityprovider::types::AuthenticationResultType;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use doorward_identity::user_pool::{PoolAccount, PoolError, PoolSignedIn, PoolTokens};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

/// Whose tokens are expected.
#[derive(Clone, Copy)]
pub(super) struct Expected<'e> {
    pub(super) issuer: &'e str,
    pub(super) client_id: &'e str,
    /// Whose they must be, where that is known.
    pub(super) subject: Option<&'e str>,
}

/// What is read of a token.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    token_use: String,
    sub: String,
    aud: Option<String>,
    client_id: Option<String>,
    origin_jti: Option<String>,
    email: Option<String>,
    email_verified: Option<Value>,
    given_name: Option<String>,
    family_name: Option<String>,
    phone_number: Option<String>,
}

impl Expected<'_> {
    /// Who has signed in, with what.
    pub(super) fn read(self, result: AuthenticationResultType) -> Result<PoolSignedIn, PoolError> {
        let absent = || PoolError::Unavailable("it lets somebody in without tokens".to_owned());
        let access_token = SecretString::from(result.access_token.ok_or_else(absent)?);
        let id_token = SecretString::from(result.id_token.ok_or_else(absent)?);
        let (access, id) = (claims(access_token.expose_secret())?, claims(id_token.expose_secret())?);
        self.judge(&access, "access", access.client_id.as_deref())?;
        self.judge(&id, "id", id.aud.as_deref())?;
        if access.sub != id.sub || self.subject.is_some_and(|subject| subject != id.sub) {
            return Err(PoolError::Misconfigured("its tokens are somebody else's".to_owned()));
        }
        let tokens = PoolTokens {
            session: access.origin_jti.and_then(|jti| Uuid::parse_str(&jti).ok()),
            access_token,
            id_token,
            refresh_token: result.refresh_token.map(SecretString::from),
            expires_in: i64::from(result.expires_in),
        };
        Ok(PoolSignedIn { account: id.account(), tokens })
    }

    fn judge(self, claims: &Claims, token_use: &str, client: Option<&str>) -> Result<(), PoolError> {
        if claims.iss != self.issuer {
            Err(PoolError::Misconfigured("its tokens are those of another pool".to_owned()))
        } else if claims.token_use != token_use || client != Some(self.client_id) || claims.sub.is_empty() {
            Err(PoolError::Misconfigured(format!("its {token_use} tokens are not those of this client")))
        } else {
            Ok(())
        }
    }
}

impl Claims {
    fn account(self) -> PoolAccount {
        let verified = |value: Value| value == Value::Bool(true) || value == "true";
        PoolAccount {
            subject: self.sub,
            email: self.email,
            email_verified: self.email_verified.is_some_and(verified),
            given_name: self.given_name,
            family_name: self.family_name,
            phone: self.phone_number,
            // Nobody else is given tokens.
            confirmed: true,
            enabled: true,
            has_password: true,
        }
    }
}

/// The issuer that a token claims to have, unverified.
pub(super) fn issuer_of(token: &str) -> Option<String> {
    claims(token).ok().map(|claims| claims.iss)
}

fn claims(token: &str) -> Result<Claims, PoolError> {
    let payload = token.split('.').nth(1).unwrap_or_default();
    let json = BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap_or_default();
    serde_json::from_slice(&json).map_err(|_| PoolError::Unavailable("its tokens make no sense".to_owned()))
}
