//! The gateway that the configuration describes.

use std::fmt;
use std::sync::Arc;

use anyhow::Context as _;
use doorward_gateway::route::{Route, Routes};
use doorward_gateway::{
    ConnectSettings, Gateway, GatewaySettings, Group, GroupSettings, Health, HealthCheck, Inject, Limiter, Needs, Per,
    Rate, Require, Status, Timeouts, Upstream,
};
use doorward_identity::Identity;

use crate::config::{self, Config, RatePer, RouteRate};
use crate::metrics::Metrics;
use crate::run::RequestBody;

/// A gateway for requests as the listener hands them over.
pub(crate) type Proxy = Gateway<RequestBody>;

/// The routes with the services behind them, which all workers share.
#[derive(Clone)]
pub(crate) struct Services {
    routes: Arc<Routes>,
    /// By the route's name.
    groups: Arc<[(String, Arc<Group>)]>,
}

impl Services {
    /// Those that the configuration names.
    pub(crate) fn of(config: &Config) -> anyhow::Result<Self> {
        let routes = config.routes.iter().map(route).collect::<anyhow::Result<Vec<_>>>()?;
        let groups = routes.iter().map(|route| (route.name.clone(), Arc::clone(&route.upstreams))).collect();
        Ok(Self { routes: Arc::new(Routes::new(routes)), groups })
    }

    /// The routes.
    pub(crate) fn routes(&self) -> &Routes {
        &self.routes
    }
}

/// How each of them is, a line each.
impl fmt::Display for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (route, group) in &*self.groups {
            for Status { upstream, health, requests } in group.status() {
                let health = match health {
                    Health::Well => "well",
                    Health::Ejected => "left alone, as it failed too often",
                    Health::Ill => "ill: it does not answer its health check",
                };
                writeln!(f, "{upstream} (route {route}): {health}, {requests} requests under way")?;
            }
        }
        Ok(())
    }
}

/// Puts the gateway together; other workers get it with connections of their own.
pub(crate) fn build(
    config: &Config,
    services: &Services,
    identity: &Arc<Identity>,
    metrics: &Metrics,
) -> anyhow::Result<Proxy> {
    let settings = GatewaySettings {
        trusted_proxies: config.server.trusted_proxies.clone(),
        cookie_name: config.session.cookie_name.clone(),
        allowed_origins: config.server.origins(),
        sign_in_page: config.surfaces.hosted.enabled && !config.providers.is_empty(),
        public_url: config.server.public_url.parse().context("server.public_url")?,
        connect: connect(config)?,
    };
    Ok(Gateway::new(Arc::clone(&services.routes), Arc::clone(identity), settings, metrics.upstreams())?)
}

fn connect(config: &Config) -> anyhow::Result<ConnectSettings> {
    let outbound = &config.outbound;
    let resolve =
        outbound.resolve.iter().map(|resolve| (resolve.host.clone(), resolve.port, resolve.address)).collect();
    Ok(ConnectSettings { resolve, extra_ca: outbound.read_extra_ca()? })
}

fn route(route: &config::Route) -> anyhow::Result<Route> {
    let key = |setting: &str| format!("{setting} of the route {}", route.name);
    let upstreams = route.upstream.iter().map(|upstream| upstream.parse::<Upstream>());
    let upstreams = upstreams.collect::<Result<_, _>>().with_context(|| key("upstream"))?;
    let methods = route.methods.iter().map(|method| method.parse());
    let health = route.health.as_ref().map(|health| {
        let path = health.path.parse().with_context(|| key("health.path"))?;
        anyhow::Ok(HealthCheck { path, interval: health.interval, timeout: health.timeout })
    });
    let group = GroupSettings { http2: route.http2, health: health.transpose()? };
    Ok(Route {
        name: route.name.clone(),
        path: route.path.parse().with_context(|| key("path"))?,
        methods: methods.collect::<Result<_, _>>().with_context(|| key("methods"))?,
        upstreams: Arc::new(Group::new(upstreams, group)),
        timeouts: Timeouts { connect: route.connect_timeout, answer: route.timeout, idle: route.idle_timeout },
        retries: route.retries,
        body_limit: route.body_limit,
        inject: Inject {
            json: route.inject.json.clone(),
            multipart: route.inject.multipart.clone(),
            form: route.inject.form.clone(),
            headers: route.inject.headers,
            assertion: route.inject.assertion,
        },
        require: require(&route.require),
        rate: route.rate.map(|rate| Arc::new(Limiter::new(limit(rate)))),
    })
}

fn require(require: &config::Require) -> Require {
    if require.public {
        return Require::Public;
    }
    Require::Caller(Needs {
        roles: require.roles.clone(),
        teams: require.teams.clone(),
        domains: require.domains.clone(),
        verified_email: require.verified_email,
        recent_sign_in: require.recent_sign_in.and_then(|time| time.try_into().ok()),
    })
}

fn limit(RouteRate { rate, per }: RouteRate) -> Rate {
    let per = match per {
        RatePer::User => Per::User,
        RatePer::Address => Per::Address,
        RatePer::Route => Per::Route,
    };
    Rate { calls: rate.count, period: rate.per, per }
}
