//! One connection from its first byte to its last: TLS if the address has it, and then the protocol
//! that the client speaks.
//!
//! Owns that choice and what happens alike in both protocols. Knows nothing of other connections.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;

use bytes::Bytes;
use http::Response;
use http_body_util::{Either, Full};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;

use super::opening::{self, Opening};
use super::shutdown::Said;
use super::{GuardedRequest, Limits, Refusal, Serve, http1, http2, tls};

/// How a connection ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ended {
    /// A request was under way when the server was told to stop.
    pub(super) drained: bool,
    /// The client kept the server waiting too long.
    pub(super) timed_out: bool,
    /// Requests of HTTP/2 lost to a panic, each without its connection.
    pub(super) panics: usize,
}

/// Serves a connection in clear text until it ends. `stop` ends when the server is told to.
pub(super) async fn serve<S: Serve>(
    mut stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    peer: SocketAddr,
    service: Rc<S>,
    limits: Limits,
    stop: impl Future<Output = ()>,
) -> Ended {
    let mut stop = pin!(Said::new(stop));
    let mut alarm = pin!(sleep_until(Instant::now() + limits.header_timeout));
    let call = Call { peer, service, limits };
    let (opening, is_late) = match opening::read(&mut stream, alarm.as_mut(), stop.as_mut()).await {
        Opening::Http1(bytes) => (bytes, false),
        Opening::Late(bytes) => (bytes, true),
        Opening::Http2(bytes) => {
            // Rare beside HTTP/1, whose connections shall not carry its size.
            return Box::pin(http2::serve(stream, bytes, call, alarm, stop)).await;
        }
        Opening::Nothing => return Ended::default(),
    };
    http1::serve(stream, opening, is_late, call, alarm, stop).await
}

/// The same over TLS, where client and server agree on the protocol beforehand.
pub(super) async fn serve_encrypted<S: Serve>(
    acceptor: TlsAcceptor,
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    peer: SocketAddr,
    service: Rc<S>,
    limits: Limits,
    stop: impl Future<Output = ()>,
) -> Ended {
    let stream = match timeout(limits.header_timeout, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::debug!(%error, "no TLS with a client");
            return Ended::default();
        }
        Err(_) => return Ended { timed_out: true, ..Ended::default() },
    };
    let stop = pin!(Said::new(stop));
    let alarm = pin!(sleep_until(Instant::now() + limits.header_timeout));
    let call = Call { peer, service, limits };
    if tls::agreed_on_http2(&stream) {
        http2::serve(stream, Vec::new(), call, alarm, stop).await
    } else {
        http1::serve(stream, Vec::new(), false, call, alarm, stop).await
    }
}

/// Who answers the requests of one connection, and on which terms.
pub(super) struct Call<S> {
    pub(super) peer: SocketAddr,
    pub(super) service: Rc<S>,
    pub(super) limits: Limits,
}

impl<S> Clone for Call<S> {
    fn clone(&self) -> Self {
        Self { peer: self.peer, service: Rc::clone(&self.service), limits: self.limits }
    }
}

impl<S: Serve> Call<S> {
    /// The refusal if there is one, or else what the service answers.
    pub(super) async fn answer(
        &self,
        refusal: Option<Refusal>,
        request: GuardedRequest,
    ) -> Response<Either<Full<Bytes>, S::Body>> {
        match refusal {
            Some(refusal) => {
                let mut response = refusal.response();
                self.service.refused(self.peer, refusal, response.headers_mut());
                response.map(Either::Left)
            }
            None => self.service.serve(self.peer, request).await.map(Either::Right),
        }
    }
}
