//! Outside issuers: can their keys be had, and do the names of pools and regions agree?

use doorward_federation::{DiscoveryError, Outbound, OutboundError, Survey, survey};
use doorward_identity::Clock;

use super::clock::Reading;
use super::finding::Finding;
use crate::config::{Config, Issuer, UserPool};
use crate::outsiders;

/// How the host of a Cognito pool's issuer begins and ends; between them stands the region.
const COGNITO: (&str, &str) = ("https://cognito-idp.", ".amazonaws.com/");

pub(super) async fn examine(
    config: &Config,
    outbound: &Outbound,
    clock: &dyn Clock,
    readings: &mut Vec<Reading>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for issuer in &config.issuers {
        let looked = survey(outbound, &outsiders::issuer(issuer)).await;
        if let Ok(Survey { date: Some(theirs), .. }) = &looked {
            readings.push(Reading { who: issuer.issuer.clone(), theirs: *theirs, ours: clock.now() });
        }
        findings.push(judge(issuer, looked));
    }
    if config.issuers.is_empty() {
        findings.push(Finding::skipped("issuers", "no outside issuer is trusted"));
    }
    findings.extend(region(&config.user_pool));
    let named = config.issuers.iter().map(|issuer| (&issuer.entry, &issuer.issuer));
    let named = named.chain(config.providers.iter().map(|provider| (&provider.entry, &provider.issuer)));
    findings
        .extend(named.filter_map(|(entry, issuer)| pool_issuer(entry, issuer, config.user_pool.pool_id.as_deref())));
    findings
}

fn judge(issuer: &Issuer, looked: Result<Survey, DiscoveryError>) -> Finding {
    let name = format!("issuer {}", issuer.issuer);
    match looked {
        Ok(survey) => {
            let keys =
                if survey.usable_keys == 1 { "1 key".to_owned() } else { format!("{} keys", survey.usable_keys) };
            let audiences = issuer.audiences.join(", ");
            Finding::good(name, format!("{keys} at {}; audiences: {audiences}", survey.jwks_uri))
        }
        Err(error) if issuer.is_user_pool() => {
            let remedy = "see that user_pool.pool_id is a pool of yours, and that this machine reaches it";
            Finding::bad(name, error.to_string(), remedy)
        }
        Err(error) => Finding::bad(name, error.to_string(), remedy(&issuer.entry, &issuer.issuer, &error)),
    }
}

/// What to do about an issuer, or a provider, at `entry` whose metadata or keys cannot be had.
pub(super) fn remedy(entry: &str, issuer: &str, error: &DiscoveryError) -> String {
    match error {
        DiscoveryError::OtherIssuer(other) if other.trim_end_matches('/') == issuer.trim_end_matches('/') => {
            format!("the slash at the end counts: write {entry}.issuer = {other:?}")
        }
        DiscoveryError::OtherIssuer(_) => {
            format!(
                "write {entry}.issuer exactly as the issuer does, or set {entry}.jwks_uri if it is served elsewhere"
            )
        }
        DiscoveryError::NoMetadata | DiscoveryError::Metadata(OutboundError::Status(_) | OutboundError::Redirect) => {
            format!(
                "see that {entry}.issuer is an OIDC issuer (its /.well-known/openid-configuration), or set {entry}.jwks_uri"
            )
        }
        DiscoveryError::Metadata(_)
        | DiscoveryError::Keys(OutboundError::Unreachable(_) | OutboundError::Deadline(_)) => {
            "see that this machine can reach it: DNS, firewall, certificates (SSL_CERT_FILE names further roots)"
                .to_owned()
        }
        DiscoveryError::BadKeysUrl | DiscoveryError::Keys(_) | DiscoveryError::NoKeys => {
            format!("set {entry}.jwks_uri to the address of its keys")
        }
    }
}

/// A pool's id begins with its region: `us-east-1_AbCdEf`.
fn region(pool: &UserPool) -> Option<Finding> {
    let name = "user pool region";
    let id = pool.pool_id.as_deref()?;
    let Some((of_id, _)) = id.split_once('_') else {
        let what = format!("{id} is no pool id");
        return Some(Finding::bad(name, what, "copy it from the pool's page: us-east-1_AbCdEfGhI"));
    };
    Some(match pool.region.as_deref() {
        Some(region) if region != of_id => {
            let what = format!("the pool {id} is in {of_id}, and user_pool.region is {region}");
            Finding::bad(name, what, format!("set user_pool.region (COGNITO_REGION, AWS_REGION) to {of_id}"))
        }
        Some(_) => Finding::good(name, format!("the pool {id} is in {of_id}, as configured")),
        None => Finding::good(name, format!("{of_id}, from the pool's id")),
    })
}

/// The issuer of a Cognito pool names region and pool: they must agree with each other and with the configured pool.
fn pool_issuer(entry: &str, issuer: &str, pool_id: Option<&str>) -> Option<Finding> {
    let (region, pool) = issuer.strip_prefix(COGNITO.0)?.split_once(COGNITO.1)?;
    let name = format!("{entry} pool");
    let remedy = "write it as https://cognito-idp.REGION.amazonaws.com/REGION_POOL, both times the same region";
    if pool.split_once('_').map(|(of_pool, _)| of_pool) != Some(region) {
        return Some(Finding::bad(name, format!("{issuer} names a pool of another region"), remedy));
    }
    let other = pool_id.filter(|configured| *configured != pool)?;
    let what = format!("{issuer} is another pool than user_pool.pool_id, {other}");
    Some(Finding::skipped(name, what))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::super::finding::Verdict;
    use super::*;
    use crate::config::PoolKind;

    fn pool(id: &str, region: Option<&str>) -> UserPool {
        UserPool {
            kind: PoolKind::Local,
            migrate_from: None,
            pool_id: Some(id.to_owned()),
            client_id: None,
            client_secret: None,
            region: region.map(str::to_owned),
            endpoint_url: None,
        }
    }

    fn issuer() -> Issuer {
        Issuer {
            entry: "issuers.0".to_owned(),
            issuer: "https://id.example.com".to_owned(),
            audiences: vec!["a".to_owned(), "b".to_owned()],
            jwks_uri: None,
        }
    }

    #[test]
    fn a_pool_is_in_the_region_its_id_begins_with() {
        let judged = |id, configured| region(&pool(id, configured)).unwrap().verdict;
        assert_eq!(judged("us-east-1_abc", Some("us-east-1")), Verdict::Good);
        assert_eq!(judged("us-east-1_abc", None), Verdict::Good);
        assert_eq!(judged("us-east-1_abc", Some("eu-west-1")), Verdict::Bad);
        assert_eq!(judged("us-east-1", Some("us-east-1")), Verdict::Bad);
        assert_eq!(region(&UserPool { pool_id: None, ..pool("", None) }), None);
    }

    #[test]
    fn a_pools_issuer_names_one_region_and_the_configured_pool() {
        let judged = |issuer, id| pool_issuer("issuers.0", issuer, id).map(|finding| finding.verdict);
        let sound = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_abc";
        assert_eq!(judged(sound, None), None);
        assert_eq!(judged(sound, Some("us-east-1_abc")), None);
        assert_eq!(judged(sound, Some("us-east-1_other")), Some(Verdict::Skipped));
        assert_eq!(judged("https://cognito-idp.eu-west-1.amazonaws.com/us-east-1_abc", None), Some(Verdict::Bad));
        assert_eq!(judged("https://id.example.com", Some("us-east-1_abc")), None);
    }

    #[test]
    fn a_slash_too_many_is_named_as_the_cause() {
        let found = judge(&issuer(), Err(DiscoveryError::OtherIssuer("https://id.example.com/".to_owned())));
        assert_eq!(
            found.remedy.unwrap(),
            "the slash at the end counts: write issuers.0.issuer = \"https://id.example.com/\""
        );
        let found = judge(&issuer(), Err(DiscoveryError::OtherIssuer("https://other.example".to_owned())));
        assert!(found.remedy.unwrap().contains("issuers.0.jwks_uri"));
    }

    #[test]
    fn a_sound_issuer_is_told_with_its_keys_and_audiences() {
        let survey = Survey { jwks_uri: "https://id.example.com/jwks".to_owned(), usable_keys: 2, date: None };
        let found = judge(&issuer(), Ok(survey));
        assert_eq!(found.what, "2 keys at https://id.example.com/jwks; audiences: a, b");
    }
}
