//! Who passes and who does not.

use std::sync::Arc;
use std::time::Duration;

use doorward_gateway::route::Route;
use doorward_gateway::{Inject, Limiter, Needs, Per, Rate, Require};
use http::{Method, Request};
use jiff::SignedDuration;

use crate::service::Service;
use crate::stage::{Stage, TestBody, anonymous, refusal, request, route, whole};

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn a_caller_passes_who_has_one_of_each_list() {
    let service = Service::start().await;
    let all = Needs {
        roles: names(&["admin", "editor"]),
        teams: names(&["Design"]),
        domains: names(&["product"]),
        verified_email: true,
        recent_sign_in: Some(SignedDuration::from_hours(1)),
    };
    for (needs, passes) in [
        (Needs::default(), true),
        (all.clone(), true),
        (Needs { teams: names(&["dsg"]), ..all.clone() }, true),
        (Needs { roles: names(&["user"]), ..all.clone() }, true),
        (Needs { roles: names(&["admin"]), ..all.clone() }, false),
        (Needs { roles: names(&["Editor"]), ..all.clone() }, false),
        (Needs { teams: names(&["Engineering", "design"]), ..all.clone() }, false),
        (Needs { domains: names(&["Product", "prod"]), ..all.clone() }, false),
    ] {
        let stage = Stage::new(Route { require: Require::Caller(needs.clone()), ..route(&service.url) });
        let alice = stage.send(request(Method::GET, "/x/a").body(whole("")).unwrap()).await;
        assert_eq!(alice.status(), if passes { 200 } else { 403 }, "{needs:?}");
        let is_needed = needs != Needs::default();
        let bob = anonymous(Method::GET, "/x/a").header("authorization", "Bearer bob");
        let bob = stage.send(bob.body(whole("")).unwrap()).await;
        assert_eq!(bob.status(), if is_needed { 403 } else { 200 }, "{needs:?}");
    }
}

#[tokio::test]
async fn an_unverified_address_is_named() {
    let service = Service::start().await;
    let needs = Needs { verified_email: true, ..Needs::default() };
    let stage = Stage::new(Route { require: Require::Caller(needs), ..route(&service.url) });
    let bob = anonymous(Method::GET, "/x").header("authorization", "Bearer bob");
    let (status, code) = refusal(stage.send(bob.body(whole("")).unwrap()).await).await;
    assert_eq!((status, code.as_str()), (403, "forbidden"));
}

#[tokio::test]
async fn nobody_passes_without_a_token_that_counts() {
    let mut service = Service::start().await;
    let stage = Stage::new(route(&service.url));
    for (values, expected, challenge) in [
        (&[][..], (401, "not_authenticated"), Some("Bearer")),
        (&["Basic YTpi"], (401, "not_authenticated"), Some("Bearer")),
        (&["Bearer"], (401, "not_authenticated"), Some("Bearer")),
        (&["alice"], (401, "not_authenticated"), Some("Bearer")),
        (&["Bearer stale"], (401, "invalid_token"), Some("Bearer error=\"invalid_token\"")),
        (&["Bearer alice", "Bearer alice"], (400, "malformed_request"), None),
        (&["Bearer alice", "Basic YTpi"], (400, "malformed_request"), None),
        (&["Bearer store-down"], (503, "unavailable"), None),
        (&["Bearer store-broken"], (500, "internal"), None),
    ] {
        let mut builder = anonymous(Method::GET, "/x/a");
        for value in values {
            builder = builder.header("authorization", *value);
        }
        let response = stage.send(builder.body(whole("")).unwrap()).await;
        let told = response.headers().get("www-authenticate").map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(told.as_deref(), challenge, "{values:?}");
        assert_eq!(response.headers().contains_key("retry-after"), expected.0 == 503, "{values:?}");
        let (status, code) = refusal(response).await;
        assert_eq!((status, code.as_str()), expected, "{values:?}");
    }
    assert_eq!(service.opened(), 0, "nothing reaches the service");
}

#[tokio::test]
async fn on_a_public_route_a_token_may_be_absent_but_not_bad() {
    let service = Service::start().await;
    let stage = Stage::new(Route { require: Require::Public, ..route(&service.url) });
    for (authorization, status) in
        [(None, 200), (Some("Bearer alice"), 200), (Some("Basic YTpi"), 200), (Some("Bearer stale"), 401)]
    {
        let builder = anonymous(Method::GET, "/x/a");
        let builder = authorization.into_iter().fold(builder, |builder, value| builder.header("authorization", value));
        assert_eq!(stage.send(builder.body(whole("")).unwrap()).await.status(), status, "{authorization:?}");
    }
}

const COOKIE: &str = "__Host-access_token";

/// A request with headers and nothing else.
fn with(method: Method, headers: &[(&str, &str)]) -> Request<TestBody> {
    let builder = anonymous(method, "/x/a?b=c");
    let builder = headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
    builder.body(whole("")).unwrap()
}

#[tokio::test]
async fn a_session_cookie_counts_wherever_a_token_does() {
    let mut service = Service::start().await;
    let stage = Stage::new(route(&service.url));
    let cookie = format!("a=1; {COOKIE}=alice");
    assert_eq!(stage.send(with(Method::GET, &[("cookie", &cookie)])).await.status(), 200);
    assert_eq!(service.next().await.header("cookie"), ["a=1"]);
    // Whoever brings a token is asked for nothing else.
    let both = [("cookie", cookie.as_str()), ("authorization", "Bearer stale")];
    assert_eq!(refusal(stage.send(with(Method::GET, &both)).await).await, (401, "invalid_token".to_owned()));
    let other_scheme = [("cookie", cookie.as_str()), ("authorization", "Basic YTpi")];
    assert_eq!(stage.send(with(Method::GET, &other_scheme)).await.status(), 401);
}

#[tokio::test]
async fn a_corrupt_cookie_is_as_none() {
    let mut service = Service::start().await;
    let protected = Stage::new(route(&service.url));
    let inject = Inject { headers: true, ..Default::default() };
    let public = Stage::new(Route { require: Require::Public, inject, ..route(&service.url) });
    for cookie in [
        "__Host-access_token=",
        "__Host-access_token=stale",
        "__Host-access_token=\"alice\"",
        "__host-access_token=alice",
        "access_token=alice",
        "__Secure-access_token=alice",
        "__Host-access_token =alice",
        "\u{a0}__Host-access_token=alice",
        "__Host-access_token=alice; __Host-access_token=alice",
        "__Host-access_token=alice; access_token=bob",
        "$Version=1; __Host-access_token=alice",
        "__Host-access_token=alice,bob",
        "__Host-access_token=alice\u{e9}",
    ] {
        let request = || {
            let value = http::HeaderValue::from_bytes(cookie.as_bytes()).unwrap();
            anonymous(Method::GET, "/x/a").header("cookie", value).body(whole("")).unwrap()
        };
        assert_eq!(refusal(protected.send(request()).await).await, (401, "not_authenticated".to_owned()), "{cookie}");
        assert_eq!(public.send(request()).await.status(), 200, "{cookie}");
        let received = service.next().await;
        assert!(received.header("x-user-id").is_empty(), "{cookie}: {}", received.head);
    }
    let down = [("cookie", "__Host-access_token=store-down")];
    assert_eq!(public.send(with(Method::GET, &down)).await.status(), 503, "who it is cannot be known");
}

#[tokio::test]
async fn another_site_writes_nothing_with_a_cookie() {
    let mut service = Service::start().await;
    let inject = Inject { headers: true, ..Default::default() };
    let stage = Stage::new(Route { inject: inject.clone(), ..route(&service.url) });
    let public = Stage::new(Route { require: Require::Public, inject, ..route(&service.url) });
    let cookie = format!("{COOKIE}=alice");
    for (method, extra, passes) in [
        (Method::POST, &[][..], true),
        (Method::POST, &[("origin", "https://door.example")], true),
        (Method::POST, &[("origin", "https://app.example")], true),
        (Method::POST, &[("sec-fetch-site", "same-origin")], true),
        (Method::GET, &[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")], true),
        (Method::POST, &[("origin", "https://evil.example")], false),
        (Method::POST, &[("origin", "http://door.example")], false),
        (Method::POST, &[("origin", "null")], false),
        (Method::POST, &[("sec-fetch-site", "same-site")], false),
        (Method::PUT, &[("sec-fetch-site", "cross-site")], false),
        (Method::GET, &[("origin", "https://evil.example"), ("upgrade", "websocket")], false),
        (Method::GET, &[("origin", "https://evil.example"), ("sec-websocket-key", "AAAA")], false),
    ] {
        let headers: Vec<_> = [("cookie", cookie.as_str())].into_iter().chain(extra.iter().copied()).collect();
        let response = stage.send(with(method.clone(), &headers)).await;
        if passes {
            assert_eq!(response.status(), 200, "{method} {extra:?}");
            service.next().await;
        } else {
            assert_eq!(refusal(response).await, (403, "cross_site".to_owned()), "{method} {extra:?}");
        }
        assert_eq!(public.send(with(method.clone(), &headers)).await.status(), 200);
        assert_eq!(service.next().await.header("x-user-id").len(), usize::from(passes), "{method} {extra:?}");
        let token = [("authorization", "Bearer alice")].into_iter().chain(extra.iter().copied()).collect::<Vec<_>>();
        assert_eq!(stage.send(with(method.clone(), &token)).await.status(), 200, "a token is presented on purpose");
        service.next().await;
    }
}

#[tokio::test]
async fn a_person_is_sent_to_sign_in_and_a_script_is_told() {
    let service = Service::start().await;
    let stage = Stage::new(route(&service.url));
    let there = "/api/v1/auth/login?return_to=%2Fx%2Fa%3Fb%3Dc";
    for (headers, location) in [
        (&[("sec-fetch-mode", "navigate")][..], Some(there)),
        (&[("accept", "text/html,*/*;q=0.8")], Some(there)),
        (&[("accept", "text/html"), ("cookie", "__Host-access_token=stale")], Some(there)),
        (&[("sec-fetch-mode", "cors"), ("accept", "text/html")], None),
        (&[("accept", "application/json")], None),
        (&[("accept", "text/html"), ("authorization", "Bearer stale")], None),
        (&[], None),
    ] {
        let response = stage.send(with(Method::GET, headers)).await;
        assert_eq!(response.status(), if location.is_some() { 302 } else { 401 }, "{headers:?}");
        assert_eq!(response.headers().get("location").map(|to| to.to_str().unwrap()), location, "{headers:?}");
        assert_eq!(response.headers()["cache-control"], "no-store");
    }
    let posted = stage.send(with(Method::POST, &[("accept", "text/html")])).await;
    assert_eq!(posted.status(), 401);
}

#[tokio::test]
async fn an_old_sign_in_must_be_renewed_where_a_recent_one_is_required() {
    let service = Service::start().await;
    let require = |seconds| {
        let recent_sign_in = Some(SignedDuration::from_secs(seconds));
        Require::Caller(Needs { recent_sign_in, ..Needs::default() })
    };
    let stage = Stage::new(Route { require: require(3_600), ..route(&service.url) });
    assert_eq!(stage.send(request(Method::GET, "/x").body(whole("")).unwrap()).await.status(), 200);
    let stage = Stage::new(Route { require: require(3_599), ..route(&service.url) });
    let response = stage.send(request(Method::GET, "/x").body(whole("")).unwrap()).await;
    let challenge = "Bearer error=\"insufficient_user_authentication\", max_age=\"3599\"";
    assert_eq!(response.headers()["www-authenticate"], challenge);
    assert_eq!(refusal(response).await, (401, "sign_in_too_old".to_owned()));
    let navigating = [("cookie", "__Host-access_token=alice"), ("accept", "text/html")];
    let response = stage.send(with(Method::GET, &navigating)).await;
    assert_eq!(response.headers()["location"], "/api/v1/auth/login?return_to=%2Fx%2Fa%3Fb%3Dc&max_age=3599");
}

#[tokio::test]
async fn who_calls_too_often_waits() {
    let mut service = Service::start().await;
    let rated = |per| {
        let rate = Rate { calls: 2, period: Duration::from_hours(1), per };
        Stage::new(Route { rate: Some(Arc::new(Limiter::new(rate))), ..route(&service.url) })
    };
    let (by_user, by_address) = (rated(Per::User), rated(Per::Address));
    let of = |who: &str| anonymous(Method::GET, "/x/a").header("authorization", format!("Bearer {who}"));
    for who in ["alice", "alice", "bob", "bob"] {
        assert_eq!(by_user.send(of(who).body(whole("")).unwrap()).await.status(), 200, "{who}");
        service.next().await;
    }
    let response = by_user.send(of("alice").body(whole("")).unwrap()).await;
    let wait: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1_799..=1_800).contains(&wait), "{wait}");
    assert_eq!(refusal(response).await, (429, "too_many_requests".to_owned()));
    // Guessing tokens counts as well.
    for expected in [401, 401, 429] {
        assert_eq!(by_address.send(of("stale").body(whole("")).unwrap()).await.status(), expected);
    }
    assert_eq!(by_address.send(of("alice").body(whole("")).unwrap()).await.status(), 429);
}
