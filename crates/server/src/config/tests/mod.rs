//! The configuration as a whole, from sources to `Config`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod accounts;
mod checks;
mod gateway;
mod generated;
mod lambda;
mod layers;
mod mistakes;
mod old_names;
mod own_paths;
mod providers;
mod robustness;

use super::{Config, Document, Flag, Sources};

/// Sources of these texts.
fn sources(file: &str, env: &[(&str, &str)], dotenv: &str) -> Sources {
    let document = |path: &str, text: &str| Document { path: path.into(), text: text.to_owned() };
    Sources {
        file: (!file.is_empty()).then(|| document("doorward.toml", file)),
        dotenv: (!dotenv.is_empty()).then(|| document(".env", dotenv)),
        env: env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        with_aws: true,
        ..Sources::default()
    }
}

fn flag(name: &str, key: &str, value: &str) -> Flag {
    Flag { name: name.to_owned(), key: key.to_owned(), value: value.to_owned() }
}

fn loaded(sources: &Sources) -> Config {
    super::load(sources).unwrap_or_else(|error| panic!("{error}"))
}

fn from_file(text: &str) -> Config {
    loaded(&sources(text, &[], ""))
}

fn from_env(env: &[(&str, &str)]) -> Config {
    loaded(&sources("", env, ""))
}

/// The mistakes, one a line.
fn refused(sources: &Sources) -> Vec<String> {
    let error = super::load(sources).err().map(|error| error.to_string()).unwrap_or_default();
    error.lines().map(str::to_owned).collect()
}

fn shown(sources: &Sources) -> String {
    let mut out = Vec::new();
    let _ = super::show(sources, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The line of `config show` for `key`, its spaces made one.
fn shown_line(sources: &Sources, key: &str) -> String {
    let shown = shown(sources);
    let line = shown.lines().find(|line| line.starts_with(&format!("{key} = ")));
    line.unwrap_or_else(|| panic!("{key} is not in:\n{shown}")).split_whitespace().collect::<Vec<_>>().join(" ")
}
