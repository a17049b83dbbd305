//! Doorward as a function of AWS Lambda: events of every kind of trigger, as they are and as they should not be.

use std::io::Write as _;

use doorward_tests::lambda::with;
use doorward_tests::upstream::{Upstream, respond};
use doorward_tests::{Doorward, PASSWORD, Setup, Store};
use serde_json::{Value, json};

/// A request to an HTTP API, as a function of it is told.
fn http_api(method: &str, path: &str) -> Value {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
        "headers": {"host": "id.execute-api.eu-west-1.amazonaws.com", "content-type": "application/json"},
        "requestContext": {
            "apiId": "id", "stage": "$default", "domainName": "id.execute-api.eu-west-1.amazonaws.com",
            "requestId": "JKJaXmPLvHcESHA=",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.7"},
        },
        "isBase64Encoded": false,
    })
}

/// The same to a REST API.
fn rest_api(method: &str, path: &str) -> Value {
    let headers = json!({"Host": ["id.execute-api.eu-west-1.amazonaws.com"], "Content-Type": ["application/json"]});
    json!({
        "resource": "/{proxy+}", "path": path, "httpMethod": method, "headers": null, "multiValueHeaders": headers,
        "queryStringParameters": null, "multiValueQueryStringParameters": null,
        "requestContext": {
            "stage": "prod", "path": format!("/prod{path}"), "domainName": "id.execute-api.eu-west-1.amazonaws.com",
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef", "identity": {"sourceIp": "192.0.2.7"},
        },
        "body": null, "isBase64Encoded": false,
    })
}

fn with_body(mut event: Value, body: &Value) -> Value {
    event["body"] = body.to_string().into();
    event
}

fn with_header(mut event: Value, name: &str, value: &str) -> Value {
    event["headers"][name] = value.into();
    event
}

/// The problem that an answer tells.
#[track_caller]
fn problem(answer: &Value, status: u16) -> Value {
    assert_eq!(answer["statusCode"], status, "{answer}");
    let headers = [&answer["headers"]["content-type"], &answer["multiValueHeaders"]["content-type"][0]];
    assert!(headers.contains(&&json!("application/problem+json")), "{answer}");
    serde_json::from_str(answer["body"].as_str().expect("a text")).expect("a problem in JSON")
}

/// A route to `upstream` for everybody.
fn before(upstream: &Upstream, store: Store) -> Setup {
    let route = format!("[[routes]]\nname = \"all\"\npath = \"/svc/*\"\nupstream = \"{}\"\n", upstream.url());
    Setup::on(store).file(&format!("{route}require = {{ public = true }}\n"))
}

#[test]
fn an_http_api_is_answered_in_its_form() {
    with(|store| {
        let doorward = Doorward::start(store);
        let credentials = json!({"email": "user@example.com", "password": PASSWORD});
        let signup = with_body(http_api("POST", "/api/auth/signup"), &credentials);
        let answer = doorward.emulator().answer(&signup);
        assert_eq!(answer["statusCode"], 201, "{answer}");
        assert_eq!(answer["isBase64Encoded"], false);
        assert_eq!(answer["headers"]["content-type"], "application/json");
        assert_eq!(answer["cookies"], json!([]));
        let user: Value = serde_json::from_str(answer["body"].as_str().expect("a text")).expect("JSON");
        assert_eq!(user["email"], "user@example.com");
        assert_eq!(problem(&doorward.emulator().answer(&signup), 409)["status"], 409);
    });
}

#[test]
fn a_rest_api_is_answered_in_its_form() {
    with(|store| {
        let doorward = Doorward::start(store);
        let credentials = json!({"email": "user@example.com", "password": PASSWORD});
        let answer = doorward.emulator().answer(&with_body(rest_api("POST", "/api/auth/signup"), &credentials));
        assert_eq!(answer["statusCode"], 201, "{answer}");
        assert_eq!(answer["multiValueHeaders"]["content-type"], json!(["application/json"]));
        problem(&doorward.emulator().answer(&rest_api("GET", "/no/such/path")), 404);
    });
}

#[test]
fn ids_of_both_sides_and_the_address_of_the_client_are_in_the_log() {
    with(|store| {
        let doorward = Doorward::start(store);
        let event = with_header(http_api("GET", "/health"), "x-forwarded-for", "203.0.113.9");
        let answer = doorward.emulator().answer(&event);
        let own = answer["headers"]["x-request-id"].as_str().expect("an id").to_owned();
        // Before the next event is asked for, the lines of this one are written.
        doorward.get("/health").send().expect(200);
        let log = doorward.log();
        let of_request =
            log.lines().find(|line| line.contains("\"client\":\"192.0.2.7\"")).expect("a line of the request");
        assert!(of_request.contains(&own), "{of_request}");
        assert!(!log.contains("203.0.113.9"), "a header that anybody may send is believed");
        let line = log.lines().find(|line| line.contains("JKJaXmPLvHcESHA=")).expect("a line with the gateway's id");
        assert!(line.contains(&own) && line.contains("\"invocation\":"), "{line}");
    });
}

#[test]
fn a_stage_and_a_base_path_are_no_part_of_the_path() {
    with(|store| {
        let doorward = Setup::on(store).set("lambda.base_path", "/accounts").start();
        let staged = |path: &str, stage: &str, domain: &str| {
            let mut event = http_api("GET", path);
            event["requestContext"]["stage"] = stage.into();
            event["requestContext"]["domainName"] = domain.into();
            doorward.emulator().answer(&event)["statusCode"].clone()
        };
        let own = "id.execute-api.eu-west-1.amazonaws.com";
        assert_eq!(staged("/prod/health", "prod", own), 200);
        assert_eq!(staged("/health", "$default", own), 200);
        assert_eq!(staged("/accounts/health", "prod", "id.example.com"), 200);
        assert_eq!(staged("/prod/health", "prod", "id.example.com"), 404);
        assert_eq!(staged("/production/health", "prod", own), 404);
    });
}

#[test]
fn bodies_and_cookies_pass_to_a_service_and_back_unchanged() {
    with(|store| {
        let upstream = Upstream::answering(|received, stream| {
            let length = received.body.len();
            let head =
                "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Type: application/octet-stream";
            // A gateway that went away shows in the test.
            let _ = write!(stream, "{head}\r\nContent-Length: {length}\r\n\r\n");
            let _ = stream.write_all(&received.body);
        });
        let doorward = before(&upstream, store).start();
        let mut event = http_api("POST", "/svc/a%20b");
        event["rawQueryString"] = "x=1&x=%20+&y".into();
        event["cookies"] = json!(["s=1", "t=2"]);
        event["body"] = "AP9oaQ==".into();
        event["isBase64Encoded"] = true.into();
        let answer = doorward.emulator().answer(&event);
        assert_eq!((&answer["statusCode"], &answer["isBase64Encoded"]), (&json!(200), &json!(true)), "{answer}");
        assert_eq!(answer["body"], "AP9oaQ==");
        assert_eq!(answer["cookies"], json!(["a=1", "b=2"]));
        let received = upstream.next();
        assert_eq!(received.target(), "/a%20b?x=1&x=%20+&y");
        assert_eq!(received.headers("cookie"), ["s=1; t=2"]);
        assert_eq!(received.headers("content-length"), ["4"]);
    });
}

#[test]
fn what_cannot_pass_through_a_function_is_said_to() {
    with(|store| {
        let upstream = Upstream::answering(|_, stream| {
            // A gateway that went away shows in the test.
            let _ = stream.write_all(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n6\r\ndata:\n\r\n",
            );
        });
        let doorward = before(&upstream, store).start();
        let upgrade = with_header(http_api("GET", "/svc/"), "upgrade", "websocket");
        let refused = problem(&doorward.emulator().answer(&upgrade), 501);
        assert_eq!(refused["code"], "websocket_unavailable");
        let refused = problem(&doorward.emulator().answer(&http_api("GET", "/svc/")), 501);
        assert_eq!(refused["code"], "stream_unavailable");
    });
}

#[test]
fn a_function_url_that_streams_is_given_head_and_body_as_they_come() {
    with(|store| {
        let upstream = Upstream::answering(|_, stream| respond(stream, "200 OK", "text/event-stream", "data: 1\n\n"));
        let doorward = before(&upstream, store).set("lambda.streaming", "true").start();
        let mut event = http_api("GET", "/svc/");
        event["requestContext"]["domainName"] = "id.lambda-url.eu-west-1.on.aws".into();
        let answer = doorward.emulator().invoke(&event);
        // The emulator takes a streamed answer apart, as a function URL does.
        assert_eq!((answer.status, answer.text().as_str()), (200, "data: 1\n\n"));
        assert_eq!(answer.header("content-type"), Some("text/event-stream"));
        let buffered = problem(&doorward.emulator().answer(&http_api("GET", "/svc/")), 501);
        assert_eq!(buffered["code"], "stream_unavailable", "an HTTP API cannot stream");
    });
}

#[test]
fn requests_no_connection_could_have_brought_are_refused() {
    with(|store| {
        let doorward = Doorward::start(store);
        let refused = |event: &Value, status| problem(&doorward.emulator().answer(event), status)["code"].clone();
        let mut two_forms = rest_api("GET", "/health");
        two_forms["headers"] = json!({"Host": "other.example"});
        assert_eq!(refused(&two_forms, 400), "event_refused");
        let mut base64 = http_api("POST", "/api/auth/signin");
        (base64["body"], base64["isBase64Encoded"]) = ("@@@".into(), true.into());
        assert_eq!(refused(&base64, 400), "event_refused");
        let mut nowhere = http_api("GET", "/health");
        nowhere["requestContext"]["http"]["sourceIp"] = "test-invoke-source-ip".into();
        assert_eq!(refused(&nowhere, 400), "event_refused");
        let smuggled = with_header(http_api("GET", "/health"), "x", "1\r\nhost: b");
        assert_eq!(refused(&smuggled, 400), "request_head_refused");
        assert_eq!(refused(&http_api("GET", "health"), 400), "request_head_refused");
        assert_eq!(
            refused(&with_header(http_api("GET", "/health"), "x", &"y".repeat(16 * 1024)), 431),
            "request_head_refused"
        );
        let mut large = http_api("POST", "/api/auth/signin");
        large["body"] = "x".repeat(5 * 1024 * 1024).into();
        refused(&large, 413);
        assert_eq!(doorward.emulator().answer(&http_api("GET", "/health"))["statusCode"], 200);
    });
}

#[test]
fn events_of_other_triggers_are_errors_that_say_what_is_served() {
    with(|store| {
        let doorward = Doorward::start(store);
        let refused = |event: &Value| {
            let error = doorward.emulator().invoke(event).expect(500).json();
            assert_eq!(error["errorType"], "Doorward.UnknownEvent");
            error["errorMessage"].as_str().expect("a message").to_owned()
        };
        assert!(refused(&json!({})).contains("chores"));
        assert!(refused(&json!([1, 2])).contains("JSON"));
        assert!(refused(&json!({"Records": [{"eventSource": "aws:sqs"}]})).contains("HTTP API"));
        assert!(refused(&json!({"requestContext": {"elb": {}}})).contains("load balancer"));
        assert!(refused(&json!({"requestContext": {"connectionId": "x"}})).contains("WebSocket"));
        assert!(refused(&json!({"requestContext": 7})).contains("JSON"));
        doorward.get("/health").send().expect(200);
    });
}
