//! `doorward doctor`: looks at an installation from within and says, check by check, what is well, what is not, and
//! what to do about it. Changes nothing: what the first start would make is left for it to make.
//!
//! One file a topic; each check is a small function that answers with a [`Finding`].

mod browser;
mod clock;
mod finding;
mod issuers;
mod listening;
mod passwords;
mod probe;
mod secrets;
mod store;
mod upstreams;

use std::io::Write;
use std::process::ExitCode;

use clap::Args;
use doorward_identity::clock::SystemClock;
use doorward_identity::entropy::SystemEntropy;

use self::finding::{Finding, Verdict};
use crate::config::{Config, Sources};

/// Flags of `doorward doctor`.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct DoctorArgs {
    /// Print JSON, for programs
    #[arg(long)]
    json: bool,
}

/// Examines everything and reports. Exits with 1 if anything is bad.
pub(super) async fn run(
    config: &Config,
    sources: &Sources,
    arguments: DoctorArgs,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let findings = examine(config, sources).await;
    if arguments.json {
        finding::print_json(&findings, out)?;
    } else {
        finding::print(&findings, out)?;
    }
    let is_bad = findings.iter().any(|finding| finding.verdict == Verdict::Bad);
    Ok(if is_bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn examine(config: &Config, sources: &Sources) -> Vec<Finding> {
    let mut findings = vec![Finding::good("configuration", format!("sound ({})", config.environment.as_str()))];
    findings.extend(config.notices.iter().map(|notice| Finding::skipped("configuration", notice)));
    findings.extend(store::python_driver(sources));
    findings.extend(store::examine(config).await);
    findings.extend(secrets::examine(config, sources));
    findings.push(passwords::hash_time(&config.password, &SystemEntropy));
    findings.extend(listening::examine(config).await);
    findings.extend(browser::examine(config));
    let mut readings = Vec::new();
    findings.extend(issuers::examine(config, &SystemClock, &mut readings).await);
    findings.extend(upstreams::examine(config, &SystemClock, &mut readings).await);
    findings.push(clock::skew(&readings));
    findings
}
