//! The same verdict however the bytes come, and no head that passes unjudged.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const LIMITS: HeadLimits = HeadLimits { bytes: 512, fields: 8 };

/// What became of a whole stream.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    passed: Vec<u8>,
    heads: u64,
    end: Option<Then>,
}

/// Follows `stream` in pieces of the given lengths, over and over, as a reader that holds back.
fn follow(stream: &[u8], pieces: &[usize]) -> Outcome {
    let mut follower = Follower::new(LIMITS);
    let (mut passed, mut held) = (Vec::new(), Vec::new());
    let (mut rest, mut lengths) = (stream, pieces.iter().cycle());
    while !rest.is_empty() {
        let length = lengths.next().map_or(rest.len(), |&length| length.clamp(1, rest.len()));
        held.extend_from_slice(&rest[..length]);
        rest = &rest[length..];
        let step = follower.follow(&held);
        passed.extend(held.drain(..step.passed));
        match step.then {
            Then::Continue => assert!(held.is_empty(), "all bytes are accounted for"),
            Then::Hold => assert!(!held.is_empty(), "something is held"),
            end => {
                return Outcome { passed, heads: follower.heads(), end: Some(end) };
            }
        }
    }
    Outcome { passed, heads: follower.heads(), end: None }
}

fn request() -> impl Strategy<Value = Vec<u8>> {
    let line = select(vec![
        "Content-Length: 5\r\n\r\nhello",
        "Content-Length: 0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n2;x\r\nhi\r\n1\r\n\n\r\n0\r\nX: y\r\n\r\n",
        "\r\n",
        "X: y\r\nAccept: */*\r\n\r\n",
    ]);
    let fault = prop_oneof![
        20 => Just(""),
        1 => select(vec![
            "Host: b\r\n", "X : y\r\n", "X: y\n", " z\r\n", "X\r\n", "Content-Length: 1\r\n",
            "Transfer-Encoding: gzip\r\n", "X: \0\r\n", "A: b\r\n\n",
        ]),
    ];
    let pad = prop_oneof![20 => Just(0_usize), 1 => 400..700_usize];
    (select(vec!["GET /", "POST /a?b=c", "HEAD /x", "\r\nPUT /"]), pad, fault, line).prop_map(
        |(start, pad, fault, line)| {
            let pad = "p".repeat(pad);
            format!("{start}{pad} HTTP/1.1\r\nHost: a\r\n{fault}{line}").into_bytes()
        },
    )
}

/// Streams of requests, good and bad, some of them with a byte changed.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let change = prop::option::weighted(0.4, (any::<prop::sample::Index>(), any::<u8>()));
    (prop::collection::vec(request(), 1..6), change).prop_map(|(requests, change)| {
        let mut stream = requests.concat();
        if let Some((index, byte)) = change {
            let at = index.index(stream.len());
            stream[at] = byte;
        }
        stream
    })
}

proptest! {
    #[test]
    fn the_verdict_does_not_depend_on_how_the_bytes_are_cut(
        stream in stream(),
        pieces in prop::collection::vec(1..40_usize, 1..8),
    ) {
        let whole = follow(&stream, &[usize::MAX]);
        prop_assert_eq!(&follow(&stream, &pieces), &whole);
        prop_assert_eq!(&follow(&stream, &[1]), &whole);
    }

    #[test]
    fn no_bytes_make_it_panic(
        stream in prop::collection::vec(select(b"GET / HTTP/1.1\r\n:0aF;\0\xff".to_vec()), 0..200),
    ) {
        follow(&stream, &[7]);
    }
}

#[test]
fn a_request_hidden_in_a_body_is_a_body() {
    let hidden = "GET /admin HTTP/1.1\r\nHost: a\r\n\r\n";
    let length = hidden.len();
    let stream = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{hidden}");
    assert_eq!(follow(stream.as_bytes(), &[5]).heads, 1);
    let stream =
        format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{hidden}\r\n0\r\n\r\n");
    assert_eq!(follow(stream.as_bytes(), &[5]).heads, 1);
}

#[test]
fn nothing_of_a_refused_request_or_after_it_passes() {
    let good = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";
    let bad = "GET /bad#x HTTP/1.1\r\nHost: a\r\n\r\n";
    let outcome = follow(format!("{good}{bad}{good}").as_bytes(), &[usize::MAX]);
    assert_eq!(outcome.passed, good.as_bytes());
    assert_eq!((outcome.heads, outcome.end), (1, Some(Then::Refuse(Refusal::Fragment))));
}

#[test]
fn an_endless_head_is_refused_at_its_limit() {
    let line = follow(&[b'a'; 600], &[1]);
    assert_eq!(line.end, Some(Then::Refuse(Refusal::TargetTooLong)));
    let fields = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(600));
    let fields = follow(fields.as_bytes(), &[1]);
    assert_eq!(fields.end, Some(Then::Refuse(Refusal::HeadTooLarge)));
    let fit = |pad: usize| format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(pad));
    let room = LIMITS.bytes - fit(0).len();
    assert_eq!(follow(fit(room).as_bytes(), &[100]).end, None);
    let over = follow(fit(room + 1).as_bytes(), &[100]);
    assert_eq!(over.end, Some(Then::Refuse(Refusal::HeadTooLarge)));
}
