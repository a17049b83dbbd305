//! The layers, lowest first: file, environment, flags. What a higher one says of a key replaces what a lower one said.

use std::collections::BTreeMap;

use super::mistake::Mistake;
use super::sources::{Origin, Sources};
use super::{environment, file};

/// What was written where; keyed by key path (`routes.0.path`).
pub(super) type Leaves = BTreeMap<String, Leaf>;

/// A value as it was written.
pub(super) struct Leaf {
    pub(super) written: Written,
    pub(super) origin: Origin,
}

/// The two ways to write.
pub(super) enum Written {
    /// In the environment or a flag, where everything is text and lists are comma separated.
    Text(String),
    /// In the file, where values have types.
    Typed(Typed),
}

/// A value of the file.
pub(super) enum Typed {
    String(String),
    Integer(i64),
    Boolean(bool),
    List(Vec<Typed>),
    /// A table without members.
    Table,
    /// What no setting is: its name, for the mistake.
    Other(&'static str),
}

/// All layers as one.
pub(super) fn merge(sources: &Sources) -> (Leaves, Vec<Mistake>) {
    let mut mistakes = Vec::new();
    let mut leaves = Leaves::new();
    match sources.file.as_ref().map(file::leaves) {
        Some(Ok(file)) => leaves = file,
        Some(Err(mistake)) => mistakes.push(mistake),
        None => {}
    }
    let (environment, wrong) = environment::leaves(sources);
    leaves.extend(environment);
    mistakes.extend(wrong);
    for flag in &sources.flags {
        // People write `routes[0].path`, as the messages do.
        let key = flag.key.replace('[', ".").replace(']', "");
        let leaf = Leaf { written: Written::Text(flag.value.clone()), origin: Origin::Flag(flag.name.clone()) };
        leaves.insert(key, leaf);
    }
    (leaves, mistakes)
}
