//! What is set and has no effect yet, or deserves a second look. Nothing is ignored without a word.

use super::near;
use super::sections::{Config, MailKind, PoolKind};
use super::values::Values;

/// Lines for the log, at the start.
pub(super) fn of(config: &Config, values: &Values) -> Vec<String> {
    let not_yet = |what: &str, instead: &str| format!("{what} is not served by this version: {instead}");
    let dev_headers = config.surfaces.directory.dev_headers;
    let local_url = config.environment.protects() && near::is_loopback(&config.server.public_url);
    [
        (
            !config.providers.is_empty(),
            not_yet(
                &format!("sign-in through providers (from {})", values.origin("providers.0.id")),
                "people sign in with a password",
            ),
        ),
        (
            config.user_pool.kind == PoolKind::Cognito,
            not_yet(
                &format!("user_pool.kind = \"cognito\" (from {})", values.origin("user_pool.kind")),
                "passwords are kept in Doorward's own store",
            ),
        ),
        (config.user_pool.migrate_from.is_some(), not_yet("user_pool.migrate_from", "people sign up anew")),
        (config.mail.kind != MailKind::Log, not_yet("mail.url", "no mail is sent")),
        (config.services.rag_url.is_some(), not_yet("services.rag_url", "its routes do not exist")),
        (dev_headers, "developer headers are on: anybody who reaches Doorward can be anybody".to_owned()),
        (
            local_url,
            format!(
                "server.public_url is {}: tokens name it as their issuer, and links lead to it",
                config.server.public_url
            ),
        ),
    ]
    .into_iter()
    .filter_map(|(holds, notice)| holds.then_some(notice))
    .collect()
}
