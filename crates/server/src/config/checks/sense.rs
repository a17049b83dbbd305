//! Settings that contradict each other or say nothing.

use std::collections::BTreeSet;

use super::super::sections::{Config, StoreKind};
use super::{Objection, object, unless};

pub(super) fn absent_store(config: &Config) -> Vec<Objection> {
    absent(&config.store.kind, doorward_store::MONGODB_BUILT_IN)
}

fn absent(kind: &StoreKind, is_built_in: bool) -> Vec<Objection> {
    unless(is_built_in || *kind != StoreKind::Mongo, || {
        let hint = "build it with --features mongodb, or take a sqlite: or postgres: URL";
        object("store.url", "is a MongoDB URL, and this build has no MongoDB", hint)
    })
}

pub(super) fn sign_in_to_a_file(config: &Config) -> Vec<Objection> {
    let store = &config.store;
    let said = [
        ("store.username", store.username.is_some()),
        ("store.password", store.password.is_some()),
        ("store.tls_ca_file", store.tls_ca_file.is_some()),
        ("store.tls_ca", store.tls_ca.is_some()),
    ];
    let said = said.into_iter().filter(|(_, is_said)| *is_said && matches!(store.kind, StoreKind::Sqlite { .. }));
    let hint = "take it out, or name a database's server in store.url";
    said.map(|(key, _)| object(key, "is for a database's server, and store.url names a file", hint)).collect()
}

pub(super) fn certificates_twice(config: &Config) -> Vec<Objection> {
    let store = &config.store;
    unless(store.tls_ca.is_none() || store.tls_ca_file.is_none(), || {
        object("store.tls_ca", "is said beside store.tls_ca_file", "keep one of the two")
    })
}

pub(super) fn audiences(config: &Config) -> Vec<Objection> {
    let without = config.issuers.iter().filter(|issuer| issuer.audiences.is_empty());
    without
        .map(|issuer| {
            let what = "is empty: a token made for anybody else would be accepted here";
            object(format!("{}.audiences", issuer.entry), what, "name the client ids its tokens are made for")
        })
        .collect()
}

pub(super) fn issuer_twice(config: &Config) -> Vec<Objection> {
    let mut seen = BTreeSet::new();
    let again = config.issuers.iter().filter(|issuer| !seen.insert(&issuer.issuer));
    again
        .map(|issuer| {
            object(
                format!("{}.issuer", issuer.entry),
                format!("{:?} is there already", issuer.issuer),
                "put its audiences into one entry",
            )
        })
        .collect()
}

pub(super) fn idle_longer_than_life(config: &Config) -> Vec<Objection> {
    let session = &config.session;
    unless(session.idle_ttl <= session.absolute_ttl, || {
        object("session.idle_ttl", "is longer than session.absolute_ttl", "shorten the one or lengthen the other")
    })
}

pub(super) fn seeded_parents(config: &Config) -> Vec<Objection> {
    let mut before = BTreeSet::new();
    let mut objections = Vec::new();
    for (index, domain) in config.seed.domains.iter().enumerate() {
        if let Some(parent) = domain.parent.as_deref().filter(|parent| !before.contains(parent)) {
            let what = format!("{parent:?} is the key of no domain before this one");
            objections.push(object(format!("seed.domains.{index}.parent"), what, "name the domain above first"));
        }
        before.insert(domain.key.as_str());
    }
    objections
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_without_mongodb_refuses_its_addresses_alone() {
        let refused = |kind, is_built_in| absent(kind, is_built_in).pop().map(|objection| objection.what);
        let what = "is a MongoDB URL, and this build has no MongoDB".to_owned();
        assert_eq!(refused(&StoreKind::Mongo, false), Some(what));
        assert_eq!(refused(&StoreKind::Mongo, true), None);
        assert_eq!(refused(&StoreKind::Postgres, false), None);
    }
}
