//! The services behind the gateway: is anybody there?

use std::collections::BTreeMap;

use doorward_identity::Clock;
use url::Url;

use super::clock::Reading;
use super::finding::Finding;
use crate::cli::probe;
use crate::config::{Config, Outbound, Route};

pub(super) async fn examine(config: &Config, clock: &dyn Clock, readings: &mut Vec<Reading>) -> Vec<Finding> {
    if config.routes.is_empty() {
        return vec![Finding::skipped("upstreams", "no routes are configured")];
    }
    let mut findings = Vec::new();
    for (url, routes) in by_origin(&config.routes) {
        findings.push(upstream(&url, &routes.join(", "), &config.outbound, clock, readings).await);
    }
    findings.extend(config.routes.iter().flat_map(trailing_slashes));
    findings
}

/// Each address once, with the routes that lead there.
fn by_origin(routes: &[Route]) -> Vec<(Url, Vec<&str>)> {
    let mut origins: BTreeMap<String, (Url, Vec<&str>)> = BTreeMap::new();
    for route in routes {
        for url in route.upstream.iter().filter_map(|upstream| upstream.parse::<Url>().ok()) {
            let known = origins.entry(url.origin().ascii_serialization()).or_insert((url, Vec::new()));
            known.1.push(&route.name);
        }
    }
    origins.into_values().collect()
}

async fn upstream(
    url: &Url,
    routes: &str,
    outbound: &Outbound,
    clock: &dyn Clock,
    readings: &mut Vec<Reading>,
) -> Finding {
    let origin = url.origin().ascii_serialization();
    let name = format!("upstream {origin}");
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        return Finding::bad(name, "has no host", "write it as http://service:8001/path");
    };
    let elsewhere = outbound.resolve.iter().find(|resolve| (resolve.host.as_str(), resolve.port) == (host, port));
    let place = elsewhere
        .map_or_else(|| (host.to_owned(), port), |resolve| (resolve.address.ip().to_string(), resolve.address.port()));
    let stream = match probe::connect(&place.0, place.1).await {
        Ok(stream) => stream,
        Err(error) => {
            let what = format!("cannot be reached: {error} (routes: {routes})");
            return Finding::bad(name, what, "start the service, or correct the upstream of these routes");
        }
    };
    // Its clock is worth a question; that it does not answer this one means nothing.
    if url.scheme() == "http"
        && let Ok(answer) = probe::ask(stream, "HEAD", host, "/").await
        && let Some(theirs) = probe::date(&answer)
    {
        readings.push(Reading { who: origin, theirs, ours: clock.now() });
    }
    Finding::good(name, format!("accepts connections (routes: {routes})"))
}

/// What a star matched begins with a slash, so an upstream that ends in one makes two.
fn trailing_slashes(route: &Route) -> Vec<Finding> {
    let doubled = route.upstream.iter().filter(|upstream| {
        let has_path = upstream.parse::<Url>().is_ok_and(|url| url.path() != "/");
        route.path.ends_with("/*") && upstream.ends_with('/') && has_path
    });
    doubled
        .map(|upstream| {
            let remedy = format!("write it as {}", upstream.trim_end_matches('/'));
            Finding::bad(
                format!("route {}", route.name),
                format!("{upstream} ends in a slash, and what the star matches begins with one"),
                remedy,
            )
        })
        .collect()
}
