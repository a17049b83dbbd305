//! Leaves against the tables: unknown keys, wrong types, bad values, missing ones. What passes becomes [`Values`].
//!
//! A bad value is reported and dropped, so that the rest is still looked at: an operator gets every mistake at once.

use std::collections::{BTreeMap, BTreeSet};

use super::kind::{Fault, Kind};
use super::layers::{Leaf, Leaves, Typed, Written};
use super::mistake::Mistake;
use super::settings::{self, Fallback, Secrecy, Setting};
use super::sources::Sources;
use super::values::{Value, Values};
use super::{dotenv, secret};
use crate::secrets::{Reference, Vault};

/// What came of the leaves.
pub(super) struct Resolved {
    pub(super) values: Values,
    /// Keys that were given and will not do; nothing is to be concluded from their absence.
    pub(super) broken: BTreeSet<String>,
    pub(super) mistakes: Vec<Mistake>,
}

/// Checks every leaf.
pub(super) fn resolve(leaves: Leaves, sources: &Sources) -> Resolved {
    let variables = variables(sources);
    let lookup = |name: &str| variables.get(name).map(String::as_str);
    let mut resolved = Resolved { values: Values::default(), broken: BTreeSet::new(), mistakes: Vec::new() };
    for (key, leaf) in leaves {
        match settings::find(&key) {
            Some(setting) => resolved.take((key, setting), leaf, lookup, &sources.vault),
            None => resolved.not_a_setting(key, &leaf),
        }
    }
    resolved
}

/// The elements of a comma separated list.
pub(super) fn listed(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|element| !element.is_empty()).map(str::to_owned).collect()
}

/// All variables that a reference may name; the environment beats `.env`.
pub(super) fn variables(sources: &Sources) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    if let Some(document) = &sources.dotenv {
        let read = dotenv::variables(document, &sources.env).0;
        variables.extend(read.into_iter().map(|variable| (variable.name, variable.value)));
    }
    variables.extend(sources.env.iter().cloned());
    variables
}

/// The list entries that `key` lies in: of `routes.0.inject.json` it is `routes.0`.
fn entry_prefixes(key: &str) -> Vec<String> {
    let segments: Vec<_> = key.split('.').collect();
    let index = |at: &usize| *at > 0 && segments[*at].parse::<usize>().is_ok();
    (0..segments.len()).filter(index).map(|at| segments[..=at].join(".")).collect()
}

impl Resolved {
    fn take<'e>(
        &mut self,
        (key, setting): (String, &Setting),
        leaf: Leaf,
        lookup: impl Fn(&str) -> Option<&'e str>,
        vault: &Vault,
    ) {
        let items = texts(setting, leaf.written).and_then(|texts| {
            texts.into_iter().map(|text| checked(setting, text, &lookup, vault)).collect::<Result<Vec<_>, Fault>>()
        });
        match items {
            Ok(items) => {
                let (items, references): (_, Vec<_>) = items.into_iter().unzip();
                let reference = references.into_iter().flatten().next();
                self.values.insert(key, Value { reference, ..Value::new(items, leaf.origin) });
            }
            Err(fault) => {
                self.mistakes.push(Mistake::new(&key, fault.what).from(&leaf.origin).hint(fault.hint));
                self.broken.insert(key);
            }
        }
    }

    fn not_a_setting(&mut self, key: String, leaf: &Leaf) {
        let pattern = settings::pattern(&key);
        let section = settings::all().any(|setting| setting.key.starts_with(&format!("{pattern}.")));
        let list = settings::all().any(|setting| setting.key.starts_with(&format!("{pattern}[]")));
        let empty = match &leaf.written {
            Written::Text(text) => text.is_empty(),
            Written::Typed(Typed::List(elements)) => elements.is_empty(),
            Written::Typed(typed) => matches!(typed, Typed::Table),
        };
        if (list || section) && empty {
            // An empty list replaces a default one; an empty table says nothing.
            return self.values.insert(key, Value::new(Vec::new(), leaf.origin.clone()));
        }
        let (what, hint) = match (list, section) {
            (true, _) => ("is a list of tables, not a value", format!("write its entries as [[{pattern}]]")),
            (_, true) => ("is a section, not a value", format!("write its settings below [{pattern}]")),
            _ => ("there is no such setting", suggestion(&pattern)),
        };
        self.mistakes.push(Mistake::new(&key, what).from(&leaf.origin).hint(hint));
        self.broken.insert(key);
    }

    /// Entries that lack what makes them one are reported and left out. Comes last: entries may be derived.
    pub(super) fn complete(&mut self) {
        let keys = self.values.keys().chain(&self.broken);
        let entries: BTreeSet<_> = keys.flat_map(|key| entry_prefixes(key)).collect();
        for entry in &entries {
            let pattern = format!("{}.", settings::pattern(entry));
            for setting in settings::all().filter(|setting| setting.default == Fallback::Required) {
                // What a list within the entry requires is asked of the inner entries.
                let Some(name) = setting.key.strip_prefix(&pattern).filter(|name| !name.contains("[]")) else {
                    continue;
                };
                let key = format!("{entry}.{name}");
                if self.values.is_given(&key) {
                    continue;
                }
                if self.broken.insert(key.clone()) {
                    self.mistakes.push(
                        Mistake::new(&key, "is missing").hint(format!("every entry of {} needs one", list_of(entry))),
                    );
                }
                self.values.leave_out(entry);
            }
        }
    }
}

fn list_of(entry: &str) -> &str {
    entry.rsplit_once('.').map_or(entry, |(list, _)| list)
}

/// The leaf as texts: one, or of a list its elements.
fn texts(setting: &Setting, written: Written) -> Result<Vec<String>, Fault> {
    match written {
        Written::Text(text) if setting.many => Ok(listed(&text)),
        Written::Text(text) => Ok(vec![text]),
        Written::Typed(Typed::List(elements)) if setting.many => {
            elements.into_iter().map(|element| text(setting, element)).collect()
        }
        Written::Typed(typed) => Ok(vec![text(setting, typed)?]),
    }
}

fn text(setting: &Setting, typed: Typed) -> Result<String, Fault> {
    let (found, fits) = match &typed {
        Typed::String(_) => ("text", !matches!(setting.kind, Kind::Flag | Kind::Count { .. })),
        Typed::Integer(_) => ("a number", matches!(setting.kind, Kind::Count { .. })),
        Typed::Boolean(_) => ("true or false", setting.kind == Kind::Flag),
        Typed::List(_) => ("a list", false),
        Typed::Table => ("a table", false),
        Typed::Other(name) => (*name, false),
    };
    match typed {
        Typed::String(text) if fits => Ok(text),
        Typed::Integer(number) if fits => Ok(number.to_string()),
        Typed::Boolean(flag) if fits => Ok(flag.to_string()),
        _ => Err(Fault { what: format!("is {found}"), hint: format!("it takes {}", expected(setting.kind)) }),
    }
}

fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Flag => "true or false, without quotes",
        Kind::Count { .. } => "a whole number, without quotes",
        Kind::Time { .. } => "a length of time in quotes: \"15m\"",
        Kind::Size { .. } => "a size in quotes: \"10MiB\"",
        _ => "text in quotes",
    }
}

fn checked<'e>(
    setting: &Setting,
    text: String,
    lookup: impl Fn(&str) -> Option<&'e str>,
    vault: &Vault,
) -> Result<(String, Option<Reference>), Fault> {
    let (text, reference) =
        if setting.may_refer() { secret::resolve(setting, text, lookup, vault)? } else { (text, None) };
    if setting.default == Fallback::Required && text.is_empty() {
        return Err(Fault { what: "is empty".to_owned(), hint: String::new() });
    }
    // A fault quotes the value.
    let checked = setting.kind.check(&text).map_err(|fault| match (&reference, setting.secrecy) {
        (Some(reference), _) => Fault {
            what: format!("{:?} holds something else", reference.to_string()),
            hint: format!("it has to hold {}", setting.kind.words()),
        },
        (None, Secrecy::Secret) => {
            Fault { what: "is not usable as a secret".to_owned(), hint: "take printable characters only".to_owned() }
        }
        (None, Secrecy::Open | Secrecy::Address) => fault,
    });
    Ok((checked?, reference))
}

/// The setting that was probably meant.
fn suggestion(pattern: &str) -> String {
    if let Some(outer) = settings::all().find(|setting| pattern.starts_with(&format!("{}.", setting.key))) {
        return format!("{} takes a value, not a table", outer.key);
    }
    let distance = |setting: &&Setting| strsim::damerau_levenshtein(setting.key, pattern);
    let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    let near = settings::all().min_by_key(distance).filter(|setting| distance(setting) <= 2 + pattern.len() / 8);
    let elsewhere = || settings::all().find(|setting| last(setting.key) == last(pattern));
    near.or_else(elsewhere).map_or_else(
        || "`doorward config reference` lists all".to_owned(),
        |setting| format!("did you mean {}?", setting.key),
    )
}
