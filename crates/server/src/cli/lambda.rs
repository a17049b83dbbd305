//! `doorward` started by AWS Lambda, which names no subcommand: the server, fed with events.

use std::process::ExitCode;

use tokio::time::Instant;

use crate::config::{LambdaHost, Sources};

/// The runtime API, if this process is to serve its events.
pub(super) fn runtime_api(sources: &Sources) -> Option<String> {
    LambdaHost::of(&sources.env)?.runtime_api
}

/// Serves events until told to stop, in a process that has been there since `started`. Mistakes in the configuration are
/// told to AWS as well.
#[cfg(feature = "lambda")]
pub(super) async fn run(runtime_api: &str, sources: &Sources, started: Instant) -> anyhow::Result<ExitCode> {
    use crate::function::DoorwardFunction;
    use crate::run::lambda::RuntimeApi;
    use crate::{config, log};

    let api = RuntimeApi::at(runtime_api);
    let serving = async {
        let config = match config::load(sources) {
            Ok(config) => config,
            Err(mistakes) => {
                // It is on standard error as well, where people look.
                let _ = api.fail_to_start(&mistakes.to_string()).await;
                return Err(mistakes.into());
            }
        };
        let (access_log, flusher) = log::start(config.log)?;
        for notice in &config.notices {
            tracing::warn!(notice);
        }
        DoorwardFunction::new(config, access_log, flusher).serve(&api, started).await?;
        Ok(ExitCode::SUCCESS)
    };
    // Boxed: it holds the whole server.
    Box::pin(tokio::task::LocalSet::new().run_until(serving)).await
}

/// This build cannot.
#[cfg(not(feature = "lambda"))]
#[expect(clippy::unused_async, reason = "as in a build that has it")]
pub(super) async fn run(_: &str, _: &Sources, _: Instant) -> anyhow::Result<ExitCode> {
    anyhow::bail!("this build does not serve the events of AWS Lambda: build it with --features lambda, or full")
}
