//! Requests hidden in other requests, on a route with a service behind: it sees what was judged, once, or nothing.

use std::io::Write as _;

use doorward_tests::upstream::Upstream;
use doorward_tests::{Doorward, Setup, Store};

const HIDDEN: &str = "GET /members/hidden HTTP/1.1\r\nHost: h\r\n\r\n";

fn start() -> (Doorward, Upstream, String) {
    let upstream = Upstream::echo();
    let routes = format!(
        "[[routes]]\nname = \"members\"\npath = \"/members/*\"\nmethods = [\"GET\", \"POST\"]\nupstream = \"{}/m\"\n\
         body_limit = \"64KiB\"\n",
        upstream.url()
    );
    let doorward = Setup::on(Store::Sqlite).file(&routes).start();
    let token = doorward.person("user").access_token;
    (doorward, upstream, token)
}

#[test]
fn a_head_that_frames_its_body_oddly_reaches_nobody() {
    let (doorward, upstream, token) = start();
    let length = HIDDEN.len();
    for framing in [
        format!("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{HIDDEN}"),
        format!("Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n\r\n0\r\n\r\n{HIDDEN}"),
        format!("Content-Length: 0\r\nContent-Length: {length}\r\n\r\n{HIDDEN}"),
        format!("Content-Length: 0, {length}\r\n\r\n{HIDDEN}"),
        format!("Content-Length: +0\r\n\r\n{HIDDEN}"),
        format!("Content-Length : 0\r\n\r\n{HIDDEN}"),
        format!("Content-Length: 0x0\r\n\r\n{HIDDEN}"),
        format!("Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n{HIDDEN}"),
        format!("Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{HIDDEN}"),
        format!("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{HIDDEN}"),
        format!("Transfer-Encoding:\u{b}chunked\r\n\r\n0\r\n\r\n{HIDDEN}"),
        format!("Transfer_Encoding: chunked\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{HIDDEN}"),
        format!(" Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{HIDDEN}"),
    ] {
        let head = format!("POST /members/x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\n{framing}");
        let answer = doorward.client().raw(&head);
        assert!((400..=501).contains(&answer.status), "{framing:?}: {}", answer.status);
        assert_eq!(answer.header("connection"), Some("close"), "{framing:?}");
        assert!(upstream.pending().is_empty(), "{framing:?} reached the service");
    }
}

#[test]
fn what_looks_like_a_request_in_a_body_stays_a_body() {
    let (doorward, upstream, token) = start();
    let length = HIDDEN.len();
    for framing in [
        format!("Content-Length: {length}\r\n\r\n{HIDDEN}"),
        format!("Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{HIDDEN}\r\n0\r\n\r\n"),
    ] {
        let head = format!(
            "POST /members/x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n{framing}"
        );
        doorward.client().raw(&head).expect(200);
        let [received] = &upstream.pending()[..] else { panic!("one request") };
        assert_eq!((received.target(), received.text().as_str()), ("/m/x", HIDDEN));
    }
}

#[test]
fn a_chunk_that_lies_about_its_length_ends_the_request() {
    let (doorward, upstream, token) = start();
    for body in [
        "2\r\nokay\r\n0\r\n\r\n",
        "ffffffffffffffffff\r\nx",
        "-1\r\nx\r\n0\r\n\r\n",
        "0x2\r\nok\r\n0\r\n\r\n",
        "2\nok\n0\n\n",
    ] {
        let mut wire = doorward.client().connect();
        wire.send(format!(
            "POST /members/x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\nTransfer-Encoding: chunked\r\n\r\n\
             {body}{HIDDEN}"
        ));
        let told = String::from_utf8_lossy(&wire.rest()).into_owned();
        assert!(!told.contains(" 200 "), "{body:?}: {told}");
        let reached = upstream.pending();
        assert!(reached.is_empty(), "{body:?} came whole: {reached:?}");
    }
}

#[test]
fn a_body_without_an_end_is_cut_off_at_the_routes_limit() {
    let (doorward, upstream, token) = start();
    let mut wire = doorward.client().connect();
    wire.send(format!(
        "POST /members/x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\nTransfer-Encoding: chunked\r\n\r\n"
    ));
    let mut chunk = Vec::new();
    write!(chunk, "4000\r\n").expect("a buffer takes it");
    chunk.extend([b'x'; 0x4000]);
    chunk.extend(b"\r\n");
    // Far beyond the limit of 64 KiB; the connection may be closed under us, which is right.
    let accepted = (0..4096).take_while(|_| wire.try_send(&chunk).is_ok()).count();
    assert!(accepted < 4096, "64 MiB were taken");
    assert!(upstream.pending().is_empty(), "nothing came whole");
    doorward.get("/livez").send().expect(200);
}
