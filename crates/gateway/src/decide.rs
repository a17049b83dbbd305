//! Step three: whether a caller may pass, and by which rule. Knows who they are, not what they send.

use std::borrow::Cow;

use doorward_identity::session::Caller;
use doorward_identity::user::UserContext;
use jiff::{SignedDuration, Timestamp};

use crate::refusal::Refusal;

/// Who may pass a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Require {
    /// Anybody. A caller who is known is told upstream all the same.
    Public,
    /// Callers who fulfil every need.
    Caller(Needs),
}

/// What a caller must have: one of each list that names anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Roles.
    pub roles: Vec<String>,
    /// Teams, by their name or what another system calls them.
    pub teams: Vec<String>,
    /// Domains, by their key.
    pub domains: Vec<String>,
    /// Whether their address must be verified.
    pub verified_email: bool,
    /// How long ago they may have proved who they are.
    pub recent_sign_in: Option<SignedDuration>,
}

/// Which rule let a request pass or refused it: words of the configuration for the log, never a client's.
pub type Rule = Cow<'static, str>;

/// The rule by which a caller passes; or the refusal of one who lacks something, naming it.
pub(crate) fn decide(
    require: &Require,
    caller: Option<&Caller>,
    now: impl FnOnce() -> Timestamp,
) -> Result<Rule, Refusal> {
    let needs = match require {
        Require::Public => return Ok(Rule::Borrowed("public")),
        Require::Caller(needs) => needs,
    };
    let caller = caller.ok_or(Refusal::NotAuthenticated)?;
    let person = &*caller.context;
    let role = one_of("role", &needs.roles, |role| person.user.has_role(role))?;
    let team = one_of("team", &needs.teams, |team| is_member(person, team))?;
    let domain =
        one_of("domain", &needs.domains, |domain| person.domains.iter().any(|held| held.key.as_str() == domain))?;
    if needs.verified_email && person.user.email_verified_at.is_none() {
        return Err(Refusal::Forbidden {
            rule: Rule::Borrowed("verified e-mail"),
            detail: "A verified e-mail address is required".to_owned(),
        });
    }
    if let Some(max_age) = needs.recent_sign_in
        && !is_recent(caller.authenticated_at, max_age, now())
    {
        return Err(Refusal::StaleSignIn { max_age });
    }
    Ok(role.or(team).or(domain).unwrap_or(Rule::Borrowed("signed in")))
}

fn is_member(person: &UserContext, team: &str) -> bool {
    let named = |held: &str| held == team;
    person
        .teams
        .iter()
        .any(|held| named(held.team.name.as_str()) || held.team.external_ref.as_deref().is_some_and(named))
}

/// When somebody proved who they are must be known, and neither long ago nor to come.
fn is_recent(authenticated_at: Option<Timestamp>, max_age: SignedDuration, now: Timestamp) -> bool {
    authenticated_at.is_some_and(|at| at <= now && now.duration_since(at) <= max_age)
}

/// The first of the wanted that the caller holds; none if nothing is wanted.
fn one_of(kind: &str, wanted: &[String], holds: impl Fn(&str) -> bool) -> Result<Option<Rule>, Refusal> {
    if wanted.is_empty() {
        return Ok(None);
    }
    if let Some(held) = wanted.iter().find(|wanted| holds(wanted)) {
        return Ok(Some(Rule::Owned(format!("{kind} \"{held}\""))));
    }
    let names = wanted.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    let detail = match wanted {
        [_] => format!("The {kind} {names} is required"),
        _ => format!("One of these {kind}s is required: {names}"),
    };
    Err(Refusal::Forbidden { rule: Rule::Owned(format!("{kind} {names}")), detail })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_is_recent_only_if_it_is_known_and_not_in_the_future() {
        let (hour, now) = (SignedDuration::from_hours(1), Timestamp::UNIX_EPOCH);
        let ago = |seconds: i64| Some(now - SignedDuration::from_secs(seconds));
        assert!(is_recent(ago(0), hour, now) && is_recent(ago(3600), hour, now));
        for stale in [ago(3601), ago(-1), None] {
            assert!(!is_recent(stale, hour, now), "{stale:?}");
        }
    }
}
