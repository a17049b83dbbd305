//! Step three: whether a caller may pass. Knows who they are, not what they send.

use doorward_identity::session::Caller;

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
}

/// Refuses a caller who lacks something, naming it.
pub(crate) fn may_pass(require: &Require, caller: Option<&Caller>) -> Result<(), Refusal> {
    let needs = match require {
        Require::Public => return Ok(()),
        Require::Caller(needs) => needs,
    };
    let person = &*caller.ok_or(Refusal::NotAuthenticated)?.context;
    one_of("role", &needs.roles, |role| person.user.has_role(role))?;
    one_of("team", &needs.teams, |team| {
        let named = |held: &str| held == team;
        person
            .teams
            .iter()
            .any(|held| named(held.team.name.as_str()) || held.team.external_ref.as_deref().is_some_and(named))
    })?;
    one_of("domain", &needs.domains, |domain| person.domains.iter().any(|held| held.key.as_str() == domain))?;
    if needs.verified_email && person.user.email_verified_at.is_none() {
        return Err(Refusal::Forbidden("A verified e-mail address is required".to_owned()));
    }
    Ok(())
}

fn one_of(kind: &str, wanted: &[String], holds: impl Fn(&str) -> bool) -> Result<(), Refusal> {
    match wanted {
        [] => Ok(()),
        _ if wanted.iter().any(|wanted| holds(wanted)) => Ok(()),
        [only] => Err(Refusal::Forbidden(format!("The {kind} \"{only}\" is required"))),
        _ => {
            let names = wanted.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
            Err(Refusal::Forbidden(format!("One of these {kind}s is required: {names}")))
        }
    }
}
