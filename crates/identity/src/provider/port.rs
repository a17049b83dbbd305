//! The port to providers: everything of OpenID Connect that needs the network or a provider's keys.

use async_trait::async_trait;
use secrecy::SecretString;

use super::{AuthorizationRequest, CodeExchange, LogoutNotice, OutsideAccount, ProviderInfo, ProviderTokens};

/// Why a provider signed nobody in. The text is safe to show and says nothing the provider wrote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// There is no provider of that name.
    #[error("there is no such provider")]
    Unknown,
    /// It cannot be reached or used now; the same call may succeed later.
    #[error("the provider cannot be reached: {0}")]
    Unavailable(String),
    /// It says that what was presented (code, refresh token) does not count, or no more.
    #[error("the provider refuses it: {0}")]
    Refused(String),
    /// What it answered must not be believed.
    #[error("the provider's answer cannot be believed: {0}")]
    Untrustworthy(String),
}

/// The configured providers. Everything it returns has been verified in full.
#[async_trait]
pub trait Providers: Send + Sync {
    /// All of them, the default first.
    fn all(&self) -> &[ProviderInfo];

    /// The URL to send a browser to.
    async fn authorization_url(&self, provider: &str, request: &AuthorizationRequest) -> Result<String, ProviderError>;

    /// Exchanges a code: checks `iss` before anything is sent, then every claim of the ID token.
    async fn exchange(
        &self,
        provider: &str,
        exchange: &CodeExchange,
    ) -> Result<(OutsideAccount, ProviderTokens), ProviderError>;

    /// New tokens for a refresh token. The account is `None` when no new ID token came with them; one that did has
    /// the same issuer and subject as `subject`. A refresh token that was not replaced is handed back.
    async fn renew(
        &self,
        provider: &str,
        subject: &str,
        refresh_token: &SecretString,
    ) -> Result<(Option<OutsideAccount>, ProviderTokens), ProviderError>;

    /// Where a browser goes to sign out at the provider too, and come back to `return_to`; `None` when the provider
    /// has no such page or it is not known yet. Never fetches.
    fn logout_url(&self, provider: &str, id_token: Option<&SecretString>, return_to: &str) -> Option<String>;

    /// Judges a logout token of any provider.
    async fn logout_notice(&self, token: &str) -> Result<LogoutNotice, ProviderError>;
}

/// Nobody signs in through a provider.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProviders;

#[async_trait]
impl Providers for NoProviders {
    fn all(&self) -> &[ProviderInfo] {
        &[]
    }

    async fn authorization_url(&self, _: &str, _: &AuthorizationRequest) -> Result<String, ProviderError> {
        Err(ProviderError::Unknown)
    }

    async fn exchange(&self, _: &str, _: &CodeExchange) -> Result<(OutsideAccount, ProviderTokens), ProviderError> {
        Err(ProviderError::Unknown)
    }

    async fn renew(
        &self,
        _: &str,
        _: &str,
        _: &SecretString,
    ) -> Result<(Option<OutsideAccount>, ProviderTokens), ProviderError> {
        Err(ProviderError::Unknown)
    }

    fn logout_url(&self, _: &str, _: Option<&SecretString>, _: &str) -> Option<String> {
        None
    }

    async fn logout_notice(&self, _: &str) -> Result<LogoutNotice, ProviderError> {
        Err(ProviderError::Unknown)
    }
}
