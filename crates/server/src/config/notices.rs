//! What is set and has no effect yet, or deserves a second look. Nothing is ignored without a word.

use super::cognito::HOSTED_PAGE;
use super::mistake::bracketed;
use super::near;
use super::sections::{Config, MailKind};
use super::sources::Origin;
use super::values::Values;

/// Settings (or the beginnings of their keys) that this version reads and does not serve, and what holds instead.
const NOT_SERVED: [(&str, &str); 2] = [
    ("surfaces.hosted.token_ttl", "a cookie session lasts as session.* says and gets no token"),
    ("surfaces.hosted.password_rule.", "its people have their passwords at the provider"),
];

/// Lines for the log, at the start.
pub(super) fn of(config: &Config, values: &Values) -> Vec<String> {
    let not_served = |key: &str, instead: &str| {
        let origin = values.origin(key);
        format!("{} (from {origin}) is not served by this version: {instead}", bracketed(key))
    };
    let given = |beginning: &str| values.keys().find(|key| key.starts_with(beginning));
    let mut notices: Vec<_> =
        NOT_SERVED.iter().filter_map(|(beginning, instead)| Some(not_served(given(beginning)?, instead))).collect();
    if config.environment.protects() && config.mail.kind == MailKind::Log {
        let origin = values.origin("mail.url");
        notices.push(format!(
            "mail.url is log: (from {origin}): nobody gets any mail, and so no code; name a mail server there"
        ));
    }
    let undecided = values.origin("user_pool.kind") == Origin::Default && config.user_pool.pool_id.is_some();
    if !config.aws.built_in && undecided && values.is_given(HOSTED_PAGE) {
        notices.push(
            "this build has no AWS: people sign in at the pool's own page, and other passwords are kept in Doorward's own store"
                .to_owned(),
        );
    }
    if !config.surfaces.hosted.enabled && !config.providers.is_empty() {
        notices
            .push("providers are named, and surfaces.hosted.enabled is false: nobody signs in through them".to_owned());
    }
    if let (None, Some(_), None) = (config.user_pool.asked_by(), &config.user_pool.pool_id, &config.user_pool.client_id)
    {
        notices.push(
            "user_pool.pool_id names a pool, and user_pool.client_id is missing: passwords are kept here, not there"
                .to_owned(),
        );
    }
    if config.surfaces.directory.dev_headers {
        notices.push("developer headers are on: anybody who reaches Doorward can be anybody".to_owned());
    }
    if config.environment.protects() && near::is_loopback(&config.server.public_url) {
        let url = &config.server.public_url;
        notices.push(format!("server.public_url is {url}: tokens name it as their issuer, and links lead to it"));
    }
    if config.environment.protects() && near::is_loopback(&config.server.frontend_url) {
        let url = &config.server.frontend_url;
        notices.push(format!("server.frontend_url is {url}: pages from there may call with credentials"));
    }
    notices
}
