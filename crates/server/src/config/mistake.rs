//! What is wrong with a configuration, said so that it can be put right. Never holds a secret's value.

use std::fmt;
use std::path::Path;

use super::sources::Origin;

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    place: String,
    what: String,
    source: Option<String>,
    hint: Option<String>,
}

impl Mistake {
    /// At a key path: `routes.0.path`.
    pub(super) fn new(key: &str, what: impl Into<String>) -> Self {
        Self { place: bracketed(key), what: what.into(), source: None, hint: None }
    }

    /// In a file that cannot be read as what it should be.
    pub(super) fn in_file(path: &Path, line: usize, what: impl Into<String>) -> Self {
        Self { place: format!("{}:{line}", path.display()), what: what.into(), source: None, hint: None }
    }

    /// Says where the value came from.
    pub(super) fn from(mut self, origin: &Origin) -> Self {
        self.source = Some(match origin {
            Origin::Default => "by default".to_owned(),
            origin @ (Origin::File { .. } | Origin::Env(_) | Origin::Dotenv { .. } | Origin::Flag(_)) => {
                format!("from {origin}")
            }
        });
        self
    }

    /// Says what to do.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        let hint = hint.into();
        self.hint = (!hint.is_empty()).then_some(hint);
        self
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)?;
        if let Some(source) = &self.source {
            write!(f, " ({source})")?;
        }
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "; {hint}"))
    }
}

/// `routes.0.path` as people write it: `routes[0].path`.
pub(super) fn bracketed(key: &str) -> String {
    let mut out = String::with_capacity(key.len() + 2);
    for segment in key.split('.') {
        if segment.parse::<usize>().is_ok() && !out.is_empty() {
            out.extend(["[", segment, "]"]);
        } else {
            out.extend([if out.is_empty() { "" } else { "." }, segment]);
        }
    }
    out
}

/// Every mistake of a configuration, one a line.
#[derive(Debug, thiserror::Error)]
pub(crate) struct ConfigError(pub(crate) Vec<Mistake>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            mistake.fmt(f)?;
        }
        Ok(())
    }
}
