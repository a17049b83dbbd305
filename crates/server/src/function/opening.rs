//! Putting Doorward together within a bounded time: once more, and later each time, while the store cannot be reached.

use std::sync::Arc;
use std::time::Duration;

use doorward_identity::{Identity, StoreError};
use doorward_store::OpenError;
use tokio::time::{Instant, sleep, timeout_at};

use super::RETRY_AFTER;
use crate::app::App;
use crate::cli;
use crate::config::Config;
use crate::dispatch::Dispatcher;
use crate::log::AccessLog;
use crate::run::lambda::Unavailable;

/// The wait after a first try in vain; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// The domain and what answers requests, as soon as the store lets us, or not at all by then.
pub(super) async fn open(
    config: &Config,
    access_log: &AccessLog,
    until: Instant,
) -> Result<(Arc<Identity>, Dispatcher), Unavailable> {
    let started = Instant::now();
    let mut wait = FIRST_WAIT;
    for attempt in 1_u32.. {
        // Boxed: it is most of what the process is made of, and needed once.
        let error = match timeout_at(until, Box::pin(attempted(config, access_log))).await {
            Ok(Ok(opened)) => {
                let open_ms = millis(started.elapsed());
                tracing::info!(open_ms, attempt, "ready for events");
                return Ok(opened);
            }
            Ok(Err(error)) => Some(error),
            Err(_) => None,
        };
        let passes = error.as_ref().is_none_or(may_pass);
        let goes_on = passes && Instant::now() + wait < until;
        if !goes_on {
            complain(config, error.as_ref(), attempt, started.elapsed());
            break;
        }
        sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
    Err(Unavailable { retry_after: RETRY_AFTER })
}

async fn attempted(config: &Config, access_log: &AccessLog) -> anyhow::Result<(Arc<Identity>, Dispatcher)> {
    App::build(config.clone()).await?.into_function(access_log.clone())
}

/// Whether another try may end otherwise.
fn may_pass(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        matches!(cause.downcast_ref(), Some(OpenError::Unreachable(_)))
            || matches!(cause.downcast_ref(), Some(StoreError::Unavailable(_)))
    })
}

/// Says which setting, where, why, and what to do.
fn complain(config: &Config, error: Option<&anyhow::Error>, attempts: u32, waited: Duration) {
    let reason = error.map_or_else(|| "no answer in the time there is".to_owned(), cli::explain);
    tracing::error!(
        setting = "store.url",
        host = config.store.place(),
        attempts,
        waited_ms = millis(waited),
        reason,
        "Doorward cannot be opened; requests are answered with 503 and try again. See that the database runs, that the \
         function's subnets and security groups lead to it, and that store.url names it with user and password"
    );
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
