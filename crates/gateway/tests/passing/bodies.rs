//! Bodies of requests: told the caller's id or streamed as they come, and bounded either way.

use std::convert::Infallible;
use std::io;

use bytes::Bytes;
use doorward_gateway::Require;
use doorward_gateway::route::Route;
use futures_util::{StreamExt, stream};
use http::Method;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};

use crate::service::Service;
use crate::stage::{ALICE, Stage, TestBody, anonymous, refusal, request, route, telling, whole};

fn pieces(pieces: impl IntoIterator<Item = io::Result<Bytes>, IntoIter: Send + 'static>) -> TestBody {
    StreamBody::new(stream::iter(pieces).map(|piece| piece.map(Frame::data))).boxed_unsync()
}

fn of_length(length: usize) -> impl Iterator<Item = io::Result<Bytes>> + Send + 'static {
    (0..length.div_ceil(1000)).map(move |index| Ok(Bytes::from(vec![b'x'; 1000.min(length - index * 1000)])))
}

fn json(body: &str) -> http::Request<TestBody> {
    request(Method::POST, "/x/a").header("content-type", "application/json").body(whole(body.to_owned())).unwrap()
}

#[tokio::test]
async fn the_service_is_told_the_callers_id() {
    let mut service = Service::start().await;
    let stage = Stage::new(telling(&service.url));
    for (body, rest) in [
        ("{}", "}"),
        (r#"{"user_id":"forged"}"#, "}"),
        (r#"{"goal" : "x",  "user\u005fid":1,"n":1.50}"#, r#","goal" : "x","n":1.50}"#),
    ] {
        assert_eq!(stage.send(json(body)).await.status(), 200);
        let received = service.next().await;
        assert_eq!(received.text(), format!(r#"{{"user_id":"{ALICE}"{rest}"#));
        assert_eq!(received.header("content-type"), ["application/json"]);
        assert_eq!(received.header("content-length"), [received.body.len().to_string()]);
        assert!(received.header("transfer-encoding").is_empty());
    }
}

#[tokio::test]
async fn an_absent_body_becomes_the_callers_id_where_a_body_has_meaning() {
    let mut service = Service::start().await;
    let stage = Stage::new(telling(&service.url));
    for content_type in [None, Some("application/json"), Some("application/vnd.x+json; charset=utf-8")] {
        let builder = request(Method::POST, "/x/a");
        let builder = content_type.into_iter().fold(builder, |builder, value| builder.header("content-type", value));
        assert_eq!(stage.send(builder.body(whole("")).unwrap()).await.status(), 200);
        let received = service.next().await;
        assert_eq!(received.text(), format!(r#"{{"user_id":"{ALICE}"}}"#));
        assert_eq!(received.header("content-type"), [content_type.unwrap_or("application/json")]);
    }
    for method in [Method::GET, Method::HEAD] {
        stage.send(request(method, "/x/a").body(whole("")).unwrap()).await;
        let received = service.next().await;
        assert!(received.body.is_empty() && received.header("content-type").is_empty(), "{}", received.head);
    }
}

#[tokio::test]
async fn a_stranger_on_a_public_route_cannot_pass_for_somebody() {
    let mut service = Service::start().await;
    let stage = Stage::new(Route { require: Require::Public, ..telling(&service.url) });
    for (body, arrives) in [(r#"{"user_id":"forged","a":1}"#, r#"{"a":1}"#), (r#"{"a":1}"#, r#"{"a":1}"#), ("", "")] {
        let builder = anonymous(Method::POST, "/x/a").header("content-type", "application/json");
        assert_eq!(stage.send(builder.body(whole(body)).unwrap()).await.status(), 200);
        assert_eq!(service.next().await.text(), arrives);
    }
    assert_eq!(stage.send(json("{}")).await.status(), 200);
    assert!(service.next().await.text().contains(ALICE));
}

#[tokio::test]
async fn a_body_that_cannot_be_told_the_callers_id_is_refused() {
    let mut service = Service::start().await;
    let stage = Stage::new(Route { body_limit: 1024, ..telling(&service.url) });
    let typed = |types: &[&str]| {
        types.iter().fold(request(Method::POST, "/x/a"), |builder, value| builder.header("content-type", *value))
    };
    let coded = |coding: &str| typed(&["application/json"]).header("content-encoding", coding);
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(1024));
    let cases = [
        ("an array", json("[]"), 400),
        ("no JSON", json("{"), 400),
        ("two ids", json(r#"{"user_id":1,"user_\u0069d":2}"#), 400),
        ("two types", typed(&["application/json", "application/json"]).body(whole("{}")).unwrap(), 400),
        (
            "an aborted body",
            typed(&["application/json"])
                .body(pieces([Ok("{".into()), Err(io::ErrorKind::ConnectionReset.into())]))
                .unwrap(),
            400,
        ),
        (
            "a stalled body",
            typed(&["application/json"]).body(pieces([Ok("{".into()), Err(io::ErrorKind::TimedOut.into())])).unwrap(),
            408,
        ),
        ("no type", typed(&[]).body(whole("{}")).unwrap(), 415),
        ("another type", typed(&["text/plain"]).body(whole("{}")).unwrap(), 415),
        ("another type without body", typed(&["multipart/form-data; boundary=x"]).body(whole("")).unwrap(), 415),
        ("another charset", typed(&["application/json; charset=utf-16"]).body(whole("{}")).unwrap(), 415),
        ("compressed", coded("gzip").body(whole("{}")).unwrap(), 415),
        ("twice coded", coded("identity, gzip").body(whole("{}")).unwrap(), 415),
        ("too long as announced", json(&long), 413),
        ("too long as it comes", typed(&["application/json"]).body(pieces(of_length(1025))).unwrap(), 413),
        (
            "a type that Connection takes away",
            typed(&["application/json"]).header("connection", "content-type").body(whole("{}")).unwrap(),
            415,
        ),
    ];
    for (case, request, expected) in cases {
        let (status, _) = refusal(stage.send(request).await).await;
        assert_eq!(status, expected, "{case}");
    }
    assert_eq!(service.opened(), 0, "nothing reaches the service");
    assert_eq!(stage.send(coded("identity").body(whole("{}")).unwrap()).await.status(), 200);
}

#[tokio::test]
async fn other_bodies_stream_through_byte_for_byte() {
    let mut service = Service::start().await;
    let stage = Stage::new(route(&service.url));
    let bytes: Vec<u8> = (0..=255).cycle().take(1024 * 1024).collect();
    let known = request(Method::POST, "/x/a").header("content-encoding", "gzip").body(whole(bytes.clone())).unwrap();
    assert_eq!(stage.send(known).await.status(), 200);
    let received = service.next().await;
    assert!(received.body == bytes, "one MiB arrives as it was sent");
    assert_eq!(received.header("content-length"), ["1048576"]);
    assert_eq!(received.header("content-encoding"), ["gzip"]);
    for method in [Method::PUT, Method::GET] {
        let parts: Vec<io::Result<Bytes>> = bytes.chunks(7_000).map(|part| Ok(Bytes::copy_from_slice(part))).collect();
        let unknown = request(method, "/x/a").body(pieces(parts)).unwrap();
        assert_eq!(stage.send(unknown).await.status(), 200);
        let received = service.next().await;
        assert!(received.body == bytes, "one MiB arrives as it was sent");
        assert_eq!(received.header("transfer-encoding"), ["chunked"]);
    }
}

#[tokio::test]
async fn a_streaming_body_is_bounded_and_never_ends_as_if_it_were_whole() {
    let mut service = Service::start().await;
    let stage = Stage::new(Route { body_limit: 100_000, ..route(&service.url) });
    let announced = request(Method::POST, "/x/a").body(whole(vec![b'x'; 100_001])).unwrap();
    assert_eq!(refusal(stage.send(announced).await).await, (413, "body_too_large".to_owned()));
    assert_eq!(service.opened(), 0, "what is known to be too long is not begun");
    let exact = request(Method::POST, "/x/a").body(pieces(of_length(100_000))).unwrap();
    assert_eq!(stage.send(exact).await.status(), 200);
    assert!(service.next().await.complete);
    let longer = request(Method::POST, "/x/a").body(pieces(of_length(100_001))).unwrap();
    assert_eq!(refusal(stage.send(longer).await).await, (413, "body_too_large".to_owned()));
    assert!(!service.next().await.complete);
    for (kind, expected) in
        [(io::ErrorKind::TimedOut, (408, "body_timeout")), (io::ErrorKind::UnexpectedEof, (400, "malformed_request"))]
    {
        // Long enough that some of it is under way before it breaks off.
        let parts = of_length(90_000).chain([Err(kind.into())]);
        let aborted = request(Method::POST, "/x/a").body(pieces(parts)).unwrap();
        let (status, code) = refusal(stage.send(aborted).await).await;
        assert_eq!((status, code.as_str()), expected);
        assert!(!service.next().await.complete);
    }
}

#[tokio::test]
async fn trailers_do_not_travel() {
    let mut service = Service::start().await;
    let stage = Stage::new(route(&service.url));
    let trailers = http::HeaderMap::from_iter([(http::header::ETAG, http::HeaderValue::from_static("forged"))]);
    let frames = [Ok::<_, Infallible>(Frame::data(Bytes::from("a"))), Ok(Frame::trailers(trailers))];
    let body = StreamBody::new(stream::iter(frames)).map_err(|never| match never {}).boxed_unsync();
    let request = request(Method::POST, "/x/a").header("trailer", "ETag").body(body).unwrap();
    assert_eq!(stage.send(request).await.status(), 200);
    let received = service.next().await;
    assert!(received.complete && received.text() == "a");
}
