//! `doorward serve`: the server, from its start to its end.

use std::process::ExitCode;

use crate::app::App;
use crate::config::Config;
use crate::log;

/// Serves until told to stop. Exits with 0 when every request under way was finished, with 1 when some were cut.
pub(super) async fn run(config: Config) -> anyhow::Result<ExitCode> {
    let (access_log, _written_at_the_end) = log::start(config.log)?;
    for notice in &config.notices {
        tracing::warn!(notice);
    }
    let drained = App::build(config).await?.serve(access_log).await?;
    tracing::info!(finished = drained.finished, cut = drained.cut, "stopped");
    Ok(if drained.cut == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
