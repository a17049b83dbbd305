//! The services behind one route: which are there, and how they are found to be well. Opens no connection.

use std::sync::Arc;
use std::time::Duration;

use http::uri::PathAndQuery;

use super::Upstream;

/// What is known of a route's services beside where they are.
#[derive(Clone, Debug, Default)]
pub struct GroupSettings {
    /// Whether they speak HTTP/2 without being asked; an `https` service is always asked.
    pub http2: bool,
    /// How they are asked for their health, if they are.
    pub health: Option<HealthCheck>,
}

/// A question asked again and again.
#[derive(Clone, Debug)]
pub struct HealthCheck {
    /// What is asked for; a 2xx or 3xx is a good answer.
    pub path: PathAndQuery,
    /// How often.
    pub interval: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
}

/// The services behind one route, shared by all workers.
#[derive(Debug)]
pub struct Group {
    endpoints: Vec<Endpoint>,
    #[expect(dead_code, reason = "read by the pool and the health checks to come")]
    settings: GroupSettings,
}

/// One service of a group.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) upstream: Upstream,
    /// Its name in logs and metrics.
    pub(crate) name: Arc<str>,
}

impl Group {
    /// A group; none at all for a route that is only asked about, never passed on.
    pub fn new(upstreams: Vec<Upstream>, settings: GroupSettings) -> Self {
        let endpoint = |upstream: Upstream| Endpoint { name: upstream.to_string().into(), upstream };
        Self { endpoints: upstreams.into_iter().map(endpoint).collect(), settings }
    }

    /// Whether there is anywhere to pass a request on to.
    pub fn is_empty(&self) -> bool {
        self.endpoints.is_empty()
    }

    pub(crate) fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }
}
