//! The gateway that the configuration describes.

use std::sync::Arc;

use anyhow::Context as _;
use doorward_gateway::route::{Route, Routes};
use doorward_gateway::{
    ConnectSettings, Gateway, GatewaySettings, Group, GroupSettings, Inject, Needs, Require, Timeouts, Unobserved,
    Upstream,
};
use doorward_identity::Identity;
use hyper::body::Incoming;

use crate::config::{self, Config};
use crate::run::TimedBody;

/// A gateway for requests as the listener hands them over.
pub(crate) type Proxy = Gateway<TimedBody<Incoming>>;

/// Puts the gateway together; `doors` of other workers get it with connections of their own.
pub(crate) fn build(config: &Config, identity: &Arc<Identity>) -> anyhow::Result<Proxy> {
    let routes = config.routes.iter().map(route).collect::<anyhow::Result<Vec<_>>>()?;
    let settings = GatewaySettings {
        trusted_proxies: config.server.trusted_proxies.clone(),
        cookie_name: config.session.cookie_name.clone(),
        public_url: config.server.public_url.parse().context("server.public_url")?,
        connect: ConnectSettings::default(),
    };
    Ok(Gateway::new(Arc::new(Routes::new(routes)), Arc::clone(identity), settings, Arc::new(Unobserved))?)
}

fn route(route: &config::Route) -> anyhow::Result<Route> {
    let key = |setting: &str| format!("{setting} of the route {}", route.name);
    let upstreams = route.upstream.iter().map(|upstream| upstream.parse::<Upstream>());
    let upstreams = upstreams.collect::<Result<_, _>>().with_context(|| key("upstream"))?;
    let methods = route.methods.iter().map(|method| method.parse());
    Ok(Route {
        name: route.name.clone(),
        path: route.path.parse().with_context(|| key("path"))?,
        methods: methods.collect::<Result<_, _>>().with_context(|| key("methods"))?,
        upstreams: Arc::new(Group::new(upstreams, GroupSettings::default())),
        timeouts: Timeouts { answer: route.timeout, idle: route.timeout, ..Timeouts::default() },
        retries: 2,
        body_limit: route.body_limit,
        inject: Inject { json: route.inject.json.clone() },
        require: require(&route.require),
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
    })
}
