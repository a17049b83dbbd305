//! A connection that speaks HTTP/1: the HTTP library between the guard and the service, the end of
//! every wait, and the tunnel that an upgrade leaves behind.
//!
//! Knows nothing of the bytes' judgement, which is the guard's.

use std::cell::Cell;
use std::convert::Infallible;
use std::error::Error;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use http::header::{CONNECTION, UPGRADE};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::Body;
use hyper::body::Incoming;
use hyper::rt::{Read, Write};
use hyper::server::conn::http1::{self, UpgradeableConnection};
use hyper::service::{HttpService, service_fn};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio::time::{Sleep, timeout};

use super::connection::{Call, Ended};
use super::exchange::{Answer, Exchange};
use super::framing::HeadLimits;
use super::head_guard::HeadGuard;
use super::timed_body::TimedBody;
use super::watch::{Expired, LINGER, Wait, Watch};
use super::{Limits, Serve};

/// Read ahead at most; also what the library lets a body buffer grow to.
const BUFFER_BYTES: usize = 256 * 1024;
/// Header lines the library has room for without allocating.
const LIBRARY_FIELDS: usize = 100;

/// Serves the requests of one connection, of which `opening` has been read already. `is_late` says
/// that the time for its first head is over.
pub(super) async fn serve<S: Serve>(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    opening: Vec<u8>,
    is_late: bool,
    call: Call<S>,
    alarm: Pin<&mut Sleep>,
    mut stop: Pin<&mut impl Future<Output = ()>>,
) -> Ended {
    let limits = call.limits;
    let exchange = Arc::new(Exchange::default());
    let heads = HeadLimits { bytes: limits.head_bytes, fields: limits.head_fields };
    let (guard, over) = HeadGuard::new(stream, opening, heads, Arc::clone(&exchange));
    let wish = Rc::new(Cell::new(None));
    let handler = {
        let (exchange, wish) = (Arc::clone(&exchange), Rc::clone(&wish));
        service_fn(move |request| respond(request, call.clone(), Arc::clone(&exchange), &wish))
    };
    let mut ended = Ended { timed_out: is_late, ..Ended::default() };
    if is_late {
        exchange.give_up_head();
    }
    let watch = Watch::new(limits, alarm);
    let completed = {
        let connection = pin!(library(limits).serve_connection(TokioIo::new(guard), handler).with_upgrades());
        drive(connection, &exchange, watch, stop.as_mut(), &mut ended).await
    };
    match wish.take().filter(|_| completed) {
        Some(wish) if exchange.is_upgraded() => {
            drop(wish);
            ended.drained |= outlive(over, stop).await;
        }
        Some(wish) => hang_up(wish).await,
        None => {}
    }
    ended
}

/// Lets the library serve until the connection is over or its time is. Whether the library came to its end.
async fn drive<Io, S, B>(
    mut connection: Pin<&mut UpgradeableConnection<Io, S>>,
    exchange: &Exchange,
    mut watch: Watch<'_>,
    mut stop: Pin<&mut impl Future<Output = ()>>,
    ended: &mut Ended,
) -> bool
where
    Io: Read + Write + Send + Unpin + 'static,
    S: HttpService<Incoming, ResBody = B, Error = Infallible>,
    B: Body<Error: Into<Box<dyn Error + Send + Sync>>> + 'static,
{
    poll_fn(|cx| {
        loop {
            if !exchange.is_stopping() && stop.as_mut().poll(cx).is_ready() {
                exchange.stop();
                ended.drained = exchange.is_busy();
            }
            if let Poll::Ready(outcome) = connection.as_mut().poll(cx) {
                if let Err(error) = &outcome {
                    tracing::debug!(%error, "a connection ended early");
                }
                return Poll::Ready(outcome.is_ok());
            }
            match watch.poll(cx, exchange.wait()) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Expired::Head) => {
                    ended.timed_out = true;
                    exchange.give_up_head();
                }
                Poll::Ready(Expired::Request) => connection.as_mut().graceful_shutdown(),
                Poll::Ready(Expired::Finally) => {
                    ended.timed_out |= exchange.wait() != Wait::Close;
                    return Poll::Ready(false);
                }
            }
        }
    })
    .await
}

/// Answers one request. What it asks to upgrade to is passed on only if the guard lets nothing follow it.
fn respond<S: Serve>(
    mut request: Request<Incoming>,
    call: Call<S>,
    exchange: Arc<Exchange>,
    wish: &Cell<Option<OnUpgrade>>,
) -> impl Future<Output = Result<Response<Answer<S::Body>>, Infallible>> + use<S> {
    let refusal = exchange.request_arrived();
    let upgrades = exchange.asks_for_upgrade();
    if let Some(asked) = request.extensions_mut().get::<OnUpgrade>().cloned() {
        wish.set(Some(asked));
        if !upgrades {
            request.extensions_mut().remove::<OnUpgrade>();
            request.headers_mut().remove(UPGRADE);
        }
    }
    let request = request.map(|body| TimedBody::new(body, call.limits.body_idle_timeout).into());
    // On the heap for as long as it takes: the library keeps room for this future as long as the connection lives, and
    // there are many connections that only wait, or let an answer flow that has begun.
    Box::pin(async move {
        let mut response = call.answer(refusal, request).await;
        if upgrades && response.status() == StatusCode::SWITCHING_PROTOCOLS {
            exchange.upgrade();
        } else if upgrades || exchange.is_stopping() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response.map(|body| Answer::new(body, exchange)))
    })
}

/// Waits for the end of a tunnel, which is the service's affair. Whether the server was told to stop meanwhile.
async fn outlive(over: oneshot::Receiver<()>, stop: Pin<&mut impl Future<Output = ()>>) -> bool {
    let mut over = pin!(over);
    let stopped = tokio::select! {
        _ = over.as_mut() => return false,
        () = stop => true,
    };
    let _ = over.await;
    stopped
}

/// Ends a connection on which an upgrade was asked for and not granted: the library gives it back
/// to whoever waits for the upgrade, without having closed it.
async fn hang_up(wish: OnUpgrade) {
    if let Ok(mut stream) = wish.await {
        let closed = poll_fn(|cx| Pin::new(&mut stream).poll_shutdown(cx));
        // The client may be gone by now, which ends the matter as well.
        let _ = timeout(LINGER, closed).await;
    }
}

/// The HTTP library's settings. Its own head time-out stays off: the guard holds back what is not
/// whole, so the library would take a slow head for an idle connection.
fn library(limits: Limits) -> http1::Builder {
    let mut library = http1::Builder::new();
    library
        .header_read_timeout(None)
        .max_buf_size(BUFFER_BYTES.max(2 * limits.head_bytes))
        .keep_alive(true)
        .auto_date_header(true);
    if limits.head_fields > LIBRARY_FIELDS {
        library.max_headers(limits.head_fields);
    }
    library
}
