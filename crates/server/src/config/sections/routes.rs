//! The gateway's routes.

use std::time::Duration;

use super::super::mistake::Mistake;
use super::super::quantity::{Size, Span};
use super::super::values::Values;

/// A route.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    /// Where it stands in the configuration: `routes.0`.
    pub(crate) entry: String,
    /// Its name in logs and metrics.
    pub(crate) name: String,
    /// What it covers: a path, or with `/*` at its end all below too.
    pub(crate) path: String,
    /// Methods it takes.
    pub(crate) methods: Vec<String>,
    /// The services behind.
    pub(crate) upstream: Vec<String>,
    /// Longest wait for an answer to begin.
    pub(crate) timeout: Duration,
    /// Largest request body, in bytes.
    pub(crate) body_limit: u64,
    /// How the service learns who calls.
    pub(crate) inject: Inject,
    /// Who may call.
    pub(crate) require: Require,
    /// How often.
    pub(crate) rate: Option<String>,
}

/// How a service learns who calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Inject {
    /// Member of the JSON body.
    pub(crate) json: Option<String>,
    /// Part of the form.
    pub(crate) multipart: Option<String>,
    /// Headers.
    pub(crate) headers: bool,
    /// A signed assertion.
    pub(crate) assertion: bool,
}

/// Who may call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Require {
    /// Anybody.
    pub(crate) public: bool,
    /// Whoever has one of these roles.
    pub(crate) roles: Vec<String>,
    /// Whoever is in one of these teams.
    pub(crate) teams: Vec<String>,
    /// Whoever has one of these domains.
    pub(crate) domains: Vec<String>,
    /// Whoever's address is verified.
    pub(crate) verified_email: bool,
}

impl Route {
    pub(super) fn read_all(values: &Values) -> Result<Vec<Self>, Mistake> {
        values.entries("routes").iter().map(|entry| Self::read(values, entry)).collect()
    }

    fn read(values: &Values, entry: &str) -> Result<Self, Mistake> {
        let key = |setting: &str| format!("{entry}.{setting}");
        Ok(Self {
            entry: entry.to_owned(),
            name: values.one(&key("name"))?,
            path: values.one(&key("path"))?,
            methods: values.many(&key("methods"))?,
            upstream: values.many(&key("upstream"))?,
            timeout: values.one::<Span>(&key("timeout"))?.into(),
            body_limit: values.one::<Size>(&key("body_limit"))?.0,
            inject: Inject {
                json: values.maybe(&key("inject.json"))?,
                multipart: values.maybe(&key("inject.multipart"))?,
                headers: values.one(&key("inject.headers"))?,
                assertion: values.one(&key("inject.assertion"))?,
            },
            require: Require {
                public: values.one(&key("require.public"))?,
                roles: values.many(&key("require.roles"))?,
                teams: values.many(&key("require.teams"))?,
                domains: values.many(&key("require.domains"))?,
                verified_email: values.one(&key("require.verified_email"))?,
            },
            rate: values.maybe(&key("rate"))?,
        })
    }
}
