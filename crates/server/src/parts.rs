//! What the domain is made of, as the configuration wants it: store, settings, first teams and domains.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, bail};
use doorward_identity::clock::SystemClock;
use doorward_identity::domain::DomainKey;
use doorward_identity::entropy::SystemEntropy;
use doorward_identity::name::DisplayName;
use doorward_identity::observer::{Observer, Unobserved};
use doorward_identity::settings::{GroupRule, Settings, SurfaceSettings};
use doorward_identity::upkeep::{SeedDomain, SeedTeam};
use doorward_identity::{Identity, Parts};

use crate::config::{Config, Environment, Provider, Seed, Surface};
use crate::open_store::OpenStore;
use crate::outsiders::Outsiders;
use crate::sealing;
use crate::secrets::Rounds;

/// The password in the documents of the directory surface's system.
const DOCUMENTED_PASSWORD: &str = "password123";

/// The domain over an up-to-date store, for commands that do not serve.
pub(crate) async fn open_identity(config: &Config) -> anyhow::Result<Identity> {
    Ok(Identity::start(parts_of_command(config).await?).await?)
}

/// The same where a signing key that cannot be opened must not be in the way.
pub(crate) async fn open_identity_without_keys(config: &Config) -> anyhow::Result<Identity> {
    Ok(Identity::without_keys(parts_of_command(config).await?).await?)
}

async fn parts_of_command(config: &Config) -> anyhow::Result<Parts> {
    let observer = Arc::new(Unobserved) as Arc<dyn Observer>;
    let outsiders = Outsiders::for_commands(config, &observer).await?;
    parts(config, observer, outsiders).await
}

/// What the domain is made of, its store up to date.
pub(crate) async fn parts(config: &Config, observer: Arc<dyn Observer>, outsiders: Outsiders) -> anyhow::Result<Parts> {
    let started = Instant::now();
    let store = OpenStore::open(config, Arc::clone(&observer)).await.context("the store cannot be opened")?;
    let store_connect_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::info!(store_connect_ms, "store reached");
    let applied = store.migrate().await.context("the store cannot be brought up to date")?;
    if applied > 0 {
        tracing::info!(applied, "store brought up to date");
    }
    store.refuse_unfinished().await?;
    if config.environment.protects()
        && let Err(reason) = store.durability().await
    {
        bail!("the store would lose what it acknowledged: {reason}");
    }
    let entropy = Arc::new(SystemEntropy);
    Ok(Parts {
        store: store.into_store(),
        clock: Arc::new(SystemClock),
        observer,
        outside: outsiders.issuers,
        providers: outsiders.providers,
        user_pool: outsiders.user_pool,
        postman: outsiders.postman,
        sealing_key: sealing::key(config, &*entropy)?,
        entropy,
        settings: settings(config),
    })
}

/// The domain's share of the configuration.
fn settings(config: &Config) -> Settings {
    let surface = |surface: &Surface| SurfaceSettings {
        token_ttl: surface.token_ttl,
        password_rule: surface.password_rule.clone(),
    };
    let surfaces = &config.surfaces;
    let documented = (config.environment == Environment::Development).then(|| DOCUMENTED_PASSWORD.to_owned());
    Settings {
        issuer: config.server.public_url.clone(),
        algorithm: config.tokens.algorithm,
        secret: config.tokens.secret.clone(),
        former_secret: Rounds::former_shared(config),
        key_lead: config.tokens.key_lead,
        refresh_ttl: config.tokens.refresh_ttl,
        refresh_grace: config.tokens.refresh_grace,
        session_ttl: config.session.absolute_ttl,
        session_idle: config.session.idle_ttl,
        group_grants: config.providers.iter().map(group_grants).collect(),
        new_account_roles: config.roles.new_accounts.clone(),
        known_roles: config.roles.known.clone(),
        surfaces: [
            surface(&surfaces.hosted),
            surface(&surfaces.accounts.surface),
            surface(&surfaces.signin),
            surface(&surfaces.directory.surface),
        ],
        default_team: surfaces.directory.default_team.clone(),
        default_domain: surfaces.directory.default_domain.clone(),
        hash: config.password.scheme,
        hash_threads: config.password.threads,
        hash_queue: config.password.queue,
        tell_taken: surfaces.accounts.tell_taken,
        documented_password: documented,
        address_failures: config.throttle.failures_per_address.count,
        address_window: config.throttle.failures_per_address.per,
    }
}

/// What the groups of a provider give.
fn group_grants(provider: &Provider) -> (String, Vec<GroupRule>) {
    let rules = provider.groups.iter().map(|rule| GroupRule {
        group: rule.name.clone(),
        roles: rule.roles.clone(),
        teams: rule.teams.clone(),
    });
    (provider.id.clone(), rules.collect())
}

/// The teams and domains to begin with.
pub(crate) fn seeds(seed: &Seed) -> anyhow::Result<(Vec<SeedTeam>, Vec<SeedDomain>)> {
    let name = |text: &str| DisplayName::try_from(text.to_owned()).with_context(|| format!("the seed {text:?}"));
    let teams =
        seed.teams.iter().map(|team| Ok(SeedTeam { name: name(&team.name)?, external_ref: team.external_ref.clone() }));
    let domains = seed.domains.iter().map(|domain| {
        let key = |text: &String| DomainKey::try_from(text.clone()).with_context(|| format!("the seed {text:?}"));
        Ok(SeedDomain {
            key: key(&domain.key)?,
            name: name(&domain.name)?,
            parent: domain.parent.as_ref().map(key).transpose()?,
        })
    });
    Ok((teams.collect::<anyhow::Result<_>>()?, domains.collect::<anyhow::Result<_>>()?))
}
