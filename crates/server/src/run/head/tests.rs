//! The corpus of heads: what is served, what is refused and why.

use super::*;

const FIELDS: usize = 64;

fn verdict(head: &str) -> Result<Framing, Refusal> {
    judge(head.as_bytes(), FIELDS)
}

/// The verdict on a good request line and host with `lines` after them.
fn with_fields(lines: &str) -> Result<Framing, Refusal> {
    verdict(&format!("POST /x HTTP/1.1\r\nHost: a\r\n{lines}\r\n"))
}

fn with_target(target: &str) -> Result<Framing, Refusal> {
    verdict(&format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"))
}

fn with_host(host: &str) -> Result<Framing, Refusal> {
    verdict(&format!("GET / HTTP/1.1\r\nHost:{host}\r\n\r\n"))
}

#[test]
fn an_ordinary_head_passes_with_its_framing() {
    assert_eq!(with_fields(""), Ok(Framing::Length(0)));
    assert_eq!(with_fields("Content-Length: 17\r\n"), Ok(Framing::Length(17)));
    assert_eq!(with_fields("content-length:\t0017 \r\n"), Ok(Framing::Length(17)));
    assert_eq!(with_fields("Transfer-Encoding: Chunked\r\n"), Ok(Framing::Chunked));
    assert_eq!(with_fields("Expect: 100-Continue\r\nContent-Length: 3\r\n"), Ok(Framing::Length(3)));
    assert_eq!(with_fields("X-Empty:\r\nX-Tab: a\tb\r\nX-Latin: \u{e9}\r\n"), Ok(Framing::Length(0)));
    assert_eq!(with_fields("Accept: a\r\nAccept: b\r\nX_User_Id: 7\r\n"), Ok(Framing::Length(0)));
    assert_eq!(verdict("GET / HTTP/1.0\r\n\r\n"), Ok(Framing::Length(0)));
    assert_eq!(verdict("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), Ok(Framing::Length(0)));
    assert_eq!(verdict("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), Ok(Framing::Length(0)));
}

#[test]
fn two_framings_of_one_body_are_refused() {
    let (length, chunked) = ("Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n");
    assert_eq!(with_fields(&format!("{length}{chunked}")), Err(Refusal::TwoFramings));
    assert_eq!(with_fields(&format!("{chunked}{length}")), Err(Refusal::TwoFramings));
    assert_eq!(with_fields(&format!("{length}{length}")), Err(Refusal::RepeatedField));
    assert_eq!(with_fields("Content-Length: 3\r\nContent-Length: 4\r\n"), Err(Refusal::RepeatedField));
    assert_eq!(with_fields(&format!("{chunked}{chunked}")), Err(Refusal::TransferEncoding));
}

#[test]
fn a_transfer_coding_other_than_one_chunked_is_refused() {
    for value in [
        "identity, chunked",
        "chunked, chunked",
        "chunked, identity",
        "gzip, chunked",
        "gzip",
        "xchunked",
        "chunkedx",
        "\"chunked\"",
        "chunked;q=1",
        ", chunked",
        "chunked,",
        "identity",
        "",
        "\u{b}chunked",
    ] {
        let verdict = with_fields(&format!("Transfer-Encoding: {value}\r\n"));
        assert!(matches!(verdict, Err(Refusal::TransferEncoding | Refusal::ControlByte)), "{value:?}: {verdict:?}");
    }
    assert_eq!(verdict("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), Err(Refusal::TransferEncoding));
}

#[test]
fn a_length_that_is_not_a_plain_number_is_refused() {
    for value in [
        "",
        "+1",
        "-1",
        "1, 1",
        "1,1",
        "0x10",
        "1 1",
        "1.0",
        "1e2",
        "١",
        "1\u{a0}",
        "9999999999999999999",
        "18446744073709551616",
    ] {
        let verdict = with_fields(&format!("Content-Length: {value}\r\n"));
        assert_eq!(verdict, Err(Refusal::ContentLength), "{value:?}");
    }
}

#[test]
fn a_line_that_does_not_end_in_crlf_is_refused() {
    for head in [
        "GET / HTTP/1.1\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: 1\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\n",
        "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        assert_eq!(verdict(head), Err(Refusal::BareLineFeed), "{head:?}");
        assert_eq!(find_end(head.as_bytes(), 0), Err(Refusal::BareLineFeed), "{head:?}");
    }
    assert_eq!(with_fields("X: a\rb\r\n"), Err(Refusal::ControlByte));
    assert_eq!(with_fields("X: a\r\r\n"), Err(Refusal::ControlByte));
    assert_eq!(verdict("GET /\r HTTP/1.1\r\nHost: a\r\n\r\n"), Err(Refusal::ControlByte));
}

#[test]
fn control_bytes_are_refused_everywhere() {
    for byte in (0_u8..0x20).chain([0x7f]).filter(|byte| !b"\t\r\n".contains(byte)) {
        let byte = char::from(byte);
        assert_eq!(with_fields(&format!("X: a{byte}b\r\n")), Err(Refusal::ControlByte), "{byte:?}");
        assert_eq!(with_fields(&format!("X{byte}: a\r\n")), Err(Refusal::ControlByte), "{byte:?}");
        assert_eq!(with_target(&format!("/a{byte}b")), Err(Refusal::ControlByte), "{byte:?}");
        assert_eq!(with_host(&format!("a{byte}")), Err(Refusal::ControlByte), "{byte:?}");
    }
}

#[test]
fn a_header_line_out_of_shape_is_refused() {
    assert_eq!(with_fields("X: a\r\n b\r\n"), Err(Refusal::FoldedLine));
    assert_eq!(with_fields("X: a\r\n\tb\r\n"), Err(Refusal::FoldedLine));
    assert_eq!(with_fields(" X: a\r\n"), Err(Refusal::FoldedLine));
    for line in [
        "X : a",
        "X\t: a",
        ": a",
        "X",
        "X Y: a",
        "X(: a",
        "X\u{e9}: a",
        "\"X\": a",
        "X\\: a",
        "Content-Length : 3",
        "Transfer-Encoding : chunked",
        "Host : b",
    ] {
        assert_eq!(with_fields(&format!("{line}\r\n")), Err(Refusal::FieldName), "{line:?}");
    }
}

#[test]
fn a_header_that_may_appear_once_is_refused_twice() {
    for name in ["Host", "Authorization", "Content-Type", "Cookie", "Origin", "EXPECT"] {
        let value = if name == "EXPECT" { "100-continue" } else { "a" };
        let lines = format!("{name}: {value}\r\n{}: {value}\r\n", name.to_ascii_lowercase());
        assert_eq!(with_fields(&lines), Err(Refusal::RepeatedField), "{name}");
    }
}

#[test]
fn an_http_1_1_request_names_one_proper_host() {
    assert_eq!(verdict("GET / HTTP/1.1\r\n\r\n"), Err(Refusal::MissingHost));
    for host in
        ["a", " a.example ", "a.example:8000", "A-1_b", "10.0.0.1", "[::1]", "[::1]:80", "[::ffff:1.2.3.4]", "a:"]
    {
        assert_eq!(with_host(host), Ok(Framing::Length(0)), "{host:?}");
    }
    for host in [
        "", " ", "a b", "a,b", "a/b", "a@b", "http://a", "a?b", "a#b", "a\\b", "a:b", "a:80:80", ":80", "a:123456",
        "[::1", "::1", "[]", "[::1]x", "[a b]", "a\u{e9}", "a%20b",
    ] {
        assert_eq!(with_host(host), Err(Refusal::Host), "{host:?}");
    }
}

#[test]
fn only_targets_in_origin_form_pass() {
    for target in ["/", "/a/b?c=d&e=%20", "/?", "//", "/a\\b", "/a;b", "/?q={\"a\":[1|2]}", "/?a>b`"] {
        assert_eq!(with_target(target), Ok(Framing::Length(0)), "{target:?}");
    }
    for target in ["http://b/x", "https://a/", "a", "a:443", "*", "?x", "\\x", "%2f"] {
        assert_eq!(with_target(target), Err(Refusal::TargetForm), "{target:?}");
    }
    for target in ["/x#", "/x#y", "/#/admin", "/x?y#z", "#", "http://a/#b"] {
        assert_eq!(with_target(target), Err(Refusal::Fragment), "{target:?}");
    }
    for target in ["/\u{e9}", "/<", "/a`b", "/?<", "/?\u{e9}"] {
        assert_eq!(with_target(target), Err(Refusal::TargetByte), "{target:?}");
    }
    assert_eq!(with_target(&format!("/{}", "a".repeat(8191))), Ok(Framing::Length(0)));
    assert_eq!(with_target(&format!("/{}", "a".repeat(8192))), Err(Refusal::TargetTooLong));
    assert_eq!(verdict("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n"), Err(Refusal::Connect));
}

#[test]
fn a_request_line_out_of_shape_is_refused() {
    for line in [
        "",
        "GET",
        "GET /",
        "GET  / HTTP/1.1",
        "GET /  HTTP/1.1",
        " GET / HTTP/1.1",
        "GET / HTTP/1.1 ",
        "GET /a b HTTP/1.1",
        "G(T / HTTP/1.1",
        "G\u{e9}T / HTTP/1.1",
        " / HTTP/1.1",
        "GET / http/1.1",
        "GET\t/\tHTTP/1.1",
        "GET / FTP/1.1",
        "AVERYLONGMETHODNAMETHATNOBODYREGISTERED / HTTP/1.1",
    ] {
        let verdict = verdict(&format!("{line}\r\nHost: a\r\n\r\n"));
        assert_eq!(verdict, Err(Refusal::RequestLine), "{line:?}");
    }
    for version in ["HTTP/2.0", "HTTP/0.9", "HTTP/1.2", "HTTP/1.10", "HTTP/1", "HTTP/11"] {
        let verdict = verdict(&format!("GET / {version}\r\nHost: a\r\n\r\n"));
        assert_eq!(verdict, Err(Refusal::Version), "{version:?}");
    }
    assert_eq!(verdict("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Err(Refusal::Version));
}

#[test]
fn an_expectation_that_cannot_be_met_is_refused() {
    for value in ["200-ok", "100-continue, x", "", "100"] {
        assert_eq!(with_fields(&format!("Expect: {value}\r\n")), Err(Refusal::Expectation), "{value:?}");
    }
}

#[test]
fn header_lines_beyond_the_limit_are_refused() {
    let lines = |count: usize| "X: a\r\n".repeat(count);
    assert_eq!(with_fields(&lines(FIELDS - 1)), Ok(Framing::Length(0)));
    assert_eq!(with_fields(&lines(FIELDS)), Err(Refusal::TooManyFields));
}

#[test]
fn the_end_of_a_head_is_found_wherever_the_scan_begins() {
    let head = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let stream = [head.as_slice(), b"body\n"].concat();
    for scanned in 0..head.len() {
        assert_eq!(find_end(&stream, scanned), Ok(Some(head.len())), "from {scanned}");
        assert_eq!(find_end(&head[..scanned], 0), Ok(None), "up to {scanned}");
    }
}
