//! HTTP/2 as a client sees it: the same service, the same refusals, and waits that end.

use std::convert::Infallible;

use http::{Method, Request, Version};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::frames::*;
use super::probe::Silent;
use super::*;

type Sender = SendRequest<UnsyncBoxBody<Bytes, Infallible>>;

/// A well-behaved client.
async fn client(bench: &Bench) -> Sender {
    let io = TokioIo::new(TcpStream::connect(bench.address).await.unwrap());
    let (sender, connection) = handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    sender
}

fn get(path: &str) -> Request<()> {
    Request::builder().uri(format!("http://a{path}")).body(()).unwrap()
}

/// Sends a request without a body.
async fn answer(sender: &mut Sender, request: Request<()>) -> hyper::Result<Response<Incoming>> {
    sender.send_request(request.map(|()| Empty::new().boxed_unsync())).await
}

async fn text(response: Response<Incoming>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn requests_are_answered_beside_each_other() {
    let bench = Bench::start(LIMITS);
    let mut sender = client(&bench).await;
    let mut other = sender.clone();
    let held = tokio::spawn(async move { text(answer(&mut other, get("/hold")).await.unwrap()).await });
    bench.probe.holds_one().await;
    let response = answer(&mut sender, get("/x?y=z")).await.unwrap();
    assert_eq!((response.version(), response.status().as_u16()), (Version::HTTP_2, 200));
    assert_eq!(text(response).await, "ok");
    bench.probe.release_one();
    assert_eq!(held.await.unwrap(), "held");
    assert_eq!(bench.probe.paths(), ["/hold", "/x"]);
    assert_eq!(bench.server.tally().accepted(), 1);
}

#[tokio::test]
async fn a_service_sees_a_request_as_in_http_1() {
    let bench = Bench::start(LIMITS);
    let mut sender = client(&bench).await;
    let mut request = get("/head?x");
    request.headers_mut().append("cookie", "a=1".parse().unwrap());
    request.headers_mut().append("cookie", "b=2".parse().unwrap());
    let seen = text(answer(&mut sender, request).await.unwrap()).await;
    assert!(seen.starts_with("HTTP/2.0 /head?x {"), "{seen}");
    assert!(seen.contains(r#""host": "a""#) && seen.contains(r#""cookie": "a=1; b=2""#), "{seen}");
}

#[tokio::test]
async fn bodies_and_trailers_pass_both_ways() {
    let bench = Bench::start(LIMITS);
    let mut sender = client(&bench).await;
    let body = vec![7; 3_000_000];
    let request = Request::post("http://a/echo").body(Full::from(body.clone()).boxed_unsync()).unwrap();
    let echo = sender.send_request(request).await.unwrap().into_body().collect().await.unwrap();
    assert!(echo.to_bytes() == body);
    let trailers = HeaderMap::from_iter([("x-sum".parse().unwrap(), "7".parse().unwrap())]);
    let body = Full::from("hi").with_trailers(std::future::ready(Some(Ok(trailers))));
    let request = Request::post("http://a/trailers").body(body.boxed_unsync()).unwrap();
    let collected = sender.send_request(request).await.unwrap().into_body().collect().await.unwrap();
    assert_eq!(collected.trailers().unwrap()["x-sum"], "1");
    assert_eq!(collected.to_bytes(), r#"{"x-sum": "7"}"#);
}

#[tokio::test]
async fn a_faulty_request_is_told_its_fault_and_costs_nothing_else() {
    let bench = Bench::start(LIMITS);
    let mut sender = client(&bench).await;
    let with = |name: &'static str, value: &'static str| {
        let mut request = get("/");
        request.headers_mut().append(name, value.parse().unwrap());
        request
    };
    let mut many = get("/");
    for _ in 0..65 {
        many.headers_mut().append("x", "y".parse().unwrap());
    }
    let long = format!("/{}", "a".repeat(9000));
    for (request, status, refusal) in [
        (with("host", "b"), 400, Refusal::Host),
        (with("expect", "x"), 417, Refusal::Expectation),
        (many, 431, Refusal::TooManyFields),
        (get(&long), 414, Refusal::TargetTooLong),
    ] {
        let response = answer(&mut sender, request).await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let text = text(response).await;
        assert!(text.contains(refusal.detail()), "{text}");
    }
    let mut large = get("/");
    large.headers_mut().append("x", "y".repeat(20_000).parse().unwrap());
    assert_eq!(answer(&mut sender, large).await.unwrap().status(), 431);
    assert_eq!(answer(&mut sender, get("/")).await.unwrap().status(), 200);
    assert_eq!(bench.probe.paths(), ["/"]);
    assert_eq!(bench.probe.refusals().len(), 4);
}

#[tokio::test]
async fn a_malformed_request_reaches_nobody() {
    let bench = Bench::start(LIMITS);
    let head = request("GET", "/evil");
    let pseudo = |fields: &[(&str, &str)]| block(fields);
    for malformed in [
        [head.clone(), block(&[("connection", "close")])].concat(),
        [head.clone(), block(&[("transfer-encoding", "chunked")])].concat(),
        [head.clone(), block(&[("upgrade", "websocket")])].concat(),
        [head.clone(), block(&[("keep-alive", "1")])].concat(),
        [head.clone(), block(&[("te", "gzip")])].concat(),
        [head.clone(), block(&[("X-Case", "1")])].concat(),
        [head.clone(), block(&[("x y", "1")])].concat(),
        [head.clone(), block(&[("x", "a\r\nb")])].concat(),
        [head.clone(), block(&[("x", "a\0")])].concat(),
        [head.clone(), block(&[(":path", "/twice")])].concat(),
        [block(&[("x", "1")]), head.clone()].concat(),
        pseudo(&[(":method", "GET"), (":scheme", "http"), (":authority", "a")]),
        pseudo(&[(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "")]),
        pseudo(&[(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/a b")]),
        pseudo(&[(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "evil")]),
        pseudo(&[(":method", "G T"), (":scheme", "http"), (":authority", "a"), (":path", "/evil")]),
        pseudo(&[(":method", "GET"), (":authority", "a"), (":path", "/evil")]),
        pseudo(&[(":scheme", "http"), (":authority", "a"), (":path", "/evil")]),
        pseudo(&[
            (":method", "CONNECT"),
            (":scheme", "http"),
            (":authority", "a"),
            (":path", "/evil"),
            (":protocol", "websocket"),
        ]),
    ] {
        let mut client = connect(&bench).await;
        client.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, &malformed)).await;
        let reset = async {
            while let Ok((kind, stream, _)) = client.frame().await {
                if kind == GOAWAY || (kind == RST_STREAM && stream == 1) {
                    return true;
                }
                assert!(kind != HEADERS && kind != DATA, "answered: {malformed:?}");
            }
            false
        };
        assert!(reset.await, "{:?}", String::from_utf8_lossy(&malformed));
    }
    assert_eq!(bench.probe.paths(), Vec::<String>::new());
}

#[tokio::test]
async fn a_tunnel_and_a_lying_length_are_refused() {
    let bench = Bench::start(LIMITS);
    let mut sender = client(&bench).await;
    let request = Request::builder().method(Method::CONNECT).uri("a:443").body(()).unwrap();
    assert_eq!(answer(&mut sender, request).await.unwrap().status(), 400);
    let head = [request_of_length("5")].concat();
    let mut client = connect(&bench).await;
    client.send(frame(HEADERS, END_HEADERS, 1, &head)).await;
    client.send(frame(DATA, END_STREAM, 1, b"four")).await;
    assert!(client.frame_of(RST_STREAM).await.is_some());
    assert!(bench.probe.paths().iter().all(|path| path == "/echo"));
}

fn request_of_length(length: &str) -> Vec<u8> {
    [request("POST", "/echo"), block(&[("content-length", length)])].concat()
}

#[tokio::test]
async fn a_fragment_is_cut_off_before_anybody_sees_it() {
    let bench = Bench::start(LIMITS);
    let mut client = connect(&bench).await;
    client.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, &request("GET", "/head#/admin"))).await;
    let seen = String::from_utf8(client.frame_of(DATA).await.unwrap()).unwrap();
    assert!(seen.starts_with("HTTP/2.0 /head {"), "{seen}");
}

#[tokio::test]
async fn the_preface_may_come_byte_by_byte() {
    let bench = Bench::start(LIMITS);
    let mut client = bench.connect().await;
    client.0.set_nodelay(true).unwrap();
    for byte in PREFACE {
        client.send([*byte]).await;
        tokio::task::yield_now().await;
    }
    client.send(frame(SETTINGS, 0, 0, &[])).await;
    client.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, &request("GET", "/"))).await;
    assert_eq!(client.frame_of(DATA).await.unwrap(), b"ok");
}

#[tokio::test]
async fn a_beginning_like_the_preface_is_http_1_if_it_goes_on_otherwise() {
    let bench = Bench::start(LIMITS);
    for request in ["PRI * HTTP/2.0\r\n\r\nSN\r\n\r\n", "PRI * HTTP/1.1\r\nHost: a\r\n\r\n", "PRINT / HTTP/2.0\r\n\r\n"]
    {
        let mut client = bench.connect().await;
        client.send(request).await;
        assert_eq!(statuses(&client.rest().await), [400], "{request:?}");
    }
    let mut client = bench.connect().await;
    client.send("P").await;
    client.send("OST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi").await;
    assert!(client.answer().await.ends_with("\r\n\r\nhi"));
}

#[tokio::test]
async fn waits_for_the_client_end() {
    let short = Duration::from_millis(150);
    // Nothing after the preface, nothing after a request, and half a head.
    for (limits, sent) in [
        (Limits { header_timeout: short, ..LIMITS }, Vec::new()),
        (Limits { idle_timeout: short, ..LIMITS }, frame(HEADERS, END_STREAM | END_HEADERS, 1, &request("GET", "/"))),
        (Limits { header_timeout: short, ..LIMITS }, frame(HEADERS, END_STREAM, 1, &request("GET", "/"))),
    ] {
        let bench = Bench::start(limits);
        let mut client = connect(&bench).await;
        client.send(sent).await;
        assert!(client.frame_of(GOAWAY).await.is_some());
        while client.frame().await.is_ok() {}
        until(|| bench.server.tally().open() == 0).await;
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up() {
    let bench = Bench::start(Limits { body_idle_timeout: Duration::from_millis(150), ..LIMITS });
    let mut sender = client(&bench).await;
    let request = Request::post("http://a/echo").body(Silent.boxed_unsync()).unwrap();
    assert_eq!(sender.send_request(request).await.unwrap().status(), 408);
    assert_eq!(answer(&mut sender, get("/")).await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut() {
    let bench = Bench::start(Limits { idle_timeout: Duration::from_millis(150), ..LIMITS });
    let mut client = connect(&bench).await;
    client.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, &request("GET", "/endless"))).await;
    let tally = bench.server.tally();
    until(|| tally.timed_out() == 1 && tally.open() == 0).await;
}

#[tokio::test]
async fn a_panic_costs_one_request() {
    let bench = Bench::start(LIMITS);
    let mut sender = client(&bench).await;
    assert!(answer(&mut sender, get("/panic")).await.is_err());
    assert_eq!(answer(&mut sender, get("/")).await.unwrap().status(), 200);
    drop(sender);
    until(|| bench.server.tally().panicked() == 1 && bench.server.tally().open() == 0).await;
}

#[tokio::test]
async fn stopping_says_so_and_finishes_what_is_under_way() {
    let bench = Bench::start(LIMITS);
    let mut idle = connect(&bench).await;
    let mut busy = client(&bench).await;
    let mut other = busy.clone();
    let held = tokio::spawn(async move { text(answer(&mut other, get("/hold")).await.unwrap()).await });
    bench.probe.holds_one().await;
    until(|| bench.server.tally().accepted() == 2).await;
    bench.server.shutdown().begin();
    assert!(idle.frame_of(GOAWAY).await.is_some());
    while answer(&mut busy, get("/late")).await.is_ok() {}
    bench.probe.release_one();
    assert_eq!(held.await.unwrap(), "held");
    drop((idle, busy));
    assert_eq!(bench.server.stopped().await, Drained { finished: 1, cut: 0 });
}

#[tokio::test]
async fn stopping_does_not_cut_an_answer_that_the_client_takes_slowly() {
    let bench = Bench::start(LIMITS);
    let mut client = bench.connect().await;
    // One byte at a time is all the client has room for.
    let settings = frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 1]);
    let asked = frame(HEADERS, END_STREAM | END_HEADERS, 1, &request("GET", "/"));
    client.send([PREFACE, &settings, &asked].concat()).await;
    assert_eq!(client.frame_of(DATA).await.unwrap(), b"o");
    bench.server.shutdown().begin();
    assert!(client.frame_of(GOAWAY).await.is_some());
    client.send(frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1])).await;
    assert_eq!(client.frame_of(DATA).await.unwrap(), b"k");
}

#[tokio::test]
async fn a_client_that_does_not_agree_to_the_end_holds_it_up_for_a_while_only() {
    let bench = Bench::start(Limits { header_timeout: Duration::from_millis(100), ..LIMITS });
    let mut client = connect(&bench).await;
    client.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, &request("GET", "/"))).await;
    assert!(client.frame_of(DATA).await.is_some());
    bench.server.shutdown().begin();
    assert_eq!(bench.server.stopped().await, Drained::default());
}
