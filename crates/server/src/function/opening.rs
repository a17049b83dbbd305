//! Putting Doorward together within a bounded time: once more, and later each time, while the store cannot be reached.

use std::sync::Arc;
use std::time::Duration;

use doorward_identity::{Identity, StoreError};
use doorward_store::OpenError;
use tokio::time::{Instant, sleep, timeout_at};

use super::RETRY_AFTER;
use crate::app::App;
use crate::cli;
use crate::config::{self, Config, Store};
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
    let mut last = None;
    for attempt in 1_u32.. {
        // Boxed: it is most of what the process is made of, and needed once.
        match timeout_at(until, Box::pin(attempted(config, access_log))).await {
            Ok(Ok(opened)) => {
                let open_ms = millis(started.elapsed());
                tracing::info!(open_ms, attempt, "ready for events");
                return Ok(opened);
            }
            Ok(Err(error)) => last = Some(error),
            // What went wrong before says more.
            Err(_) => {}
        }
        let passes = last.as_ref().is_none_or(may_pass);
        let goes_on = passes && Instant::now() + wait < until;
        if !goes_on {
            complain(config, last.as_ref(), attempt, started.elapsed());
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
    let setting = blamed(&config.store, &reason);
    let remedy = match setting.as_str() {
        "store.url" => {
            "see that the database runs, that the function's subnets and security groups lead to it, and that store.url \
             names it with user and password"
        }
        "store.tls_ca_file" | "store.tls_ca" => {
            "see that the certificates there are of those who vouch for the database's server, and that store.url names the \
             server as its own certificate does"
        }
        _ => "set it right",
    };
    tracing::error!(
        setting,
        host = config.store.place(),
        attempts,
        waited_ms = millis(waited),
        reason,
        remedy,
        "Doorward cannot be opened; requests are answered with 503 and try again"
    );
}

/// The setting that is at fault: whatever fails names it in its words, but for those that do not know of settings.
fn blamed(store: &Store, reason: &str) -> String {
    let named = config::setting_in(reason);
    match named {
        Some(setting) => setting,
        None if reason.contains("certificate") && store.tls_ca.is_some() => "store.tls_ca".to_owned(),
        None if reason.contains("certificate") => "store.tls_ca_file".to_owned(),
        None => "store.url".to_owned(),
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use anyhow::anyhow;
    use doorward_store::CredentialError;

    use super::*;
    use crate::config::{Flag, Sources, load};

    fn config(settings: &[(&str, &str)]) -> Config {
        let flag = |(key, value): &(&str, &str)| Flag {
            name: String::new(),
            key: (*key).to_owned(),
            value: (*value).to_owned(),
        };
        load(&Sources { flags: settings.iter().map(flag).collect(), ..Sources::default() }).unwrap()
    }

    #[test]
    fn a_start_in_vain_is_laid_to_the_setting_at_fault() {
        let refused = |origin: &str| OpenError::Refused {
            server: "db.internal:5432".to_owned(),
            user: "app".to_owned(),
            reason: "no".to_owned(),
            origin: origin.to_owned(),
        };
        let strange = || OpenError::Unreachable("invalid peer certificate: UnknownIssuer".into());
        let gone = OpenError::Credentials(CredentialError("store.username: \"file:///x\" cannot be read".to_owned()));
        let by_file = config(&[("store.url", "postgres://db/d"), ("store.tls_ca_file", "Cargo.toml")]);
        let pem = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----";
        let by_text = config(&[("store.url", "postgres://db/d"), ("store.tls_ca", pem)]);
        for (config, error, setting) in [
            (&by_file, strange().into(), "store.tls_ca_file"),
            (&by_text, strange().into(), "store.tls_ca"),
            (&by_file, OpenError::Unreachable("connection refused".into()).into(), "store.url"),
            (&by_file, refused("store.password (aws-sm://app/db#password)").into(), "store.password"),
            (&by_file, refused("its address").into(), "store.url"),
            (&by_file, gone.into(), "store.username"),
            (&by_file, anyhow!("the domain").context("providers[0].private_key"), "providers[0].private_key"),
            (&by_file, anyhow!("give every node the same tokens.encryption_key, or not"), "tokens.encryption_key"),
        ] {
            let reason = cli::explain(&anyhow::Error::context(error, "the store cannot be opened"));
            assert_eq!(blamed(&config.store, &reason), setting, "{reason}");
        }
    }
}
