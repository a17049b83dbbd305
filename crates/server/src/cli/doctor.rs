//! `doorward doctor`: looks at an installation from within and says, check by check, what is well, what is not, and
//! what to do about it. Changes nothing: what the first start would make is left for it to make.
//!
//! One file a topic; each check is a small function that answers with a [`Finding`].

mod browser;
mod clock;
mod finding;
mod issuers;
mod lambda;
mod listening;
mod mail;
mod passwords;
mod providers;
mod secrets;
mod store;
mod upstreams;
#[cfg(feature = "aws")]
mod user_pool;
#[cfg(not(feature = "aws"))]
mod user_pool {
    //! A build without Amazon's services asks no pool.

    use super::{Config, Finding};

    #[expect(clippy::unused_async, reason = "as in a build that has them")]
    pub(super) async fn examine(_: &Config) -> Vec<Finding> {
        Vec::new()
    }
}

use std::io::Write;
use std::process::ExitCode;

use clap::Args;
use doorward_identity::clock::SystemClock;
use doorward_identity::entropy::SystemEntropy;

use self::finding::{Finding, Verdict};
use crate::config::{Config, Sources};
use crate::outsiders;

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
    match &config.lambda.host {
        Some(host) => findings.extend(lambda::examine(config, host, &SystemEntropy)),
        None => findings.extend(listening::examine(config).await),
    }
    findings.extend(browser::examine(config));
    findings.extend(mail::examine(config).await);
    findings.extend(user_pool::examine(config).await);
    let mut readings = Vec::new();
    match outsiders::outbound(config) {
        Ok(outbound) => {
            findings.extend(issuers::examine(config, &outbound, &SystemClock, &mut readings).await);
            findings.extend(providers::examine(config, &outbound, &SystemClock, &mut readings).await);
        }
        Err(error) => {
            let remedy = "see that the file holds certificates in PEM";
            findings.push(Finding::bad("outbound.extra_ca", format!("{error:#}"), remedy));
        }
    }
    findings.extend(upstreams::examine(config, &SystemClock, &mut readings).await);
    findings.push(clock::skew(&readings));
    findings
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::config::{Flag, load};

    async fn examined(extra: &[(&str, &str)]) -> (ExitCode, String) {
        let settings = [
            ("server.listen", "127.0.0.1:0"),
            ("server.admin_listen", ""),
            ("server.public_url", "https://id.example.com"),
            ("server.frontend_url", "https://app.example.com"),
            ("store.url", "sqlite:no-such-folder/doorward.db"),
            ("password.bcrypt_cost", "4"),
        ];
        let flag = |(key, value): &(&str, &str)| Flag {
            name: "test".to_owned(),
            key: (*key).to_owned(),
            value: (*value).to_owned(),
        };
        let sources = Sources { flags: settings.iter().chain(extra).map(flag).collect(), ..Sources::default() };
        let mut out = Vec::new();
        let exit = run(&load(&sources).unwrap(), &sources, DoctorArgs { json: false }, &mut out).await.unwrap();
        (exit, String::from_utf8(out).unwrap())
    }

    #[tokio::test]
    async fn a_sound_installation_passes_and_nothing_is_made() {
        let (exit, report) = examined(&[]).await;
        assert_eq!(exit, ExitCode::SUCCESS, "{report}");
        assert!(report.ends_with("All is well.\n"), "{report}");
        assert!(!std::path::Path::new("no-such-folder").exists());
    }

    #[tokio::test]
    async fn one_bad_finding_is_a_failure_and_the_rest_is_examined_all_the_same() {
        let (exit, report) = examined(&[
            ("issuers.0.issuer", "http://127.0.0.1:1"),
            ("issuers.0.audiences", "us"),
            ("user_pool.pool_id", "us-east-1_abc"),
            ("user_pool.region", "us-east-1"),
        ])
        .await;
        assert_eq!(exit, ExitCode::FAILURE);
        assert!(report.contains("✖ issuer http://127.0.0.1:1: "), "{report}");
        assert!(report.contains("✔ user pool region: "), "{report}");
        assert!(report.ends_with("One thing needs attention.\n"), "{report}");
    }
}
