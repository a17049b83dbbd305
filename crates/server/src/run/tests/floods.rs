//! HTTP/2 clients that pile things up. Each costs its own connection, and no memory to speak of.

use super::frames::*;
use super::*;

/// More than any of the bounds.
const MANY: usize = 20_000;
/// What a flood may cost, with all that the tests themselves need.
const MEMORY_KIB: u64 = 64 * 1024;

/// Memory of this process, which is the server's too.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

/// Sends `flood` until the server has had enough, while it answers another client.
async fn assert_ended(bench: &Bench, flood: impl Iterator<Item = Vec<u8>>) {
    let before = resident_kib();
    let mut client = connect(bench).await;
    let (mut reader, mut writer) = client.0.split();
    let sending = async {
        for frames in flood {
            if writer.write_all(&frames).await.is_err() {
                return;
            }
        }
    };
    let ending = async {
        let mut answers = Vec::new();
        // A flood that is cut off in the middle ends with a reset.
        let _ = reader.read_to_end(&mut answers).await;
    };
    tokio::time::timeout(HANG, async { tokio::join!(sending, ending) }).await.unwrap();
    assert!(resident_kib() < before + MEMORY_KIB, "{} KiB after {before}", resident_kib());
    let mut good = bench.connect().await;
    good.send(GET).await;
    assert_eq!(statuses(&good.answer().await), [200]);
    until(|| bench.server.tally().open() <= 1).await;
}

/// The streams that a client may open, in order.
fn streams() -> impl Iterator<Item = u32> {
    (1..).step_by(2).take(MANY)
}

#[tokio::test]
async fn requests_taken_back_at_once_end_the_connection() {
    let bench = Bench::start(LIMITS);
    let opened = request("GET", "/hold");
    let flood = streams().map(|stream| {
        let reset = frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes());
        [frame(HEADERS, END_STREAM | END_HEADERS, stream, &opened), reset].concat()
    });
    assert_ended(&bench, flood).await;
    assert!(bench.probe.paths().len() < MANY / 10, "{} reached the service", bench.probe.paths().len());
}

#[tokio::test]
async fn requests_that_the_server_must_reset_end_the_connection() {
    let bench = Bench::start(LIMITS);
    let malformed = [request("GET", "/"), block(&[("connection", "close")])].concat();
    let flood = streams().map(|stream| frame(HEADERS, END_STREAM | END_HEADERS, stream, &malformed));
    assert_ended(&bench, flood).await;
    assert_eq!(bench.probe.paths(), ["/"]);
}

#[tokio::test]
async fn a_head_without_end_ends_the_connection() {
    for piece in [Vec::new(), block(&[("x", "y")]), block(&[("x", &"y".repeat(100))]).repeat(100)] {
        let bench = Bench::start(LIMITS);
        let begun = frame(HEADERS, END_STREAM, 1, &request("GET", "/never"));
        let more = std::iter::repeat_n(frame(CONTINUATION, 0, 1, &piece), MANY);
        assert_ended(&bench, std::iter::once(begun).chain(more)).await;
        assert_eq!(bench.probe.paths(), ["/"]);
    }
}

#[tokio::test]
async fn empty_pieces_of_a_body_end_the_connection() {
    for piece in [&b""[..], b"x"] {
        let bench = Bench::start(LIMITS);
        let begun = frame(HEADERS, END_HEADERS, 1, &request("POST", "/hold"));
        let more = std::iter::repeat_n(frame(DATA, 0, 1, piece).repeat(100), MANY);
        assert_ended(&bench, std::iter::once(begun).chain(more)).await;
    }
}

#[tokio::test]
async fn a_header_bomb_ends_the_connection() {
    let bench = Bench::start(LIMITS);
    // One large header in the table, and then a byte for each time it is sent again.
    let text = "y".repeat(4000);
    let entry = [&[0x40, 1, b'x', 0x7f][..], &[0xa1, 0x1e], text.as_bytes()].concat();
    let bomb = [request("GET", "/bomb"), entry, vec![0xbe; 8000]].concat();
    let flood = streams().map(|stream| frame(HEADERS, END_STREAM | END_HEADERS, stream, &bomb));
    assert_ended(&bench, flood.take(200)).await;
    assert_eq!(bench.probe.paths(), ["/"]);
}

#[tokio::test]
async fn pings_and_settings_that_nobody_reads_are_not_piled_up() {
    let bench = Bench::start(Limits { idle_timeout: Duration::from_millis(300), ..LIMITS });
    let before = resident_kib();
    let mut client = connect(&bench).await;
    let pair = [frame(PING, 0, 0, &[0; 8]), frame(SETTINGS, 0, 0, &[])].concat().repeat(100);
    for _ in 0..MANY {
        // The answers fill the client's side, and then nothing more is taken from it.
        let sent = tokio::time::timeout(Duration::from_millis(100), client.0.write_all(&pair)).await;
        if !matches!(sent, Ok(Ok(()))) {
            break;
        }
    }
    assert!(resident_kib() < before + MEMORY_KIB, "{} KiB after {before}", resident_kib());
}
