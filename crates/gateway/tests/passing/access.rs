//! Who passes and who does not.

use doorward_gateway::route::Route;
use doorward_gateway::{Needs, Require};
use http::Method;

use crate::service::Service;
use crate::stage::{Stage, anonymous, refusal, request, route, whole};

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
    };
    for (needs, passes) in [
        (Needs::default(), true),
        (all.clone(), true),
        (Needs { teams: names(&["dsg"]), ..all.clone() }, true),
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
