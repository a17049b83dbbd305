//! Others on whom the domain relies, as the configuration names them: issuers of tokens, providers people sign in
//! through, the user pool, whoever carries mail, and how they are reached.

use std::sync::Arc;

use anyhow::Context as _;
use doorward_federation::{
    ClientAuth, Endpoints, IssuerConfig, IssuerKeys, LogoutStyle, OpenIdProviders, Outbound, OutboundSettings,
    ProviderConfig, dialect_of,
};
use doorward_identity::clock::SystemClock;
use doorward_identity::entropy::SystemEntropy;
use doorward_identity::issuer::{NoIssuers, OutsideKeys};
use doorward_identity::mail::{Mailbox, NoPostman, Postman};
use doorward_identity::observer::Observer;
use doorward_identity::provider::{NoProviders, Providers};
use doorward_identity::user_pool::UserPool;
use doorward_identity::{Clock, Entropy};
use secrecy::ExposeSecret as _;

use crate::aws::Aws;
use crate::config::{self, Config, Environment, Issuer, PoolKind, Provider, Secrets};
use crate::post;

/// Others on whom the domain relies.
pub(crate) struct Outsiders {
    /// Trusted issuers' keys.
    pub(crate) issuers: Arc<dyn OutsideKeys>,
    /// Providers people sign in through.
    pub(crate) providers: Arc<dyn Providers>,
    /// Who keeps the passwords.
    pub(crate) user_pool: UserPool,
    /// Who carries mail.
    pub(crate) postman: Arc<dyn Postman>,
}

impl Outsiders {
    /// Those that the configuration names. Issuers' keys are fetched before anybody asks for them.
    pub(crate) async fn of(
        config: &Config,
        observer: &Arc<dyn Observer>,
        mailbox: Option<Arc<Mailbox>>,
    ) -> anyhow::Result<Self> {
        let outbound = outbound(config)?;
        let issuers = IssuerKeys::new(config.issuers.iter().map(issuer).collect(), &outbound);
        issuers.warm();
        let providers = config
            .providers
            .iter()
            .map(|provider| self::provider(provider, &config.secrets))
            .collect::<anyhow::Result<_>>()?;
        let (clock, entropy) = (Arc::new(SystemClock) as Arc<dyn Clock>, Arc::new(SystemEntropy) as Arc<dyn Entropy>);
        let providers = OpenIdProviders::new(providers, &outbound, &clock, &entropy);
        let aws = Aws::load(config).await;
        Ok(Self {
            issuers: Arc::new(issuers),
            providers: Arc::new(providers),
            user_pool: user_pool(config, &aws, observer)?,
            postman: Arc::new(post::office(config, &aws, mailbox)?),
        })
    }

    /// Those that commands need, which judge no token, sign nobody in and send no mail: accounts are made and changed where
    /// the passwords are.
    pub(crate) async fn for_commands(config: &Config, observer: &Arc<dyn Observer>) -> anyhow::Result<Self> {
        Ok(Self {
            issuers: Arc::new(NoIssuers),
            providers: Arc::new(NoProviders),
            user_pool: user_pool(config, &Aws::load(config).await, observer)?,
            postman: Arc::new(NoPostman),
        })
    }
}

fn user_pool(config: &Config, aws: &Aws, observer: &Arc<dyn Observer>) -> anyhow::Result<UserPool> {
    let pool = &config.user_pool;
    let elsewhere = || aws.user_pool(config, Arc::clone(observer));
    Ok(match (pool.kind, pool.migrate_from) {
        (PoolKind::Cognito, _) => UserPool::Outside(elsewhere()?),
        (PoolKind::Local, Some(PoolKind::Cognito)) => UserPool::Leaving(elsewhere()?),
        (PoolKind::Local, None | Some(PoolKind::Local)) => UserPool::Local,
    })
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
        dialect: dialect_of(&issuer.issuer),
        jwks_uri: issuer.jwks_uri.clone(),
    }
}

/// A provider, as people sign in through it.
pub(crate) fn provider(provider: &Provider, secrets: &Secrets) -> anyhow::Result<ProviderConfig> {
    let endpoints = &provider.endpoints;
    Ok(ProviderConfig {
        id: provider.id.clone(),
        issuer: provider.issuer.clone(),
        client_id: provider.client_id.clone(),
        client_secret: provider
            .client_secret
            .as_ref()
            .map(|now| secrets.source(&format!("{}.client_secret", provider.entry), now)),
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
