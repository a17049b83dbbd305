//! A service that does what the path of a request says, and remembers what it saw.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONNECTION, TRAILER, UPGRADE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{copy, split};
use tokio::sync::Semaphore;

use super::{GuardedRequest, Refusal, Serve};

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

/// A body of which nothing ever comes.
pub(super) struct Silent;

impl Body for Silent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

/// A service that does what the path says.
#[derive(Clone)]
pub(super) struct Probe(Arc<Seen>);

impl Probe {
    pub(super) fn new() -> Self {
        Self(Arc::new(Seen {
            paths: Mutex::default(),
            refusals: Mutex::default(),
            held: Semaphore::new(0),
            release: Semaphore::new(0),
        }))
    }

    pub(super) fn paths(&self) -> Vec<String> {
        self.0.paths.lock().unwrap().clone()
    }

    pub(super) fn refusals(&self) -> Vec<Refusal> {
        self.0.refusals.lock().unwrap().clone()
    }

    /// Waits until a request waits in `/hold`.
    pub(super) async fn holds_one(&self) {
        self.0.held.acquire().await.unwrap().forget();
    }

    pub(super) fn release_one(&self) {
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
    type Body = UnsyncBoxBody<Bytes, Infallible>;

    async fn serve(&self, _peer: SocketAddr, mut request: GuardedRequest) -> Response<Self::Body> {
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
            "/endless" => return Response::new(Endless.boxed_unsync()),
            "/trailers" => return with_trailers(request).await,
            "/upgrade" if let Some(upgrade) = request.extensions_mut().remove::<OnUpgrade>() => {
                return upgrade_to_echo(upgrade);
            }
            "/decline" => (StatusCode::FORBIDDEN, Bytes::from_static(b"declined")),
            "/head" => {
                (StatusCode::OK, format!("{:?} {} {:?}", request.version(), request.uri(), request.headers()).into())
            }
            "/panic" => panic!("as asked"),
            _ => (StatusCode::OK, Bytes::from_static(b"ok")),
        };
        let mut response = Response::new(Full::new(body).boxed_unsync());
        *response.status_mut() = status;
        response
    }

    fn refused(&self, _peer: SocketAddr, refusal: Refusal, _headers: &mut HeaderMap) {
        self.0.refusals.lock().unwrap().push(refusal);
    }
}

/// Answers with the trailers of the request as text, and with one of its own.
async fn with_trailers(request: GuardedRequest) -> Response<UnsyncBoxBody<Bytes, Infallible>> {
    let seen = request.into_body().collect().await.unwrap();
    let seen = format!("{:?}", seen.trailers().cloned().unwrap_or_default());
    let own = HeaderMap::from_iter([("x-sum".parse().unwrap(), HeaderValue::from_static("1"))]);
    let body = Full::from(seen).with_trailers(std::future::ready(Some(Ok(own))));
    // Mapped to itself, it does not say its length, and HTTP/1 has trailers only after chunks.
    let mut response = Response::new(body.map_frame(|frame| frame).boxed_unsync());
    response.headers_mut().insert(TRAILER, HeaderValue::from_static("x-sum"));
    response
}

/// Grants an upgrade, and sends back what comes through the tunnel.
fn upgrade_to_echo(upgrade: OnUpgrade) -> Response<UnsyncBoxBody<Bytes, Infallible>> {
    tokio::task::spawn_local(async move {
        let (mut reader, mut writer) = split(TokioIo::new(upgrade.await.unwrap()));
        // A client that breaks the tunnel off ends it as well.
        let _ = copy(&mut reader, &mut writer).await;
    });
    let mut response = Response::new(Full::default().boxed_unsync());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
    response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
    response
}
