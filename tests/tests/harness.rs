//! The harness itself: that its client and its upstream see the bytes that pass, so that the other tests may trust them.

use std::io::Write;

use doorward_tests::upstream::Upstream;
use doorward_tests::{Client, ports};
use serde_json::json;

#[test]
fn the_upstream_records_what_it_was_sent() {
    let upstream = Upstream::echo();
    let client = Client::new(upstream.address());
    client.post("/a?b=c").header("X_Odd-Name", "1").json(&json!({"d": 1})).send().expect(200);
    let received = upstream.next();
    assert_eq!(received.request_line(), "POST /a?b=c HTTP/1.1");
    assert_eq!(received.headers("x-odd-name"), ["1"]);
    assert_eq!(received.text(), r#"{"d":1}"#);
    client.raw("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n").expect(200);
    assert_eq!(upstream.next().text(), "abc");
    assert!(upstream.pending().is_empty());
}

#[test]
fn the_client_reads_every_framing_of_a_body() {
    let upstream = Upstream::answering(|received, stream| {
        let answer = match received.target() {
            "/chunked" => "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
            "/sized" => "Content-Length: 3\r\n\r\nabc",
            _ => "\r\nabc",
        };
        stream.write_all(format!("HTTP/1.1 200 OK\r\nX-A: b\r\n{answer}").as_bytes()).expect("the client reads");
        stream.shutdown(std::net::Shutdown::Write).expect("the client is there");
    });
    for target in ["/chunked", "/sized", "/until-the-end"] {
        let response = Client::new(upstream.address()).get(target).send().expect(200);
        assert_eq!((response.header("X-a"), response.text().as_str()), (Some("b"), "abc"), "{target}");
    }
}

#[test]
fn a_server_that_is_not_there_is_an_error() {
    assert!(Client::new(ports::free()).get("/").try_send().is_err());
}
