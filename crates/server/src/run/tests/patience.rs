//! Clients that keep the server waiting.

use super::*;

const SHORT: Duration = Duration::from_millis(150);

/// Sends one byte after the other, slowly, until the server has had enough.
async fn drip(client: &mut Client, bytes: impl Iterator<Item = u8>) {
    let mut pace = tokio::time::interval(SHORT / 10);
    for byte in bytes {
        pace.tick().await;
        if client.0.write_all(&[byte]).await.is_err() {
            return;
        }
        let mut seen = [0];
        if let Ok(Ok(_)) = tokio::time::timeout(Duration::ZERO, client.0.peek(&mut seen)).await {
            return;
        }
    }
    panic!("the server took it all");
}

#[tokio::test]
async fn a_head_that_does_not_come_whole_is_timed_out() {
    let bench = Bench::start(Limits { header_timeout: SHORT, ..LIMITS });
    let mut client = bench.connect().await;
    client.send("GET / HTTP/1.1\r\nHos").await;
    let answer = client.rest().await;
    assert_eq!(statuses(&answer), [408]);
    assert!(answer.contains(Refusal::HeadTimeout.detail()), "{answer}");
    assert_eq!(bench.probe.refusals(), [Refusal::HeadTimeout]);
    until(|| bench.server.tally().timed_out() == 1).await;
}

#[tokio::test]
async fn a_dripping_head_gets_no_more_time_than_a_silent_one() {
    let bench = Bench::start(Limits { header_timeout: SHORT, ..LIMITS });
    let mut client = bench.connect().await;
    client.send(GET).await;
    assert_eq!(statuses(&client.answer().await), [200]);
    drip(&mut client, "GET / HTTP/1.1\r\nX: ".bytes().chain(std::iter::repeat_n(b'x', 200))).await;
    assert_eq!(statuses(&client.rest().await), [408]);
    assert_eq!(bench.probe.paths(), ["/"]);
}

#[tokio::test]
async fn a_connection_without_a_request_is_closed_in_silence() {
    let bench = Bench::start(Limits { header_timeout: SHORT, ..LIMITS });
    let mut client = bench.connect().await;
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn an_idle_connection_is_closed_in_silence() {
    let bench = Bench::start(Limits { idle_timeout: SHORT, ..LIMITS });
    let mut client = bench.connect().await;
    for _ in 0..3 {
        client.send(GET).await;
        assert_eq!(statuses(&client.answer().await), [200]);
    }
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn a_request_under_way_is_not_idle() {
    let bench = Bench::start(Limits { idle_timeout: SHORT, header_timeout: SHORT, ..LIMITS });
    let mut busy = bench.connect().await;
    busy.send(GET_HOLD).await;
    bench.probe.holds_one().await;
    // Another connection idles out meanwhile, twice.
    for _ in 0..2 {
        let mut idle = bench.connect().await;
        idle.send(GET).await;
        idle.answer().await;
        idle.rest().await;
    }
    bench.probe.release_one();
    assert_eq!(statuses(&busy.answer().await), [200]);
}

#[tokio::test]
async fn a_stalled_body_fails_and_ends_the_connection() {
    let bench = Bench::start(Limits { body_idle_timeout: SHORT, ..LIMITS });
    for body in ["Content-Length: 9\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n9\r\nabc"] {
        let mut client = bench.connect().await;
        client.send(format!("POST /echo HTTP/1.1\r\nHost: a\r\n{body}")).await;
        assert_eq!(statuses(&client.rest().await), [408], "{body:?}");
    }
}

#[tokio::test]
async fn a_dripping_body_is_a_stalled_one() {
    let bench = Bench::start(Limits { body_idle_timeout: SHORT, ..LIMITS });
    let mut client = bench.connect().await;
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9999\r\n\r\n").await;
    drip(&mut client, std::iter::repeat_n(b'x', 200)).await;
    assert_eq!(statuses(&client.rest().await), [408]);
}

#[tokio::test]
async fn a_slow_body_that_gets_on_is_taken() {
    let bench = Bench::start(Limits { body_idle_timeout: SHORT, ..LIMITS });
    let mut client = bench.connect().await;
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5120\r\n\r\n").await;
    let mut pace = tokio::time::interval(SHORT / 10);
    for _ in 0..20 {
        pace.tick().await;
        client.send([b'x'; 256]).await;
    }
    assert_eq!(statuses(&client.answer().await), [200]);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut() {
    let bench = Bench::start(Limits { idle_timeout: SHORT, ..LIMITS });
    let mut client = bench.connect().await;
    client.send("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let tally = bench.server.tally();
    until(|| tally.timed_out() == 1 && tally.open() == 0).await;
}

#[tokio::test]
async fn half_open_connections_do_not_hinder_a_good_client() {
    let bench = Bench::start(LIMITS);
    let mut half_open = Vec::new();
    // Both ends are in this process; more would not fit under a usual limit of 1024 descriptors.
    for index in 0..480 {
        let mut client = bench.connect().await;
        client.send(&GET[..index % GET.len()]).await;
        half_open.push(client);
    }
    let good = async {
        for _ in 0..50 {
            let mut client = bench.connect().await;
            client.send(GET).await;
            assert_eq!(statuses(&client.answer().await), [200]);
        }
    };
    tokio::time::timeout(Duration::from_secs(5), good).await.unwrap();
    assert_eq!(bench.probe.paths().len(), 50);
}
