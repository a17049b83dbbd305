//! Requests passed on to a service behind: who may pass, what the service is told, and that nothing else changes.

use std::io::{Read, Write};
use std::sync::Mutex;
use std::sync::mpsc::channel;

use doorward_tests::deadline::{self, PATIENCE};
use doorward_tests::instance::ACROSS_NODES;
use doorward_tests::upstream::{Received, Upstream, respond};
use doorward_tests::{Doorward, Person, Setup, Store, token};
use serde_json::{Value, json};

const PLAN: &str = "/api/v1/generation/create-plan";

/// A gateway with one upstream and a signed-in person.
struct Behind {
    doorward: Doorward,
    upstream: Upstream,
    person: Person,
}

impl Behind {
    fn answering(upstream: Upstream) -> Self {
        let (at, nobody) = (upstream.url(), doorward_tests::ports::free());
        let doorward = Setup::on(Store::Sqlite)
            .file(&format!(
                r#"
                [[routes]]
                name = "create-plan"
                path = "{PLAN}"
                methods = ["POST"]
                upstream = "{at}/create_plan"
                body_limit = "64KiB"
                inject = {{ json = "user_id" }}
                [[routes]]
                name = "files"
                path = "/files/*"
                upstream = "{at}/stored"
                body_limit = "64KiB"
                [[routes]]
                name = "open"
                path = "/open/*"
                upstream = "{at}/open"
                require = {{ public = true }}
                [[routes]]
                name = "designers"
                path = "/designers"
                upstream = "{at}/designers"
                require = {{ teams = ["Design"] }}
                [[routes]]
                name = "people"
                path = "/people"
                upstream = "{at}/people"
                require = {{ roles = ["user"] }}
                [[routes]]
                name = "auditors"
                path = "/auditors"
                upstream = "{at}/auditors"
                require = {{ roles = ["auditor"] }}
                [[routes]]
                name = "slow"
                path = "/slow"
                upstream = "{at}/slow"
                timeout = "1s"
                [[routes]]
                name = "nobody"
                path = "/nobody"
                upstream = "http://{nobody}/"
                "#
            ))
            .start();
        let person = doorward.person("user");
        Self { doorward, upstream, person }
    }

    fn start() -> Self {
        Self::answering(Upstream::echo())
    }

    fn plan(&self, body: &str) -> doorward_tests::Response {
        self.doorward.post(PLAN).bearer(&self.person.access_token).text("application/json", body).send()
    }

    fn get(&self, target: &str) -> doorward_tests::http::Request {
        self.doorward.get(target).bearer(&self.person.access_token)
    }

    #[track_caller]
    fn nothing_passed(&self, why: &str) {
        let passed: Vec<_> = self.upstream.pending().into_iter().map(|received| received.head).collect();
        assert!(passed.is_empty(), "{why}: {passed:?}");
    }
}

#[test]
fn the_callers_id_is_told_and_nothing_else_changes() {
    let behind = Behind::start();
    let kept =
        r#""goal" : "learn\u0020Rust",  "n": 1.50e+1, "nested": {"user_id": "kept", "user_id": 2}, "list":[ 1,2 ]"#;
    let bodies = [
        format!("{{{kept}}}"),
        format!("{{\"user_id\": \"someone else\", {kept}}}"),
        format!("{{{kept}, \"user_id\": {{\"deep\": [1]}}}}"),
        format!("{{{kept}, \"user\\u005fid\": null}}"),
        format!("{{{kept}, \"User_Id\": \"someone else\"}}"),
        format!("{{\"USER\\u005fID\": \"someone else\",{kept}}}"),
        format!(" \r\n{{ \"\\u0075ser_id\":0,{kept} }}\t"),
    ];
    for body in bodies {
        behind.plan(&body).expect(200);
        let received = behind.upstream.next();
        assert_eq!(received.request_line(), "POST /create_plan HTTP/1.1");
        let text = received.text();
        assert!(text.contains(kept), "{body} became {text}");
        let told: Value = serde_json::from_slice(&received.body).expect("JSON passes on as JSON");
        assert_eq!(told["user_id"], behind.person.id.as_str(), "{body} became {text}");
        assert_eq!(text.matches(&behind.person.id).count(), 1, "{text}");
        assert!(!text.contains("someone else") && !text.contains("u005f"), "{text}");
    }
}

#[test]
fn an_empty_or_absent_body_becomes_the_callers_id() {
    let behind = Behind::start();
    let request = || behind.doorward.post(PLAN).bearer(&behind.person.access_token);
    for request in [request(), request().text("application/json", ""), request().text("application/json", "{}")] {
        request.send().expect(200);
        let told: Value = serde_json::from_slice(&behind.upstream.next().body).expect("a JSON body");
        assert_eq!(told, json!({"user_id": behind.person.id}));
    }
}

#[test]
fn a_body_that_cannot_be_told_the_callers_id_is_refused() {
    let behind = Behind::start();
    for body in [
        "[]",
        "\"text\"",
        "7",
        "null",
        "{",
        "{} {}",
        "{'a':1}",
        "{\"a\":1,}",
        "{\"user_id\":1,\"user_id\":2}",
        "{\"a\":1,\"\\u0061\":2}",
        "{\"user_id\":1,\"user\\u005fid\":2}",
        "{\"user_id\":1,\"User_Id\":2}",
        "\u{feff}{}",
        "{\"a\":\"\\ud800\"}",
    ] {
        behind.plan(body).problem(400);
        behind.nothing_passed(body);
    }
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(20_000), "]".repeat(20_000));
    behind.plan(&deep).problem(400);
    let request = || behind.doorward.post(PLAN).bearer(&behind.person.access_token);
    request().text("text/plain", "{}").send().problem(415);
    request().text("application/json", "{}").header("Content-Encoding", "gzip").send().problem(415);
    request().text("application/json", &format!("{{\"a\":\"{}\"}}", "x".repeat(65_536))).send().problem(413);
    behind.nothing_passed("refused bodies");
}

#[test]
fn only_a_verified_caller_passes() {
    let behind = Behind::start();
    for request in [behind.doorward.post(PLAN), behind.doorward.post(PLAN).bearer("nonsense")] {
        let response = request.text("application/json", "{}").send();
        assert!(response.header("www-authenticate").is_some_and(|challenge| challenge.starts_with("Bearer")));
        response.problem(401);
    }
    behind.doorward.get("/open/x").send().expect(200);
    behind.upstream.next();
    behind.doorward.get("/open/x").bearer("nonsense").send().problem(401);
    behind.get("/designers").send().problem(403);
    behind.nothing_passed("callers who may not");
    let response = behind.doorward.request("DELETE", PLAN).bearer(&behind.person.access_token).send();
    assert_eq!(response.header("allow"), Some("POST"));
    response.problem(405);
    behind.get("/elsewhere").send().problem(404);
    behind.post_logout();
    behind.get("/files/x").send().problem(401);
    behind.nothing_passed("a caller who left");
}

#[test]
fn a_role_opens_a_route_while_the_account_has_it_whatever_the_token_says() {
    let behind = Behind::start();
    let setup = behind.doorward.setup();
    behind.get("/people").send().expect(200);
    behind.upstream.next();
    behind.doorward.get("/people").send().problem(401);
    behind.get("/auditors").send().problem(403);
    let soon = |status: u16, token: &str| {
        let answers = || behind.doorward.get("/auditors").bearer(token).send().status == status;
        let change = "the node follows the command line";
        deadline::until(change, ACROSS_NODES, || answers().then_some(()));
    };
    setup.run_ok(&["user", "roles", &behind.person.email, "auditor"], "");
    soon(200, &behind.person.access_token);
    let later = behind.doorward.signed_in(&behind.person.email).access_token;
    assert_eq!(token::read(&later).1["roles"], json!(["user", "auditor"]));
    soon(200, &later);
    setup.run_ok(&["user", "roles", &behind.person.email], "");
    soon(403, &later);
}

impl Behind {
    fn post_logout(&self) {
        self.doorward.post("/api/auth/logout").bearer(&self.person.access_token).send().expect(200);
    }
}

#[test]
fn headers_that_doorward_sets_never_come_from_the_client() {
    let behind = Behind::start();
    let claimed = [
        "X-User-Id",
        "x-user-id",
        "X_User_Id",
        "X-USER_ID",
        "X-User-Email",
        "X-User-Name",
        "X-User-Roles",
        "X-User-Teams",
        "X-User-Domains",
        "X-Doorward-Assertion",
        "X-Doorward-Anything",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded-Uri",
        "X-Forwarded-Foo",
        "X_Forwarded_For",
        "Forwarded",
        "X-Original-URL",
        "X-Original-Uri",
        "X-Rewrite-URL",
        "X-Real-IP",
    ];
    for target in ["/files/x", "/open/x"] {
        for nominated in ["close", "close, X-User-Id", "close, x-user-id, Content-Type, X-Forwarded-For"] {
            let forged = claimed.map(|name| format!("{name}: forged\r\n{name}: forged again\r\n")).concat();
            let request = format!(
                "GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: {nominated}\r\n{forged}\
                 Cookie: access_token=forged; theme=dark\r\nProxy-Authorization: forged\r\n\
                 Authorization: Bearer {}\r\nX-Kept: kept\r\n\r\n",
                behind.person.access_token
            );
            behind.doorward.client().raw(request).expect(200);
            let received = behind.upstream.next();
            assert!(!received.head.contains("forged"), "{target} {nominated}: {}", received.head);
            assert!(received.headers("authorization").is_empty(), "the token stays here: {}", received.head);
            assert_eq!(received.headers("x-kept"), ["kept"]);
            assert_eq!(received.headers("cookie"), ["theme=dark"]);
            assert_eq!(received.headers("host"), [behind.upstream.address().to_string()]);
        }
    }
}

#[test]
fn odd_paths_are_refused_and_never_rewritten() {
    let behind = Behind::start();
    let odd = [
        "/files/../admin",
        "/files/%2e%2e/admin",
        "/files/%2E%2e/admin",
        "/files/.%2e/admin",
        "/files/./x",
        "/files//admin",
        "//files/x",
        "/files/x/..",
        "/files/a%2fb",
        "/files/a%2Fb",
        "/files/a%5cb",
        "/files/a\\b",
        "/files/..\\admin",
        "/files/x;y=1",
        "/files/..;/admin",
        "/files/x%00",
        "/files/x#y",
        "/files/x%23y",
        "/files/%61dmin",
        "/files/%zz",
        "/files/%",
        "/files/x%0d%0aHost:evil",
        "/files/caf\u{e9}",
        "/%66iles/x",
        "/open/../files/x",
        "/api/v1/generation//create-plan",
        "/api/v1/generation/./create-plan",
    ];
    for target in odd {
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
            behind.person.access_token
        );
        let status = behind.doorward.client().raw(request).status;
        assert_eq!(status, 400, "{target}");
        behind.nothing_passed(target);
    }
}

#[test]
fn what_the_star_matched_and_the_query_travel_as_they_came() {
    let behind = Behind::start();
    for (asked, passed) in [
        ("/files/a/b.txt", "/stored/a/b.txt"),
        ("/files/a%20b", "/stored/a%20b"),
        ("/files/x?y=%2e%2e&&z=a+b&y=//", "/stored/x?y=%2e%2e&&z=a+b&y=//"),
        ("/files/x?", "/stored/x?"),
    ] {
        behind.get(asked).send().expect(200);
        assert_eq!(behind.upstream.next().target(), passed);
    }
    behind.get("/filesystem").send().problem(404);
}

#[test]
fn bodies_that_are_not_injected_into_pass_as_they_came() {
    let behind = Behind::start();
    let bytes: Vec<u8> = (0..=255).cycle().take(60_000).collect();
    let post = || behind.doorward.post("/files/x").bearer(&behind.person.access_token);
    post().header("Content-Type", "application/octet-stream").body(bytes.clone()).send().expect(200);
    assert_eq!(behind.upstream.next().body, bytes);
    let chunked = format!(
        "POST /files/x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nTransfer-Encoding: chunked\r\n\r\n\
         3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n",
        behind.person.access_token
    );
    behind.doorward.client().raw(chunked).expect(200);
    assert_eq!(behind.upstream.next().text(), "abcdefg");
    post().body(vec![b'x'; 65_537]).send().problem(413);
}

#[test]
fn the_upstreams_answer_reaches_the_client_as_it_is() {
    let behind = Behind::answering(Upstream::answering(|_, stream| {
        let head = "HTTP/1.1 418 I'm a teapot\r\nContent-Type: text/tea\r\nX-Leaf: green\r\nSet-Cookie: a=1\r\n\
                    Set-Cookie: b=2\r\nConnection: keep-alive, X-Hop\r\nX-Hop: hidden\r\nContent-Length: 3\r\n\r\ntea";
        // The gateway hanging up shows in the test.
        let _ = stream.write_all(head.as_bytes());
    }));
    let response = behind.get("/files/x").send().expect(418);
    assert_eq!(response.header("content-type"), Some("text/tea"));
    assert_eq!(response.header("x-leaf"), Some("green"));
    assert_eq!(response.header("x-hop"), None);
    let cookies = response.headers.iter().filter(|(name, _)| name == "set-cookie");
    assert_eq!(cookies.map(|(_, value)| value.as_str()).collect::<Vec<_>>(), ["a=1", "b=2"]);
    assert_eq!(response.text(), "tea");
}

#[test]
fn an_answer_streams_as_it_comes() {
    let (release, released) = channel::<()>();
    let released = Mutex::new(released);
    let behind = Behind::answering(Upstream::answering(move |_, stream| {
        let start = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
        let _ = stream.write_all(format!("{start}9\r\ndata: 1\n\n\r\n").as_bytes());
        let _ = released.lock().expect("one stream").recv_timeout(PATIENCE);
        let _ = stream.write_all(b"9\r\ndata: 2\n\n\r\n0\r\n\r\n");
    }));
    let mut wire = behind.get("/files/stream").open();
    assert_eq!(wire.head().expect("an answer").0, 200);
    assert_eq!(wire.chunk().expect("a chunk").as_deref(), Some(b"data: 1\n\n".as_slice()));
    release.send(()).expect("the upstream waits");
    assert_eq!(wire.chunk().expect("a chunk").as_deref(), Some(b"data: 2\n\n".as_slice()));
    assert_eq!(wire.chunk().expect("the end"), None);
}

#[test]
fn a_client_that_goes_away_cancels_the_upstream_call() {
    let (gone, is_gone) = channel();
    let behind = Behind::answering(Upstream::answering(move |_, stream| {
        // A read ends when the gateway closes the connection.
        let _ = stream.set_read_timeout(Some(PATIENCE));
        let ended = matches!(stream.read(&mut [0; 1]), Ok(0));
        let _ = gone.send(ended);
    }));
    let wire = behind.get("/files/x").open();
    behind.upstream.next();
    drop(wire);
    assert_eq!(is_gone.recv_timeout(PATIENCE), Ok(true));
}

#[test]
fn an_upstream_that_is_away_or_silent_is_told_apart() {
    let behind = Behind::answering(Upstream::answering(|received: &Received, stream| {
        if received.target() == "/slow" {
            // Never an answer; the gateway gives up and closes.
            let _ = stream.read(&mut [0; 1]);
        } else {
            respond(stream, "200 OK", "text/plain", "fast");
        }
    }));
    let away = behind.get("/nobody").send();
    assert!(away.header("retry-after").is_some() && away.problem(503).is_object());
    behind.get("/slow").send().problem(504);
    behind.get("/files/x").send().expect(200);
}
