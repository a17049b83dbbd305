//! Roles that nobody could be granted, or that everybody would be.

use doorward_identity::user::Role;

use super::super::sections::Config;
use super::{Objection, object, unless};

/// A role that is required and cannot be granted would shut everybody out; mostly it is misspelt.
pub(super) fn unknown(config: &Config) -> Vec<Objection> {
    let new = config.roles.new_accounts.iter().map(|role| ("roles.new_accounts".to_owned(), role.as_str()));
    let groups = config.providers.iter().flat_map(|provider| {
        provider.groups.iter().enumerate().flat_map(move |(index, rule)| {
            let key = format!("{}.groups.{index}.roles", provider.entry);
            rule.roles.iter().map(move |role| (key.clone(), role.as_str()))
        })
    });
    let routes = config.routes.iter().flat_map(|route| {
        let key = format!("{}.require.roles", route.entry);
        route.require.roles.iter().map(move |role| (key.clone(), role.as_str()))
    });
    let refused = |(key, role): (String, &str)| {
        let unknown = config.roles.known.check(role).err()?;
        Some(object(key, unknown.to_string(), "correct it, or add it to roles.known"))
    };
    new.chain(groups).chain(routes).filter_map(refused).collect()
}

pub(super) fn everybody_administers(config: &Config) -> Vec<Objection> {
    let given = config.roles.new_accounts.iter().any(|role| role.as_str() == Role::ADMIN);
    unless(!given, || {
        let hint = "grant it to one account with `doorward user create --admin`, or by a provider's group";
        object("roles.new_accounts", "makes an administrator of everybody who signs up", hint)
    })
}
