//! What an explanation says, word for word.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use doorward_identity::user::{User, UserContext, UserStatus};
use jiff::SignedDuration;

use super::*;
use crate::upstream::GroupSettings;
use crate::{Group, Inject, Limiter, Per, Rate, Timeouts};

fn caller(roles: &[&str], authenticated_at: Timestamp) -> Caller {
    let user = User {
        id: "0192f0c1-2f7a-7000-8000-00000000a11c".parse().unwrap(),
        email: "ann@example.com".parse().unwrap(),
        email_verified_at: None,
        name: Some("Zoë".to_owned()),
        first_name: None,
        last_name: None,
        phone: None,
        avatar_url: None,
        password_hash: None,
        roles: roles.iter().map(|role| role.parse().unwrap()).collect(),
        status: UserStatus::Active,
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
        last_signin_at: None,
        signed_out_at: None,
        password_changed_at: None,
        version: 1,
    };
    let context = Arc::new(UserContext { user, teams: Vec::new(), domains: Vec::new() });
    Caller { context, session: None, expires_at: Timestamp::MAX, authenticated_at: Some(authenticated_at) }
}

fn routes() -> Routes {
    let needs = Needs {
        roles: vec!["admin".to_owned(), "editor".to_owned()],
        recent_sign_in: Some(SignedDuration::from_mins(15)),
        ..Needs::default()
    };
    let rate = Rate { calls: 60, period: Duration::from_mins(1), per: Per::User };
    let upstreams = vec!["http://a:1/in".parse().unwrap(), "http://b:1/in".parse().unwrap()];
    Routes::new([Route {
        name: "reports".to_owned(),
        path: "/reports/*".parse().unwrap(),
        methods: vec![Method::POST],
        upstreams: Arc::new(Group::new(upstreams, GroupSettings::default())),
        timeouts: Timeouts::default(),
        retries: 0,
        body_limit: 1024,
        inject: Inject { json: Some("user_id".to_owned()), headers: true, assertion: true, ..Inject::default() },
        require: Require::Caller(needs),
        rate: Some(Arc::new(Limiter::new(rate))),
    }])
}

fn explained(method: &Method, target: &str, caller: Option<&Caller>) -> String {
    routes().explain(method, target, caller, Timestamp::UNIX_EPOCH).to_string()
}

#[test]
fn a_request_that_passes_is_told_whole() {
    let editor = caller(&["editor"], Timestamp::UNIX_EPOCH);
    let expected = "\
route     reports
requires  signed in
          role: admin or editor
          signed in within the last 15m
          no more than 60/1m per user
          a body of at most 1024 bytes
goes to   http://a:1/in/7?x=y
          http://b:1/in/7?x=y
is told   JSON member user_id: 0192f0c1-2f7a-7000-8000-00000000a11c
          header x-user-id: 0192f0c1-2f7a-7000-8000-00000000a11c
          header x-user-email: ann@example.com
          header x-user-name: Zo%C3%AB
          header x-user-roles: user,editor
          header x-doorward-assertion: a signed assertion for http://a:1
passes    role \"editor\"";
    assert_eq!(explained(&Method::POST, "/reports/7?x=y", Some(&editor)), expected);
}

#[test]
fn a_refusal_is_told_with_its_reason_and_nothing_that_would_be_sent() {
    let long_ago = Timestamp::UNIX_EPOCH - SignedDuration::from_hours(1);
    let (stale, nobody) = (caller(&["admin"], long_ago), caller(&[], Timestamp::UNIX_EPOCH));
    for (method, target, caller, last) in [
        (Method::POST, "/reports/7", None, "refused   401: Not authenticated"),
        (
            Method::POST,
            "/reports/7",
            Some(&nobody),
            "refused   403: One of these roles is required: \"admin\", \"editor\"",
        ),
        (Method::POST, "/reports/7", Some(&stale), "refused   401: Signing in anew is required"),
        (Method::GET, "/reports/7", Some(&stale), "refused   405: The method is not allowed here"),
        (
            Method::POST,
            "/reports/%2e%2e/x",
            Some(&stale),
            "refused   400: The path contains an escape of a character that needs none",
        ),
        (Method::POST, "/other", Some(&stale), "refused   no route; Doorward itself answers"),
        (Method::POST, "no path", Some(&stale), "refused   400: the target is no path"),
        (Method::POST, "/reports/7#/other", Some(&stale), "refused   400: the target is no path"),
    ] {
        let told = explained(&method, target, caller);
        assert_eq!(told.lines().last(), Some(last), "{method} {target}");
        assert!(!told.contains("goes to") && !told.contains("is told"), "{told}");
    }
}
