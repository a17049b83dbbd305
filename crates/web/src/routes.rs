//! Every route, on one page.

use std::collections::HashSet;
use std::sync::Arc;

use axum::Router;
use bytes::Bytes;
use doorward_identity::Identity;
use http::Method;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::accounts::{codes, me as own, register, tokens};
use crate::api::admin::{audit, domains, keys, teams, users};
use crate::api::hosted::{me, sign_in, sign_out};
use crate::api::{directory, docs, health, mailbox, signin, wellknown};
use crate::problem::Problem;
use crate::{Api, EnabledSurfaces, WebSettings, openapi};

type Routes = OpenApiRouter<Arc<Api>>;

/// The service itself: `/`, `/health`, `/livez`, `/readyz`, `/.well-known/…`.
fn service() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(health::root))
        .routes(routes!(health::health))
        .routes(routes!(health::livez))
        .routes(routes!(health::readyz))
        .routes(routes!(wellknown::jwks))
}

/// Sign-in through a provider's page: `/api/v1/auth/…`, `/api/v1/users/me/identities…`.
fn hosted() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(sign_in::log_in))
        .routes(routes!(sign_in::callback))
        .routes(routes!(sign_out::backchannel))
        .routes(routes!(sign_in::status))
        .routes(routes!(sign_in::providers))
        .routes(routes!(me::identities, me::link))
        .routes(routes!(me::unlink))
}

/// Accounts with codes by e-mail: `/api/v1/auth/…`, `/api/v1/users/me…`.
fn accounts() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(register::register))
        .routes(routes!(codes::request))
        .routes(routes!(codes::verify))
        .routes(routes!(codes::reset_password))
        .routes(routes!(tokens::log_in))
        .routes(routes!(tokens::refresh))
        .routes(routes!(own::change_password))
        .routes(routes!(own::change_email))
        .routes(routes!(own::confirm_email))
        .routes(routes!(own::delete))
}

/// What the two have in common: `/api/v1/auth/logout`, `/api/v1/users/me…`.
fn own() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(sign_out::log_out))
        .routes(routes!(me::show))
        .routes(routes!(me::sessions, me::end_others))
        .routes(routes!(me::end_session))
}

/// E-mail and password: `/api/auth/…`.
fn signin() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(signin::sign_up))
        .routes(routes!(signin::sign_in))
        .routes(routes!(signin::refresh))
        .routes(routes!(signin::log_out))
        .routes(routes!(signin::me))
}

/// Identity for microservices: `/auth/…`, `/teams…`, `/domains…`.
fn directory() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(directory::register))
        .routes(routes!(directory::log_in))
        .routes(routes!(directory::validate))
        .routes(routes!(directory::refresh))
        .routes(routes!(directory::log_out))
        .routes(routes!(directory::me))
        .routes(routes!(directory::own_teams))
        .routes(routes!(directory::all_teams))
        .routes(routes!(directory::own_domains))
        .routes(routes!(directory::all_domains))
}

/// Administration: `/admin/v1/…`.
fn administration() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(users::list, users::create))
        .routes(routes!(users::show, users::change, users::delete))
        .routes(routes!(users::set_roles))
        .routes(routes!(users::disable))
        .routes(routes!(users::enable))
        .routes(routes!(users::unlock))
        .routes(routes!(users::sign_out))
        .routes(routes!(users::sessions))
        .routes(routes!(teams::list, teams::create))
        .routes(routes!(teams::show, teams::change))
        .routes(routes!(teams::members))
        .routes(routes!(teams::set_member, teams::remove_member))
        .routes(routes!(domains::list, domains::create))
        .routes(routes!(domains::show, domains::change))
        .routes(routes!(domains::assign, domains::unassign))
        .routes(routes!(audit::list))
        .routes(routes!(keys::list))
        .routes(routes!(keys::rotate))
        .routes(routes!(keys::withdraw))
}

/// All routes with their descriptions.
pub(crate) fn all(enabled: EnabledSurfaces) -> Routes {
    let mut routes = service();
    if enabled.hosted {
        routes = routes.merge(hosted());
    }
    if enabled.accounts {
        routes = routes.merge(accounts());
    }
    if enabled.hosted || enabled.accounts {
        routes = routes.merge(own());
    }
    if enabled.signin {
        routes = routes.merge(signin());
    }
    if enabled.directory {
        routes = routes.merge(directory());
    }
    routes.merge(administration())
}

/// The router that answers, and the names of its routes.
pub(crate) fn build(identity: Arc<Identity>, settings: WebSettings) -> (Router, RouteNames) {
    let (router, described) = all(settings.surfaces).split_for_parts();
    let document = openapi::complete(described, &settings.version);
    let mut router = router.merge(docs::routes());
    let mut paths: Vec<&str> = document.paths.paths.keys().map(String::as_str).chain(docs::paths()).collect();
    if let Some(mailbox) = &settings.mailbox {
        router = router.merge(mailbox::routes(Arc::clone(mailbox)));
        paths.extend(mailbox::PATHS);
    }
    let names = RouteNames::new(paths.into_iter());
    let api = Arc::new(Api { identity, settings, document: Bytes::from(document.to_json().unwrap_or_default()) });
    let router = router.fallback(nothing).method_not_allowed_fallback(other_method);
    (router.with_state(api), names)
}

async fn nothing() -> Problem {
    Problem::not_found()
}

async fn other_method(method: Method) -> Problem {
    Problem::method_not_allowed(&method)
}

/// The names of the routes, for the log and the counters: a bounded set, whatever clients ask for.
pub(crate) struct RouteNames {
    plain: HashSet<Box<str>>,
    /// Those with ids in them (`/admin/v1/users/{id}`).
    templates: Vec<Box<str>>,
}

impl RouteNames {
    fn new<'p>(paths: impl Iterator<Item = &'p str>) -> Self {
        let (templates, plain): (Vec<&str>, Vec<&str>) = paths.partition(|path| path.contains('{'));
        Self {
            plain: plain.into_iter().map(Box::from).collect(),
            templates: templates.into_iter().map(Box::from).collect(),
        }
    }

    /// The name of the route that a path belongs to.
    pub(crate) fn of(&self, path: &str) -> &str {
        let template = || self.templates.iter().find(|template| fits(template, path));
        self.plain.get(path).or_else(template).map_or("unmatched", |name| name)
    }
}

fn fits(template: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(wanted), Some(given)) if wanted == given || (wanted.starts_with('{') && !given.is_empty()) => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_the_name_of_its_route_and_others_have_one_name_together() {
        let names = RouteNames::new(["/teams", "/admin/v1/users/{id}", "/admin/v1/users/{id}/roles"].into_iter());
        assert_eq!(names.of("/teams"), "/teams");
        assert_eq!(names.of("/admin/v1/users/7"), "/admin/v1/users/{id}");
        assert_eq!(names.of("/admin/v1/users/7/roles"), "/admin/v1/users/{id}/roles");
        for unknown in ["/teams/", "/admin/v1/users/", "/admin/v1/users/7/none", "/wp-login.php", ""] {
            assert_eq!(names.of(unknown), "unmatched", "{unknown}");
        }
    }
}
