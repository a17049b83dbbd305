//! What an operator decides: settings from a file, the environment and flags, checked all at once, parsed into [`Config`].
//!
//! ```text
//! Sources → layers (file, environment, flags) → resolve (tables of settings) → derive → sections → checks → Config
//! ```
//!
//! Owns every name of a setting, old and new. Reads no environment and no file: they are handed in, as is what secrets
//! are that are kept elsewhere.

mod aliases;
mod checks;
mod cognito;
mod derive;
mod dotenv;
mod environment;
mod file;
mod kind;
mod layers;
mod mistake;
mod near;
mod notices;
mod quantity;
mod redact;
mod reference;
mod resolve;
mod schema;
mod secret;
mod sections;
mod services;
mod settings;
mod show;
mod sources;
#[cfg(test)]
mod tests;
mod transport;
mod values;

pub(crate) use mistake::{ConfigError, Mistake};
pub(crate) use quantity::{RatePer, RouteRate};
pub(crate) use redact::address as without_secrets;
pub(crate) use reference::reference;
pub(crate) use schema::schema;
pub(crate) use secret::{SecretsAccess, secrets_access};
pub(crate) use sections::*;
pub(crate) use show::show;
pub(crate) use sources::{Document, Flag, Sources};

use resolve::Resolved;
use values::Values;

/// Reads, checks and parses.
pub(crate) fn load(sources: &Sources) -> Result<Config, ConfigError> {
    settle(sources).1
}

/// How the server listens, and nothing else: no secret is looked up, no other setting is judged.
pub(crate) fn load_server(sources: &Sources) -> Result<Server, ConfigError> {
    let (mut leaves, mut mistakes) = layers::merge(sources);
    leaves.retain(|key, _| key.starts_with("server."));
    let Resolved { values, mistakes: unsound, .. } = resolve::resolve(leaves, sources);
    mistakes.extend(unsound);
    match Server::read(&values) {
        Ok(server) if mistakes.is_empty() => Ok(server),
        Ok(_) => Err(ConfigError(mistakes)),
        Err(mistake) => Err(ConfigError(vec![mistake])),
    }
}

/// The first setting that a text names, as it is written there.
#[cfg(feature = "lambda")]
pub(crate) fn setting_in(text: &str) -> Option<String> {
    let may_name = |char: char| char.is_ascii_alphanumeric() || "._[]".contains(char);
    let words = text.split(|char| !may_name(char)).map(|word| word.trim_matches('.'));
    // One without a dot is an everyday word as well.
    let is_setting =
        |word: &&str| word.contains('.') && settings::find(&word.replace('[', ".").replace(']', "")).is_some();
    words.into_iter().find(is_setting).map(str::to_owned)
}

/// The values as far as they are sound, and what they make.
fn settle(sources: &Sources) -> (Values, Result<Config, ConfigError>) {
    let (leaves, mut mistakes) = layers::merge(sources);
    let mut resolved = resolve::resolve(leaves, sources);
    let lambda = LambdaHost::of(&sources.env);
    derive::derive(&mut resolved.values, sources.with_aws, lambda.is_some());
    resolved.complete();
    let Resolved { values, broken, mistakes: unsound } = resolved;
    mistakes.extend(unsound);
    let config = match Config::read(&values, sources, lambda) {
        Ok(mut config) => {
            mistakes.extend(checks::run(&config, &values, &broken));
            config.notices = notices::of(&config, &values);
            Some(config)
        }
        Err(mistake) => {
            mistakes.push(mistake);
            None
        }
    };
    match config {
        Some(config) if mistakes.is_empty() => (values, Ok(config)),
        _ => (values, Err(ConfigError(mistakes))),
    }
}
