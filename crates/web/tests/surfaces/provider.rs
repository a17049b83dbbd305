//! Providers without a network: what they answer to a code is written in the code.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use doorward_identity::provider::{
    AuthorizationRequest, CodeExchange, LogoutNotice, OutsideAccount, ProviderError, ProviderInfo, ProviderTokens,
    Providers, Subject,
};
use doorward_identity::user::ExternalIdentity;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

/// Two providers, `main` and `other`.
pub(crate) struct ScriptedProviders {
    all: [ProviderInfo; 2],
    pub(crate) down: AtomicBool,
}

impl Default for ScriptedProviders {
    fn default() -> Self {
        let all = ["main", "other"].map(|id| ProviderInfo { id: id.to_owned(), issuer: issuer(id) });
        Self { all, down: AtomicBool::new(false) }
    }
}

fn issuer(id: &str) -> String {
    format!("https://{id}.example")
}

impl ScriptedProviders {
    fn reach(&self) -> Result<(), ProviderError> {
        if self.down.load(Ordering::Relaxed) { Err(ProviderError::Unavailable("no answer".to_owned())) } else { Ok(()) }
    }
}

#[async_trait]
impl Providers for ScriptedProviders {
    fn all(&self) -> &[ProviderInfo] {
        &self.all
    }

    async fn authorization_url(&self, provider: &str, request: &AuthorizationRequest) -> Result<String, ProviderError> {
        self.reach()?;
        let max_age = request.max_age.map(|age| format!("&max_age={}", age.as_secs())).unwrap_or_default();
        Ok(format!("{}/authorize?state={}{max_age}", issuer(provider), request.state))
    }

    /// A code is an address, verified unless it begins with `?`; `refused` and `lie` are neither.
    async fn exchange(
        &self,
        provider: &str,
        exchange: &CodeExchange,
    ) -> Result<(OutsideAccount, ProviderTokens), ProviderError> {
        self.reach()?;
        let code = exchange.code.expose_secret();
        match code {
            "refused" => return Err(ProviderError::Refused("the code does not count".to_owned())),
            "lie" => return Err(ProviderError::Untrustworthy("the nonce is another".to_owned())),
            _ => {}
        }
        let email = code.trim_start_matches('?');
        let account = OutsideAccount {
            identity: ExternalIdentity { issuer: issuer(provider), subject: format!("sub of {email}") },
            email: Some(email.to_owned()),
            email_verified: !code.starts_with('?'),
            name: Some("Alice Ng".to_owned()),
            groups: None,
            authenticated_at: None,
            provider_session: Some(format!("sid of {email}")),
        };
        let tokens = ProviderTokens {
            access_token: "provider's access token".into(),
            refresh_token: None,
            id_token: Some("hint".into()),
            expires_at: None,
        };
        Ok((account, tokens))
    }

    async fn renew(
        &self,
        _: &str,
        _: &str,
        _: &SecretString,
    ) -> Result<(Option<OutsideAccount>, ProviderTokens), ProviderError> {
        Err(ProviderError::Refused("nothing is renewed here".to_owned()))
    }

    fn logout_url(&self, provider: &str, id_token: Option<&SecretString>, return_to: &str) -> Option<String> {
        let hint = id_token.map(ExposeSecret::expose_secret).unwrap_or_default();
        Some(format!("{}/logout?id_token_hint={hint}&to={return_to}", issuer(provider)))
    }

    /// A logout token is its own id and the session it names.
    async fn logout_notice(&self, token: &str) -> Result<LogoutNotice, ProviderError> {
        self.reach()?;
        let (id, session) =
            token.split_once(':').ok_or_else(|| ProviderError::Untrustworthy("it is no token".to_owned()))?;
        Ok(LogoutNotice {
            provider: "main".to_owned(),
            subject: Subject::Session(session.to_owned()),
            token_id: id.to_owned(),
            expires_at: Timestamp::MAX,
        })
    }
}
