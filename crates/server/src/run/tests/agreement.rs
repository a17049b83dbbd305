//! The guard and the HTTP library read the same requests from the same bytes.

use std::rc::Rc;

use proptest::prelude::*;
use proptest::sample::select;
use tokio::io::{join, simplex};
use tokio::sync::oneshot;

use super::super::connection;
use super::super::framing::{Follower, HeadLimits, Then};
use super::*;

/// Pieces of requests, from which almost anything can be made.
fn pieces() -> Vec<&'static str> {
    vec![
        "GET / HTTP/1.1\r\n",
        "POST /echo HTTP/1.1\r\n",
        "HEAD / HTTP/1.0\r\n",
        "OPTIONS * HTTP/1.1\r\n",
        "PUT /a?b=<c> HTTP/1.1\r\n",
        "GET /%00\\{}|^ HTTP/1.1\r\n",
        "M-SEARCH /\"` HTTP/1.1\r\n",
        "Host: a\r\n",
        "Host: [::1]:80\r\n",
        "Content-Length: 4\r\n",
        "Content-Length: 0\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Expect: 100-continue\r\n",
        "Connection: keep-alive\r\n",
        "Connection: upgrade\r\n",
        "Upgrade: websocket\r\n",
        "X:\t \r\n",
        "X: \u{e9}\r\n",
        "~!#$: y\r\n",
        "\r\n",
        "abcd",
        "4\r\n",
        "4;x=y\r\nabcd\r\n",
        "0\r\n\r\n",
        "0\r\nX: y\r\n\r\n",
        "\n",
        "\r",
        " ",
        "\0",
        ":",
    ]
}

/// Mostly whole requests, with stray pieces between.
fn stream() -> impl Strategy<Value = String> {
    let whole = select(vec![
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        "\r\nHEAD / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n",
    ]);
    let made = prop::collection::vec(select(pieces()), 0..6)
        .prop_map(|pieces| format!("POST /echo HTTP/1.1\r\nHost: a\r\n{}", pieces.concat()));
    let stray = prop::collection::vec(select(pieces()), 1..8).prop_map(|pieces| pieces.concat());
    let part = prop_oneof![4 => whole.prop_map(str::to_owned), 3 => made, 1 => stray];
    prop::collection::vec(part, 1..5).prop_map(|parts| parts.concat())
}

/// How many requests of `stream` pass, and how it ends.
fn judged(stream: &[u8]) -> (u64, Then) {
    let limits = HeadLimits { bytes: LIMITS.head_bytes, fields: LIMITS.head_fields };
    let mut follower = Follower::new(limits);
    let step = follower.follow(stream);
    (follower.heads(), step.then)
}

/// Serves `stream`, arriving in pieces of at most `room` bytes, and returns all that is answered.
///
/// No clock is involved: both ends are one task, and after some turns without new bytes everything
/// that can be answered has been.
fn served(probe: &Probe, stream: &[u8], room: usize) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let (incoming, mut requests) = simplex(room);
        let (mut answers, outgoing) = simplex(64 * 1024);
        let (stop, stopped) = oneshot::channel::<()>();
        let service = Rc::new(probe.clone());
        let peer = ([127, 0, 0, 1], 1).into();
        let server =
            connection::serve(join(incoming, outgoing), peer, service, LIMITS, async { stopped.await.unwrap() });
        let client = async move {
            let talk = async {
                // The server may close before it has taken everything, or before it is told to stop.
                let _ = requests.write_all(stream).await;
                settle().await;
                let _ = stop.send(());
                settle().await;
                let _ = requests.shutdown().await;
            };
            let mut text = Vec::new();
            let ((), read) = tokio::join!(talk, answers.read_to_end(&mut text));
            read.unwrap();
            String::from_utf8_lossy(&text).into_owned()
        };
        tokio::join!(server, client).1
    })
}

async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

proptest! {
    #[test]
    fn what_passes_the_guard_is_served_and_nothing_else(stream in stream(), room in 1..300_usize) {
        let probe = Probe::new();
        let (heads, then) = judged(stream.as_bytes());
        let answers = served(&probe, stream.as_bytes(), room);
        let final_answers: Vec<u16> =
            statuses(&answers).into_iter().filter(|&status| status != 100).collect();
        // Whatever follows an answer that closes the connection is moot.
        let (served, refused) = (probe.paths().len() as u64, probe.refusals().len());
        let closes = answers.contains("HTTP/1.0 ")
            || answers.matches("connection: close").count() > refused;
        prop_assert!(served == heads || (closes && served < heads), "{served} of {heads}: {answers}");
        prop_assert!(final_answers.iter().all(|status| *status < 500), "{answers}");
        if let (Then::Refuse(refusal), false) = (then, closes) {
            prop_assert_eq!(probe.refusals(), [refusal], "{}", answers);
            prop_assert_eq!(final_answers.last(), Some(&refusal.status().as_u16()), "{}", answers);
        }
    }
}
