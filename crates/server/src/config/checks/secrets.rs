//! Secrets that can be guessed, are missing, or lie open.

use secrecy::ExposeSecret;

use super::super::sections::{Config, StoreKind};
use super::{Objection, object, unless};
use crate::secrets::Reference;

const LEAST: usize = 32;
const LEAST_DISTINCT: usize = 8;
const MAKE_ONE: &str = "make one with: openssl rand -base64 48";
/// What documents and templates write where a secret belongs; compared without case, `-`, `_` and spaces.
const EXAMPLES: [&str; 9] = [
    "yoursecretkey",
    "yourjwtsecret",
    "yoursecret",
    "changeinproduction",
    "changeme",
    "changethis",
    "replaceme",
    "minimum32characters",
    "supersecret",
];

/// The secrets that tokens rest on.
fn secrets(config: &Config) -> impl Iterator<Item = (&'static str, &str)> {
    [("tokens.secret", &config.tokens.secret), ("tokens.encryption_key", &config.tokens.encryption_key)]
        .into_iter()
        .filter_map(|(key, secret)| Some((key, secret.as_ref()?.expose_secret())))
}

pub(super) fn short(config: &Config) -> Vec<Objection> {
    let short = secrets(config).filter(|(_, secret)| secret.chars().count() < LEAST);
    short.map(|(key, _)| object(key, format!("is shorter than {LEAST} characters"), MAKE_ONE)).collect()
}

pub(super) fn example(config: &Config) -> Vec<Objection> {
    let plain = |secret: &str| secret.to_lowercase().replace(['-', '_', ' ', '.'], "");
    let example = |secret: &str| EXAMPLES.iter().any(|example| plain(secret).contains(example));
    let examples = secrets(config).filter(|(_, secret)| example(secret));
    examples.map(|(key, _)| object(key, "is an example that everybody can read", MAKE_ONE)).collect()
}

pub(super) fn repetitive(config: &Config) -> Vec<Objection> {
    let repetitive = secrets(config).filter(|(_, secret)| {
        let mut distinct: Vec<char> = secret.chars().collect();
        distinct.sort_unstable();
        distinct.dedup();
        distinct.len() < LEAST_DISTINCT || repeats(secret.as_bytes())
    });
    repetitive.map(|(key, _)| object(key, "repeats itself", MAKE_ONE)).collect()
}

/// Whether `bytes` are one piece, twice or more, the last time perhaps in part.
fn repeats(bytes: &[u8]) -> bool {
    (1..=bytes.len() / 2).any(|period| bytes[period..] == bytes[..bytes.len() - period])
}

pub(super) fn missing(config: &Config) -> Vec<Objection> {
    let tokens = &config.tokens;
    unless(!tokens.algorithm.is_symmetric() || tokens.secret.is_some(), || {
        object(
            "tokens.algorithm",
            "HS256 signs with a shared secret, and there is none",
            "set tokens.secret, or take EdDSA",
        )
    })
}

/// What a secret has sealed its successor cannot open.
pub(super) fn rotates_and_seals(config: &Config) -> Vec<Objection> {
    let rotates = matches!(config.secrets.references.get("tokens.secret"), Some(Reference::Aws { .. }));
    unless(!rotates || config.tokens.encryption_key.is_some(), || {
        object(
            "tokens.secret",
            "may be rotated where it is kept, and without tokens.encryption_key it also seals the signing keys in the store",
            format!("set tokens.encryption_key, which stays; {MAKE_ONE}"),
        )
    })
}

pub(super) fn unsealed(config: &Config) -> Vec<Objection> {
    let shared = !matches!(config.store.kind, StoreKind::Sqlite { .. });
    let sealed = config.tokens.encryption_key.is_some();
    unless(!shared || sealed || config.tokens.algorithm.is_symmetric(), || {
        object("tokens.encryption_key", "is missing: signing keys would lie open in the database", MAKE_ONE)
    })
}
