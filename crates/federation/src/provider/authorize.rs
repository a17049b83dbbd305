//! Sending a browser to a provider (OIDC Core §3.1.2.1): code flow with PKCE, always.

use doorward_identity::provider::{AuthorizationRequest, ProviderError};

use super::Provider;

const OPENID: &str = "openid";
/// Asks for refresh tokens, which a provider may pass over unless the person is asked (OIDC Core §11).
const OFFLINE_ACCESS: &str = "offline_access";

impl Provider {
    pub(super) async fn authorization_url(&self, request: &AuthorizationRequest) -> Result<String, ProviderError> {
        let mut url = self.facts().await?.authorization()?;
        let config = &self.config;
        let mut scopes: Vec<&str> = config.scopes.iter().map(String::as_str).collect();
        if !scopes.contains(&OPENID) {
            scopes.insert(0, OPENID);
        }
        // Zero means the same as `prompt=login`, but not every provider knows both, and Cognito knows no `max_age`.
        let again = request.max_age.is_some_and(|age| age.is_zero() || config.is_cognito()).then_some("login");
        let consent = scopes.contains(&OFFLINE_ACCESS).then_some("consent");
        let prompt: Vec<_> = again.into_iter().chain(consent).collect();
        let mut query = url.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &config.client_id)
            .append_pair("redirect_uri", &config.redirect_uri)
            .append_pair("scope", &scopes.join(" "))
            .append_pair("state", &request.state)
            .append_pair("nonce", &request.nonce)
            .append_pair("code_challenge", &request.code_challenge)
            .append_pair("code_challenge_method", "S256");
        if let Some(age) = request.max_age {
            query.append_pair("max_age", &age.as_secs().to_string());
        }
        if !prompt.is_empty() {
            query.append_pair("prompt", &prompt.join(" "));
        }
        drop(query);
        Ok(url.into())
    }
}
