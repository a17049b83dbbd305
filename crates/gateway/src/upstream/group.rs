//! The services behind one route, shared by all workers: which of them the next request goes to, and what is known
//! of their health. Opens no connection.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http::HeaderValue;
use http::uri::PathAndQuery;

use super::Upstream;
use crate::breaker::{Admission, Breaker, Change};
use crate::observer::{GatewayObserver, Health};
use crate::retry::Budget;

/// What is worth waiting where nothing better is known.
const SOON: Duration = Duration::from_secs(1);

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

/// The services behind one route.
#[derive(Debug)]
pub struct Group {
    endpoints: Vec<Arc<Endpoint>>,
    health: Option<HealthCheck>,
    turn: AtomicUsize,
    pub(crate) budget: Budget,
}

/// A service's state as people are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its URL.
    pub upstream: Arc<str>,
    /// Whether it is given requests.
    pub health: Health,
    /// How many requests it has now.
    pub requests: usize,
}

/// No service of the group takes a request now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resting {
    /// When it is worth trying again.
    pub(crate) retry_after: Duration,
}

/// One service of a group.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) upstream: Upstream,
    /// Its name in logs and metrics.
    pub(crate) name: Arc<str>,
    /// What connections to it are kept under.
    pub(crate) origin: Arc<str>,
    pub(crate) host: HeaderValue,
    pub(crate) http2: bool,
    requests: AtomicUsize,
    breaker: Breaker,
    ill: AtomicBool,
}

impl Group {
    /// A group; an empty one for a route that is only asked about, never passed on.
    pub fn new(upstreams: Vec<Upstream>, settings: GroupSettings) -> Self {
        let now = Instant::now();
        let endpoint = |upstream| Arc::new(Endpoint::new(upstream, settings.http2, now));
        Self {
            endpoints: upstreams.into_iter().map(endpoint).collect(),
            health: settings.health,
            turn: AtomicUsize::new(0),
            budget: Budget::new(now),
        }
    }

    /// Whether there is anywhere to pass a request on to.
    pub fn is_empty(&self) -> bool {
        self.endpoints.is_empty()
    }

    /// How its services are.
    pub fn status(&self) -> impl Iterator<Item = Status> {
        self.endpoints.iter().map(|endpoint| Status {
            upstream: Arc::clone(&endpoint.name),
            health: endpoint.health(),
            requests: endpoint.requests.load(Ordering::Relaxed),
        })
    }

    pub(crate) fn endpoints(&self) -> &[Arc<Endpoint>] {
        &self.endpoints
    }

    pub(crate) fn health_check(&self) -> Option<&HealthCheck> {
        self.health.as_ref()
    }

    /// The service with the fewest requests; equals take turns, and those that failed this request come last.
    pub(crate) fn choose(&self, failed: &[Arc<str>], now: Instant) -> Result<Held, Resting> {
        if let [only] = self.endpoints.as_slice() {
            return only.hold(now);
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.endpoints.len().max(1);
        let (later, first) = self.endpoints.split_at(turn);
        let mut order: Vec<_> = first.iter().chain(later).collect();
        // Each is looked at once: a sort whose keys other workers change meanwhile may panic.
        order.sort_by_cached_key(|endpoint| {
            (failed.contains(&endpoint.name), endpoint.requests.load(Ordering::Relaxed))
        });
        let mut resting = Resting { retry_after: Duration::MAX };
        for endpoint in order {
            match endpoint.hold(now) {
                Ok(held) => return Ok(held),
                Err(refused) => resting.retry_after = resting.retry_after.min(refused.retry_after),
            }
        }
        Err(resting)
    }
}

impl Endpoint {
    fn new(upstream: Upstream, http2: bool, now: Instant) -> Self {
        Self {
            name: upstream.to_string().into(),
            origin: upstream.origin(http2).into(),
            host: upstream.host_header(),
            http2,
            requests: AtomicUsize::new(0),
            breaker: Breaker::new(now),
            ill: AtomicBool::new(false),
            upstream,
        }
    }

    /// Says what a health check found.
    pub(crate) fn examined(&self, is_well: bool, observer: &dyn GatewayObserver) {
        if self.ill.swap(!is_well, Ordering::Relaxed) == is_well {
            self.tell(observer);
        }
    }

    fn health(&self) -> Health {
        if self.ill.load(Ordering::Relaxed) {
            Health::Ill
        } else if self.breaker.is_closed() {
            Health::Well
        } else {
            Health::Ejected
        }
    }

    fn tell(&self, observer: &dyn GatewayObserver) {
        let health = self.health();
        let upstream = &*self.name;
        match health {
            Health::Well => tracing::info!(upstream, "the service behind is well again"),
            Health::Ejected => tracing::warn!(upstream, "the service behind failed too often and is left alone"),
            Health::Ill => tracing::warn!(upstream, "the service behind does not answer its health check"),
        }
        observer.health(upstream, health);
    }

    fn hold(self: &Arc<Self>, now: Instant) -> Result<Held, Resting> {
        if self.ill.load(Ordering::Relaxed) {
            return Err(Resting { retry_after: SOON });
        }
        let admission = self.breaker.admit(now).map_err(|retry_after| Resting { retry_after })?;
        self.requests.fetch_add(1, Ordering::Relaxed);
        Ok(Held { endpoint: Arc::clone(self), admission, is_judged: false })
    }
}

/// A service that has been given a request, for as long as it has it.
pub(crate) struct Held {
    endpoint: Arc<Endpoint>,
    admission: Admission,
    is_judged: bool,
}

impl Held {
    pub(crate) fn endpoint(&self) -> &Arc<Endpoint> {
        &self.endpoint
    }

    /// The service answered.
    pub(crate) fn succeeded(&mut self, observer: &dyn GatewayObserver) {
        self.is_judged = true;
        if self.endpoint.breaker.succeeded(self.admission) == Change::Closed {
            self.endpoint.tell(observer);
        }
    }

    /// The service did not do its part. The first failure in a row is told, with its cause; the others only lead to
    /// what is told of the service's health.
    pub(crate) fn failed(
        &mut self,
        route: &str,
        what: &str,
        cause: Option<&(dyn Error + 'static)>,
        observer: &dyn GatewayObserver,
    ) {
        self.is_judged = true;
        let upstream = &*self.endpoint.name;
        match self.endpoint.breaker.failed(self.admission, Instant::now()) {
            Change::None => tracing::debug!(route, upstream, error = cause, "{what}"),
            Change::Failing => tracing::warn!(route, upstream, error = cause, "{what}"),
            Change::Opened | Change::Closed => self.endpoint.tell(observer),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.endpoint.requests.fetch_sub(1, Ordering::Relaxed);
        if !self.is_judged {
            self.endpoint.breaker.abandoned(self.admission);
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::observer::Unobserved;

    fn group(count: usize) -> Group {
        let upstreams = (1..=count).map(|port| format!("http://a:{port}").parse().unwrap());
        Group::new(upstreams.collect(), GroupSettings::default())
    }

    fn chosen(group: &Group) -> Held {
        group.choose(&[], Instant::now()).unwrap()
    }

    fn name(held: &Held) -> &str {
        &held.endpoint.name
    }

    #[test]
    fn the_service_with_the_fewest_requests_is_next_and_equals_take_turns() {
        let group = group(3);
        let held: Vec<_> = (0..6).map(|_| chosen(&group)).collect();
        assert!(group.status().all(|status| status.requests == 2));
        let freed = name(&held[4]).to_owned();
        let held: Vec<_> = held.into_iter().enumerate().filter(|(index, _)| *index != 4).collect();
        assert_eq!(name(&chosen(&group)), freed);
        drop(held);
        let turns: Vec<_> = (0..3).map(|_| name(&chosen(&group)).to_owned()).collect();
        assert!(turns.iter().all(|turn| turns.iter().filter(|other| *other == turn).count() == 1), "{turns:?}");
    }

    #[test]
    fn a_service_that_failed_this_request_comes_last() {
        let group = group(2);
        for _ in 0..4 {
            let failed = [Arc::clone(&group.endpoints()[0].name)];
            let held = group.choose(&failed, Instant::now()).unwrap();
            assert_eq!(name(&held), "http://a:2/");
        }
    }

    #[test]
    fn a_service_that_is_ejected_or_ill_gets_nothing() {
        let group = group(2);
        group.endpoints()[0].examined(false, &Unobserved);
        for _ in 0..5 {
            let mut held = chosen(&group);
            assert_eq!(name(&held), "http://a:2/");
            held.failed("x", "it failed", None, &Unobserved);
        }
        let health: Vec<_> = group.status().map(|status| status.health).collect();
        assert_eq!(health, [Health::Ill, Health::Ejected]);
        assert!(group.choose(&[], Instant::now()).is_err());
        group.endpoints()[0].examined(true, &Unobserved);
        assert_eq!(name(&chosen(&group)), "http://a:1/");
    }

    #[test]
    fn an_empty_group_has_nobody_to_choose() {
        assert!(group(0).choose(&[], Instant::now()).is_err());
    }
}
