//! Routes that cannot be.

use std::collections::BTreeSet;

use super::super::sections::{Config, Route};
use super::{Objection, object};

/// What is Doorward's own: these paths and all below them.
const OWN: [&str; 18] = [
    "/auth",
    "/api/auth",
    "/api/v1/auth",
    "/api/v1/users",
    "/teams",
    "/domains",
    "/admin",
    "/docs",
    "/redoc",
    "/openapi.json",
    "/api/docs",
    "/api/redoc",
    "/api/openapi.json",
    "/forward-auth",
    "/health",
    "/livez",
    "/readyz",
    "/.well-known",
];

/// One objection for each route for which `judge` finds one.
fn each(config: &Config, judge: impl Fn(&Route) -> Vec<(&'static str, String, String)>) -> Vec<Objection> {
    let routes = config.routes.iter();
    routes
        .flat_map(|route| {
            let judged = judge(route).into_iter();
            judged.map(|(setting, what, hint)| object(format!("{}.{setting}", route.entry), what, hint))
        })
        .collect()
}

pub(super) fn shadows(config: &Config) -> Vec<Objection> {
    each(config, |route| {
        let own = if route.path == "/" { Some("/") } else { OWN.into_iter().find(|own| meets(&route.path, own)) };
        let objection = |own: &str| {
            let hint = "choose a path that does not meet Doorward's own";
            ("path", format!("{:?} covers {own}, which is Doorward's own", route.path), hint.to_owned())
        };
        own.map(objection).into_iter().collect()
    })
}

/// Whether a route's path covers `own` or anything below it.
fn meets(path: &str, own: &str) -> bool {
    let below = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    match path.strip_suffix("/*") {
        Some(prefix) => below(own, prefix) || below(prefix, own),
        None => below(path, own),
    }
}

pub(super) fn same_name(config: &Config) -> Vec<Objection> {
    let mut seen = BTreeSet::new();
    let again = config.routes.iter().filter(|route| !seen.insert(&route.name));
    again
        .map(|route| {
            let hint = "give each route a name of its own; services.* make create-plan, chat, upload and query";
            object(format!("{}.name", route.entry), format!("{:?} is the name of another route", route.name), hint)
        })
        .collect()
}

pub(super) fn public_with_requirements(config: &Config) -> Vec<Objection> {
    each(config, |route| {
        let require = &route.require;
        let lists = [&require.roles, &require.teams, &require.domains];
        let demanding =
            require.verified_email || require.recent_sign_in.is_some() || lists.iter().any(|list| !list.is_empty());
        let objection = || {
            let hint = "leave public out, or everything else";
            ("require.public", "lets everybody in, and the route has requirements".to_owned(), hint.to_owned())
        };
        (require.public && demanding).then(objection).into_iter().collect()
    })
}

pub(super) fn upstream_query(config: &Config) -> Vec<Objection> {
    each(config, |route| {
        let with_query = route.upstream.iter().filter(|upstream| upstream.contains('?'));
        let objection = |upstream: &String| {
            (
                "upstream",
                format!("{upstream:?} has a query; the caller's travels upstream"),
                "take the ? and what follows away".to_owned(),
            )
        };
        with_query.map(objection).collect()
    })
}

pub(super) fn bodies_without_upstream(config: &Config) -> Vec<Objection> {
    each(config, |route| {
        if !route.upstream.is_empty() {
            return Vec::new();
        }
        let inject = &route.inject;
        let fields =
            [("inject.json", &inject.json), ("inject.multipart", &inject.multipart), ("inject.form", &inject.form)];
        let asked = fields.into_iter().filter(|(_, field)| field.is_some());
        let objection = |(setting, _)| {
            let what = "changes a body, and a route without upstream never has one".to_owned();
            (setting, what, "take inject.headers or inject.assertion, or name an upstream".to_owned())
        };
        asked.map(objection).collect()
    })
}

pub(super) fn nobody_asks(config: &Config) -> Vec<Objection> {
    if !config.server.trusted_proxies.is_empty() {
        return Vec::new();
    }
    each(config, |route| {
        let objection = || {
            let what = "is missing: the route is for a proxy in front to ask about, and none is trusted".to_owned();
            ("upstream", what, "name the service, or the proxy in server.trusted_proxies".to_owned())
        };
        route.upstream.is_empty().then(objection).into_iter().collect()
    })
}
