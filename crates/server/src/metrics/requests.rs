//! Figures of answered requests. A request finds its counters by the name of its route, without making the labels
//! anew: that would be two texts and two hashes for each request.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    route: String,
    method: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

/// How many requests were answered how, and how long it took.
pub(super) struct Requests {
    answered: Family<Request, Counter>,
    durations: Family<Route, Histogram, fn() -> Histogram>,
    /// The counters of every route that was ever asked for.
    routes: RwLock<HashMap<Box<str>, RouteFigures>>,
}

struct RouteFigures {
    duration: Histogram,
    answered: Vec<(&'static str, u16, Counter)>,
}

impl RouteFigures {
    fn counter(&self, method: &str, status: u16) -> Option<&Counter> {
        self.answered.iter().find(|(m, s, _)| *m == method && *s == status).map(|(_, _, counter)| counter)
    }
}

impl Requests {
    pub(super) fn new(buckets: fn() -> Histogram) -> Self {
        let durations = Family::new_with_constructor(buckets);
        Self { answered: Family::default(), durations, routes: RwLock::default() }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let answered = self.answered.clone();
        registry.register("http_requests", "Requests answered, by route, method and status", answered);
        let durations = self.durations.clone();
        registry.register_with_unit("http_request_duration", "Time to answer", Unit::Seconds, durations);
    }

    /// A request was answered; `route` and `method` are of a bounded set.
    pub(super) fn answered(&self, route: &str, method: &'static str, status: u16, elapsed: Duration) {
        if !self.count(route, method, status, elapsed) {
            self.meet(route, method, status);
            self.count(route, method, status, elapsed);
        }
    }

    fn count(&self, route: &str, method: &str, status: u16, elapsed: Duration) -> bool {
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        let Some(figures) = routes.get(route) else { return false };
        let Some(counter) = figures.counter(method, status) else { return false };
        counter.inc();
        figures.duration.observe(elapsed.as_secs_f64());
        true
    }

    /// Makes the counters of an answer that was not given before.
    fn meet(&self, route: &str, method: &'static str, status: u16) {
        let label = || route.to_owned();
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        let figures = routes.entry(route.into()).or_insert_with(|| RouteFigures {
            duration: self.durations.get_or_create_owned(&Route { route: label() }),
            answered: Vec::new(),
        });
        if figures.counter(method, status).is_none() {
            let counter = self.answered.get_or_create_owned(&Request { route: label(), method, status });
            figures.answered.push((method, status, counter));
        }
    }
}
