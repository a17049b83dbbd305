//! `doorward migrate`: the database's schema.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use doorward_identity::observer::Unobserved;

use crate::config::Config;
use crate::open_store::OpenStore;

/// Applies what is missing, or only tells it.
pub(super) async fn run(config: &Config, check: bool, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let store = OpenStore::open(config, Arc::new(Unobserved)).await?;
    if check {
        let state = store.migration_state().await?;
        for migration in &state.pending {
            writeln!(out, "missing: {migration}")?;
        }
        if state.pending.is_empty() {
            writeln!(out, "the database is up to date")?;
        }
        return Ok(if state.pending.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    match store.migrate().await? {
        0 => writeln!(out, "the database was up to date")?,
        count => writeln!(out, "applied {count} migrations")?,
    }
    Ok(ExitCode::SUCCESS)
}
