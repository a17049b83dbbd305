//! Assembly: the one place where everything is put together, from a configuration.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use doorward_identity::Identity;
use doorward_identity::clock::SystemClock;
use doorward_identity::mail::Mailbox;
use doorward_identity::observer::Observer;

use crate::admin::Admin;
use crate::chores;
use crate::config::Config;
use crate::dispatch::{self, Dispatcher};
use crate::gateway::Services;
use crate::listening::Listening;
use crate::log::AccessLog;
use crate::metrics::Metrics;
use crate::outsiders::Outsiders;
use crate::parts;
use crate::post;
use crate::recorder::Recorder;
use crate::run::{Drained, Server};
use crate::secrets::Rounds;

/// Everything, ready to serve.
pub(crate) struct App {
    config: Config,
    identity: Arc<Identity>,
    metrics: Arc<Metrics>,
    mailbox: Option<Arc<Mailbox>>,
    readiness: Arc<AtomicBool>,
}

impl App {
    /// Opens the store, brings it up to date and starts the domain.
    pub(crate) async fn build(config: Config) -> anyhow::Result<Self> {
        let metrics = Arc::new(Metrics::new());
        let observer = Arc::clone(&metrics) as Arc<dyn Observer>;
        let mailbox = post::mailbox(&config);
        let outsiders = Outsiders::of(&config, &observer, mailbox.clone()).await?;
        let parts = parts::parts(&config, observer, outsiders).await?;
        let identity = Arc::new(Identity::start(parts).await?);
        let (teams, domains) = parts::seeds(&config.seed)?;
        identity.seed(&teams, &domains).await.context("the first teams and domains cannot be made")?;
        Ok(Self { config, identity, metrics, mailbox, readiness: Arc::new(AtomicBool::new(false)) })
    }

    /// Listens and serves until told to stop.
    pub(crate) async fn serve(self, access_log: AccessLog) -> anyhow::Result<Drained> {
        let limits = self.config.server.limits;
        let Listening { clients, operators, tls } = Listening::open(&self.config.server).await?;
        for listener in &clients {
            tracing::info!(address = %listener.address(), version = env!("CARGO_PKG_VERSION"), "listening");
        }
        let services = Services::of(&self.config)?;
        let dispatcher = self.dispatcher(&services, access_log)?;
        tokio::spawn(dispatcher.watch_health());
        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let server = Server::start(clients, limits, cores, move |_| dispatcher.with_own_connections())?;
        let (identity, metrics, readiness) = (self.identity, self.metrics, self.readiness);
        let mail = chores::start(&identity, Rounds::of(&self.config, Arc::new(SystemClock)));
        let admin = Admin { metrics, tally: server.tally(), identity, services, readiness: Arc::clone(&readiness) };
        let admin_server = Server::start(operators, limits, NonZeroUsize::MIN, move |_| admin.clone())?;

        if let Some(tls) = tls {
            tokio::spawn(tls.follow_files()?);
        }
        tokio::spawn(server.shutdown().on_signals()?);
        readiness.store(true, Ordering::Relaxed);
        let (shutdown, stopping) = (server.shutdown(), Arc::clone(&readiness));
        tokio::spawn(async move {
            shutdown.begun().await;
            stopping.store(false, Ordering::Relaxed);
        });
        let shutdown = server.shutdown();
        let drained = server.stopped().await;
        // Requests are answered; the letter in hand has what is left of their time.
        tokio::select! {
            () = mail.finish() => {}
            () = shutdown.time_is_up() => {}
        }
        admin_server.shutdown().at_once();
        admin_server.stopped().await;
        Ok(drained)
    }

    /// What answers events, for whoever does the rest of a server's work himself.
    #[cfg(feature = "lambda")]
    pub(crate) fn into_function(self, access_log: AccessLog) -> anyhow::Result<(Arc<Identity>, Dispatcher)> {
        let dispatcher = self.dispatcher(&Services::of(&self.config)?, access_log)?;
        self.readiness.store(true, Ordering::Relaxed);
        Ok((self.identity, dispatcher))
    }

    fn dispatcher(&self, services: &Services, access_log: AccessLog) -> anyhow::Result<Dispatcher> {
        let recorder = Arc::new(Recorder { metrics: Arc::clone(&self.metrics), access_log });
        let settings = dispatch::web_settings(&self.config, Arc::clone(&self.readiness), self.mailbox.clone());
        Dispatcher::new(&self.config, settings, services, &self.identity, recorder)
    }
}
