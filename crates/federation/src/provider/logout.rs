//! Leaving: where a browser signs out at a provider (OIDC RP-Initiated Logout 1.0), and what a provider says of
//! sessions it ended (OIDC Back-Channel Logout 1.0 §2.6).

use doorward_identity::provider::{LogoutNotice, ProviderError, Subject};
use doorward_protocol::jwt::{JwtError, MAX_LEEWAY_S, Unverified};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::id_token::plain_id;
use super::metadata::Facts;
use super::verify::{Signed, unproved};
use super::{LogoutStyle, Provider};

const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// The claims by which the provider is chosen, read before anything is verified.
#[derive(Deserialize)]
struct Addressed {
    iss: String,
    aud: Audience,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Provider {
    pub(super) fn logout_url(&self, id_token: Option<&SecretString>, return_to: &str) -> Option<String> {
        let description = self.source.remembered().and_then(|known| known.description.clone());
        let facts = Facts::new(&self.config, description);
        let style = self.config.logout_style();
        let mut url = match (facts.end_session(), style) {
            (Some(url), _) => url,
            (None, LogoutStyle::Cognito) => beside(&facts.authorization().ok()?)?,
            (None, LogoutStyle::Oidc) => return None,
        };
        let mut query = url.query_pairs_mut();
        query.append_pair("client_id", &self.config.client_id);
        match style {
            LogoutStyle::Cognito => {
                query.append_pair("logout_uri", return_to);
            }
            LogoutStyle::Oidc => {
                query.append_pair("post_logout_redirect_uri", return_to);
                if let Some(id_token) = id_token {
                    query.append_pair("id_token_hint", id_token.expose_secret());
                }
            }
        }
        drop(query);
        Some(url.into())
    }

    /// Whether a token claims to be of this provider and for us.
    pub(super) fn is_named_by(&self, token: &str) -> bool {
        let claimed = Unverified::parse(token).and_then(|token| token.claims_unverified::<Addressed>());
        claimed.is_ok_and(|Addressed { iss, aud }| {
            iss == self.config.issuer
                && match aud {
                    Audience::One(one) => one == self.config.client_id,
                    Audience::Several(several) => several.contains(&self.config.client_id),
                }
        })
    }

    pub(super) async fn logout_notice(&self, token: &str) -> Result<LogoutNotice, ProviderError> {
        let facts = self.facts().await?;
        let signed = self.verify(&facts, token).await?;
        self.judge_logout(&signed).map_err(unproved)
    }

    fn judge_logout(&self, signed: &Signed) -> Result<LogoutNotice, JwtError> {
        let (claims, typ) = (&signed.claims, signed.typ.as_deref());
        let kinds = ["logout+jwt", "application/logout+jwt", "JWT"];
        if !typ.is_none_or(|typ| kinds.iter().any(|kind| typ.eq_ignore_ascii_case(kind))) {
            return Err(JwtError::Malformed);
        }
        let events = claims.get("events").and_then(Value::as_object).ok_or(JwtError::MissingClaim("events"))?;
        if !events.get(LOGOUT_EVENT).is_some_and(Value::is_object) {
            return Err(JwtError::BadClaim("events"));
        }
        // What has a nonce is an ID token.
        if claims.get("nonce").is_some() {
            return Err(JwtError::BadClaim("nonce"));
        }
        let token_id = plain_id(claims, "jti")?.ok_or(JwtError::MissingClaim("jti"))?.to_owned();
        let subject = match (plain_id(claims, "sid")?, plain_id(claims, "sub")?) {
            (Some(session), _) => Subject::Session(session.to_owned()),
            (None, Some(person)) => Subject::Person(person.to_owned()),
            (None, None) => return Err(JwtError::MissingClaim("sub")),
        };
        // It is accepted until then, for clocks that are slow.
        let expires_at = signed.expires_at.checked_add(SignedDuration::from_secs(MAX_LEEWAY_S));
        let expires_at = expires_at.unwrap_or(Timestamp::MAX);
        Ok(LogoutNotice { provider: self.config.id.clone(), subject, token_id, expires_at })
    }
}

/// Cognito's page for signing out, beside `/oauth2/authorize`.
fn beside(authorization: &Url) -> Option<Url> {
    authorization.join("/logout").ok()
}
