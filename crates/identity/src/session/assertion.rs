//! Assertions: signed statements to a service behind the gateway about who is calling. Short-lived, for one
//! audience, verified with the published keys, and of a type that nobody takes for an access token.

use doorward_protocol::jwt;
use jiff::SignedDuration;
use serde::Serialize;

use super::Caller;
use crate::fault::Internal;
use crate::{Identity, SessionId, UserId, ids};

/// `typ` of an assertion.
const ASSERTION_TYPE: &str = "doorward-assertion+jwt";
/// Long enough for clocks that disagree a little and a request that waits a little.
const LIFE: SignedDuration = SignedDuration::from_secs(60);

#[derive(Serialize)]
struct AssertionClaims<'c> {
    iss: &'c str,
    aud: &'c str,
    sub: UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<SessionId>,
    email: &'c str,
    email_verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'c str>,
    roles: Vec<&'c str>,
    teams: Vec<&'c str>,
    domains: Vec<&'c str>,
    request_id: &'c str,
    jti: String,
    iat: i64,
    exp: i64,
}

impl Identity {
    /// A statement for `audience` that this request is the caller's.
    pub fn assertion(&self, caller: &Caller, audience: &str, request_id: &str) -> Result<String, Internal> {
        let now = self.clock.now();
        let context = &caller.context;
        let user = &context.user;
        let claims = AssertionClaims {
            iss: &self.settings.issuer,
            aud: audience,
            sub: user.id,
            sid: caller.session,
            email: user.email.as_str(),
            email_verified: user.email_verified_at.is_some(),
            name: user.name.as_deref(),
            roles: user.held_roles().collect(),
            teams: context.teams.iter().map(|member| member.team.name.as_str()).collect(),
            domains: context.domains.iter().map(|domain| domain.key.as_str()).collect(),
            request_id,
            jti: ids::version_7(now, &*self.entropy).to_string(),
            iat: now.as_second(),
            exp: now.checked_add(LIFE).map_err(Internal::new)?.as_second(),
        };
        let signer = self.keyring.public_signer(now).map_err(Internal::new)?;
        jwt::sign(&signer.key, signer.kid.as_deref(), ASSERTION_TYPE, &claims).map_err(Internal::new)
    }
}
