//! The environment as leaves: `DOORWARD__…`, the old systems' names, and `.env` beneath both.
//!
//! A real variable beats the same name in `.env`. Two names that say different things of one setting are a mistake.

use super::aliases;
use super::dotenv;
use super::layers::{Leaf, Leaves, Written};
use super::mistake::Mistake;
use super::settings::{self, Secrecy};
use super::sources::{Origin, Sources};

const PREFIX: &str = "DOORWARD__";

/// Every variable that is a setting.
pub(super) fn leaves(sources: &Sources) -> (Leaves, Vec<Mistake>) {
    let mut reading = Reading { leaves: Leaves::new(), mistakes: Vec::new() };
    for (name, value) in &sources.env {
        reading.variable(name, value, &Origin::Env(name.clone()));
    }
    if let Some(document) = &sources.dotenv {
        let (variables, mistakes) = dotenv::variables(document, &sources.env);
        reading.mistakes.extend(mistakes);
        for variable in variables {
            if sources.env.iter().all(|(name, _)| *name != variable.name) {
                let (path, line, name) = (document.path.clone(), variable.line, variable.name.clone());
                reading.variable(&variable.name, &variable.value, &Origin::Dotenv { path, line, name });
            }
        }
    }
    (reading.leaves, reading.mistakes)
}

struct Reading {
    leaves: Leaves,
    mistakes: Vec<Mistake>,
}

impl Reading {
    fn variable(&mut self, name: &str, value: &str, origin: &Origin) {
        if let Some(path) = name.strip_prefix(PREFIX) {
            self.insert(path.to_ascii_lowercase().replace("__", "."), value.to_owned(), origin);
        } else if let Some(old) = aliases::find(name) {
            // The old systems' example files leave what is not used empty.
            let value = value.trim();
            for (key, convert) in old.sets.iter().filter(|_| !value.is_empty()) {
                match convert(value) {
                    Ok(converted) => self.insert((*key).to_owned(), converted, origin),
                    // One mistake a variable, however many settings it is for.
                    Err(what) => return self.mistakes.push(Mistake::new(key, what).from(origin)),
                }
            }
        }
    }

    fn insert(&mut self, key: String, text: String, origin: &Origin) {
        match self.leaves.get(&key) {
            Some(Leaf { written: Written::Text(other), origin: first }) if !same(&key, other, &text) => {
                self.mistakes.push(conflict(&key, (other, first), (&text, origin)));
            }
            Some(_) => {}
            None => {
                let leaf = Leaf { written: Written::Text(text), origin: origin.clone() };
                self.leaves.insert(key, leaf);
            }
        }
    }
}

fn same(key: &str, one: &str, other: &str) -> bool {
    let Some(setting) = settings::find(key) else { return one == other };
    let form = |text: &str| {
        let elements = if setting.many { super::resolve::listed(text) } else { vec![text.to_owned()] };
        elements.into_iter().map(|element| setting.kind.check(&element).unwrap_or(element)).collect::<Vec<_>>()
    };
    form(one) == form(other)
}

fn conflict(key: &str, (one, first): (&str, &Origin), (other, second): (&str, &Origin)) -> Mistake {
    let open = settings::find(key).is_some_and(|setting| setting.secrecy == Secrecy::Open);
    let what = if open {
        format!("{first} says {one:?} and {second} says {other:?}")
    } else {
        format!("{first} and {second} say different things")
    };
    Mistake::new(key, what).hint("keep one of the two")
}
