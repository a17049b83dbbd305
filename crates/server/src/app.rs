//! Assembly: the one place where everything is put together, from a configuration.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use doorward_federation::{IssuerConfig, IssuerKeys, Outbound};
use doorward_identity::clock::SystemClock;
use doorward_identity::domain::DomainKey;
use doorward_identity::entropy::SystemEntropy;
use doorward_identity::issuer::{NoIssuers, OutsideKeys};
use doorward_identity::name::DisplayName;
use doorward_identity::observer::{Observer, Unobserved};
use doorward_identity::provider::NoProviders;
use doorward_identity::settings::{Settings, SurfaceSettings};
use doorward_identity::upkeep::{SeedDomain, SeedTeam};
use doorward_identity::{Identity, Parts};

use crate::admin::Admin;
use crate::config::{Config, Environment, Seed, Surface};
use crate::dispatch::Dispatcher;
use crate::metrics::Metrics;
use crate::open_store::OpenStore;
use crate::run::{Drained, Listener, Server, Sharing};
use crate::sealing;

/// How often the change log is read: the bound on how late a revocation reaches another node.
const CHANGES_EVERY: Duration = Duration::from_secs(1);
/// How often old rows are thrown away.
const SWEEP_EVERY: Duration = Duration::from_hours(1);
/// The password in the documents of the directory surface's system.
const DOCUMENTED_PASSWORD: &str = "password123";

/// Everything, ready to serve.
pub(crate) struct App {
    config: Config,
    identity: Arc<Identity>,
    metrics: Arc<Metrics>,
    readiness: Arc<AtomicBool>,
}

impl App {
    /// Opens the store, brings it up to date and starts the domain.
    pub(crate) async fn build(config: Config) -> anyhow::Result<Self> {
        let metrics = Arc::new(Metrics::new());
        let outside = Arc::new(outside_issuers(&config));
        let parts = parts(&config, Arc::clone(&metrics) as _, Arc::clone(&outside) as _).await?;
        let identity = Arc::new(Identity::start(parts).await?);
        outside.warm();
        let (teams, domains) = seeds(&config.seed)?;
        identity.seed(&teams, &domains).await.context("the first teams and domains cannot be made")?;
        Ok(Self { config, identity, metrics, readiness: Arc::new(AtomicBool::new(false)) })
    }

    /// Listens and serves until told to stop.
    pub(crate) async fn serve(self) -> anyhow::Result<Drained> {
        let limits = self.config.server.limits;
        let listen = |addresses: &[std::net::SocketAddr], setting| {
            addresses.iter().map(|address| Listener::bind(*address, Sharing::Alone, setting)).collect::<Result<Vec<_>, _>>()
        };
        let listeners = listen(&self.config.server.listen, "--listen")?;
        let admin_listeners = listen(self.config.server.admin_listen.as_slice(), "server.admin_listen")?;
        for listener in &listeners {
            tracing::info!(address = %listener.address(), version = env!("CARGO_PKG_VERSION"), "listening");
        }
        let dispatcher = Dispatcher::new(&self.config, &self.identity, &self.metrics, &self.readiness)?;
        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let server = Server::start(listeners, limits, cores, move |_| dispatcher.with_own_connections())?;
        let Self { identity, metrics, readiness, .. } = self;
        let (tally, domain, ready) = (server.tally(), Arc::clone(&identity), Arc::clone(&readiness));
        let admin = Admin { metrics, tally, identity: domain, readiness: ready };
        let admin_server = Server::start(admin_listeners, limits, NonZeroUsize::MIN, move |_| admin.clone())?;

        tokio::spawn(follow_changes(Arc::clone(&identity)));
        tokio::spawn(sweep(identity));
        tokio::spawn(server.shutdown().on_signals()?);
        readiness.store(true, Ordering::Relaxed);
        let (shutdown, stopping) = (server.shutdown(), Arc::clone(&readiness));
        tokio::spawn(async move {
            shutdown.begun().await;
            stopping.store(false, Ordering::Relaxed);
        });
        let drained = server.stopped().await;
        admin_server.shutdown().at_once();
        admin_server.stopped().await;
        Ok(drained)
    }
}

/// The domain over an up-to-date store, for commands that do not serve.
pub(crate) async fn open_identity(config: &Config) -> anyhow::Result<Identity> {
    Ok(Identity::start(parts(config, Arc::new(Unobserved), Arc::new(NoIssuers)).await?).await?)
}

/// The same where a signing key that cannot be opened must not be in the way.
pub(crate) async fn open_identity_without_keys(config: &Config) -> anyhow::Result<Identity> {
    Ok(Identity::without_keys(parts(config, Arc::new(Unobserved), Arc::new(NoIssuers)).await?).await?)
}

/// What the domain is made of, its store up to date.
async fn parts(config: &Config, observer: Arc<dyn Observer>, outside: Arc<dyn OutsideKeys>) -> anyhow::Result<Parts> {
    let store = OpenStore::open(config, Arc::clone(&observer)).await.context("the store cannot be opened")?;
    let applied = store.migrate().await.context("the store cannot be brought up to date")?;
    if applied > 0 {
        tracing::info!(applied, "store brought up to date");
    }
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
        outside,
        providers: Arc::new(NoProviders),
        sealing_key: sealing::key(config, &*entropy)?,
        entropy,
        settings: settings(config),
    })
}

/// The trusted outside issuers.
fn outside_issuers(config: &Config) -> IssuerKeys {
    let issuers = config.issuers.iter().map(|issuer| IssuerConfig {
        issuer: issuer.issuer.clone(),
        audiences: issuer.audiences.clone(),
        jwks_uri: issuer.jwks_uri.clone(),
    });
    IssuerKeys::new(issuers.collect(), &Outbound::new(config.environment == Environment::Development))
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
        key_lead: config.tokens.key_lead,
        refresh_ttl: config.tokens.refresh_ttl,
        refresh_grace: config.tokens.refresh_grace,
        session_ttl: config.session.absolute_ttl,
        session_idle: config.session.idle_ttl,
        group_grants: BTreeMap::new(),
        surfaces: [
            surface(&surfaces.hosted),
            surface(&surfaces.accounts),
            surface(&surfaces.signin),
            surface(&surfaces.directory.surface),
        ],
        default_team: surfaces.directory.default_team.clone(),
        default_domain: surfaces.directory.default_domain.clone(),
        hash: config.password.scheme,
        hash_threads: config.password.threads,
        hash_queue: config.password.queue,
        documented_password: documented,
        address_failures: config.throttle.failures_per_address.count,
        address_window: config.throttle.failures_per_address.per,
    }
}

fn seeds(seed: &Seed) -> anyhow::Result<(Vec<SeedTeam>, Vec<SeedDomain>)> {
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

/// Reads on in the change log for as long as the process lives. Says once when it cannot, and once when it can again.
async fn follow_changes(identity: Arc<Identity>) {
    let mut every = tokio::time::interval(CHANGES_EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut well = true;
    loop {
        every.tick().await;
        let read = identity.follow_changes().await;
        match &read {
            Err(error) if well => tracing::error!(%error, "the change log cannot be read; revocations may come late"),
            Ok(()) if !well => tracing::info!("the change log can be read again"),
            Ok(()) | Err(_) => {}
        }
        well = read.is_ok();
    }
}

async fn sweep(identity: Arc<Identity>) {
    let mut every = tokio::time::interval(SWEEP_EVERY);
    loop {
        every.tick().await;
        match identity.sweep().await {
            Ok(rows) => tracing::debug!(rows, "old rows thrown away"),
            Err(error) => tracing::warn!(%error, "old rows not thrown away; the next hour tries again"),
        }
    }
}
