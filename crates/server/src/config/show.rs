//! `doorward config show`: every setting, its value and where it comes from; secrets are not shown, but where they are kept.

use std::io::{self, Write};

use super::kind::Kind;
use super::settings::{self, Fallback, Secrecy, Setting};
use super::sources::Sources;
use super::values::Values;
use super::{ConfigError, redact};

/// Writes every setting; answers the mistakes, if there are any.
pub(crate) fn show(sources: &Sources, out: &mut impl Write) -> io::Result<Result<(), ConfigError>> {
    let (values, config) = super::settle(sources);
    for (key, setting) in rows(&values) {
        let assignment = format!("{key} = {}", shown(&values, &key, setting));
        writeln!(out, "{assignment:<64} # {}", values.origin(&key))?;
    }
    Ok(config.map(drop))
}

/// Every setting in the order of the tables; of a list, entry by entry, what each entry has.
fn rows(values: &Values) -> Vec<(String, &'static Setting)> {
    let mut rows = Vec::new();
    let mut before = None;
    for setting in settings::all() {
        let list = setting.key.split_once("[]").map(|(list, _)| list);
        match list {
            None => rows.push((setting.key.to_owned(), setting)),
            Some(list) if before != Some(list) => rows.extend(entries(values, list)),
            Some(_) => {}
        }
        before = list;
    }
    rows
}

fn entries(values: &Values, list: &str) -> Vec<(String, &'static Setting)> {
    let entries = values.entries(list);
    let rows = entries.iter().flat_map(|entry| settings::all().map(move |setting| (entry, setting)));
    rows.flat_map(|(entry, setting)| {
        let keys = values.keys_below(entry).filter(|key| settings::pattern(key) == setting.key);
        keys.map(|key| (key.clone(), setting)).collect::<Vec<_>>()
    })
    .collect()
}

fn shown(values: &Values, key: &str, setting: &Setting) -> String {
    let bare = matches!(setting.kind, Kind::Flag | Kind::Count { .. });
    let quoted = |text: &str| match setting.secrecy {
        Secrecy::Open if bare => text.to_owned(),
        Secrecy::Open => format!("{text:?}"),
        Secrecy::Address => format!("{:?}", redact::address(text)),
        Secrecy::Secret => format!("{:?}", redact::REDACTED),
    };
    if let Some(reference) = values.given(key).and_then(|value| value.reference.as_ref()) {
        return format!("{:?}", reference.to_string());
    }
    match (values.given(key), setting.default) {
        (Some(value), _) if setting.many => {
            format!("[{}]", value.items.iter().map(|item| quoted(item)).collect::<Vec<_>>().join(", "))
        }
        (Some(value), _) => value.items.first().map_or_else(String::new, |item| quoted(item)),
        (None, Fallback::Fixed(text)) if setting.many => {
            format!("[{}]", super::resolve::listed(text).iter().map(|item| quoted(item)).collect::<Vec<_>>().join(", "))
        }
        (None, Fallback::Fixed(text)) => quoted(text),
        (None, Fallback::Derived(words)) => format!("({})", words.replace('`', "")),
        (None, Fallback::Off | Fallback::Required) => "(not set)".to_owned(),
    }
}
