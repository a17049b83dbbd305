//! Questions of proxies in front: the same decisions as for requests that are passed on, in terms they understand.

use std::sync::Arc;
use std::time::Duration;

use doorward_gateway::route::Route;
use doorward_gateway::{GatewayBody, Inject, Limiter, Needs, Per, Rate, Require};
use http::{HeaderValue, Method, Request, Response};

use crate::stage::{ALICE, CLIENT, PROXY, Stage, TestBody, anonymous, group, refusal, route, whole};

/// A route that is only asked about.
fn asked() -> Route {
    let inject = Inject { headers: true, assertion: true, ..Inject::default() };
    Route { upstreams: group(&[]), inject, ..route("http://127.0.0.1:1") }
}

fn question(path: &str, headers: &[(&str, &str)]) -> Request<TestBody> {
    let builder = headers.iter().fold(anonymous(Method::GET, path), |builder, (name, value)| {
        builder.header(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap())
    });
    builder.body(whole("")).unwrap()
}

/// A question about `GET /x/a?b=c` in each of the three ways, with more headers.
fn questions(more: &[(&str, &str)]) -> [(&'static str, Request<TestBody>); 3] {
    let with = |headers: &[(&'static str, &'static str)]| -> Vec<(String, String)> {
        headers.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let ask = |path: &str, headers: Vec<(String, String)>| {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        question(path, &headers)
    };
    let forwarded = [("x-forwarded-method", "GET"), ("x-forwarded-uri", "/x/a?b=c"), ("x-forwarded-proto", "https")];
    [
        ("plain", ask("/forward-auth", with(&forwarded))),
        ("terse", ask("/forward-auth/nginx", with(&[("x-original-method", "GET"), ("x-original-uri", "/x/a?b=c")]))),
        ("mirrored", ask("/forward-auth/envoy/x/a?b=c", with(&[]))),
    ]
}

fn header<'r>(response: &'r Response<GatewayBody>, name: &str) -> Option<&'r str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn whoever_may_pass_is_introduced() {
    let stage = Stage::new(asked());
    for credentials in [("authorization", "Bearer alice"), ("cookie", "__Host-access_token=alice")] {
        for (way, question) in questions(&[credentials, ("x-user-id", "forged")]) {
            let response = stage.send_from(PROXY, question).await;
            assert_eq!(response.status(), 200, "{way}");
            for (name, value) in [
                ("x-user-id", ALICE),
                ("x-user-email", "someone@example.com"),
                ("x-user-name", ""),
                ("x-user-roles", "user,editor"),
                ("x-user-teams", "Design"),
                ("x-user-domains", "product"),
                ("x-doorward-assertion", &format!("{ALICE}.x.request-7")),
                ("cache-control", "no-store"),
            ] {
                assert_eq!(header(&response, name), Some(value), "{way} {name}");
            }
        }
    }
}

#[tokio::test]
async fn every_name_is_answered_even_where_there_is_nothing_to_say() {
    let silent = Route { inject: Inject::default(), ..asked() };
    let public = Route { require: Require::Public, ..asked() };
    for (stage, credentials) in [
        (Stage::new(silent), ("authorization", "Bearer alice")),
        (Stage::new(public), ("cookie", "__Host-access_token=stale")),
    ] {
        for (way, question) in questions(&[credentials]) {
            let response = stage.send_from(PROXY, question).await;
            assert_eq!(response.status(), 200, "{way}");
            for name in ["id", "email", "name", "roles", "teams", "domains"] {
                assert_eq!(header(&response, &format!("x-user-{name}")), Some(""), "{way} {name}");
            }
            assert_eq!(header(&response, "x-doorward-assertion"), Some(""), "{way}");
        }
    }
}

#[tokio::test]
async fn refusals_come_in_terms_the_proxy_understands() {
    let admins = Needs { roles: vec!["admin".to_owned()], ..Needs::default() };
    let rate = Rate { calls: 1, period: Duration::from_hours(1), per: Per::Route };
    let rated = || Route { rate: Some(Arc::new(Limiter::new(rate))), ..asked() };
    let person = ("accept", "text/html");
    let alice = ("authorization", "Bearer alice");
    let there = Some("/api/v1/auth/login?return_to=%2Fx%2Fa%3Fb%3Dc");
    for (case, route, headers, expected, location) in [
        ("nobody", asked(), &[][..], [401, 401, 401], None),
        ("a person", asked(), &[person], [302, 401, 302], there),
        ("a dead session", asked(), &[person, ("cookie", "__Host-access_token=stale")], [302, 401, 302], there),
        ("a bad token", asked(), &[person, ("authorization", "Bearer stale")], [401, 401, 401], None),
        ("not enough", Route { require: Require::Caller(admins), ..asked() }, &[alice], [403, 403, 403], None),
        ("another method", Route { methods: vec![Method::POST], ..asked() }, &[alice], [405, 403, 405], None),
        ("another path", Route { path: "/y".parse().unwrap(), ..asked() }, &[alice], [403, 403, 403], None),
        ("the store is down", asked(), &[("authorization", "Bearer store-down")], [503, 503, 503], None),
    ] {
        let stage = Stage::new(route);
        for ((way, question), expected) in questions(headers).into_iter().zip(expected) {
            let response = stage.send_from(PROXY, question).await;
            assert_eq!(
                (response.status().as_u16(), header(&response, "location")),
                (expected, location),
                "{case} {way}"
            );
            assert!(header(&response, "x-user-id").is_none(), "{case} {way}");
        }
    }
    for (at, expected) in [429, 403, 429].into_iter().enumerate() {
        let stage = Stage::new(rated());
        let ask = || questions(&[alice]).into_iter().nth(at).unwrap().1;
        assert_eq!(stage.send_from(PROXY, ask()).await.status(), 200);
        let response = stage.send_from(PROXY, ask()).await;
        assert_eq!(response.status(), expected);
        assert!(response.headers().contains_key("retry-after"));
    }
}

#[tokio::test]
async fn only_a_trusted_proxy_is_answered() {
    let stage = Stage::new(Route { require: Require::Public, ..asked() });
    for (way, question) in questions(&[("authorization", "Bearer alice"), ("x-forwarded-for", "10.0.0.1")]) {
        assert_eq!(
            refusal(stage.send_from(CLIENT, question).await).await,
            (403, "untrusted_proxy".to_owned()),
            "{way}"
        );
    }
}

#[tokio::test]
async fn a_question_with_two_readings_is_refused() {
    let stage = Stage::new(Route { require: Require::Public, ..asked() });
    let (method, uri) = (("x-forwarded-method", "GET"), ("x-forwarded-uri", "/x/a"));
    let (original_method, original_uri) = (("x-original-method", "GET"), ("x-original-uri", "/x/a"));
    for (path, headers, expected) in [
        ("/forward-auth", &[method, uri][..], 200),
        ("/forward-auth?x=/y", &[method, uri], 200),
        ("/forward-auth/nginx", &[method, uri, original_method, original_uri], 200),
        ("/forward-auth", &[], 400),
        ("/forward-auth", &[method], 400),
        ("/forward-auth", &[uri], 400),
        ("/forward-auth", &[original_method, original_uri], 400),
        ("/forward-auth", &[method, uri, uri], 400),
        ("/forward-auth", &[method, method, uri], 400),
        ("/forward-auth", &[method, uri, ("x-forwarded-host", "a"), ("x-forwarded-host", "a")], 400),
        ("/forward-auth", &[method, uri, ("x-forwarded-proto", "a"), ("x-forwarded-proto", "b")], 400),
        ("/forward-auth", &[("x-forwarded-method", "get"), uri], 400),
        ("/forward-auth", &[("x-forwarded-method", ""), uri], 400),
        ("/forward-auth", &[("x-forwarded-method", "GET, POST"), uri], 400),
        ("/forward-auth", &[method, ("x-forwarded-uri", "")], 400),
        ("/forward-auth", &[method, ("x-forwarded-uri", "x/a")], 400),
        ("/forward-auth", &[method, ("x-forwarded-uri", "https://door.example/x/a")], 400),
        ("/forward-auth", &[method, ("x-forwarded-uri", "/x/a#/y")], 400),
        ("/forward-auth", &[method, ("x-forwarded-uri", "/x/\u{e9}")], 400),
        ("/forward-auth", &[method, ("x-forwarded-uri", "/x/../x/a")], 400),
        ("/forward-auth", &[method, ("x-forwarded-uri", "/x/%2e%2e/a")], 400),
        ("/forward-auth", &[method, ("x-forwarded-uri", "//x/a")], 400),
        ("/forward-auth", &[method, ("x-forwarded-uri", "/x/a;b")], 400),
        ("/forward-auth/nginx", &[method, ("x-forwarded-uri", "/public"), original_method, original_uri], 400),
        ("/forward-auth/nginx", &[("x-forwarded-method", "POST"), uri, original_method, original_uri], 400),
        ("/forward-auth/nginx", &[original_method, original_uri, original_uri], 400),
        ("/forward-auth/envoy/x/a", &[("x-forwarded-uri", "/public"), ("x-original-uri", "/public")], 200),
        ("/forward-auth/envoy//x/a", &[], 400),
        ("/forward-auth/envoy/x/../x/a", &[], 400),
        ("/forward-auth/envoy/x/%2e%2e/a", &[], 400),
        ("/forward-auth/envoy", &[], 403),
        ("/forward-auth/envoy/y?/x/a", &[], 403),
        ("/forward-auth", &[method, ("x-forwarded-uri", "/y?x=/x/a")], 403),
    ] {
        let response = stage.send_from(PROXY, question(path, headers)).await;
        assert_eq!(response.status(), expected, "{path} {headers:?}");
    }
}

#[tokio::test]
async fn another_site_writes_nothing_through_a_proxy_either() {
    let stage = Stage::new(asked());
    let cookie = ("cookie", "__Host-access_token=alice");
    for (method, extra, expected) in [
        ("POST", ("origin", "https://evil.example"), 403),
        ("POST", ("origin", "https://app.example"), 200),
        ("GET", ("origin", "https://evil.example"), 200),
        ("GET", ("sec-websocket-key", "AAAA"), 200),
    ] {
        let headers = [("x-forwarded-method", method), ("x-forwarded-uri", "/x/a"), cookie, extra];
        let response = stage.send_from(PROXY, question("/forward-auth", &headers)).await;
        assert_eq!(response.status(), expected, "{method} {extra:?}");
    }
    let tunnel = [
        ("x-forwarded-method", "GET"),
        ("x-forwarded-uri", "/x/a"),
        cookie,
        ("sec-websocket-key", "AAAA"),
        ("origin", "https://evil.example"),
    ];
    assert_eq!(stage.send_from(PROXY, question("/forward-auth", &tunnel)).await.status(), 403);
}

#[tokio::test]
async fn a_route_without_a_service_is_nobodys_path_to_a_client() {
    let stage = Stage::new(asked());
    let found = stage.gateway.matches(&Method::GET, &"/x/a".parse().unwrap());
    assert!(matches!(found, doorward_gateway::route::Match::None));
}
