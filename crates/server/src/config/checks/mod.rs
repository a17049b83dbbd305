//! What Doorward refuses to start with, in one list. Each row judges the parsed configuration.

mod exposure;
mod files;
mod mail;
mod providers;
mod roles;
mod routes;
mod secrets;
mod sense;
mod user_pool;

use std::collections::BTreeSet;

use super::mistake::Mistake;
use super::sections::Config;
use super::settings;
use super::values::Values;
use When::{Always, Protecting};

/// A row.
pub(super) struct Check {
    /// What it refuses, for the reference.
    pub(super) refuses: &'static str,
    pub(super) when: When,
    /// Settings it judges its own by: with one of them broken there is nothing to judge.
    by: &'static [&'static str],
    find: fn(&Config) -> Vec<Objection>,
}

/// When a row holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// In every environment.
    Always,
    /// In staging and production.
    Protecting,
}

/// A value that is refused, and what to do instead.
struct Objection {
    key: String,
    what: String,
    hint: String,
}

fn object(key: impl Into<String>, what: impl Into<String>, hint: impl Into<String>) -> Objection {
    Objection { key: key.into(), what: what.into(), hint: hint.into() }
}

/// At most one objection.
fn unless(holds: bool, objection: impl FnOnce() -> Objection) -> Vec<Objection> {
    if holds { Vec::new() } else { vec![objection()] }
}

const fn check(
    when: When,
    refuses: &'static str,
    by: &'static [&'static str],
    find: fn(&Config) -> Vec<Objection>,
) -> Check {
    Check { refuses, when, by, find }
}

/// The list.
#[rustfmt::skip] // Rows are read as a table.
pub(super) const CHECKS: &[Check] = &[
    check(Always, "a secret or encryption key of fewer than 32 characters", &[], secrets::short),
    check(Protecting, "an example as a secret", &[], secrets::example),
    check(Protecting, "a repetitive secret", &[], secrets::repetitive),
    check(Always, "HS256 without `tokens.secret`", &["tokens.secret"], secrets::missing),
    check(Always, "`tokens.secret` in AWS Secrets Manager without `tokens.encryption_key`", &["tokens.encryption_key"], secrets::rotates_and_seals),
    check(Protecting, "signing keys in PostgreSQL or MongoDB without `tokens.encryption_key`", &["tokens.secret", "tokens.algorithm", "store.url"], secrets::unsealed),

    check(Protecting, "developer headers", &[], exposure::dev_headers),
    check(Protecting, "an http `server.public_url` beyond this machine", &[], exposure::public_url),
    check(Always, "an insecure cookie with an https `server.public_url`", &["server.public_url"], exposure::cookie_over_tls),
    check(Protecting, "an insecure cookie", &[], exposure::cookie_secure),
    check(Protecting, "a cookie that scripts can read", &[], exposure::cookie_http_only),
    check(Always, "`SameSite=None`, or a `__Host-` or `__Secure-` name, on an insecure cookie", &["session.cookie_secure"], exposure::cookie_needs_secure),
    check(Protecting, "trusted proxies that are everybody", &[], exposure::trusted_proxies),
    check(Always, "metrics and probes on the address of clients", &["server.listen"], exposure::admin_listen),
    check(Protecting, "a bcrypt cost under 10", &[], exposure::bcrypt_cost),
    check(Always, "a SQLite store in memory", &["store.url"], exposure::store_in_memory),
    check(Protecting, "a SQLite store that may lose what it acknowledged", &[], exposure::forgetful_store),
    check(Protecting, "a SQLite store on AWS Lambda", &["store.url"], exposure::fleeting_store),
    check(Protecting, "http to issuers, providers, upstreams and Amazon's services beyond private networks", &[], exposure::plain_http),
    check(Protecting, "a database's server beyond private networks that is not asked for TLS", &["store.tls_ca", "store.tls_ca_file"], exposure::plain_store),

    check(Always, "a MongoDB store in a build without the feature `mongodb`", &[], sense::absent_store),
    check(Always, "a name, password or certificates for a SQLite file", &["store.url"], sense::sign_in_to_a_file),
    check(Always, "the certificates of a database's server twice", &[], sense::certificates_twice),
    check(Always, "an issuer without audiences", &[], sense::audiences),
    check(Always, "one issuer twice", &[], sense::issuer_twice),
    check(Always, "a session that may be idle for longer than it may last", &["session.absolute_ttl"], sense::idle_longer_than_life),
    check(Always, "a seeded domain below one that is not seeded before it", &["seed.domains"], sense::seeded_parents),

    check(Always, "a role that is not among `roles.known`, where there are any", &["roles.known"], roles::unknown),
    check(Protecting, "`admin` among `roles.new_accounts`", &[], roles::everybody_administers),

    check(Always, "routes on Doorward's own paths", &[], routes::shadows),
    check(Always, "two routes of one name", &[], routes::same_name),
    check(Always, "a route that is public and has requirements", &[], routes::public_with_requirements),
    check(Always, "upstreams with a query", &[], routes::upstream_query),
    check(Always, "a route without upstream where no proxy is trusted to ask about it", &["server.trusted_proxies"], routes::nobody_asks),
    check(Always, "a change to bodies on a route without upstream", &["routes"], routes::bodies_without_upstream),

    check(Always, "two providers of one name", &[], providers::same_id),
    check(Always, "a provider that is not asked for `openid`", &[], providers::without_openid),
    check(Always, "a client authentication without its secret or key, or `none` with one", &["providers"], providers::client_auth),
    check(Always, "a rule for groups that gives nothing", &["providers"], providers::groups_for_nothing),
    check(Protecting, "an http redirect URI beyond this machine", &["server.public_url"], providers::redirect_in_the_clear),

    check(Always, "a Cognito pool or Amazon SES in a build without the feature `aws`", &[], user_pool::absent),
    check(Always, "a Cognito pool without `user_pool.pool_id` or `user_pool.client_id`", &["user_pool"], user_pool::unnamed),
    check(Always, "`user_pool.migrate_from` where the pool keeps the passwords", &["user_pool"], user_pool::leaving_and_staying),
    check(Always, "a Cognito pool in another region than its id says", &["user_pool"], user_pool::other_region),
    check(Always, "half an AWS key", &["aws"], user_pool::half_a_key),

    check(Always, "a sender that is no mailbox, and templates of mail that are missing or broken", &[], mail::unwritable),
    check(Protecting, "mail from `localhost`", &["mail.url"], mail::sender_nowhere),
    check(Always, "Amazon SES without a region", &["mail.url", "user_pool"], mail::ses_nowhere),

    check(Always, "a certificate without its key, or a key without its certificate", &["server.tls"], files::half_tls),
    check(Always, "a file of certificates or keys that cannot be read", &[], files::unreadable),
];

/// Every objection, as mistakes.
pub(super) fn run(config: &Config, values: &Values, broken: &BTreeSet<String>) -> Vec<Mistake> {
    let sound = |key: &&str| !broken.iter().any(|broken| broken == *key || broken.starts_with(&format!("{key}.")));
    let holds = |check: &&Check| match check.when {
        Always => true,
        Protecting => config.environment.protects(),
    };
    let judged = CHECKS.iter().filter(holds).filter(|check| check.by.iter().all(sound));
    let objections = judged.flat_map(|check| (check.find)(config)).filter(|objection| !broken.contains(&objection.key));
    objections.map(|objection| mistake(objection, values)).collect()
}

fn mistake(objection: Objection, values: &Values) -> Mistake {
    let mistake = Mistake::new(&objection.key, objection.what).hint(objection.hint);
    // An entry as a whole has no one place.
    if settings::find(&objection.key).is_some() { mistake.from(&values.origin(&objection.key)) } else { mistake }
}
