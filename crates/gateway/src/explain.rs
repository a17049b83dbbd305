//! What would become of a request, in words: which route it belongs to, what that asks for, whether a caller would
//! pass, and what the service would be told. Judges by the very functions that requests are judged by; sends nothing.

use std::fmt;

use doorward_identity::session::Caller;
use http::uri::PathAndQuery;
use http::{Method, Uri};
use jiff::Timestamp;

use crate::decide::{Needs, Require, decide};
use crate::inject::{assertion, introduction_lines};
use crate::refusal::Refusal;
use crate::route::{Found, Passed, Route, Routes};
use crate::upstream::Upstream;

/// What would become of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// The route it belongs to.
    pub route: Option<String>,
    /// What the route asks for, one sentence each.
    pub required: Vec<String>,
    /// Whether it would pass, and by which rule.
    pub passes: bool,
    /// The rule, or the refusal with its status.
    pub because: String,
    /// Where it would go.
    pub upstream: Vec<String>,
    /// What the service would be told.
    pub told: Vec<String>,
}

impl Routes {
    /// Explains a request of the caller's, or of nobody known.
    pub fn explain(&self, method: &Method, target: &str, caller: Option<&Caller>, now: Timestamp) -> Explanation {
        let refused = |refusal: &Refusal| {
            let (status, detail) = refusal.told();
            Explanation { because: format!("{}: {detail}", status.as_u16()), ..Explanation::default() }
        };
        // The library that parses it would cut a fragment off in silence.
        let Some(uri) = target.parse::<Uri>().ok().filter(|_| !target.contains('#')) else {
            return Explanation { because: "400: the target is no path".to_owned(), ..Explanation::default() };
        };
        let Passed { route, target } = match self.find(method, &uri) {
            Found::Nothing => {
                let because = "no route; Doorward itself answers".to_owned();
                return Explanation { because, ..Explanation::default() };
            }
            Found::Refused(refusal) => return refused(&refusal),
            Found::Route(passed) => passed,
        };
        let mut explanation = match decide(&route.require, caller, || now) {
            Ok(rule) => Explanation {
                passes: true,
                because: rule.into_owned(),
                upstream: destinations(&route, &target),
                told: told(&route, caller),
                ..Explanation::default()
            },
            Err(refusal) => refused(&refusal),
        };
        explanation.required = required(&route);
        explanation.route = Some(route.name.clone());
        explanation
    }
}

fn required(route: &Route) -> Vec<String> {
    let mut required = match &route.require {
        Require::Public => vec!["nothing: the route is public".to_owned()],
        Require::Caller(needs) => needed(needs),
    };
    required.extend(route.rate.as_ref().map(|limiter| format!("no more than {}", limiter.rate())));
    required.push(format!("a body of at most {} bytes", route.body_limit));
    required
}

fn needed(needs: &Needs) -> Vec<String> {
    let one_of = |kind: &str, names: &[String]| (!names.is_empty()).then(|| format!("{kind}: {}", names.join(" or ")));
    let mut needed = vec!["signed in".to_owned()];
    needed.extend(one_of("role", &needs.roles));
    needed.extend(one_of("team", &needs.teams));
    needed.extend(one_of("domain", &needs.domains));
    needed.extend(needs.verified_email.then(|| "a verified e-mail address".to_owned()));
    needed.extend(needs.recent_sign_in.map(|max_age| format!("signed in within the last {max_age:#}")));
    needed
}

fn destinations(route: &Route, target: &PathAndQuery) -> Vec<String> {
    let rest = route.path.rest(target.path()).unwrap_or_default();
    let destination = |upstream: &Upstream| upstream.uri(upstream.target(rest, target).ok()?).ok();
    let upstreams = route.upstreams.endpoints().iter().map(|endpoint| &endpoint.upstream);
    upstreams.filter_map(destination).map(|uri| uri.to_string()).collect()
}

fn told(route: &Route, caller: Option<&Caller>) -> Vec<String> {
    let Some(caller) = caller else { return Vec::new() };
    let (inject, id) = (&route.inject, caller.context.user.id);
    let in_body = [("JSON member", &inject.json), ("multipart part", &inject.multipart), ("form field", &inject.form)];
    let in_body = in_body.into_iter().filter_map(|(kind, name)| Some(format!("{kind} {}: {id}", name.as_ref()?)));
    let in_head = introduction_lines(&caller.context).map(|(name, value)| format!("header {name}: {value}"));
    let signed = || format!("header {}: a signed assertion for {}", assertion::NAME, assertion::audience(route));
    in_body.chain(in_head.filter(|_| inject.headers)).chain(inject.assertion.then(signed)).collect()
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "route     {}", self.route.as_deref().unwrap_or("none"))?;
        let lists = [("requires", &self.required), ("goes to", &self.upstream), ("is told", &self.told)];
        for (title, lines) in lists {
            for (at, line) in lines.iter().enumerate() {
                writeln!(f, "{:<9} {line}", if at == 0 { title } else { "" })?;
            }
        }
        write!(f, "{:<9} {}", if self.passes { "passes" } else { "refused" }, self.because)
    }
}

#[cfg(test)]
mod tests;
