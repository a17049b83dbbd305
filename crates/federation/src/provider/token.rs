//! The token endpoint (RFC 6749 §4.1.3, §5, §6; OIDC Core §3.1.3, §12): codes and refresh tokens become tokens.

use doorward_identity::provider::{CodeExchange, OutsideAccount, ProviderError, ProviderTokens};
use doorward_protocol::strict_json;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use super::id_token::Occasion;
use super::metadata::Facts;
use super::{Provider, not_answered};
use crate::outbound::Answer;

/// Longer tokens are refused.
const MOST_TOKEN_BYTES: usize = 16 * 1024;

/// The error codes of a token endpoint (RFC 6749 §5.2, and §4.1.2.1 for those that pass).
const CODES: [&str; 8] = [
    "invalid_request",
    INVALID_CLIENT,
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
    "server_error",
    "temporarily_unavailable",
];
const INVALID_CLIENT: &str = "invalid_client";
/// Those that say nothing about what was presented.
const NOT_ABOUT_THE_GRANT: [&str; 3] = [INVALID_CLIENT, "server_error", "temporarily_unavailable"];

impl Provider {
    pub(super) async fn exchange(
        &self,
        exchange: &CodeExchange,
    ) -> Result<(OutsideAccount, ProviderTokens), ProviderError> {
        let facts = self.facts().await?;
        self.judge_iss(&facts, exchange.iss.as_deref())?;
        let grant = [
            ("grant_type", "authorization_code"),
            ("code", exchange.code.expose_secret()),
            ("redirect_uri", &self.config.redirect_uri),
            ("code_verifier", exchange.code_verifier.expose_secret()),
        ];
        let tokens = self.request_tokens(&facts, &grant).await?;
        let id_token = tokens.id_token.as_ref().ok_or_else(|| unbelievable("the ID token is missing"))?;
        let occasion = Occasion::SignIn { nonce: &exchange.nonce, max_age: exchange.max_age };
        let account = self.judge_id_token(&facts, id_token, &tokens.access_token, occasion).await?;
        let account = self.complete(&facts, account, &tokens.access_token).await?;
        Ok((account, tokens))
    }

    pub(super) async fn renew(
        &self,
        subject: &str,
        refresh_token: &SecretString,
    ) -> Result<(Option<OutsideAccount>, ProviderTokens), ProviderError> {
        let facts = self.facts().await?;
        let grant = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.expose_secret())];
        let mut tokens = self.request_tokens(&facts, &grant).await?;
        let account = match &tokens.id_token {
            Some(id_token) => {
                let occasion = Occasion::Renewal { subject };
                Some(self.judge_id_token(&facts, id_token, &tokens.access_token, occasion).await?)
            }
            None => None,
        };
        tokens.refresh_token.get_or_insert_with(|| refresh_token.clone());
        Ok((account, tokens))
    }

    /// Whoever sent the browser back must be the provider it was sent to (RFC 9207 §2.4): else the code is another's,
    /// and this provider would get to see it.
    fn judge_iss(&self, facts: &Facts<'_>, iss: Option<&str>) -> Result<(), ProviderError> {
        match iss {
            Some(iss) if iss != self.config.issuer => Err(unbelievable("another issuer sent the browser back")),
            None if facts.promises_iss() => Err(unbelievable("it does not say who sent the browser back")),
            Some(_) | None => Ok(()),
        }
    }

    async fn present(
        &self,
        facts: &Facts<'_>,
        secret: Option<&SecretString>,
        grant: &[(&str, &str)],
    ) -> Result<Answer, ProviderError> {
        let (endpoint, question) = (facts.token()?, self.in_our_name(&facts.client_auth(), secret, grant)?);
        self.outbound.ask(&endpoint.url, endpoint.reach, question).await.map_err(|error| {
            tracing::warn!(provider = self.config.id, reason = %error, "the token endpoint does not answer");
            not_answered(&error)
        })
    }

    async fn request_tokens(&self, facts: &Facts<'_>, grant: &[(&str, &str)]) -> Result<ProviderTokens, ProviderError> {
        let source = self.config.client_secret.as_ref();
        let secret = source.map(|source| source.current());
        let mut answer = self.present(facts, secret.as_ref(), grant).await?;
        // It may know another secret by now. Whoever does not know the client has not looked at the grant.
        if let (Some(source), Some(refused)) = (source, &secret)
            && is_invalid_client(&answer)
            && let Some(renewed) = source.after_refusal(refused).await
        {
            answer = self.present(facts, Some(&renewed), grant).await?;
        }
        if answer.status == StatusCode::OK {
            return tokens(&answer, self.clock.now());
        }
        let refusal = refusal(&answer);
        tracing::warn!(provider = self.config.id, status = answer.status.as_u16(), reason = %refusal, "no tokens");
        Err(refusal)
    }
}

/// Whether it does not take us for who we say we are.
fn is_invalid_client(answer: &Answer) -> bool {
    answer.status != StatusCode::OK && refusal(answer) == ProviderError::Unavailable(INVALID_CLIENT.to_owned())
}

/// What an answer without tokens means. Only an error about the code or refresh token itself is final.
fn refusal(answer: &Answer) -> ProviderError {
    let about_us = answer.status.is_client_error() && answer.status != StatusCode::TOO_MANY_REQUESTS;
    let members = strict_json::object(&answer.body).filter(|_| about_us);
    let told = members.as_ref().and_then(|members| members.get("error")?.as_str());
    match told.map(|told| CODES.into_iter().find(|code| *code == told)) {
        Some(Some(code)) if NOT_ABOUT_THE_GRANT.contains(&code) => ProviderError::Unavailable(code.to_owned()),
        Some(Some(code)) => ProviderError::Refused(code.to_owned()),
        Some(None) => ProviderError::Refused("an error that is not registered".to_owned()),
        None => ProviderError::Unavailable(format!("it answers with status {}", answer.status.as_u16())),
    }
}

fn tokens(answer: &Answer, now: Timestamp) -> Result<ProviderTokens, ProviderError> {
    let members = strict_json::object(&answer.body).ok_or_else(|| unbelievable("its tokens are no JSON object"))?;
    let is_bearer =
        members.get("token_type").and_then(Value::as_str).is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"));
    if !is_bearer {
        return Err(unbelievable("its access token is no bearer token"));
    }
    // Anything but a number of seconds tells nothing: then the tokens are renewed at a guess.
    let life = members.get("expires_in").and_then(Value::as_u64).and_then(|life| i64::try_from(life).ok());
    let expires_at = life.and_then(|life| now.checked_add(SignedDuration::from_secs(life)).ok());
    Ok(ProviderTokens {
        access_token: token(&members, "access_token")?.ok_or_else(|| unbelievable("the access token is missing"))?,
        refresh_token: token(&members, "refresh_token")?,
        id_token: token(&members, "id_token")?,
        expires_at,
    })
}

fn token(members: &Map<String, Value>, name: &str) -> Result<Option<SecretString>, ProviderError> {
    let Some(value) = members.get(name) else { return Ok(None) };
    let visible = |text: &&str| text.bytes().all(|byte| byte.is_ascii_graphic()) && !text.is_empty();
    let text = value.as_str().filter(visible).filter(|text| text.len() <= MOST_TOKEN_BYTES);
    text.map(|text| Some(text.into())).ok_or_else(|| unbelievable("one of its tokens is malformed"))
}

fn unbelievable(why: &str) -> ProviderError {
    ProviderError::Untrustworthy(why.to_owned())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        let status = StatusCode::from_u16(status).unwrap_or_default();
        Answer { status, body: body.to_owned().into(), peer: [127, 0, 0, 1].into(), date: None }
    }

    proptest! {
        #[test]
        fn no_answer_is_believed_that_cannot_stand_in_a_header_and_none_panics(
            body in any::<String>(), token in any::<String>(), life in any::<f64>(), status in 200_u16..600,
        ) {
            prop_assert!(tokens(&answer(200, &body), Timestamp::UNIX_EPOCH).is_err());
            let body = serde_json::json!({"access_token": token, "token_type": "Bearer", "expires_in": life});
            if let Ok(tokens) = tokens(&answer(200, &body.to_string()), Timestamp::MAX) {
                prop_assert_eq!(tokens.access_token.expose_secret(), &token);
                prop_assert!(token.bytes().all(|byte| byte.is_ascii_graphic()));
            }
            let error = serde_json::json!({ "error": token });
            let refusal = refusal(&answer(status, &error.to_string())).to_string();
            prop_assert!(token.len() < 4 || !refusal.contains(&token), "{}", refusal);
        }
    }
}
