//! The server as a client sees it: raw bytes over real sockets.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod agreement;
mod floods;
mod frames;
mod http2;
mod life;
mod patience;
mod probe;
mod refusals;
mod tls;
mod upgrade;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use self::probe::Probe;
use super::*;

/// Far longer than anything takes: only a hang reaches it.
const HANG: Duration = Duration::from_secs(20);

const LIMITS: Limits = Limits {
    head_bytes: 16 * 1024,
    head_fields: 64,
    header_timeout: HANG,
    body_idle_timeout: HANG,
    idle_timeout: HANG,
    connections: 1024,
    shutdown_timeout: HANG,
};

/// An address of its own, in clear text.
fn listener() -> Listener {
    Listener::bind(([127, 0, 0, 1], 0).into(), Sharing::Alone, "--listen").unwrap()
}

/// A server of two workers on a port of its own.
struct Bench {
    probe: Probe,
    server: Server,
    address: SocketAddr,
}

impl Bench {
    fn start(limits: Limits) -> Self {
        Self::start_on(listener(), limits)
    }

    fn start_on(listener: Listener, limits: Limits) -> Self {
        let probe = Probe::new();
        let address = listener.address();
        let workers = NonZeroUsize::new(2).unwrap();
        let service = probe.clone();
        let server = Server::start(vec![listener], limits, workers, move |_| service.clone()).unwrap();
        Self { probe, server, address }
    }

    async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }
}

/// A client that says exactly what it is told.
struct Client(TcpStream);

impl Client {
    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Reads one answer with a `Content-Length`.
    async fn answer(&mut self) -> String {
        let mut answer = Vec::new();
        let read = async {
            while !is_whole(&answer) {
                let byte = self.0.read_u8().await.unwrap();
                answer.push(byte);
            }
        };
        tokio::time::timeout(HANG, read).await.unwrap();
        String::from_utf8(answer).unwrap()
    }

    /// Reads everything until the server closes in good order.
    async fn rest(&mut self) -> String {
        let mut rest = String::new();
        tokio::time::timeout(HANG, self.0.read_to_string(&mut rest)).await.unwrap().unwrap();
        rest
    }
}

fn is_whole(answer: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(answer) else {
        return false;
    };
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}

/// The status codes of answers that follow each other in `text`.
fn statuses(text: &str) -> Vec<u16> {
    let starts = text.split("HTTP/1.1 ").skip(1);
    starts.map(|answer| answer[..3].parse().unwrap()).collect()
}

/// Waits for something that no socket tells.
async fn until(what: impl Fn() -> bool) {
    let poll = async {
        while !what() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(HANG, poll).await.unwrap();
}

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const GET_HOLD: &str = "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n";
