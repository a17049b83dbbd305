//! Events of every kind, and what comes out as a request.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::time::Duration;

use http::header::AUTHORIZATION;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use super::super::event::Event;
use super::*;

const LIMITS: Limits = Limits {
    head_bytes: 16 * 1024,
    head_fields: 64,
    header_timeout: Duration::ZERO,
    body_idle_timeout: Duration::ZERO,
    idle_timeout: Duration::ZERO,
    connections: 1,
    shutdown_timeout: Duration::ZERO,
};

/// A request to an HTTP API, with some of its members replaced; those of `requestContext` one by one.
fn version_2(members: Value) -> Value {
    let event = json!({
        "version": "2.0",
        "rawPath": "/a/b",
        "rawQueryString": "x=1&y=%20z+&x=2",
        "cookies": ["s=1", "t=2"],
        "headers": {"host": "a.example", "x-two": "1,2"},
        "requestContext": {
            "stage": "$default", "domainName": "id.execute-api.eu-west-1.amazonaws.com", "requestId": "JKJaXmPLvHcESHA=",
            "http": {"method": "POST", "path": "/a/b", "sourceIp": "192.0.2.1"},
        },
        "isBase64Encoded": false,
    });
    replaced(event, members)
}

/// The same to a REST API.
fn version_1(members: Value) -> Value {
    let event = json!({
        "resource": "/{proxy+}",
        "path": "/a/b",
        "httpMethod": "POST",
        "headers": {"Host": "a.example", "Cookie": "s=1"},
        "multiValueHeaders": {"Host": ["a.example"], "Cookie": ["s=1"]},
        "queryStringParameters": {"x": "2"},
        "multiValueQueryStringParameters": {"x": ["1 &", "2"], "\u{e9}": [""]},
        "requestContext": {
            "stage": "prod", "path": "/prod/a/b", "domainName": "id.execute-api.eu-west-1.amazonaws.com",
            "identity": {"sourceIp": "2001:db8::1"},
        },
        "body": null,
        "isBase64Encoded": false,
    });
    replaced(event, members)
}

fn replaced(mut event: Value, members: Value) -> Value {
    let Value::Object(members) = members else { panic!("members of an event") };
    for (name, value) in members {
        match value {
            Value::Object(inner) if name == "requestContext" => event[&name].as_object_mut().unwrap().extend(inner),
            value => event[&name] = value,
        }
    }
    event
}

fn judged_below(base: Option<&str>, event: &Value) -> Result<(SocketAddr, GuardedRequest), Fault> {
    match Event::read(event.to_string().as_bytes()).unwrap() {
        Event::Http(event) => judge(*event, LIMITS, base),
        Event::Task(_) => panic!("work"),
    }
}

fn judged(event: &Value) -> Result<(SocketAddr, GuardedRequest), Fault> {
    judged_below(None, event)
}

fn request(event: &Value) -> GuardedRequest {
    judged(event).unwrap().1
}

fn fault(event: &Value) -> Fault {
    judged(event).map(|(_, request)| request.uri().clone()).unwrap_err()
}

fn target(event: &Value) -> String {
    request(event).uri().to_string()
}

async fn body_of(event: &Value) -> Bytes {
    request(event).into_body().collect().await.unwrap().to_bytes()
}

#[test]
fn version_2_keeps_the_query_byte_for_byte_and_joins_the_cookies() {
    let (peer, request) = judged(&version_2(json!({}))).unwrap();
    assert_eq!(peer.ip().to_string(), "192.0.2.1");
    assert_eq!((request.method(), request.uri().to_string().as_str()), (&Method::POST, "/a/b?x=1&y=%20z+&x=2"));
    assert_eq!(request.headers()[COOKIE], "s=1; t=2");
    assert_eq!(request.headers()["x-two"], "1,2");
}

#[test]
fn version_1_writes_its_query_anew_and_has_every_value() {
    let (peer, request) = judged(&version_1(json!({}))).unwrap();
    assert_eq!(peer.ip().to_string(), "2001:db8::1");
    assert_eq!(request.uri().to_string(), "/a/b?x=1%20%26&x=2&%C3%A9=");
    assert_eq!(request.headers()[COOKIE], "s=1");
    let single = json!({"multiValueQueryStringParameters": null, "multiValueHeaders": null});
    let request = self::request(&version_1(single));
    assert_eq!(
        (request.uri().to_string().as_str(), &request.headers()[HOST]),
        ("/a/b?x=2", &"a.example".parse().unwrap())
    );
}

#[test]
fn a_stage_is_taken_off_where_it_stands_in_the_path() {
    let own = "id.execute-api.eu-west-1.amazonaws.com";
    let staged = |stage: &str, path: &str, domain: &str| {
        let event =
            json!({"rawPath": path, "rawQueryString": "", "requestContext": {"stage": stage, "domainName": domain}});
        target(&version_2(event))
    };
    assert_eq!(staged("prod", "/prod/api", own), "/api");
    assert_eq!(staged("prod", "/prod", own), "/");
    assert_eq!(staged("prod", "/production", own), "/production");
    assert_eq!(staged("$default", "/prod/api", own), "/prod/api");
    assert_eq!(staged("api", "/api/auth", "id.example.com"), "/api/auth", "a domain of one's own names no stage");
    let rest = |path: &str, before: &str| {
        let event = json!({"path": path, "requestContext": {"path": before}, "multiValueQueryStringParameters": null, "queryStringParameters": null});
        target(&version_1(event))
    };
    assert_eq!(rest("/prod/x", "/prod/prod/x"), "/prod/x", "a REST API has taken it off");
    assert_eq!(rest("/prod/x", "/prod/x"), "/x", "an HTTP API that speaks version 1.0 has not");
}

#[test]
fn what_a_domain_puts_before_every_path_is_taken_off() {
    let below = |base: &str, path: &str| {
        let domain = json!({"domainName": "id.example.com", "stage": "prod"});
        let event = version_2(json!({"rawPath": path, "rawQueryString": "", "requestContext": domain}));
        judged_below(Some(base), &event).unwrap().1.uri().to_string()
    };
    assert_eq!(below("/accounts", "/accounts/api/auth"), "/api/auth");
    assert_eq!(below("/accounts/", "/accounts"), "/");
    assert_eq!(below("/accounts", "/accountsx"), "/accountsx");
    assert_eq!(below("/a/b", "/a/b/c"), "/c");
}

#[test]
fn a_path_that_was_decoded_is_encoded_again() {
    let path = |path: &str| target(&version_2(json!({"rawPath": path, "rawQueryString": ""})));
    assert_eq!(path("/a b/\u{e9}?#\n"), "/a%20b/%C3%A9%3F%23%0A");
    assert_eq!(path("/a%20b"), "/a%20b", "and one that was not is left alone");
}

#[test]
fn targets_that_no_connection_could_carry_are_refused() {
    let refused = |members| fault(&version_2(members));
    assert_eq!(refused(json!({"rawPath": "a"})), Refusal::TargetForm.into());
    assert_eq!(refused(json!({"rawPath": ""})), Refusal::TargetForm.into());
    assert_eq!(refused(json!({"rawQueryString": "a b"})), Refusal::TargetByte.into());
    assert_eq!(refused(json!({"rawQueryString": "a#b"})), Refusal::Fragment.into());
    assert_eq!(refused(json!({"rawPath": format!("/{}", "a".repeat(8192))})), Refusal::TargetTooLong.into());
    let method =
        |method: &str| refused(json!({"requestContext": {"http": {"method": method, "sourceIp": "192.0.2.1"}}}));
    assert_eq!(method("CONNECT"), Refusal::Connect.into());
    assert_eq!(method("GE T"), Refusal::RequestLine.into());
    assert_eq!(method(""), Refusal::RequestLine.into());
}

#[test]
fn headers_are_judged_as_those_of_a_connection() {
    let refused = |headers: Value| fault(&version_2(json!({"headers": headers, "cookies": null})));
    assert_eq!(refused(json!({"host": "a", "x": "1\r\ny: 2"})), Refusal::ControlByte.into());
    assert_eq!(refused(json!({"host": "a", "x y": "1"})), Refusal::FieldName.into());
    assert_eq!(refused(json!({"host": "a/b"})), Refusal::Host.into());
    assert_eq!(refused(json!({"host": "a", "content-length": "+1"})), Refusal::ContentLength.into());
    assert_eq!(
        refused(json!({"host": "a", "Authorization": "x", "authorization": "y"})),
        Refusal::RepeatedField.into()
    );
    assert_eq!(refused(json!({"host": "a", "x": "y".repeat(16 * 1024)})), Refusal::HeadTooLarge.into());
    let many: serde_json::Map<_, _> = (0..65).map(|n| (format!("x-{n}"), json!("1"))).collect();
    assert_eq!(refused(many.into()), Refusal::TooManyFields.into());
    let twice = json!({"multiValueHeaders": {"Host": ["a"], "Authorization": ["x", "y"]}, "headers": null});
    assert_eq!(fault(&version_1(twice)), Refusal::RepeatedField.into());
}

#[test]
fn two_forms_of_one_header_must_agree() {
    let refused = |members| fault(&version_1(members));
    assert_eq!(refused(json!({"headers": {"Host": "b.example"}})), Fault::TwoForms);
    assert_eq!(refused(json!({"headers": {"Host": "a.example", "X": "1"}})), Fault::TwoForms);
    let cookies =
        |header: &str| version_2(json!({"headers": {"host": "a", "cookie": header}, "cookies": ["s=1", "t=2"]}));
    assert_eq!(request(&cookies("s=1;t=2")).headers()[COOKIE], "s=1; t=2");
    assert_eq!(fault(&cookies("s=9; t=2")), Fault::TwoForms);
}

#[test]
fn only_the_trigger_says_where_a_request_came_from() {
    let headers = json!({"host": "a", "x-forwarded-for": "203.0.113.9"});
    let (peer, _) = judged(&version_2(json!({"headers": headers}))).unwrap();
    assert_eq!(peer.ip().to_string(), "192.0.2.1");
    let from = |source: Value| version_2(json!({"requestContext": {"http": {"method": "GET", "sourceIp": source}}}));
    assert_eq!(fault(&from(json!("test-invoke-source-ip"))), Fault::NoSource);
    assert_eq!(fault(&from(Value::Null)), Fault::NoSource);
}

#[test]
fn what_belongs_to_the_clients_connection_is_dropped_and_a_websocket_refused() {
    let headers = json!({
        "host": "a", "connection": "close", "transfer-encoding": "chunked", "te": "trailers", "upgrade": "h2c",
        "content-length": "7", "expect": "100-continue", "authorization": " Bearer x ",
    });
    let request = request(&version_2(json!({"headers": headers, "cookies": null, "body": "hello"})));
    assert_eq!(request.headers()[CONTENT_LENGTH], "5", "the body that is there counts");
    assert_eq!(request.headers()[AUTHORIZATION], "Bearer x");
    for name in OF_CONNECTION {
        assert!(!request.headers().contains_key(&name), "{name}");
    }
    let upgrade = json!({"host": "a", "connection": "Upgrade", "upgrade": "WebSocket"});
    assert_eq!(fault(&version_2(json!({"headers": upgrade}))), Fault::WebSocket);
}

#[test]
fn without_a_host_the_triggers_own_name_is_the_host() {
    let request = request(&version_2(json!({"headers": {}})));
    assert_eq!(request.headers()[HOST], "id.execute-api.eu-west-1.amazonaws.com");
    let nowhere = version_2(json!({"headers": {}, "requestContext": {"domainName": null}}));
    assert_eq!(fault(&nowhere), Refusal::MissingHost.into());
}

#[tokio::test]
async fn bodies_come_as_they_were_sent() {
    assert_eq!(body_of(&version_2(json!({"body": "h\u{e9}"}))).await, "h\u{e9}".as_bytes());
    assert_eq!(body_of(&version_2(json!({"body": "AP8=", "isBase64Encoded": true}))).await, &b"\0\xff"[..]);
    assert_eq!(body_of(&version_2(json!({}))).await, &b""[..]);
    for bad in ["AP8", "AP8=\n", "@@@@"] {
        assert_eq!(fault(&version_2(json!({"body": bad, "isBase64Encoded": true}))), Fault::BodyEncoding, "{bad:?}");
    }
}
