//! The request target behind what a trigger made of it: path and query as they stand in a request line.
//!
//! Pure. What no request line could carry comes out encoded where the trigger had decoded it, and as it is where it had
//! not, so that the judgement of heads finds it.

use std::fmt::Write as _;

use super::event::{Context, HttpEvent, Payload, Query};
use crate::run::grammar::{self, PATH};

/// The stage that stands in no path.
const UNNAMED_STAGE: &str = "$default";
/// In the name of every address that API Gateway gives itself.
const OWN_ADDRESS: &str = ".execute-api.";

/// The target, without the stage and without the `base` that a domain of one's own puts in front.
pub(super) fn of(event: &HttpEvent, base: Option<&str>) -> String {
    let path = without_stage(event).unwrap_or(&event.path);
    let path = base.and_then(|base| without(path, base)).unwrap_or(path);
    let mut target = encoded_path(path);
    let query = match &event.query {
        Query::Raw(query) => query.clone(),
        Query::Decoded(parameters) => encoded_query(parameters.iter()),
    };
    if !query.is_empty() {
        target.push('?');
        target.push_str(&query);
    }
    target
}

/// At its own addresses API Gateway tells the stage before the path; a REST API takes it off itself, and says so by
/// telling the path before that as another.
fn without_stage(event: &HttpEvent) -> Option<&str> {
    let Context { stage, domain_name, path, .. } = &event.context;
    let stage = stage.as_deref().filter(|stage| *stage != UNNAMED_STAGE && !stage.is_empty())?;
    if domain_name.as_ref().is_some_and(|domain| !domain.contains(OWN_ADDRESS)) {
        return None;
    }
    if event.payload == Payload::V1 && path.as_ref().is_some_and(|path| *path != event.path) {
        return None;
    }
    without(&event.path, stage)
}

/// The path below `prefix`, which may stand between slashes; nothing if it is not below it.
fn without<'p>(path: &'p str, prefix: &str) -> Option<&'p str> {
    let rest = path.strip_prefix('/')?.strip_prefix(prefix.trim_matches('/'))?;
    if rest.is_empty() { Some("/") } else { rest.starts_with('/').then_some(rest) }
}

/// Triggers that decode a path leave bytes in it that no path has, a `?` among them.
fn encoded_path(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        push(&mut encoded, byte, byte != b'?' && grammar::are_all(&[byte], PATH));
    }
    encoded
}

fn encoded_query<'p>(parameters: impl Iterator<Item = (&'p String, &'p Vec<String>)>) -> String {
    let mut query = String::new();
    for (name, value) in parameters.flat_map(|(name, values)| values.iter().map(move |value| (name, value))) {
        if !query.is_empty() {
            query.push('&');
        }
        push_word(&mut query, name);
        query.push('=');
        push_word(&mut query, value);
    }
    query
}

fn push_word(query: &mut String, word: &str) {
    for byte in word.bytes() {
        push(query, byte, byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    }
}

fn push(out: &mut String, byte: u8, plain: bool) {
    if plain {
        out.push(char::from(byte));
    } else {
        // A string takes whatever is written to it.
        let _ = write!(out, "%{byte:02X}");
    }
}
