//! Proving that a provider signed a token for us, just now. What the token says is judged by others.

use doorward_identity::provider::ProviderError;
use doorward_protocol::algorithm::Algorithm;
use doorward_protocol::jwt::{JwtError, MAX_LEEWAY_S, TimeRules, Unverified, VerifiedClaims};
use jiff::Timestamp;

use super::metadata::Facts;
use super::{Provider, not_known};

/// Older tokens are refused: ours are made while we wait for them.
const MOST_AGE_S: i64 = 600;

/// A token that a provider signed for us.
pub(super) struct Signed {
    pub(super) claims: VerifiedClaims,
    pub(super) algorithm: Algorithm,
    pub(super) typ: Option<String>,
    pub(super) expires_at: Timestamp,
}

impl Provider {
    pub(super) async fn verify(&self, facts: &Facts<'_>, token: &str) -> Result<Signed, ProviderError> {
        let unverified = Unverified::parse(token).map_err(unproved)?;
        let header = unverified.header();
        if !facts.signs_with(header.alg) {
            return Err(unproved(JwtError::UnsupportedAlgorithm));
        }
        let kid = header.kid.as_deref();
        let keys = self.source.keys(kid).await.map_err(|error| not_known(&error))?;
        // OIDC Core §10.1: a provider with several keys says which.
        if kid.is_none() && keys.len() > 1 {
            return Err(ProviderError::Untrustworthy("the token does not name its key".to_owned()));
        }
        let tried = keys.iter().map(|key| unverified.verify(key)).reduce(Result::or);
        let claims = tried.unwrap_or(Err(JwtError::BadSignature)).map_err(unproved)?;
        let expires_at = self.judge_registered(&claims).map_err(unproved)?;
        Ok(Signed { claims, algorithm: header.alg, typ: header.typ.clone(), expires_at })
    }

    /// Who made it, for whom, and when. Answers when it ends.
    fn judge_registered(&self, claims: &VerifiedClaims) -> Result<Timestamp, JwtError> {
        claims.require_issuer(&self.config.issuer)?;
        let (us, audiences) = (self.config.client_id.as_str(), claims.audiences()?);
        let azp = claims.text("azp")?;
        if !audiences.contains(&us) || (audiences.len() > 1 && azp.is_none()) || azp.is_some_and(|azp| azp != us) {
            return Err(JwtError::WrongAudience);
        }
        let now = self.clock.now();
        let times = claims.check_times(&TimeRules { now, leeway_s: MAX_LEEWAY_S })?;
        let issued_at = times.issued_at.ok_or(JwtError::MissingClaim("iat"))?;
        if now.duration_since(issued_at).as_secs() > MOST_AGE_S {
            return Err(JwtError::Expired);
        }
        Ok(times.expires_at)
    }
}

/// Nothing of the token is repeated.
pub(super) fn unproved(error: JwtError) -> ProviderError {
    ProviderError::Untrustworthy(error.to_string())
}
