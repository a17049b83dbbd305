//! Providers that could not be signed in through, or not safely.

use std::collections::BTreeSet;

use super::super::near;
use super::super::sections::{ClientAuth, Config, Provider};
use super::{Objection, object};

/// An objection for each provider for which `judge` finds one.
fn each(config: &Config, judge: impl Fn(&Provider) -> Option<(&'static str, String, &'static str)>) -> Vec<Objection> {
    let judged = config.providers.iter().filter_map(|provider| Some((provider, judge(provider)?)));
    judged
        .map(|(provider, (setting, what, hint))| object(format!("{}.{setting}", provider.entry), what, hint))
        .collect()
}

pub(super) fn same_id(config: &Config) -> Vec<Objection> {
    let mut seen = BTreeSet::new();
    let again = config.providers.iter().filter(|provider| !seen.insert(&provider.id));
    again
        .map(|provider| {
            let what = format!("{:?} is the name of another provider", provider.id);
            object(format!("{}.id", provider.entry), what, "give each provider a name of its own")
        })
        .collect()
}

pub(super) fn without_openid(config: &Config) -> Vec<Objection> {
    each(config, |provider| {
        let asked = provider.scopes.iter().any(|scope| scope == "openid");
        (!asked).then(|| ("scopes", "does not ask for openid: no ID token would come".to_owned(), "add \"openid\""))
    })
}

pub(super) fn client_auth(config: &Config) -> Vec<Objection> {
    each(config, |provider| {
        let (secret, key) = (provider.client_secret.is_some(), provider.private_key.is_some());
        let fault = match provider.client_auth? {
            ClientAuth::Basic | ClientAuth::Post if !secret => ("needs a client_secret", "set client_secret"),
            ClientAuth::PrivateKeyJwt if !key => ("needs a private_key", "set private_key"),
            ClientAuth::None if secret || key => {
                ("makes the secret useless", "leave client_auth out, or client_secret and private_key")
            }
            ClientAuth::Basic | ClientAuth::Post | ClientAuth::PrivateKeyJwt | ClientAuth::None => return None,
        };
        Some(("client_auth", fault.0.to_owned(), fault.1))
    })
}

pub(super) fn redirect_in_the_clear(config: &Config) -> Vec<Objection> {
    each(config, |provider| {
        let uri = &provider.redirect_uri;
        let safe = uri.starts_with("https:") || near::is_loopback(uri);
        (!safe).then(|| ("redirect_uri", format!("{uri:?} sends codes in the clear"), "write it as https://…"))
    })
}

pub(super) fn groups_for_nothing(config: &Config) -> Vec<Objection> {
    let rules = config.providers.iter().flat_map(|provider| {
        provider
            .groups
            .iter()
            .enumerate()
            .map(move |(index, rule)| (format!("{}.groups.{index}", provider.entry), rule))
    });
    let idle = rules.filter(|(_, rule)| rule.roles.is_empty() && rule.teams.is_empty());
    idle.map(|(entry, rule)| {
        object(
            format!("{entry}.roles"),
            format!("is empty, and so is teams: the group {:?} gives nothing", rule.name),
            "name a role or a team",
        )
    })
    .collect()
}
