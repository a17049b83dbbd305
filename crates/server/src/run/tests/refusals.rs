//! What a client gets for a request that is not served, and what the service sees of it: nothing.

use tokio::net::TcpSocket;

use super::*;

/// One request for each fault, and its status.
const REFUSED: &[(&str, u16, Refusal)] = &[
    ("GET / HTTP/1.1\nHost: a\r\n\r\n", 400, Refusal::BareLineFeed),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", 400, Refusal::ControlByte),
    ("GET /\r\nHost: a\r\n\r\n", 400, Refusal::RequestLine),
    ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 400, Refusal::Version),
    ("GET /< HTTP/1.1\r\nHost: a\r\n\r\n", 400, Refusal::TargetByte),
    ("GET /x#y HTTP/1.1\r\nHost: a\r\n\r\n", 400, Refusal::Fragment),
    ("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, Refusal::TargetForm),
    ("CONNECT b:1 HTTP/1.1\r\nHost: a\r\n\r\n", 400, Refusal::Connect),
    ("GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", 400, Refusal::FoldedLine),
    ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, Refusal::FieldName),
    ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, Refusal::RepeatedField),
    ("GET / HTTP/1.1\r\n\r\n", 400, Refusal::MissingHost),
    ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, Refusal::Host),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx", 400, Refusal::ContentLength),
    (
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
        400,
        Refusal::TransferEncoding,
    ),
    (
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
        Refusal::TwoFramings,
    ),
    ("POST / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", 417, Refusal::Expectation),
];

/// Checks the answer to a refused request, after which the server has closed.
fn assert_refusal(text: &str, status: u16, refusal: Refusal) {
    assert!(text.starts_with(&format!("HTTP/1.1 {status} ")), "{refusal:?}: {text}");
    assert!(text.contains("content-type: application/problem+json\r\n"), "{text}");
    assert!(text.contains("connection: close\r\n"), "{text}");
    assert!(text.ends_with(&format!(r#","detail":"{}","code":"request_head_refused"}}"#, refusal.detail())), "{text}");
}

#[tokio::test]
async fn a_faulty_request_is_told_its_fault_and_never_served() {
    let bench = Bench::start(LIMITS);
    for &(request, status, refusal) in REFUSED {
        let mut client = bench.connect().await;
        client.send(format!("{request}{GET}")).await;
        assert_refusal(&client.rest().await, status, refusal);
    }
    assert_eq!(bench.probe.paths(), Vec::<String>::new());
    let told: Vec<Refusal> = REFUSED.iter().map(|&(_, _, refusal)| refusal).collect();
    assert_eq!(bench.probe.refusals(), told);
}

#[tokio::test]
async fn a_head_beyond_a_limit_is_told_so_however_much_of_it_comes() {
    let bench = Bench::start(LIMITS);
    let fields = |count| "X: y\r\n".repeat(count);
    for (head, status, refusal) in [
        (format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(9000)), 414, Refusal::TargetTooLong),
        (format!("GET /{}", "a".repeat(500_000)), 414, Refusal::TargetTooLong),
        (format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(500_000)), 431, Refusal::HeadTooLarge),
        (format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", fields(64)), 431, Refusal::TooManyFields),
    ] {
        let mut client = bench.connect().await;
        client.send(&head).await;
        assert_refusal(&client.rest().await, status, refusal);
    }
    assert_eq!(bench.probe.paths(), Vec::<String>::new());
}

#[tokio::test]
async fn a_head_up_to_the_limits_is_served() {
    let bench = Bench::start(LIMITS);
    let mut client = bench.connect().await;
    let fixed = "GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n".len();
    let pad = "x".repeat(LIMITS.head_bytes - fixed);
    client.send(format!("GET / HTTP/1.1\r\nHost: a\r\nX: {pad}\r\n\r\n")).await;
    assert_eq!(statuses(&client.answer().await), [200]);
    let fields = "X: y\r\n".repeat(LIMITS.head_fields - 1);
    client.send(format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n")).await;
    assert_eq!(statuses(&client.answer().await), [200]);
}

#[tokio::test]
async fn a_refused_head_request_is_answered_without_a_body() {
    let bench = Bench::start(LIMITS);
    let mut client = bench.connect().await;
    client.send("HEAD /x#y HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.ends_with("\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn a_refusal_waits_for_the_answer_before_it() {
    let bench = Bench::start(LIMITS);
    let mut client = bench.connect().await;
    client.send(GET_HOLD).await;
    bench.probe.holds_one().await;
    client.send(format!("GET /x#y HTTP/1.1\r\nHost: a\r\n\r\n{GET}")).await;
    bench.probe.release_one();
    let answers = client.rest().await;
    assert_eq!(statuses(&answers), [200, 400]);
    assert!(answers.contains("\r\n\r\nheldHTTP/1.1 400 "), "{answers}");
    assert_eq!(bench.probe.paths(), ["/hold"]);
}

#[tokio::test]
async fn single_bytes_and_whole_pipelines_are_served_alike() {
    let bench = Bench::start(LIMITS);
    let chunked = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
    let sized = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nho";
    let stream = format!("{GET}{chunked}{sized}{GET}GET / HTTP/1.1\r\nHost:a b\r\n\r\n{GET}");
    let mut whole = bench.connect().await;
    whole.send(&stream).await;
    let whole = whole.rest().await;
    let mut single = bench.connect().await;
    single.0.set_nodelay(true).unwrap();
    for byte in stream.bytes() {
        // The rest of the stream is not wanted any more after the refusal.
        if single.0.write_all(&[byte]).await.is_err() {
            break;
        }
        tokio::task::yield_now().await;
    }
    let single = single.rest().await;
    for answers in [whole, single] {
        assert_eq!(statuses(&answers), [200, 200, 200, 200, 400]);
        assert!(answers.contains("\r\n\r\nhiHTTP/1.1") && answers.contains("\r\n\r\nhoHTTP/1.1"));
    }
    assert_eq!(bench.probe.paths().len(), 8);
}

#[tokio::test]
async fn a_broken_chunk_fails_the_body_and_ends_the_connection() {
    let bench = Bench::start(LIMITS);
    for body in ["2\nhi\r\n0\r\n\r\n", "2\r\nhiX\r\n0\r\n\r\n", "x\r\n", "2\r\nhi\r\n0\r\nX : y\r\n\r\n"] {
        let mut client = bench.connect().await;
        let head = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        client.send(format!("{head}{body}{GET}")).await;
        assert_eq!(statuses(&client.rest().await), [400], "{body:?}");
    }
    assert_eq!(bench.probe.paths(), ["/echo"; 4]);
}

#[tokio::test]
async fn an_answer_before_the_end_of_a_large_body_arrives() {
    let bench = Bench::start(LIMITS);
    // With room for little, the client is still sending when the answer is complete.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(8 * 1024).unwrap();
    let mut client = Client(socket.connect(bench.address).await.unwrap());
    let body = "x".repeat(700_000);
    let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len());
    client.send(format!("{head}{body}")).await;
    assert_eq!(statuses(&client.rest().await), [200]);
}

#[tokio::test]
async fn a_body_that_nobody_reads_is_not_asked_for() {
    let bench = Bench::start(LIMITS);
    let mut client = bench.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n").await;
    // Whether the body follows is open now, so the connection ends.
    assert_eq!(statuses(&client.rest().await), [200]);
}

#[tokio::test]
async fn trailers_pass_unless_they_should_have_been_headers() {
    let bench = Bench::start(LIMITS);
    let head = "POST /trailers HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: x-a, host\r\n";
    let body = "2\r\nhi\r\n0\r\nX-A: b\r\nHost: evil\r\nContent-Length: 9\r\nAuthorization: Basic x\r\n\r\n";
    let mut client = bench.connect().await;
    client
        .send(format!("{head}TE: trailers\r\nConnection: TE\r\n\r\n{body}{head}Connection: close\r\n\r\n{body}"))
        .await;
    let answers = client.rest().await;
    assert_eq!(answers.matches(r#"{"x-a": "b"}"#).count(), 2, "{answers}");
    // A service's own trailers reach those who ask for them.
    assert_eq!(answers.matches("\r\n0\r\nx-sum: 1\r\n\r\n").count(), 1, "{answers}");
}

#[tokio::test]
async fn an_expected_continue_is_sent_before_the_body() {
    let bench = Bench::start(LIMITS);
    let mut client = bench.connect().await;
    let head = "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-CONTINUE\r\nContent-Length: 2\r\n\r\n";
    client.send(head).await;
    assert_eq!(client.answer().await, "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hi").await;
    assert!(client.answer().await.ends_with("\r\n\r\nhi"));
}
