//! Step one: which route a request belongs to.
//!
//! The path is judged as the very bytes of the request line. A path that some reader could take for another one is
//! refused as soon as any reading of it leads to a route; it is never put right. Knows no caller.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;

use doorward_protocol::request_target::{JudgedPath, TargetError};
use http::uri::PathAndQuery;
use http::{Method, Uri};

use crate::decide::Require;
use crate::forward::Timeouts;
use crate::forward_auth::Question;
use crate::inject::Inject;
use crate::rate::Limiter;
use crate::refusal::Refusal;
use crate::spelling;
use crate::upstream::Group;

/// What is passed on, to whom, and on which terms.
#[derive(Clone, Debug)]
pub struct Route {
    /// Its name in logs and metrics.
    pub name: String,
    /// The paths it covers.
    pub path: PathPattern,
    /// The methods it takes.
    pub methods: Vec<Method>,
    /// The services behind; none if the route is only asked about by a proxy in front.
    pub upstreams: Arc<Group>,
    /// How long a service may take for what.
    pub timeouts: Timeouts,
    /// How often a request is sent once more where that is safe.
    pub retries: u32,
    /// The longest body of a request.
    pub body_limit: u64,
    /// How the service is told who calls.
    pub inject: Inject,
    /// Who may pass.
    pub require: Require,
    /// How often.
    pub rate: Option<Arc<Limiter>>,
}

/// The paths of a route: one, or one and all below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPattern {
    /// Without a `/*` at its end.
    path: String,
    and_below: bool,
}

/// The text is no route's path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// Not a path that a request could have.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// A query.
    #[error("a route's path has no query")]
    Query,
    /// A star elsewhere than in `/*` at the end.
    #[error("a route's path has a star only as `/*` at its end")]
    Star,
}

impl FromStr for PathPattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let judged = JudgedPath::judge(text)?;
        if judged.query().is_some() {
            return Err(InvalidPattern::Query);
        }
        let (path, and_below) = match text.strip_suffix("/*") {
            Some(above) => (above, true),
            None => (text, false),
        };
        if path.contains('*') {
            return Err(InvalidPattern::Star);
        }
        Ok(Self { path: path.to_owned(), and_below })
    }
}

impl PathPattern {
    /// What follows the pattern's own path if `path` is covered: nothing, or what the star matched with its `/`.
    pub(crate) fn rest<'p>(&self, path: &'p str) -> Option<&'p str> {
        let rest = path.strip_prefix(self.path.as_str())?;
        (rest.is_empty() || (self.and_below && rest.starts_with('/'))).then_some(rest)
    }
}

/// Every route, in order.
#[derive(Debug)]
pub struct Routes(Vec<Arc<Route>>);

/// Where a request goes.
#[derive(Debug)]
pub enum Match {
    /// To no service behind; it may be one for Doorward itself.
    None,
    /// Nowhere.
    Refused(Refusal),
    /// To a route.
    Route(RouteMatch),
}

/// What the gateway has to do with a request.
#[derive(Clone, Debug)]
pub struct RouteMatch(pub(crate) Task);

#[derive(Clone, Debug)]
pub(crate) enum Task {
    /// Pass it on.
    Pass(Passed),
    /// Answer a proxy that asks whether another may pass.
    Answer(Question),
}

/// A request's route, with the target that was judged.
#[derive(Clone, Debug)]
pub(crate) struct Passed {
    pub(crate) route: Arc<Route>,
    pub(crate) target: PathAndQuery,
}

impl RouteMatch {
    /// The route's name.
    pub fn name(&self) -> &str {
        match &self.0 {
            Task::Pass(passed) => &passed.route.name,
            Task::Answer(_) => "forward-auth",
        }
    }
}

/// Where a target leads.
#[derive(Debug)]
pub(crate) enum Found {
    Nothing,
    Refused(Refusal),
    Route(Passed),
}

impl Routes {
    /// Routes, the first match first.
    pub fn new(routes: impl IntoIterator<Item = Route>) -> Self {
        Self(routes.into_iter().map(Arc::new).collect())
    }

    pub(crate) fn groups(&self) -> impl Iterator<Item = &Group> {
        self.0.iter().map(|route| &*route.upstreams)
    }

    /// What is to be done with a request that came in.
    pub(crate) fn matches(&self, method: &Method, target: &Uri) -> Match {
        if let Some(question) = Question::of(target) {
            return Match::Route(RouteMatch(Task::Answer(question)));
        }
        match self.find(method, target) {
            // Only a proxy in front asks about it.
            Found::Route(passed) if passed.route.upstreams.is_empty() => Match::None,
            Found::Route(passed) => Match::Route(RouteMatch(Task::Pass(passed))),
            Found::Refused(refusal) => Match::Refused(refusal),
            Found::Nothing => Match::None,
        }
    }

    /// The first route whose path covers the target decides, together with those of the very same path (which may
    /// take other methods). A wider route further down is no way around it.
    pub(crate) fn find(&self, method: &Method, target: &Uri) -> Found {
        let text = target.path_and_query().map_or("", PathAndQuery::as_str);
        let judged = match target.authority() {
            Some(_) => Err(TargetError::NotOriginForm),
            None => JudgedPath::judge(text),
        };
        match (judged, target.path_and_query()) {
            (Ok(judged), Some(target)) => self.find_judged(method, judged.path(), target),
            (Err(fault), _) if self.is_meant_by(text) => Found::Refused(Refusal::Target(fault)),
            _ => Found::Nothing,
        }
    }

    fn find_judged(&self, method: &Method, path: &str, target: &PathAndQuery) -> Found {
        let Some(first) = self.0.iter().find(|route| route.path.rest(path).is_some()) else {
            return Found::Nothing;
        };
        let same_path = || self.0.iter().filter(|route| route.path == first.path);
        if let Some(route) = same_path().find(|route| route.methods.contains(method)) {
            return Found::Route(Passed { route: Arc::clone(route), target: target.clone() });
        }
        let allowed: BTreeSet<&str> = same_path().flat_map(|route| &route.methods).map(Method::as_str).collect();
        let allow = allowed.into_iter().collect::<Vec<_>>().join(", ");
        Found::Refused(Refusal::MethodNotAllowed { allow })
    }

    /// Whether somebody could read the odd target as one of a route.
    fn is_meant_by(&self, target: &str) -> bool {
        let (path, _query) = target.split_once('?').unwrap_or((target, ""));
        let resolved = spelling::resolved(path);
        let covers = |path: &str| self.0.iter().any(|route| route.path.rest(path).is_some());
        covers(path) || covers(&resolved)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::decide::Needs;
    use crate::upstream::GroupSettings;

    fn route(name: &str, path: &str, methods: &[Method]) -> Route {
        Route {
            name: name.to_owned(),
            path: path.parse().unwrap(),
            methods: methods.to_vec(),
            upstreams: Arc::new(Group::new(vec!["http://127.0.0.1:1/".parse().unwrap()], GroupSettings::default())),
            timeouts: Timeouts::default(),
            retries: 0,
            body_limit: 1024,
            inject: Inject::default(),
            require: Require::Caller(Needs::default()),
            rate: None,
        }
    }

    fn routes() -> Routes {
        Routes::new([
            route("plan", "/api/plan", &[Method::POST]),
            route("read", "/files/*", &[Method::GET]),
            route("write", "/files/*", &[Method::PUT, Method::POST]),
            route("rest", "/files/open/*", &[Method::DELETE]),
        ])
    }

    fn found(method: &Method, target: &str) -> String {
        match routes().matches(method, &target.parse().unwrap()) {
            Match::None => "none".to_owned(),
            Match::Refused(Refusal::MethodNotAllowed { allow }) => format!("only {allow}"),
            Match::Refused(_) => "refused".to_owned(),
            Match::Route(matched) => matched.name().to_owned(),
        }
    }

    #[test]
    fn the_first_route_that_covers_the_path_decides() {
        for (method, target, expected) in [
            (Method::POST, "/api/plan", "plan"),
            (Method::POST, "/api/plan?x=/files/../y", "plan"),
            (Method::GET, "/api/plan", "only POST"),
            (Method::POST, "/api/plan/", "none"),
            (Method::POST, "/api/plans", "none"),
            (Method::POST, "/API/plan", "none"),
            (Method::GET, "/files", "read"),
            (Method::GET, "/files/", "read"),
            (Method::GET, "/files/a/b", "read"),
            (Method::PUT, "/files/a", "write"),
            (Method::DELETE, "/files/open/a", "only GET, POST, PUT"),
            (Method::GET, "/filesystem", "none"),
            (Method::GET, "/", "none"),
            (Method::OPTIONS, "*", "none"),
        ] {
            assert_eq!(found(&method, target), expected, "{method} {target}");
        }
    }

    #[test]
    fn an_odd_target_that_may_mean_a_route_is_refused() {
        for target in [
            "/files/../x",
            "/files/%2e%2e/x",
            "/x/../files/a",
            "/x/%2e%2e/files/a",
            "/x/..%2ffiles/a",
            "/x/..%5cfiles/a",
            "//files/a",
            "/files//a",
            "/./files/a",
            "/%66iles/a",
            "/%2566iles/a",
            "/files%2fa",
            "/files%3fa",
            "/files%23a",
            "/files;x/a",
            "/x;/..;/files/a",
            "/files/a;b",
            "/fi%00les/a",
            "/files%00",
            "/api//plan",
            "/api/plan%00",
            "/api/plan;v=1",
            "http://localhost/files/a",
        ] {
            assert_eq!(found(&Method::GET, target), "refused", "{target}");
        }
        assert_eq!(found(&Method::GET, "/x/../y"), "none");
    }

    #[test]
    fn a_pattern_has_a_star_only_at_its_end() {
        assert_eq!("/*".parse::<PathPattern>().unwrap().rest("/"), Some("/"));
        assert_eq!("/a/*".parse::<PathPattern>().unwrap().rest("/a/b"), Some("/b"));
        assert_eq!("/a/*/b".parse::<PathPattern>(), Err(InvalidPattern::Star));
        assert_eq!("/a*".parse::<PathPattern>(), Err(InvalidPattern::Star));
        assert_eq!("/a?b".parse::<PathPattern>(), Err(InvalidPattern::Query));
        assert_eq!("/a/../b".parse::<PathPattern>(), Err(InvalidPattern::Target(TargetError::DotSegment)));
    }
}
