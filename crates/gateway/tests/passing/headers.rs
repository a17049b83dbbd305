//! Heads: what of a client's never arrives, what Doorward says in its place, and what of a service's comes back.

use doorward_gateway::Require;
use doorward_gateway::route::Route;
use http::Method;

use crate::service::Service;
use crate::stage::{CLIENT, PROXY, Stage, anonymous, request, route, whole};

/// What a client may not claim, whoever is in front.
const OURS: [&str; 42] = [
    "X-User-Id",
    "X_User_Id",
    "x_user-id",
    "X.User.Id",
    "X-User-Email",
    "X-User-Name",
    "X-User-Roles",
    "X-User-Teams",
    "X-User-Domains",
    "X-Doorward-Assertion",
    "X_Doorward_Assertion",
    "X-Request-Id",
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "X_Forwarded_For",
    "X-HTTP-Method-Override",
    "X-HTTP-Method",
    "X-Method-Override",
    "Forwarded",
    "Proxy",
    "X-Forwarded-User",
    "X-Forwarded-Email",
    "X-Forwarded-Groups",
    "X-Forwarded-Preferred-Username",
    "X-Forwarded-Client-Cert",
    "X-Auth-Request-User",
    "X-Remote-User",
    "Remote-User",
    "Remote-Groups",
    "X-WEBAUTH-USER",
    "X-Goog-Authenticated-User-Email",
    "X-Amzn-Oidc-Identity",
    "Cf-Access-Jwt-Assertion",
    "X-MS-CLIENT-PRINCIPAL",
    "X-MS-CLIENT-PRINCIPAL-NAME",
    "X-Pomerium-Jwt-Assertion",
    "X-authentik-username",
    "X-Vouch-User",
    "X-Consumer-Username",
    "Ssl-Client-S-Dn",
    "Client-Cert",
];
/// What only a trusted proxy may claim.
const PROXIES: [&str; 9] = [
    "X-Forwarded",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Forwarded-Foo",
    "X-Original-URL",
    "X-Original-Host",
    "X-Original-Forwarded-For",
    "X-Real-IP",
    "X-Rewrite-URL",
];

fn claiming(builder: http::request::Builder) -> http::request::Builder {
    OURS.iter().chain(&PROXIES).fold(builder, |builder, name| builder.header(*name, "forged").header(*name, "again"))
}

#[tokio::test]
async fn nothing_that_only_doorward_or_a_proxy_may_say_comes_from_a_client() {
    let mut service = Service::start().await;
    for require in [Require::Public, route(&service.url).require] {
        let stage = Stage::new(Route { require, ..route(&service.url) });
        for nominated in ["close", "X-User-Id, x-request-id , X-Forwarded-For,host,X-Forwarded-Proto"] {
            let builder = claiming(request(Method::GET, "/x/a")).header("connection", nominated);
            let builder = builder.header("host", "forged.example").header("accept-encoding", "gzip");
            assert_eq!(stage.send(builder.body(whole("")).unwrap()).await.status(), 200);
            let received = service.next().await;
            assert!(!received.head.contains("forged") && !received.head.contains("again"), "{}", received.head);
            assert_eq!(
                received.header_names(),
                [
                    "accept-encoding",
                    "forwarded",
                    "host",
                    "x-forwarded-for",
                    "x-forwarded-host",
                    "x-forwarded-proto",
                    "x-request-id"
                ]
            );
            assert_eq!(received.header("host"), [service.authority.as_str()]);
            assert_eq!(received.header("x-request-id"), ["request-7"]);
            assert_eq!(received.header("x-forwarded-for"), [CLIENT.to_string()]);
            assert_eq!(received.header("x-forwarded-proto"), ["https"]);
            assert_eq!(received.header("x-forwarded-host"), ["door.example"]);
            let forwarded = format!("for={CLIENT};host=\"door.example\";proto=https");
            assert_eq!(received.header("forwarded"), [forwarded]);
        }
    }
}

#[tokio::test]
async fn a_trusted_proxy_may_say_more_but_not_what_doorward_says() {
    let mut service = Service::start().await;
    let stage = Stage::new(route(&service.url));
    let builder = claiming(request(Method::GET, "/x/a"));
    stage.send_from(PROXY, builder.body(whole("")).unwrap()).await;
    let received = service.next().await;
    for name in PROXIES {
        assert_eq!(received.header(name), ["forged", "again"], "{name}");
    }
    for name in OURS {
        assert!(!received.header(name).contains(&"forged"), "{name}");
    }
    let mapped = "::ffff:10.0.0.1".parse().unwrap();
    stage.send_from(mapped, request(Method::GET, "/x/a").header("x-real-ip", "1.2.3.4").body(whole("")).unwrap()).await;
    assert_eq!(service.next().await.header("x-real-ip"), ["1.2.3.4"]);
}

#[tokio::test]
async fn what_is_about_one_connection_stays_with_it() {
    let mut service = Service::start().await;
    let stage = Stage::new(route(&service.url));
    let builder = request(Method::POST, "/x/a")
        .header("connection", "keep-alive, X-Hop")
        .header("connection", "x-other-hop,, \u{e9}")
        .header("x-hop", "1")
        .header("x-other-hop", "1")
        .header("keep-alive", "timeout=5")
        .header("proxy-authorization", "Basic YTpi")
        .header("proxy-connection", "keep-alive")
        .header("te", "trailers")
        .header("trailer", "X-Checksum")
        .header("transfer-encoding", "chunked")
        .header("upgrade", "websocket")
        .header("expect", "100-continue")
        .header("content-length", "999")
        .header("transfer_encoding", "chunked")
        .header("content_length", "5")
        .header("x-kept", "1")
        .header("x-kept", "2");
    stage.send(builder.body(whole("four")).unwrap()).await;
    let received = service.next().await;
    assert_eq!(received.text(), "four");
    assert_eq!(received.header("x-kept"), ["1", "2"]);
    assert_eq!(received.header("content-length"), ["4"]);
    assert_eq!(
        received.header_names(),
        [
            "content-length",
            "forwarded",
            "host",
            "te",
            "trailer",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-proto",
            "x-kept",
            "x-kept",
            "x-request-id"
        ]
    );
}

#[tokio::test]
async fn the_session_cookie_stays_here_and_the_others_travel() {
    let mut service = Service::start().await;
    let stage = Stage::new(Route { require: Require::Public, ..route(&service.url) });
    for (cookies, kept) in [
        (&["__Host-access_token=s"][..], &[][..]),
        (&["a=1; __Host-access_token=s; b=2"], &["a=1; b=2"]),
        (&["a=1;__host-ACCESS_TOKEN=s"], &["a=1"]),
        (&["access_token=s; a=1"], &["a=1"]),
        (&["__Host-doorward_flow_0123456789abcdef=s; a=1; Doorward_x=s"], &["a=1"]),
        (&["__Secure-access_token=s;a=1;b=\"x y\""], &["a=1; b=\"x y\""]),
        (&["\taccess_token =s; a=1"], &["a=1"]),
        (&["\u{a0}access_token=s; a=1"], &["a=1"]),
        (&["access_token; a=1"], &["a=1"]),
        (&["a=1", "access_token=s", "b=2"], &["a=1", "b=2"]),
        (&["a=access_token; my_access_token=1;  odd"], &["a=access_token; my_access_token=1;  odd"]),
    ] {
        let builder = cookies.iter().fold(anonymous(Method::GET, "/x/a"), |builder, line| {
            builder.header("cookie", http::HeaderValue::from_bytes(line.as_bytes()).unwrap())
        });
        stage.send(builder.body(whole("")).unwrap()).await;
        assert_eq!(service.next().await.header("cookie"), kept, "{cookies:?}");
    }
}

#[tokio::test]
async fn the_path_and_query_arrive_as_they_were_judged() {
    let mut service = Service::start().await;
    for (base, target, line) in [
        ("/in", "/x/a%20b/%C3%A9?q=%2e%2e&&r=//;a", "GET /in/a%20b/%C3%A9?q=%2e%2e&&r=//;a HTTP/1.1"),
        ("/in/", "/x/", "GET /in/ HTTP/1.1"),
        ("/in", "/x", "GET /in HTTP/1.1"),
        ("", "/x?", "GET /? HTTP/1.1"),
    ] {
        let stage = Stage::new(route(&format!("{}{base}", service.url)));
        stage.send(request(Method::GET, target).body(whole("")).unwrap()).await;
        assert_eq!(service.next().await.request_line(), line);
    }
}

#[tokio::test]
async fn an_answer_comes_back_as_it_is_without_what_was_about_the_connection() {
    let answer = "HTTP/1.1 418 I'm a teapot\r\nContent-Type: text/tea\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\
                  Connection: keep-alive, X-Hop\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\nUpgrade: h2c\r\n\
                  Proxy-Authenticate: Basic\r\nContent-Length: 3\r\n\r\ntea";
    let service = Service::answering(answer).await;
    let stage = Stage::new(route(&service.url));
    let response = stage.send(request(Method::GET, "/x/a").body(whole("")).unwrap()).await;
    assert_eq!(response.status(), 418);
    let mut names: Vec<&str> = response.headers().keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-length", "content-type", "set-cookie"]);
    assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
    assert_eq!(crate::stage::read(response).await, "tea");
}
