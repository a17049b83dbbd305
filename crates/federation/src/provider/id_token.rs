//! What an ID token must say (OIDC Core §2, §3.1.3.7, §3.1.3.8, §12.2), and what it tells of a person.

use doorward_identity::provider::{OutsideAccount, ProviderError};
use doorward_identity::user::ExternalIdentity;
use doorward_protocol::jwt::{JwtError, MAX_LEEWAY_S, VerifiedClaims, half_hash};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use subtle::ConstantTimeEq;

use super::Provider;
use super::metadata::Facts;
use super::verify::{Signed, unproved};

/// Longest subject (OIDC Core §2) and name of a session.
const MOST_ID_CHARS: usize = 255;

/// When an ID token came.
#[derive(Clone, Copy)]
pub(super) enum Occasion<'a> {
    /// With a code.
    SignIn { nonce: &'a str, max_age: Option<SignedDuration> },
    /// With renewed tokens.
    Renewal { subject: &'a str },
}

impl Provider {
    pub(super) async fn judge_id_token(
        &self,
        facts: &Facts<'_>,
        id_token: &SecretString,
        access_token: &SecretString,
        occasion: Occasion<'_>,
    ) -> Result<OutsideAccount, ProviderError> {
        let signed = self.verify(facts, id_token.expose_secret()).await?;
        self.judge_claims(&signed, access_token, occasion).map_err(unproved)
    }

    fn judge_claims(
        &self,
        signed: &Signed,
        access_token: &SecretString,
        occasion: Occasion<'_>,
    ) -> Result<OutsideAccount, JwtError> {
        let claims = &signed.claims;
        // Another kind of token from the same provider (RFC 8725 §3.11): an access or a logout token.
        if !signed.typ.as_deref().is_none_or(|typ| typ.eq_ignore_ascii_case("JWT")) || claims.get("events").is_some() {
            return Err(JwtError::Malformed);
        }
        let subject = plain_id(claims, "sub")?.ok_or(JwtError::MissingClaim("sub"))?;
        let authenticated_at = claims.time("auth_time")?;
        let now = self.clock.now();
        if authenticated_at.is_some_and(|at| seconds_since(at, now) < -MAX_LEEWAY_S) {
            return Err(JwtError::BadClaim("auth_time"));
        }
        match occasion {
            Occasion::SignIn { nonce, max_age } => {
                let theirs = claims.text("nonce")?.ok_or(JwtError::MissingClaim("nonce"))?;
                require_equal("nonce", theirs, nonce)?;
                let oldest = max_age.map(|max_age| max_age.as_secs().saturating_add(MAX_LEEWAY_S));
                match (oldest, authenticated_at) {
                    (Some(_), None) => return Err(JwtError::MissingClaim("auth_time")),
                    (Some(oldest), Some(at)) if seconds_since(at, now) > oldest => {
                        return Err(JwtError::BadClaim("auth_time"));
                    }
                    _ => {}
                }
            }
            Occasion::Renewal { subject: ours } => require_equal("sub", subject, ours)?,
        }
        if let Some(theirs) = claims.text("at_hash")? {
            require_equal("at_hash", theirs, &half_hash(signed.algorithm, access_token.expose_secret()))?;
        }
        let provider_session = plain_id(claims, "sid")?.map(str::to_owned);
        Ok(self.account(claims, subject, authenticated_at, provider_session))
    }

    /// What it tells of the person. Here a claim of an odd type tells nothing: no claim of these lets anybody in.
    fn account(
        &self,
        claims: &VerifiedClaims,
        subject: &str,
        authenticated_at: Option<Timestamp>,
        provider_session: Option<String>,
    ) -> OutsideAccount {
        OutsideAccount {
            identity: ExternalIdentity { issuer: self.config.issuer.clone(), subject: subject.to_owned() },
            email: told(claims.get("email")),
            email_verified: is_true(claims.get("email_verified")),
            name: told(claims.get("name")),
            groups: self.groups(claims),
            authenticated_at,
            provider_session,
        }
    }

    /// Groups, if the provider speaks of any. Cognito leaves the claim out for whoever is in none, and so may others:
    /// where the operator names the claim, its absence counts as no group, so that leaving the last one counts too.
    fn groups(&self, claims: &VerifiedClaims) -> Option<Vec<String>> {
        let configured = self.config.groups_claim.as_deref();
        let claim = configured.unwrap_or(if self.config.is_cognito() { "cognito:groups" } else { "groups" });
        match claims.get(claim) {
            Some(Value::Array(groups)) => Some(groups.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
            // Whatever this means, it is not a list of groups.
            Some(_) => Some(Vec::new()),
            None => (configured.is_some() || self.config.is_cognito()).then(Vec::new),
        }
    }
}

/// A text that tells something.
pub(super) fn told(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Only `true` itself. Cognito writes `"true"` at its userinfo endpoint, but `true` in its ID tokens, and those carry
/// the address whenever it may be known: no reason to read texts as truth.
pub(super) fn is_true(value: Option<&Value>) -> bool {
    value == Some(&Value::Bool(true))
}

/// A claim that names something: visible ASCII of at most [`MOST_ID_CHARS`].
pub(super) fn plain_id<'c>(claims: &'c VerifiedClaims, name: &'static str) -> Result<Option<&'c str>, JwtError> {
    let Some(id) = claims.text(name)? else { return Ok(None) };
    let plain = (1..=MOST_ID_CHARS).contains(&id.len()) && id.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if plain { Ok(Some(id)) } else { Err(JwtError::BadClaim(name)) }
}

/// Takes the same time wherever they differ.
fn require_equal(claim: &'static str, theirs: &str, ours: &str) -> Result<(), JwtError> {
    if theirs.as_bytes().ct_eq(ours.as_bytes()).into() { Ok(()) } else { Err(JwtError::BadClaim(claim)) }
}

fn seconds_since(then: Timestamp, now: Timestamp) -> i64 {
    now.duration_since(then).as_secs()
}
