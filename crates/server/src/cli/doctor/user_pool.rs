//! The user pool elsewhere: can people sign in through it, and may Doorward do there what it has to?

use std::sync::Arc;

use doorward_federation::{ClientFacts, PoolFacts, UserPoolSurvey, survey_user_pool};
use doorward_identity::observer::Unobserved;
use doorward_identity::user_pool::PoolError;

use super::finding::Finding;
use crate::aws::Aws;
use crate::config::{Config, UserPool};

const NAME: &str = "user pool";

pub(super) async fn examine(config: &Config) -> Vec<Finding> {
    let pool = &config.user_pool;
    if pool.asked_by().is_none() {
        return Vec::new();
    }
    match Aws::load(config).await.cognito(config, Arc::new(Unobserved)) {
        Ok(asked) => judge(pool, &survey_user_pool(&asked).await),
        Err(error) => vec![Finding::bad(NAME, format!("{error:#}"), "correct the settings under user_pool")],
    }
}

fn judge(pool: &UserPool, survey: &UserPoolSurvey) -> Vec<Finding> {
    let mut findings = vec![sign_in(pool, &survey.sign_in)];
    if matches!(survey.sign_in, Err(PoolError::Unavailable(_))) {
        return findings;
    }
    findings.extend(permissions(&survey.permissions));
    findings.extend(survey.client.as_ref().ok().and_then(|client| client_findings(pool, client)));
    findings.extend(survey.pool.as_ref().map(pool_findings).unwrap_or_default());
    findings
}

fn sign_in(pool: &UserPool, outcome: &Result<(), PoolError>) -> Finding {
    let id = pool.pool_id.as_deref().unwrap_or_default();
    match outcome {
        Ok(()) => Finding::good(NAME, format!("{id} answers, and people can sign in through its client")),
        Err(error @ PoolError::Unavailable(_)) => {
            let remedy = "see that this machine reaches it: region, DNS, firewall, user_pool.endpoint_url";
            Finding::bad(NAME, format!("{id}: {error}"), remedy)
        }
        Err(error) => {
            let remedy = "see that user_pool.client_id is an app client of this pool, that user_pool.client_secret is its own \
                          (empty where it has none), and that it allows ALLOW_USER_PASSWORD_AUTH and ALLOW_REFRESH_TOKEN_AUTH";
            Finding::bad(NAME, format!("{id}: {error}"), remedy)
        }
    }
}

/// One finding for all that is allowed, one for all that is not. What is refused throughout for one and the same reason
/// is no matter of permissions.
fn permissions(asked: &[(&'static str, Result<(), PoolError>)]) -> Option<Finding> {
    let name = "user pool permissions";
    let refused: Vec<_> =
        asked.iter().filter_map(|(operation, outcome)| Some((*operation, outcome.as_ref().err()?))).collect();
    let Some((_, why)) = refused.first() else {
        return (!asked.is_empty()).then(|| Finding::good(name, "all that Doorward needs"));
    };
    let is_one_reason = refused.len() == asked.len() && refused.iter().all(|(_, other)| other == why);
    if is_one_reason && matches!(why, PoolError::Misconfigured(_)) {
        return Some(wholly_refused(why));
    }
    let operations = refused.iter().map(|(operation, _)| *operation).collect::<Vec<_>>().join(", ");
    let remedy = format!(
        "give the key or role of Doorward these on the pool: {operations}; docs/accounts.md says what each is for"
    );
    Some(Finding::bad(name, format!("not allowed: {operations} ({why})"), remedy))
}

fn wholly_refused(why: &PoolError) -> Finding {
    let what = why.to_string();
    if what.contains("credentials") {
        let remedy = "give Doorward a key or role of the pool's AWS account: AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY \
                      (and AWS_SESSION_TOKEN where it is temporary), AWS_PROFILE, or a role of the machine; see that the clock is right";
        return Finding::bad("user pool key", what, remedy);
    }
    let remedy = "see that user_pool.pool_id (COGNITO_USER_POOL_ID) is the id of the pool that user_pool.client_id belongs \
                  to, and that its region and the account of the AWS key are the pool's";
    Finding::bad("user pool id", what, remedy)
}

fn client_findings(pool: &UserPool, client: &ClientFacts) -> Option<Finding> {
    let name = "user pool client";
    let remedy = |remedy: &str| format!("on the page of the app client: {remedy}");
    Some(if !client.allows_passwords {
        Finding::bad(name, "does not allow sign-in with a password", remedy("turn ALLOW_USER_PASSWORD_AUTH on"))
    } else if client.has_secret && pool.client_secret.is_none() {
        let hint = "set user_pool.client_secret (COGNITO_CLIENT_SECRET)";
        Finding::bad(name, "has a secret that Doorward is not told", hint)
    } else if !client.revokes_tokens {
        let what = "does not revoke tokens: a single session that ends here goes on there until its token expires";
        Finding::bad(name, what, remedy("turn token revocation on"))
    } else if !client.hides_unknown_users {
        Finding::bad(name, "tells strangers who has an account", remedy("turn \"prevent user existence errors\" on"))
    } else {
        return None;
    })
}

fn pool_findings(pool: &PoolFacts) -> Vec<Finding> {
    let name = "user pool settings";
    let mut findings = Vec::new();
    let mut bad = |applies: bool, what: &str, remedy: &str| {
        if applies {
            findings.push(Finding::bad(name, what, remedy));
        }
    };
    bad(
        !pool.signs_in_by_email,
        "people sign in by something else than their e-mail address",
        "take a pool whose sign-in option is e-mail alone; it cannot be changed later",
    );
    bad(
        !pool.verifies_email,
        "the pool mails no code that proves an address",
        "turn automatic verification of e-mail on",
    );
    bad(
        pool.requires_second_factor,
        "everybody needs a second factor, which these calls cannot ask for",
        "make it optional, or let people sign in at the pool's own page ([[providers]])",
    );
    bad(
        !pool.original_issuer,
        "its tokens name an issuer that does not count here",
        "choose the original issuer for the pool",
    );
    if !pool.open_sign_up {
        findings.push(Finding::skipped(name, "only administrators make accounts: signing up is refused"));
    }
    findings
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::super::finding::Verdict;
    use super::*;
    use crate::config::{Flag, Sources, load};

    const CLIENT: ClientFacts =
        ClientFacts { allows_passwords: true, has_secret: false, revokes_tokens: true, hides_unknown_users: true };
    const POOL: PoolFacts = PoolFacts {
        signs_in_by_email: true,
        verifies_email: true,
        open_sign_up: true,
        requires_second_factor: false,
        original_issuer: true,
        password_rule: None,
    };

    fn config(endpoint: &str) -> Config {
        let settings = [
            ("user_pool.kind", "cognito"),
            ("user_pool.pool_id", "us-east-1_Ab3"),
            ("user_pool.client_id", "c"),
            ("user_pool.endpoint_url", endpoint),
        ];
        let flag =
            |(key, value): (&str, &str)| Flag { name: "test".to_owned(), key: key.to_owned(), value: value.to_owned() };
        load(&Sources { flags: settings.map(flag).to_vec(), with_aws: true, ..Sources::default() }).unwrap()
    }

    fn bad(survey: &UserPoolSurvey) -> Vec<String> {
        let findings = judge(&config("http://127.0.0.1:1").user_pool, survey);
        findings.into_iter().filter(|finding| finding.verdict == Verdict::Bad).map(|finding| finding.name).collect()
    }

    fn survey(client: ClientFacts, pool: PoolFacts) -> UserPoolSurvey {
        UserPoolSurvey {
            sign_in: Ok(()),
            permissions: vec![("AdminGetUser", Ok(()))],
            client: Ok(client),
            pool: Ok(pool),
        }
    }

    #[test]
    fn a_sound_pool_is_well_and_each_fault_is_told() {
        assert_eq!(bad(&survey(CLIENT, POOL)), Vec::<String>::new());
        for client in [
            ClientFacts { allows_passwords: false, ..CLIENT },
            ClientFacts { has_secret: true, ..CLIENT },
            ClientFacts { revokes_tokens: false, ..CLIENT },
            ClientFacts { hides_unknown_users: false, ..CLIENT },
        ] {
            assert_eq!(bad(&survey(client.clone(), POOL)), ["user pool client"], "{client:?}");
        }
        for pool in [
            PoolFacts { signs_in_by_email: false, ..POOL },
            PoolFacts { verifies_email: false, ..POOL },
            PoolFacts { requires_second_factor: true, ..POOL },
            PoolFacts { original_issuer: false, ..POOL },
        ] {
            assert_eq!(bad(&survey(CLIENT, pool.clone())), ["user pool settings"], "{pool:?}");
        }
    }

    #[test]
    fn permissions_that_are_missing_are_named() {
        let refused = || Err(PoolError::Misconfigured("not authorized".to_owned()));
        let found =
            permissions(&[("AdminGetUser", Ok(())), ("AdminSetUserPassword", refused()), ("ListUsers", refused())])
                .unwrap();
        assert_eq!(found.verdict, Verdict::Bad);
        assert!(found.what.starts_with("not allowed: AdminSetUserPassword, ListUsers"), "{found:?}");
    }

    #[test]
    fn a_key_that_does_not_count_and_a_pool_that_is_not_there_are_told_as_such() {
        for (why, name, setting) in [
            (
                "there are no AWS credentials to ask it with, or they cannot be had",
                "user pool key",
                "AWS_ACCESS_KEY_ID",
            ),
            ("the AWS credentials do not count, or the clock is wrong (x)", "user pool key", "AWS_ACCESS_KEY_ID"),
            ("there is no such user pool, or no such app client in it", "user pool id", "user_pool.pool_id"),
        ] {
            let refused = || Err(PoolError::Misconfigured(why.to_owned()));
            let found = permissions(&[("AdminGetUser", refused()), ("ListUsers", refused())]).unwrap();
            assert_eq!((found.verdict, found.name.as_str()), (Verdict::Bad, name));
            assert!(found.what.contains(why) && found.remedy.unwrap().contains(setting), "{why}");
        }
    }

    #[tokio::test]
    async fn a_pool_that_nobody_reaches_is_one_finding() {
        let findings = examine(&config("http://127.0.0.1:1")).await;
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].remedy.as_ref().unwrap().contains("see that this machine reaches it"), "{findings:?}");
    }
}
