//! What tokens rest on, and what production would not start with.

use doorward_protocol::algorithm::Algorithm;
use secrecy::ExposeSecret;

use super::finding::Finding;
use crate::config::{self, Config, Flag, Sources, Tokens};
use crate::secrets::{Reference, Stage};

/// Refusals that mean anybody can make tokens, in any environment.
const SECRETS: [&str; 2] = ["tokens.secret", "tokens.encryption_key"];

pub(super) fn examine(config: &Config, sources: &Sources) -> Vec<Finding> {
    let mut findings: Vec<_> = config.secrets.references.iter().map(kept).collect();
    findings.push(Finding::good("tokens", signed_with(&config.tokens)));
    if !config.environment.protects() {
        findings.extend(refused_in_production(sources));
    }
    findings
}

/// A secret that is kept elsewhere; one that cannot be read would be a mistake of the configuration.
fn kept((key, reference): (&String, &Reference)) -> Finding {
    let version = match reference {
        Reference::Aws { .. } => format!(" ({})", Stage::Current.as_str()),
        Reference::File(_) | Reference::Variable(_) => String::new(),
    };
    Finding::good(format!("secret {key}"), format!("read from {reference}{version}"))
}

fn signed_with(tokens: &Tokens) -> String {
    match (tokens.algorithm, &tokens.secret) {
        (Algorithm::HS256, Some(secret)) => {
            format!("HS256 with a shared secret of {} characters", secret.expose_secret().chars().count())
        }
        (algorithm, secret) => {
            let sealed = match (&tokens.encryption_key, secret) {
                (Some(_), _) => "tokens.encryption_key",
                (None, Some(_)) => "tokens.secret",
                (None, None) => "a key in a file of this machine",
            };
            format!(
                "{algorithm} with keys that Doorward makes and publishes; in the store they are sealed with {sealed}"
            )
        }
    }
}

/// The same configuration as production would judge it. A secret that can be guessed is bad anywhere.
fn refused_in_production(sources: &Sources) -> Vec<Finding> {
    let mut sources = sources.clone();
    let production = Flag { name: "doctor".to_owned(), key: "environment".to_owned(), value: "production".to_owned() };
    sources.flags.push(production);
    let Err(mistakes) = config::load(&sources) else {
        return vec![Finding::good("production", "would start with this configuration")];
    };
    let finding = |mistake: &config::Mistake| {
        let text = mistake.to_string();
        if SECRETS.iter().any(|key| text.starts_with(key) && !text.contains("is missing")) {
            Finding::bad("secret strength", text, "whoever guesses it makes tokens for anybody; replace it")
        } else {
            Finding::skipped("production", format!("would refuse {text}"))
        }
    };
    mistakes.0.iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::super::finding::Verdict;
    use super::*;

    fn judged(settings: &[(&str, &str)]) -> Vec<Finding> {
        let flag = |(key, value): &(&str, &str)| Flag {
            name: "test".to_owned(),
            key: (*key).to_owned(),
            value: (*value).to_owned(),
        };
        let sources = Sources { flags: settings.iter().map(flag).collect(), ..Sources::default() };
        examine(&config::load(&sources).unwrap(), &sources)
    }

    #[test]
    fn a_secret_from_the_documents_is_bad_in_development_too_and_never_shown() {
        let secret = "your-secret-key-change-in-production-minimum-32-characters";
        let findings = judged(&[("tokens.secret", secret)]);
        assert!(findings.iter().any(|f| f.name == "secret strength" && f.verdict == Verdict::Bad), "{findings:?}");
        assert!(findings.iter().all(|finding| !finding.what.contains(secret)));
    }

    #[test]
    fn what_only_production_refuses_is_no_failure_in_development() {
        let findings = judged(&[("surfaces.directory.dev_headers", "true")]);
        assert!(findings.iter().all(|finding| finding.verdict != Verdict::Bad));
        assert!(findings.iter().any(|finding| finding.what.contains("dev_headers")), "{findings:?}");
    }

    #[test]
    fn a_configuration_that_is_ready_for_production_is_said_to_be() {
        let findings = judged(&[
            ("tokens.secret", "vJ8mQ2xT7kLp4WzR9bNc3YhF6sGd1AeU"),
            ("server.public_url", "https://id.example.com"),
            ("server.frontend_url", "https://app.example.com"),
        ]);
        assert!(findings.contains(&Finding::good("production", "would start with this configuration")), "{findings:?}");
    }
}
