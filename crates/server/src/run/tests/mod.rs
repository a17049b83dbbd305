//! The server as a client sees it: raw bytes over real sockets.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod agreement;
mod life;
mod patience;
mod refusals;

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Either, Full};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

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

/// What the test service has seen, and what it waits for.
struct Seen {
    /// The paths of all requests served, in order.
    paths: Mutex<Vec<String>>,
    refusals: Mutex<Vec<Refusal>>,
    /// A permit for every request that waits in `/hold`.
    held: Semaphore,
    /// A permit lets one of them go.
    release: Semaphore,
}

#[derive(Clone)]
struct Probe(Arc<Seen>);

impl Probe {
    fn new() -> Self {
        Self(Arc::new(Seen {
            paths: Mutex::default(),
            refusals: Mutex::default(),
            held: Semaphore::new(0),
            release: Semaphore::new(0),
        }))
    }

    fn paths(&self) -> Vec<String> {
        self.0.paths.lock().unwrap().clone()
    }

    fn refusals(&self) -> Vec<Refusal> {
        self.0.refusals.lock().unwrap().clone()
    }

    /// Waits until a request waits in `/hold`.
    async fn holds_one(&self) {
        self.0.held.acquire().await.unwrap().forget();
    }

    fn release_one(&self) {
        self.0.release.add_permits(1);
    }
}

/// A body without end, for a client that does not read.
struct Endless;

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 16 * 1024])))))
    }
}

impl Serve for Probe {
    type Body = Either<Full<Bytes>, Endless>;

    async fn serve(&self, _peer: SocketAddr, request: GuardedRequest) -> Response<Self::Body> {
        let path = request.uri().path().to_owned();
        self.0.paths.lock().unwrap().push(path.clone());
        let (status, body) = match path.as_str() {
            "/hold" => {
                self.0.held.add_permits(1);
                self.0.release.acquire().await.unwrap().forget();
                (StatusCode::OK, Bytes::from_static(b"held"))
            }
            "/echo" => match request.into_body().collect().await {
                Ok(body) => (StatusCode::OK, body.to_bytes()),
                Err(error) => match error.kind() {
                    ErrorKind::TimedOut => (StatusCode::REQUEST_TIMEOUT, Bytes::new()),
                    ErrorKind::InvalidData => (StatusCode::BAD_REQUEST, Bytes::new()),
                    _ => (StatusCode::IM_A_TEAPOT, Bytes::new()),
                },
            },
            "/endless" => return Response::new(Either::Right(Endless)),
            "/panic" => panic!("as asked"),
            _ => (StatusCode::OK, Bytes::from_static(b"ok")),
        };
        let mut response = Response::new(Either::Left(Full::new(body)));
        *response.status_mut() = status;
        response
    }

    fn refused(&self, _peer: SocketAddr, refusal: Refusal, _headers: &mut HeaderMap) {
        self.0.refusals.lock().unwrap().push(refusal);
    }
}

/// A server of two workers on a port of its own.
struct Bench {
    probe: Probe,
    server: Server,
    address: SocketAddr,
}

impl Bench {
    fn start(limits: Limits) -> Self {
        let probe = Probe::new();
        let listener = Listener::bind(([127, 0, 0, 1], 0).into(), Sharing::Alone, "--listen").unwrap();
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
