//! Bodies of requests: told the caller's id or streamed as they come, and bounded either way.

use std::convert::Infallible;
use std::io;

use bytes::Bytes;
use doorward_gateway::route::Route;
use doorward_gateway::{Inject, Require};
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
async fn trailers_travel_but_for_what_could_not_stand_in_the_head() {
    let mut service = Service::start().await;
    let stage = Stage::new(route(&service.url));
    let named = ["etag", "x-user-id", "x_user_id", "x-doorward-assertion", "host", "authorization", "x-forwarded-for"];
    let trailer = |name: &str| (name.parse().unwrap(), http::HeaderValue::from_static("1"));
    let trailers = named.iter().map(|name| trailer(name)).collect();
    let frames = [Ok::<_, Infallible>(Frame::data(Bytes::from("a"))), Ok(Frame::trailers(trailers))];
    let body = StreamBody::new(stream::iter(frames)).map_err(|never| match never {}).boxed_unsync();
    let request = request(Method::POST, "/x/a").header("trailer", named.join(", ")).body(body).unwrap();
    assert_eq!(stage.send(request).await.status(), 200);
    let received = service.next().await;
    assert!(received.complete && received.text() == "a");
    assert_eq!(received.trailers, ["etag: 1"]);
}

/// A route that tells bodies of every kind.
fn telling_all(url: &str) -> Route {
    let field = || Some("user_id".to_owned());
    let inject = Inject { json: field(), multipart: field(), form: field(), ..Inject::default() };
    Route { inject, body_limit: 4 * 1024 * 1024, ..route(url) }
}

fn multipart(parts: &[(&str, &str)]) -> String {
    let part = |(name, content): &(&str, &str)| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{content}\r\n")
    };
    parts.iter().map(part).collect::<String>() + "--b--\r\n"
}

const MULTIPART: &str = "multipart/form-data; boundary=b";
const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn each_kind_of_body_is_told_in_its_own_form() {
    let mut service = Service::start().await;
    let stage = Stage::new(telling_all(&service.url));
    let short = multipart(&[("a", "1"), ("USER_ID", "forged")]);
    for (content_type, body, expected) in [
        (MULTIPART, short.as_str(), multipart(&[("user_id", ALICE), ("a", "1")])),
        (MULTIPART, "--b--", multipart(&[("user_id", ALICE)]).trim_end().to_owned()),
        (FORM, "a=1&user%5Fid=forged&b=%20", format!("user_id={ALICE}&a=1&b=%20")),
        (FORM, "", format!("user_id={ALICE}")),
        ("application/json", "{}", format!("{{\"user_id\":\"{ALICE}\"}}")),
    ] {
        let told = request(Method::POST, "/x/a").header("content-type", content_type).body(whole(body.to_owned()));
        assert_eq!(stage.send(told.unwrap()).await.status(), 200, "{body}");
        let received = service.next().await;
        assert_eq!(received.text(), expected);
        assert_eq!(received.header("content-type"), [content_type]);
        assert_eq!(received.header("content-length"), [expected.len().to_string()]);
    }
    let only_multipart = Inject { multipart: Some("user_id".to_owned()), ..Inject::default() };
    let stage = Stage::new(Route { inject: only_multipart, ..route(&service.url) });
    assert_eq!(stage.send(request(Method::GET, "/x/a").body(whole("")).unwrap()).await.status(), 200);
    assert!(service.next().await.body.is_empty());
    let absent = request(Method::POST, "/x/a").body(whole("")).unwrap();
    assert_eq!(refusal(stage.send(absent).await).await.0, 415, "a form that is none is not made up");
    for content_type in ["application/json", FORM, "multipart/mixed; boundary=b", "text/plain"] {
        let other = request(Method::POST, "/x/a").header("content-type", content_type).body(whole("{}")).unwrap();
        assert_eq!(refusal(stage.send(other).await).await.0, 415, "{content_type}");
    }
}

#[tokio::test]
async fn a_long_multipart_form_streams_through_with_our_part_first() {
    let mut service = Service::start().await;
    let stage = Stage::new(telling_all(&service.url));
    let content = "\r\n-".repeat(1_000_000);
    let form = multipart(&[("user_id", "forged"), ("file", &content), ("a", "1")]);
    for size in [1_009, 65_536] {
        let parts: Vec<io::Result<Bytes>> =
            form.as_bytes().chunks(size).map(|part| Ok(Bytes::copy_from_slice(part))).collect();
        let request = request(Method::POST, "/x/a").header("content-type", MULTIPART).body(pieces(parts)).unwrap();
        assert_eq!(stage.send(request).await.status(), 200);
        let received = service.next().await;
        assert!(
            received.complete && received.text() == multipart(&[("user_id", ALICE), ("file", &content), ("a", "1")])
        );
        assert_eq!(received.header("transfer-encoding"), ["chunked"]);
    }
}

#[tokio::test]
async fn a_fault_found_late_breaks_the_request_off() {
    let mut service = Service::start().await;
    let stage = Stage::new(telling_all(&service.url));
    let file = multipart(&[("file", &"x".repeat(300_000))]);
    let begun = file.strip_suffix("--b--\r\n").unwrap();
    let forged = multipart(&[("user\\_id", "forged")]);
    let faults = [
        ("a disguise", format!("{begun}{forged}"), 400),
        ("no end", begun.to_owned(), 400),
        ("an epilogue", format!("{file}{file}"), 400),
        ("too long", multipart(&[("file", &"x".repeat(5_000_000))]), 413),
    ];
    for (case, form, expected) in faults {
        let parts: Vec<io::Result<Bytes>> =
            form.as_bytes().chunks(8_192).map(|part| Ok(Bytes::copy_from_slice(part))).collect();
        let request = request(Method::POST, "/x/a").header("content-type", MULTIPART).body(pieces(parts)).unwrap();
        assert_eq!(refusal(stage.send(request).await).await.0, expected, "{case}");
        let received = service.next().await;
        assert!(!received.complete, "{case} does not arrive as if it were whole");
    }
}

#[tokio::test]
async fn bodies_that_cannot_be_told_are_refused_before_anything_is_sent() {
    let mut service = Service::start().await;
    let stage = Stage::new(telling_all(&service.url));
    let good = multipart(&[("a", "1")]);
    for (headers, body, expected) in [
        (&[("content-type", "multipart/form-data")][..], good.as_str(), 400),
        (&[("content-type", "multipart/form-data; boundary=b; boundary=c")], &good, 400),
        (&[("content-type", "multipart/form-data; boundary=b; charset=utf-16")], &good, 400),
        (&[("content-type", MULTIPART), ("content-type", MULTIPART)], &good, 400),
        (&[("content-type", MULTIPART), ("content-encoding", "gzip")], &good, 415),
        (&[("content-type", MULTIPART)], "a=1", 400),
        (&[("content-type", MULTIPART)], "", 400),
        (&[("content-type", MULTIPART)], &good.replace("\r\n", "\n"), 400),
        (&[("content-type", MULTIPART)], &multipart(&[("a", "1")].repeat(129)), 400),
        (&[("content-type", FORM)], "a=1;user_id=2", 400),
        (&[("content-type", "application/x-www-form-urlencoded; charset=utf-16")], "a=1", 415),
        (&[("content-type", FORM)], &"a".repeat(1024 * 1024 + 1), 413),
        (&[("content-type", "text/plain")], "a=1", 415),
        (&[], "a=1", 415),
    ] {
        let builder =
            headers.iter().fold(request(Method::POST, "/x/a"), |builder, (name, value)| builder.header(*name, *value));
        let (status, _) = refusal(stage.send(builder.body(whole(body.to_owned())).unwrap()).await).await;
        assert_eq!(status, expected, "{headers:?} {body:.40}");
    }
    assert_eq!(service.opened(), 0, "nothing reaches the service");
}
