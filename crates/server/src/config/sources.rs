//! Where settings come from, handed in as plain data. Reads neither files nor the environment itself.

use std::fmt;
use std::path::PathBuf;

use crate::secrets::Vault;

/// Everything a configuration is made of. No `Debug`: it holds secrets.
#[derive(Clone, Default)]
pub(crate) struct Sources {
    /// `doorward.toml`, if there is one.
    pub(crate) file: Option<Document>,
    /// `.env`, if there is one.
    pub(crate) dotenv: Option<Document>,
    /// The process's environment.
    pub(crate) env: Vec<(String, String)>,
    /// Settings from the command line, in their order.
    pub(crate) flags: Vec<Flag>,
    /// What secrets are that are kept elsewhere.
    pub(crate) vault: Vault,
    /// Whether this build has Amazon's services.
    pub(crate) with_aws: bool,
}

/// A file that was read.
#[derive(Clone)]
pub(crate) struct Document {
    /// Where it was.
    pub(crate) path: PathBuf,
    /// What it says.
    pub(crate) text: String,
}

/// A setting from the command line.
#[derive(Clone)]
pub(crate) struct Flag {
    /// The flag as it was written: `--listen`, `--set log.level`.
    pub(crate) name: String,
    /// The setting's key path.
    pub(crate) key: String,
    /// Its value; lists are comma separated.
    pub(crate) value: String,
}

/// Where a value was found, for the operator who wants to change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nobody set it.
    Default,
    /// A line of the configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// Its line, from 1.
        line: usize,
    },
    /// A variable of the environment.
    Env(String),
    /// A variable in `.env`.
    Dotenv {
        /// The file.
        path: PathBuf,
        /// Its line, from 1.
        line: usize,
        /// The variable.
        name: String,
    },
    /// A flag.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Dotenv { path, line, name } => write!(f, "{}:{line} {name}", path.display()),
            Self::Env(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}
