//! The userinfo endpoint (OIDC Core §5.3), asked only for an address that the ID token lacks.

use doorward_identity::provider::{OutsideAccount, ProviderError};
use doorward_protocol::strict_json;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::client_auth::sensitive;
use super::id_token::{is_true, told};
use super::metadata::Facts;
use super::{Provider, not_answered};
use crate::outbound::{Answer, Question};

impl Provider {
    /// The account with an address, if the provider tells one anywhere.
    pub(super) async fn complete(
        &self,
        facts: &Facts<'_>,
        account: OutsideAccount,
        access_token: &SecretString,
    ) -> Result<OutsideAccount, ProviderError> {
        if account.email.is_some() {
            return Ok(account);
        }
        let Some(endpoint) = facts.userinfo()? else { return Ok(account) };
        let bearer = sensitive(&format!("Bearer {}", access_token.expose_secret()))?;
        let question = Question { authorization: Some(bearer), form: None };
        let answer = self.outbound.ask(&endpoint.url, endpoint.reach, question).await.and_then(Answer::ok);
        let answer = answer.map_err(|error| {
            tracing::warn!(provider = self.config.id, reason = %error, "the userinfo endpoint does not answer");
            not_answered(&error)
        })?;
        let unbelievable = |why: &str| ProviderError::Untrustworthy(why.to_owned());
        let members =
            strict_json::object(&answer.body).ok_or_else(|| unbelievable("its user info is no JSON object"))?;
        // Without this, an access token of somebody else would bring their address along (OIDC Core §5.3.2).
        if members.get("sub").and_then(Value::as_str) != Some(account.identity.subject.as_str()) {
            return Err(unbelievable("its user info is about somebody else"));
        }
        Ok(OutsideAccount {
            email: told(members.get("email")),
            email_verified: is_true(members.get("email_verified")),
            name: account.name.or_else(|| told(members.get("name"))),
            ..account
        })
    }
}
