//! Checked values by key path, and how sections read them. Knows where each came from.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use secrecy::SecretString;

use super::mistake::Mistake;
use super::settings::{self, Fallback};
use super::sources::Origin;
use crate::secrets::Reference;

/// What somebody set: one text, or of a list its elements, in the form their kind gave them.
#[derive(Clone)]
pub(super) struct Value {
    pub(super) items: Vec<String>,
    pub(super) origin: Origin,
    /// Where the secret that it is is kept, if elsewhere.
    pub(super) reference: Option<Reference>,
}

impl Value {
    /// What is written where it stands.
    pub(super) const fn new(items: Vec<String>, origin: Origin) -> Self {
        Self { items, origin, reference: None }
    }
}

/// Everything that was set. No `Debug`: it holds secrets.
#[derive(Default)]
pub(super) struct Values {
    given: BTreeMap<String, Value>,
    left_out: BTreeSet<String>,
}

impl Values {
    /// Sets a value, as if it had been written.
    pub(super) fn insert(&mut self, key: String, value: Value) {
        self.given.insert(key, value);
    }

    /// Takes a value away, as if nobody had written it.
    pub(super) fn remove(&mut self, key: &str) -> Option<Value> {
        self.given.remove(key)
    }

    /// The entry is not to be read.
    pub(super) fn leave_out(&mut self, entry: &str) {
        self.left_out.insert(entry.to_owned());
    }

    /// What was set, if anything.
    pub(super) fn given(&self, key: &str) -> Option<&Value> {
        self.given.get(key)
    }

    /// Whether somebody set it.
    pub(super) fn is_given(&self, key: &str) -> bool {
        self.given.contains_key(key)
    }

    /// Keys that were set, of one entry or section.
    pub(super) fn keys_below<'v>(&'v self, prefix: &str) -> impl Iterator<Item = &'v String> + use<'v> {
        let prefix = format!("{prefix}.");
        self.given.keys().filter(move |key| key.starts_with(&prefix))
    }

    /// Every key that was set.
    pub(super) fn keys(&self) -> impl Iterator<Item = &String> {
        self.given.keys()
    }

    /// Where the value of `key` comes from.
    pub(super) fn origin(&self, key: &str) -> Origin {
        self.given.get(key).map_or(Origin::Default, |value| value.origin.clone())
    }

    /// The entries of a list, `routes.0` and so on, in their order.
    pub(super) fn entries(&self, list: &str) -> Vec<String> {
        let entries = self.indices(list).into_iter().map(|index| format!("{list}.{index}"));
        entries.filter(|entry| !self.left_out.contains(entry)).collect()
    }

    /// The index after the last entry of a list.
    pub(super) fn next_index(&self, list: &str) -> usize {
        self.indices(list).last().map_or(0, |last| last.saturating_add(1))
    }

    fn indices(&self, list: &str) -> BTreeSet<usize> {
        let index = |key: &String| key.strip_prefix(list)?.strip_prefix('.')?.split('.').next()?.parse().ok();
        self.given.keys().filter_map(index).collect()
    }

    /// The value, if it was set or has a default.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        let given = self.given.get(key).and_then(|value| value.items.first()).map(String::as_str);
        let text = given.or_else(|| match settings::find(key)?.default {
            Fallback::Fixed(text) => Some(text),
            Fallback::Derived(_) | Fallback::Off | Fallback::Required => None,
        });
        text.filter(|text| !text.is_empty())
    }

    /// The value, parsed; none if it is not set, or empty.
    pub(super) fn maybe<T: FromStr>(&self, key: &str) -> Result<Option<T>, Mistake> {
        self.text(key).map(|text| self.parsed(key, text)).transpose()
    }

    /// The value, parsed.
    pub(super) fn one<T: FromStr>(&self, key: &str) -> Result<T, Mistake> {
        self.maybe(key)?.ok_or_else(|| Mistake::new(key, "is empty").from(&self.origin(key)))
    }

    /// The elements, parsed.
    pub(super) fn many<T: FromStr>(&self, key: &str) -> Result<Vec<T>, Mistake> {
        let items = match (self.given.get(key), settings::find(key).map(|setting| setting.default)) {
            (Some(value), _) => value.items.clone(),
            (None, Some(Fallback::Fixed(text))) => super::resolve::listed(text),
            (None, _) => Vec::new(),
        };
        items.iter().map(|text| self.parsed(key, text)).collect()
    }

    /// Secrets that are kept elsewhere, by setting.
    pub(super) fn references(&self) -> BTreeMap<String, Reference> {
        let kept = |(key, value): (&String, &Value)| Some((key.clone(), value.reference.clone()?));
        self.given.iter().filter_map(kept).collect()
    }

    /// The secret.
    pub(super) fn secret(&self, key: &str) -> Option<SecretString> {
        self.text(key).map(SecretString::from)
    }

    fn parsed<T: FromStr>(&self, key: &str, text: &str) -> Result<T, Mistake> {
        // The kind has passed the text; only a kind that passes more than the type takes leads here.
        text.parse().map_err(|_| Mistake::new(key, "cannot be used as it is").from(&self.origin(key)))
    }
}
