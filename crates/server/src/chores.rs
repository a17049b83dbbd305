//! What is done again and again while the process lives.

use std::sync::Arc;
use std::time::Duration;

use doorward_identity::Identity;
use tokio::time::{MissedTickBehavior, interval};

/// How often the change log is read: the bound on how late a revocation reaches another node.
const CHANGES_EVERY: Duration = Duration::from_secs(1);
/// How often providers' tokens that are due are renewed.
const RENEWALS_EVERY: Duration = Duration::from_secs(15);
/// How often old rows are thrown away.
const SWEEP_EVERY: Duration = Duration::from_hours(1);

/// Starts all of it.
pub(crate) fn start(identity: &Arc<Identity>) {
    tokio::spawn(follow_changes(Arc::clone(identity)));
    tokio::spawn(renew_provider_tokens(Arc::clone(identity)));
    tokio::spawn(sweep(Arc::clone(identity)));
}

/// Reads on in the change log. Says once when it cannot, and once when it can again.
async fn follow_changes(identity: Arc<Identity>) {
    let mut every = interval(CHANGES_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
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

async fn renew_provider_tokens(identity: Arc<Identity>) {
    let mut every = interval(RENEWALS_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        match identity.renew_provider_tokens().await {
            Ok(0) => {}
            Ok(renewed) => tracing::debug!(renewed, "tokens of providers renewed"),
            Err(error) => tracing::warn!(%error, "tokens of providers not renewed; the next round tries again"),
        }
    }
}

async fn sweep(identity: Arc<Identity>) {
    let mut every = interval(SWEEP_EVERY);
    loop {
        every.tick().await;
        match identity.sweep().await {
            Ok(rows) => tracing::debug!(rows, "old rows thrown away"),
            Err(error) => tracing::warn!(%error, "old rows not thrown away; the next hour tries again"),
        }
    }
}
