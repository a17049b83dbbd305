//! Providers people sign in through: can they be reached, and do they have what signing in needs?

use doorward_federation::{DiscoveryError, Outbound, ProviderSurvey, survey_provider};
use doorward_identity::Clock;

use super::clock::Reading;
use super::finding::Finding;
use super::issuers;
use crate::config::{Config, Provider};
use crate::outsiders;

pub(super) async fn examine(
    config: &Config,
    outbound: &Outbound,
    clock: &dyn Clock,
    readings: &mut Vec<Reading>,
) -> Vec<Finding> {
    if config.providers.is_empty() {
        return vec![Finding::skipped("providers", "people sign in through no provider")];
    }
    let mut findings = Vec::new();
    for provider in &config.providers {
        let described = match outsiders::provider(provider, &config.secrets) {
            Ok(described) => described,
            Err(error) => {
                let remedy = "write the key as PKCS #8 PEM, unencrypted";
                findings.push(Finding::bad(name(provider), format!("{error:#}"), remedy));
                continue;
            }
        };
        let looked = survey_provider(outbound, &described).await;
        if let Ok(ProviderSurvey { date: Some(theirs), .. }) = &looked {
            readings.push(Reading { who: provider.issuer.clone(), theirs: *theirs, ours: clock.now() });
        }
        findings.push(judge(provider, looked));
        findings.extend(redirect(provider, &config.server.public_url));
    }
    findings
}

fn name(provider: &Provider) -> String {
    format!("provider {}", provider.id)
}

fn judge(provider: &Provider, looked: Result<ProviderSurvey, DiscoveryError>) -> Finding {
    let survey = match looked {
        Ok(survey) => survey,
        Err(error) => {
            let remedy = issuers::remedy(&provider.entry, &provider.issuer, &error);
            return Finding::bad(name(provider), error.to_string(), remedy);
        }
    };
    let endpoints = survey.authorization_endpoint.and_then(|page| survey.token_endpoint.map(|_| page));
    match endpoints {
        Ok(page) => {
            let logout = if survey.has_logout { "" } else { "; it has no page to sign out" };
            let keys = survey.usable_keys;
            Finding::good(name(provider), format!("people sign in at {page}; usable keys: {keys}{logout}"))
        }
        Err(error) => {
            let entry = &provider.entry;
            let remedy = format!("set {entry}.authorization_endpoint and {entry}.token_endpoint");
            Finding::bad(name(provider), error.to_string(), remedy)
        }
    }
}

/// Codes are sent where the redirect URI says: to Doorward's own callback, or to nobody.
fn redirect(provider: &Provider, public_url: &str) -> Option<Finding> {
    let uri = &provider.redirect_uri;
    if uri.strip_prefix(public_url) == Some("/api/v1/auth/callback") {
        return None;
    }
    let what = format!("{uri} is not the callback at {public_url}: what stands there has to lead to it");
    Some(Finding::skipped(format!("{}.redirect_uri", provider.entry), what))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::super::finding::Verdict;
    use super::*;
    use crate::config::{Flag, Sources, load};

    fn configured(extra: &[(&str, &str)]) -> Config {
        let settings =
            [("providers.0.id", "corp"), ("providers.0.issuer", "http://127.0.0.1:1"), ("providers.0.client_id", "c")];
        let flag = |(key, value): &(&str, &str)| Flag {
            name: "test".to_owned(),
            key: (*key).to_owned(),
            value: (*value).to_owned(),
        };
        load(&Sources { flags: settings.iter().chain(extra).map(flag).collect(), ..Sources::default() }).unwrap()
    }

    async fn examined(extra: &[(&str, &str)]) -> Vec<Finding> {
        let config = configured(extra);
        let outbound = outsiders::outbound(&config).unwrap();
        examine(&config, &outbound, &doorward_identity::clock::SystemClock, &mut Vec::new()).await
    }

    #[tokio::test]
    async fn a_provider_that_nobody_reaches_is_bad_and_a_strange_callback_is_told() {
        let findings = examined(&[("providers.0.redirect_uri", "http://localhost:3000/cb")]).await;
        assert_eq!(findings.iter().map(|found| found.verdict).collect::<Vec<_>>(), [Verdict::Bad, Verdict::Skipped]);
        assert!(findings[0].remedy.as_ref().unwrap().contains("this machine can reach it"), "{findings:?}");
        assert_eq!(examined(&[]).await.len(), 1);
    }

    #[tokio::test]
    async fn a_key_that_cannot_sign_is_told_without_being_shown() {
        let pem = "-----BEGIN PRIVATE KEY-----\\nhunter2\\n-----END PRIVATE KEY-----";
        let findings = examined(&[("providers.0.private_key", pem)]).await;
        assert_eq!(findings[0].verdict, Verdict::Bad);
        assert!(!format!("{findings:?}").contains("hunter2"), "{findings:?}");
    }
}
