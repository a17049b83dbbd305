//! The life of the process as a server: listening, workers, connections, shutdown.
//!
//! One acceptor a listen address, one thread with its own runtime and its own service a core. Below
//! the HTTP library every request head is judged (`head_guard`), around it every wait has an end
//! (`watch`, `timed_body`). Knows nothing of routes, accounts or configuration: it is given
//! [`Limits`] and something that can [`Serve`].
//!
//! ```text
//! listener → tcp (accept, cap) → worker (thread, runtime) → connection (tls, opening)
//!     → http1 → head_guard → framing → head, chunked        ┐
//!     → http2 → http2_head                                  ├→ Serve
//!       every wait: watch; every body: timed_body           │
//! lambda (the runtime API, events) → http2_head             ┘
//! ```

mod chunked;
mod connection;
mod exchange;
mod framing;
mod grammar;
mod head;
mod head_guard;
mod http1;
mod http2;
mod http2_head;
#[cfg(feature = "lambda")]
pub(crate) mod lambda;
mod listener;
mod opening;
mod refusal;
mod request_body;
mod rewound;
mod shutdown;
mod tally;
mod tcp;
#[cfg(test)]
mod tests;
mod timed_body;
mod tls;
mod trailers;
mod watch;
mod worker;

use std::error::Error;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Body;

pub(crate) use listener::{HandedOver, Listener, Sharing};
pub(crate) use refusal::Refusal;
pub(crate) use request_body::RequestBody;
pub(crate) use shutdown::{Drained, Shutdown};
pub(crate) use tally::Tally;
pub(crate) use tcp::Server;
pub(crate) use tls::{Tls, TlsFiles};

/// A request as a service gets it: its head judged, its body timed.
pub(crate) type GuardedRequest = Request<RequestBody>;

/// What clients may take of a server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Largest request head, request line and empty line included.
    pub(crate) head_bytes: usize,
    /// Most header lines in a request.
    pub(crate) head_fields: usize,
    /// Longest wait for the first byte of a new connection, and for the rest of a head.
    pub(crate) header_timeout: Duration,
    /// Longest wait for progress of a request body.
    pub(crate) body_idle_timeout: Duration,
    /// Longest wait for the next request, and for a client to take more of its answer.
    pub(crate) idle_timeout: Duration,
    /// Most connections at a time, over all addresses of one server.
    pub(crate) connections: usize,
    /// Longest wait for requests under way when the server stops.
    pub(crate) shutdown_timeout: Duration,
}

/// What answers the requests of one worker. Made and used on that worker's thread alone, so
/// neither it nor its futures need be `Send`.
pub(crate) trait Serve: 'static {
    /// The body of an answer.
    type Body: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + 'static;

    /// Answers one request of the client at `peer`.
    fn serve(&self, peer: SocketAddr, request: GuardedRequest) -> impl Future<Output = Response<Self::Body>>;

    /// A request is refused before it could be served. The answer is complete; `headers` may be added to it.
    fn refused(&self, _peer: SocketAddr, _refusal: Refusal, _headers: &mut HeaderMap) {}
}
