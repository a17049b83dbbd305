//! Figures of the services behind, by route and service. Found by those names without making labels anew, as the
//! figures of requests are.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use doorward_gateway::{GatewayObserver, Health, Outcome};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Upstream {
    route: String,
    upstream: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    route: String,
    upstream: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Service {
    upstream: String,
}

/// How the services behind did.
pub(crate) struct Upstreams {
    asked: Family<Asked, Counter>,
    durations: Family<Upstream, Histogram, fn() -> Histogram>,
    retries: Family<Upstream, Counter>,
    well: Family<Service, Gauge>,
    /// The counters of every service of every route that was ever asked.
    routes: RwLock<HashMap<Box<str>, Vec<UpstreamFigures>>>,
}

struct UpstreamFigures {
    upstream: Box<str>,
    duration: Histogram,
    asked: Vec<(&'static str, Counter)>,
}

impl Upstreams {
    pub(super) fn new(buckets: fn() -> Histogram) -> Self {
        Self {
            asked: Family::default(),
            durations: Family::new_with_constructor(buckets),
            retries: Family::default(),
            well: Family::default(),
            routes: RwLock::default(),
        }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let asked = self.asked.clone();
        registry.register("upstream_requests", "Requests to services, by route, service and outcome", asked);
        let durations = self.durations.clone();
        registry.register_with_unit("upstream_duration", "Time until a service answers", Unit::Seconds, durations);
        let retries = self.retries.clone();
        registry.register("upstream_retries", "Requests sent once more after the service failed them", retries);
        let well = self.well.clone();
        registry.register("upstream_well", "Whether a service is given requests, known once it changed", well);
    }

    /// Counts with the counters that are there. False when they are not.
    fn count(&self, route: &str, upstream: &str, outcome: &str, elapsed: Duration) -> bool {
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        let known = routes.get(route).and_then(|known| known.iter().find(|figures| *figures.upstream == *upstream));
        let counter = known.and_then(|figures| figures.asked.iter().find(|(name, _)| *name == outcome));
        let (Some(figures), Some((_, counter))) = (known, counter) else { return false };
        counter.inc();
        figures.duration.observe(elapsed.as_secs_f64());
        true
    }

    /// Makes the counters of an outcome that was not there before.
    fn meet(&self, route: &str, upstream: &str, outcome: &'static str) {
        let label = || (route.to_owned(), upstream.to_owned());
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        let known = routes.entry(route.into()).or_default();
        let index = known.iter().position(|figures| *figures.upstream == *upstream).unwrap_or_else(|| {
            let (route, name) = label();
            let duration = self.durations.get_or_create_owned(&Upstream { route, upstream: name });
            known.push(UpstreamFigures { upstream: upstream.into(), duration, asked: Vec::new() });
            known.len() - 1
        });
        let asked = &mut known[index].asked;
        if asked.iter().all(|(name, _)| *name != outcome) {
            let (route, upstream) = label();
            asked.push((outcome, self.asked.get_or_create_owned(&Asked { route, upstream, outcome })));
        }
    }
}

impl GatewayObserver for Upstreams {
    fn upstream(&self, route: &str, upstream: &str, outcome: Outcome, elapsed: Duration) {
        let outcome = word(outcome);
        if !self.count(route, upstream, outcome, elapsed) {
            self.meet(route, upstream, outcome);
            self.count(route, upstream, outcome, elapsed);
        }
    }

    fn retried(&self, route: &str, upstream: &str) {
        let labels = Upstream { route: route.to_owned(), upstream: upstream.to_owned() };
        self.retries.get_or_create(&labels).inc();
    }

    fn health(&self, upstream: &str, health: Health) {
        let labels = Service { upstream: upstream.to_owned() };
        self.well.get_or_create(&labels).set(i64::from(health == Health::Well));
    }
}

const fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Answered(100..200) => "1xx",
        Outcome::Answered(200..300) => "2xx",
        Outcome::Answered(300..400) => "3xx",
        Outcome::Answered(400..500) => "4xx",
        Outcome::Answered(_) => "5xx",
        Outcome::Unreachable => "unreachable",
        Outcome::Broken => "broken",
        Outcome::Silent => "silent",
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use prometheus_client::encoding::text::encode;

    use super::*;

    #[test]
    fn each_service_of_each_route_has_its_figures() {
        let upstreams = Upstreams::new(|| Histogram::new([0.1]));
        for outcome in [Outcome::Answered(200), Outcome::Answered(204), Outcome::Silent, Outcome::Answered(503)] {
            upstreams.upstream("chat", "http://a:1/", outcome, Duration::from_millis(5));
        }
        upstreams.upstream("chat", "http://b:1/", Outcome::Unreachable, Duration::ZERO);
        upstreams.upstream("plan", "http://a:1/", Outcome::Broken, Duration::ZERO);
        upstreams.retried("chat", "http://b:1/");
        upstreams.health("http://b:1/", Health::Ejected);
        let (mut registry, mut text) = (Registry::default(), String::new());
        upstreams.register(&mut registry);
        encode(&mut text, &registry).unwrap();
        for line in [
            "upstream_requests_total{route=\"chat\",upstream=\"http://a:1/\",outcome=\"2xx\"} 2",
            "upstream_requests_total{route=\"chat\",upstream=\"http://a:1/\",outcome=\"5xx\"} 1",
            "upstream_requests_total{route=\"chat\",upstream=\"http://a:1/\",outcome=\"silent\"} 1",
            "upstream_requests_total{route=\"chat\",upstream=\"http://b:1/\",outcome=\"unreachable\"} 1",
            "upstream_requests_total{route=\"plan\",upstream=\"http://a:1/\",outcome=\"broken\"} 1",
            "upstream_duration_seconds_count{route=\"chat\",upstream=\"http://a:1/\"} 4",
            "upstream_retries_total{route=\"chat\",upstream=\"http://b:1/\"} 1",
            "upstream_well{upstream=\"http://b:1/\"} 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\nis not in\n{text}");
        }
    }
}
