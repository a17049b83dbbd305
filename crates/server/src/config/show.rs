//! `doorward config show`: every setting, its value and where it comes from; secrets are not shown.

use std::io::{self, Write};

use super::settings::{self, Fallback, Secrecy, Setting};
use super::sources::Sources;
use super::values::Values;
use super::{ConfigError, redact};

/// Writes every setting; answers the mistakes, if there are any.
pub(crate) fn show(sources: &Sources, out: &mut impl Write) -> io::Result<Result<(), ConfigError>> {
    let (values, config) = super::settle(sources);
    for setting in settings::all() {
        for key in keys(&values, setting) {
            let comment = format!("# {}", values.origin(&key));
            writeln!(out, "{:<64} {comment}", format!("{key} = {}", shown(&values, &key, setting)))?;
        }
    }
    Ok(config.map(drop))
}

/// The setting's key, or of a setting in a list one a entry that has it.
fn keys(values: &Values, setting: &Setting) -> Vec<String> {
    let Some((list, rest)) = setting.key.split_once("[]") else { return vec![setting.key.to_owned()] };
    let entries = values.entries(list).into_iter().map(|entry| format!("{entry}{rest}"));
    entries.filter(|key| values.is_given(key)).collect()
}

fn shown(values: &Values, key: &str, setting: &Setting) -> String {
    let quoted = |text: &String| match setting.secrecy {
        Secrecy::Open => format!("{text:?}"),
        Secrecy::Address => format!("{:?}", redact::address(text)),
        Secrecy::Secret => format!("{:?}", redact::REDACTED),
    };
    match (values.given(key), setting.default) {
        (Some(value), _) if setting.many => {
            format!("[{}]", value.items.iter().map(quoted).collect::<Vec<_>>().join(", "))
        }
        (Some(value), _) => value.items.first().map_or_else(String::new, quoted),
        (None, Fallback::Fixed(text)) if setting.many => {
            format!("[{}]", super::resolve::listed(text).iter().map(quoted).collect::<Vec<_>>().join(", "))
        }
        (None, Fallback::Fixed(text)) => format!("{text:?}"),
        (None, Fallback::Derived(words)) => format!("({})", words.replace('`', "")),
        (None, Fallback::Off | Fallback::Required) => "(not set)".to_owned(),
    }
}
