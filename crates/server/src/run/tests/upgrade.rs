//! Upgrades: what becomes a tunnel, what does not, and that nothing slips in between.

use super::*;

const UPGRADE: &str =
    "GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n";
const DECLINED: &str = "GET /decline HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n";
const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

/// Reads as many bytes as `expected` has, and compares them.
async fn assert_echo(client: &mut Client, expected: &str) {
    let mut echo = vec![0; expected.len()];
    tokio::time::timeout(HANG, client.0.read_exact(&mut echo)).await.unwrap().unwrap();
    assert_eq!(String::from_utf8_lossy(&echo), expected);
}

/// A client with a tunnel.
async fn tunnel(bench: &Bench) -> Client {
    let mut client = bench.connect().await;
    client.send(UPGRADE).await;
    let answer = client.answer().await;
    assert!(answer.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{answer}");
    assert!(answer.contains("upgrade: websocket\r\n") && !answer.contains("close"), "{answer}");
    client
}

#[tokio::test]
async fn a_granted_upgrade_is_a_tunnel_and_a_connection_to_its_end() {
    let bench = Bench::start(LIMITS);
    let mut client = tunnel(&bench).await;
    for piece in ["one", "\r\n\r\n", SMUGGLED, "\0\u{1}"] {
        client.send(piece).await;
        assert_echo(&mut client, piece).await;
    }
    assert_eq!(bench.server.tally().open(), 1);
    assert_eq!(bench.probe.paths(), ["/upgrade"]);
    client.0.shutdown().await.unwrap();
    assert_eq!(client.rest().await, "");
    until(|| bench.server.tally().open() == 0).await;
    assert_eq!(bench.server.tally().timed_out(), 0);
}

#[tokio::test]
async fn early_bytes_are_the_tunnels_once_it_is_granted() {
    let bench = Bench::start(LIMITS);
    let mut client = bench.connect().await;
    client.send(format!("{UPGRADE}{SMUGGLED}")).await;
    assert_eq!(statuses(&client.answer().await), [101]);
    assert_echo(&mut client, SMUGGLED).await;
    assert_eq!(bench.probe.paths(), ["/upgrade"]);
}

#[tokio::test]
async fn early_bytes_are_nobodys_if_the_upgrade_is_declined() {
    let bench = Bench::start(LIMITS);
    // In one piece, and byte by byte, and with more than is held.
    let large = SMUGGLED.repeat(2000);
    for (early, piece) in [(SMUGGLED, 10_000), (SMUGGLED, 1), (&large, 4096), ("", 1)] {
        let mut client = bench.connect().await;
        for piece in format!("{DECLINED}{early}").as_bytes().chunks(piece) {
            // What comes after the answer is not wanted any more.
            if client.0.write_all(piece).await.is_err() {
                break;
            }
        }
        let answer = client.rest().await;
        assert_eq!(statuses(&answer), [403]);
        assert!(answer.contains("connection: close\r\n") && answer.ends_with("declined"), "{answer}");
    }
    assert_eq!(bench.probe.paths(), ["/decline"; 4]);
    until(|| bench.server.tally().open() == 0).await;
}

#[tokio::test]
async fn what_asks_for_anything_but_a_websocket_is_an_ordinary_request() {
    let bench = Bench::start(LIMITS);
    let asked = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    for (method, version, fields, body) in [
        ("GET", "1.1", "Connection: Upgrade\r\nUpgrade: h2c\r\n", ""),
        ("GET", "1.1", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n", ""),
        ("GET", "1.1", "Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n", ""),
        ("GET", "1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n", ""),
        ("GET", "1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: websocket\r\n", ""),
        ("GET", "1.1", "Connection: Upgrade\r\nUpgrade: websocket/13\r\n", ""),
        ("GET", "1.1", "Upgrade: websocket\r\n", ""),
        ("GET", "1.1", "Connection: upgrades\r\nUpgrade: websocket\r\n", ""),
        ("GET", "1.1", &format!("{asked}Content-Length: 2\r\n"), "hi"),
        ("GET", "1.1", &format!("{asked}Transfer-Encoding: chunked\r\n"), "0\r\n\r\n"),
        ("POST", "1.1", asked, ""),
        ("GET", "1.0", &format!("{asked}Connection: keep-alive\r\n"), ""),
    ] {
        let mut client = bench.connect().await;
        client.send(format!("{method} /upgrade HTTP/{version}\r\nHost: a\r\n{fields}\r\n{body}{GET}")).await;
        for _ in 0..2 {
            let answer = client.answer().await;
            assert!(answer.contains(" 200 OK\r\n") && answer.ends_with("ok"), "{fields}: {answer}");
        }
        client.0.shutdown().await.unwrap();
        assert_eq!(client.rest().await, "");
    }
    assert!(!bench.probe.paths().contains(&"/smuggled".to_owned()));
}

#[tokio::test]
async fn an_upgrade_that_is_not_passed_on_is_not_told_to_the_service() {
    let bench = Bench::start(LIMITS);
    let mut client = bench.connect().await;
    client.send("GET /head HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n").await;
    let answer = client.answer().await;
    assert!(!answer.contains("\"upgrade\": ") && answer.contains("\"host\": \"a\""), "{answer}");
}

#[tokio::test]
async fn a_request_before_an_upgrade_is_answered_first() {
    let bench = Bench::start(LIMITS);
    let mut client = bench.connect().await;
    client.send(format!("{GET_HOLD}{UPGRADE}early")).await;
    bench.probe.holds_one().await;
    bench.probe.release_one();
    assert!(client.answer().await.ends_with("held"));
    assert_eq!(statuses(&client.answer().await), [101]);
    assert_echo(&mut client, "early").await;
}

#[tokio::test]
async fn a_silent_tunnel_has_no_deadline() {
    let short = Duration::from_millis(100);
    let bench = Bench::start(Limits { idle_timeout: short, header_timeout: short, ..LIMITS });
    let mut client = tunnel(&bench).await;
    // Other connections idle out meanwhile, one after the other.
    for _ in 0..2 {
        assert_eq!(bench.connect().await.rest().await, "");
    }
    client.send("still there").await;
    assert_echo(&mut client, "still there").await;
}

#[tokio::test]
async fn stopping_waits_for_a_tunnel() {
    let bench = Bench::start(LIMITS);
    let mut client = tunnel(&bench).await;
    bench.server.shutdown().begin();
    client.send("last words").await;
    assert_echo(&mut client, "last words").await;
    drop(client);
    assert_eq!(bench.server.stopped().await, Drained { finished: 1, cut: 0 });
}

#[tokio::test]
async fn stopping_cuts_a_tunnel_that_does_not_end() {
    let bench = Bench::start(Limits { shutdown_timeout: Duration::from_millis(50), ..LIMITS });
    let mut client = tunnel(&bench).await;
    bench.server.shutdown().begin();
    assert_eq!(bench.server.stopped().await, Drained { finished: 0, cut: 1 });
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn a_client_that_leaves_before_the_answer_is_noticed() {
    let bench = Bench::start(LIMITS);
    let mut client = bench.connect().await;
    client.send("GET /hold HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n").await;
    bench.probe.holds_one().await;
    drop(client);
    until(|| bench.server.tally().open() == 0).await;
}
