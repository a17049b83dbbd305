//! Others whose word counts here, as the configuration names them: issuers of tokens, providers people sign in
//! through, and how both are reached.

use std::sync::Arc;

use anyhow::Context as _;
use doorward_federation::{
    ClientAuth, Endpoints, IssuerConfig, IssuerKeys, LogoutStyle, OpenIdProviders, Outbound, OutboundSettings,
    ProviderConfig,
};
use doorward_identity::clock::SystemClock;
use doorward_identity::entropy::SystemEntropy;
use doorward_identity::issuer::{NoIssuers, OutsideKeys};
use doorward_identity::provider::{NoProviders, Providers};
use doorward_identity::{Clock, Entropy};
use secrecy::ExposeSecret as _;

use crate::config::{self, Config, Environment, Issuer, Provider};

/// Others whose word counts here.
pub(crate) struct Outsiders {
    /// Trusted issuers' keys.
    pub(crate) issuers: Arc<dyn OutsideKeys>,
    /// Providers people sign in through.
    pub(crate) providers: Arc<dyn Providers>,
}

impl Outsiders {
    /// Those that the configuration names. Issuers' keys are fetched before anybody asks for them.
    pub(crate) fn of(config: &Config) -> anyhow::Result<Self> {
        let outbound = outbound(config)?;
        let issuers = IssuerKeys::new(config.issuers.iter().map(issuer).collect(), &outbound);
        issuers.warm();
        let providers = config.providers.iter().map(provider).collect::<anyhow::Result<_>>()?;
        let (clock, entropy) = (Arc::new(SystemClock) as Arc<dyn Clock>, Arc::new(SystemEntropy) as Arc<dyn Entropy>);
        let providers = OpenIdProviders::new(providers, &outbound, &clock, &entropy);
        Ok(Self { issuers: Arc::new(issuers), providers: Arc::new(providers) })
    }

    /// None: for commands, which judge no token and sign nobody in.
    pub(crate) fn none() -> Self {
        Self { issuers: Arc::new(NoIssuers), providers: Arc::new(NoProviders) }
    }
}

/// How they are reached.
pub(crate) fn outbound(config: &Config) -> anyhow::Result<Outbound> {
    let resolve = config.outbound.resolve.iter();
    Ok(Outbound::new(OutboundSettings {
        allow_insecure: config.environment == Environment::Development,
        resolve: resolve.map(|resolve| (resolve.host.clone(), resolve.port, resolve.address)).collect(),
        extra_ca: config.outbound.read_extra_ca()?,
    })?)
}

/// An issuer, as it is looked for.
pub(crate) fn issuer(issuer: &Issuer) -> IssuerConfig {
    IssuerConfig {
        issuer: issuer.issuer.clone(),
        audiences: issuer.audiences.clone(),
        jwks_uri: issuer.jwks_uri.clone(),
    }
}

/// A provider, as people sign in through it.
pub(crate) fn provider(provider: &Provider) -> anyhow::Result<ProviderConfig> {
    let endpoints = &provider.endpoints;
    Ok(ProviderConfig {
        id: provider.id.clone(),
        issuer: provider.issuer.clone(),
        client_id: provider.client_id.clone(),
        client_secret: provider.client_secret.clone(),
        client_auth: client_auth(provider).with_context(|| format!("{}.private_key", provider.entry))?,
        scopes: provider.scopes.clone(),
        algorithm: provider.algorithm,
        redirect_uri: provider.redirect_uri.clone(),
        discovery_url: provider.discovery_url.clone(),
        endpoints: Endpoints {
            authorization: endpoints.authorization.clone(),
            token: endpoints.token.clone(),
            jwks: endpoints.jwks.clone(),
            end_session: endpoints.end_session.clone(),
            userinfo: endpoints.userinfo.clone(),
        },
        groups_claim: provider.groups_claim.clone(),
        logout: provider.logout.map(|style| match style {
            config::LogoutStyle::Oidc => LogoutStyle::Oidc,
            config::LogoutStyle::Cognito => LogoutStyle::Cognito,
        }),
    })
}

/// A private key that is there is used, whatever the metadata say.
fn client_auth(provider: &Provider) -> anyhow::Result<Option<ClientAuth>> {
    Ok(match (provider.client_auth, &provider.private_key) {
        (None | Some(config::ClientAuth::PrivateKeyJwt), Some(key)) => {
            Some(ClientAuth::private_key_jwt(key.expose_secret())?)
        }
        (Some(config::ClientAuth::Basic), _) => Some(ClientAuth::Basic),
        (Some(config::ClientAuth::Post), _) => Some(ClientAuth::Post),
        (Some(config::ClientAuth::None), _) => Some(ClientAuth::None),
        // The configuration's checks see to the key.
        (None | Some(config::ClientAuth::PrivateKeyJwt), None) => None,
    })
}
