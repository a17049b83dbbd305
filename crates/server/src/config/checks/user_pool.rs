//! A user pool elsewhere that could not be asked, and Amazon's services without what they need.

use super::super::sections::{Config, MailKind, PoolKind};
use super::{Objection, object, unless};

pub(super) fn absent(config: &Config) -> Vec<Objection> {
    let pool = config.user_pool.asked_by().map(|key| (key, "or set user_pool.kind = \"local\" without migrate_from"));
    let mail = matches!(config.mail.kind, MailKind::Ses { .. })
        .then_some(("mail.url", "or write it as smtps://user:password@host (SES speaks SMTP too)"));
    let asked = pool.into_iter().chain(mail).filter(|_| !config.aws.built_in);
    asked
        .map(|(key, instead)| {
            let hint = format!("build with `cargo build --release --features aws`, {instead}");
            object(key, "asks for Amazon's services, and this build has none", hint)
        })
        .collect()
}

pub(super) fn unnamed(config: &Config) -> Vec<Objection> {
    let pool = &config.user_pool;
    let Some(by) = pool.asked_by() else { return Vec::new() };
    let named = [
        ("user_pool.pool_id", &pool.pool_id, "copy it from the pool's page: us-east-1_AbCdEfGhI"),
        ("user_pool.client_id", &pool.client_id, "copy it from the page of the pool's app client"),
    ];
    let missing = named.into_iter().filter(|(_, value, _)| value.is_none());
    missing.map(|(key, _, hint)| object(key, format!("is missing: {by} is \"cognito\""), hint)).collect()
}

pub(super) fn leaving_and_staying(config: &Config) -> Vec<Objection> {
    let pool = &config.user_pool;
    unless(pool.kind == PoolKind::Local || pool.migrate_from.is_none(), || {
        let hint = "to leave the pool set user_pool.kind = \"local\"; to stay take migrate_from away";
        object("user_pool.migrate_from", "leaves the pool that keeps the passwords", hint)
    })
}

pub(super) fn other_region(config: &Config) -> Vec<Objection> {
    let pool = &config.user_pool;
    // A stand-in for AWS has no regions.
    let asked = pool.asked_by().is_some() && pool.endpoint_url.is_none();
    match (&pool.region, pool.region_of_id(), &pool.pool_id) {
        (Some(region), Some(of_id), Some(id)) if asked && region != of_id => {
            let hint = format!("set user_pool.region (COGNITO_REGION, AWS_REGION) to {of_id}, or leave it out");
            vec![object("user_pool.region", format!("is {region:?}, and the pool {id} is in {of_id}"), hint)]
        }
        _ => Vec::new(),
    }
}

pub(super) fn half_a_key(config: &Config) -> Vec<Objection> {
    let aws = &config.aws;
    let asked = config.user_pool.asked_by().is_some() || matches!(config.mail.kind, MailKind::Ses { .. });
    let (missing, there) = match (&aws.access_key_id, &aws.secret_access_key) {
        (Some(_), None) => ("aws.secret_access_key", "aws.access_key_id"),
        (None, Some(_)) => ("aws.access_key_id", "aws.secret_access_key"),
        (None, None) | (Some(_), Some(_)) => return Vec::new(),
    };
    unless(!asked, || {
        object(missing, format!("is missing beside {there}"), "set both, or neither where a role gives the key")
    })
}
