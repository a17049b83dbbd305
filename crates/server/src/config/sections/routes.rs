//! The gateway's routes.

use std::time::Duration;

use super::super::mistake::Mistake;
use super::super::quantity::{RouteRate, Size, Span};
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
    /// The services behind; none where only a proxy in front asks about the route.
    pub(crate) upstream: Vec<String>,
    /// Whether they speak HTTP/2 without being asked.
    pub(crate) http2: bool,
    /// How they are asked for their health.
    pub(crate) health: Option<Health>,
    /// Longest wait for a connection.
    pub(crate) connect_timeout: Duration,
    /// Longest wait for an answer to begin.
    pub(crate) timeout: Duration,
    /// Longest silence within an answer.
    pub(crate) idle_timeout: Duration,
    /// How often a request is sent once more where that is safe.
    pub(crate) retries: u32,
    /// Largest request body, in bytes.
    pub(crate) body_limit: u64,
    /// How the service learns who calls.
    pub(crate) inject: Inject,
    /// Who may call.
    pub(crate) require: Require,
    /// How often.
    pub(crate) rate: Option<RouteRate>,
}

/// How services are asked for their health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Health {
    /// What is asked for.
    pub(crate) path: String,
    /// How often.
    pub(crate) interval: Duration,
    /// How long an answer may take.
    pub(crate) timeout: Duration,
}

/// How a service learns who calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Inject {
    /// Member of the JSON body.
    pub(crate) json: Option<String>,
    /// Part of the multipart form.
    pub(crate) multipart: Option<String>,
    /// Field of the urlencoded form.
    pub(crate) form: Option<String>,
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
    /// Whoever signed in no longer ago.
    pub(crate) recent_sign_in: Option<Duration>,
}

impl Route {
    pub(super) fn read_all(values: &Values) -> Result<Vec<Self>, Mistake> {
        values.entries("routes").iter().map(|entry| Self::read(values, entry)).collect()
    }

    fn read(values: &Values, entry: &str) -> Result<Self, Mistake> {
        let key = |setting: &str| format!("{entry}.{setting}");
        let time = |setting: &str| values.one::<Span>(&key(setting)).map(Duration::from);
        let timeout = time("timeout")?;
        Ok(Self {
            entry: entry.to_owned(),
            name: values.one(&key("name"))?,
            path: values.one(&key("path"))?,
            methods: values.many(&key("methods"))?,
            upstream: values.many(&key("upstream"))?,
            http2: values.one(&key("http2"))?,
            health: match values.maybe(&key("health.path"))? {
                Some(path) => {
                    Some(Health { path, interval: time("health.interval")?, timeout: time("health.timeout")? })
                }
                None => None,
            },
            connect_timeout: time("connect_timeout")?,
            timeout,
            idle_timeout: values.maybe::<Span>(&key("idle_timeout"))?.map_or(timeout, Duration::from),
            retries: values.one(&key("retries"))?,
            body_limit: values.one::<Size>(&key("body_limit"))?.0,
            inject: Inject {
                json: values.maybe(&key("inject.json"))?,
                multipart: values.maybe(&key("inject.multipart"))?,
                form: values.maybe(&key("inject.form"))?,
                headers: values.one(&key("inject.headers"))?,
                assertion: values.one(&key("inject.assertion"))?,
            },
            require: Require {
                public: values.one(&key("require.public"))?,
                roles: values.many(&key("require.roles"))?,
                teams: values.many(&key("require.teams"))?,
                domains: values.many(&key("require.domains"))?,
                verified_email: values.one(&key("require.verified_email"))?,
                recent_sign_in: values.maybe::<Span>(&key("require.recent_sign_in"))?.map(Duration::from),
            },
            rate: values.maybe(&key("rate"))?,
        })
    }
}
