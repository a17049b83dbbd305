//! Signing in through OpenID providers (OIDC Core 1.0, code flow): the side that believes nothing unproved.
//!
//! One file a step: `authorize` sends a browser away, `token` exchanges what it brings back, `verify` proves who signed
//! a token, `id_token` and `logout` judge what it says, `userinfo` asks for what it does not say.

mod authorize;
mod client_auth;
mod config;
mod id_token;
mod logout;
mod metadata;
mod survey;
mod token;
mod userinfo;
mod verify;

use std::sync::Arc;

use async_trait::async_trait;
use doorward_identity::provider::{
    AuthorizationRequest, CodeExchange, LogoutNotice, OutsideAccount, ProviderError, ProviderInfo, ProviderTokens,
    Providers,
};
use doorward_identity::{Clock, Entropy};
use secrecy::SecretString;

pub use self::config::{BadPrivateKey, ClientAuth, Endpoints, LogoutStyle, ProviderConfig};
use self::metadata::Facts;
pub use self::survey::{ProviderSurvey, survey_provider};
use crate::discovery::DiscoveryError;
use crate::outbound::{Outbound, OutboundError};
use crate::source::{Monotonic, Source, SourceError, real_time};

/// The configured providers.
pub struct OpenIdProviders {
    infos: Vec<ProviderInfo>,
    providers: Vec<Provider>,
}

/// One of them.
struct Provider {
    config: ProviderConfig,
    source: Arc<Source>,
    outbound: Outbound,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl OpenIdProviders {
    /// People may sign in through these, the default first. Nothing is fetched before somebody does.
    pub fn new(
        providers: Vec<ProviderConfig>,
        outbound: &Outbound,
        clock: &Arc<dyn Clock>,
        entropy: &Arc<dyn Entropy>,
    ) -> Self {
        Self::with_monotonic(providers, outbound, clock, entropy, &real_time())
    }

    pub(crate) fn with_monotonic(
        providers: Vec<ProviderConfig>,
        outbound: &Outbound,
        clock: &Arc<dyn Clock>,
        entropy: &Arc<dyn Entropy>,
        monotonic: &Monotonic,
    ) -> Self {
        let info = |config: &ProviderConfig| ProviderInfo { id: config.id.clone(), issuer: config.issuer.clone() };
        let infos = providers.iter().map(info).collect();
        let provider = |config: ProviderConfig| Provider {
            source: Source::new(config.search(), outbound, monotonic),
            outbound: outbound.clone(),
            clock: Arc::clone(clock),
            entropy: Arc::clone(entropy),
            config,
        };
        Self { infos, providers: providers.into_iter().map(provider).collect() }
    }

    fn provider(&self, id: &str) -> Result<&Provider, ProviderError> {
        self.providers.iter().find(|provider| provider.config.id == id).ok_or(ProviderError::Unknown)
    }
}

impl Provider {
    /// Its metadata, fetched if they are not known.
    async fn facts(&self) -> Result<Facts<'_>, ProviderError> {
        let known = self.source.known(|_| true).await.map_err(|error| not_known(&error))?;
        Ok(Facts::new(&self.config, known.description.clone()))
    }
}

#[async_trait]
impl Providers for OpenIdProviders {
    fn all(&self) -> &[ProviderInfo] {
        &self.infos
    }

    async fn authorization_url(&self, provider: &str, request: &AuthorizationRequest) -> Result<String, ProviderError> {
        self.provider(provider)?.authorization_url(request).await
    }

    async fn exchange(
        &self,
        provider: &str,
        exchange: &CodeExchange,
    ) -> Result<(OutsideAccount, ProviderTokens), ProviderError> {
        self.provider(provider)?.exchange(exchange).await
    }

    async fn renew(
        &self,
        provider: &str,
        subject: &str,
        refresh_token: &SecretString,
    ) -> Result<(Option<OutsideAccount>, ProviderTokens), ProviderError> {
        self.provider(provider)?.renew(subject, refresh_token).await
    }

    fn logout_url(&self, provider: &str, id_token: Option<&SecretString>, return_to: &str) -> Option<String> {
        self.provider(provider).ok()?.logout_url(id_token, return_to)
    }

    async fn logout_notice(&self, token: &str) -> Result<LogoutNotice, ProviderError> {
        let addressed = |provider: &&Provider| provider.is_named_by(token);
        let provider = self.providers.iter().find(addressed);
        let nobody = || ProviderError::Untrustworthy("the token is from no provider, or not for us".to_owned());
        provider.ok_or_else(nobody)?.logout_notice(token).await
    }
}

/// What people are told when nothing is known of a provider: less than the log, which names addresses.
fn not_known(error: &SourceError) -> ProviderError {
    match error {
        SourceError::Pending => ProviderError::Unavailable("its keys are being fetched".to_owned()),
        SourceError::Failed(DiscoveryError::Metadata(error) | DiscoveryError::Keys(error)) => not_answered(error),
        SourceError::Failed(_) => ProviderError::Untrustworthy("its metadata or keys are unusable".to_owned()),
    }
}

/// What people are told when a provider did not answer as it should.
fn not_answered(error: &OutboundError) -> ProviderError {
    match error {
        OutboundError::Unreachable(_) => ProviderError::Unavailable("no connection comes about".to_owned()),
        OutboundError::Deadline(_) | OutboundError::Status(_) => ProviderError::Unavailable(error.to_string()),
        OutboundError::BadUrl | OutboundError::Redirect | OutboundError::TooLarge => {
            ProviderError::Untrustworthy(error.to_string())
        }
    }
}
