//! A request as it goes to a service, and its body, which says how far it has got. Knows no connection.

use std::error::Error;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONNECTION, HOST, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, Version};
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Either, Full};

use crate::inject::{Outgoing, body_fault};
use crate::refusal::Refusal;
use crate::route::Route;
use crate::strip::strip_trailers;
use crate::upstream::Endpoint;

type Fault = Box<dyn Error + Send + Sync>;

/// A request on its way, as often as it may be sent.
pub(crate) struct Shipment {
    pub(crate) method: Method,
    target: PathAndQuery,
    /// Where that begins which is appended to the service's own path; `None` if the target is the service's.
    rest_at: Option<usize>,
    upgrade: Option<HeaderValue>,
    body_limit: u64,
    /// What has not been given away.
    cargo: Option<(HeaderMap, Source)>,
}

/// Where a body comes from.
enum Source {
    Whole(Full<Bytes>),
    Streamed(UnsyncBoxBody<Bytes, Fault>),
}

impl Shipment {
    /// A client's request, for the services of a route.
    pub(crate) fn new<B>(route: &Route, target: PathAndQuery, head: Parts, body: Outgoing<B>) -> Self
    where
        B: Body<Data = Bytes, Error: Into<Fault>> + Send + Unpin + 'static,
    {
        let source = match body {
            Either::Left(whole) => Source::Whole(whole),
            Either::Right(streamed) if streamed.is_end_stream() => Source::Whole(Full::default()),
            Either::Right(streamed) => Source::Streamed(streamed.boxed_unsync()),
        };
        let path = target.path();
        Self {
            method: head.method,
            rest_at: Some(path.len() - route.path.rest(path).map_or(0, str::len)),
            target,
            upgrade: None,
            body_limit: route.body_limit,
            cargo: Some((head.headers, source)),
        }
    }

    /// A question of our own to a service.
    pub(crate) fn question(target: PathAndQuery) -> Self {
        let cargo = Some((HeaderMap::new(), Source::Whole(Full::default())));
        Self { method: Method::GET, target, rest_at: None, upgrade: None, body_limit: 0, cargo }
    }

    /// With the wish to speak another protocol.
    pub(crate) fn wishing(self, upgrade: Option<HeaderValue>) -> Self {
        Self { upgrade, ..self }
    }

    /// Whether another protocol is wished for.
    pub(crate) fn is_upgrade(&self) -> bool {
        self.upgrade.is_some()
    }

    /// Whether it can be sent (once more).
    pub(crate) fn is_here(&self) -> bool {
        self.cargo.is_some()
    }

    /// The request for a service: the judged path under the service's own, the headers, the body. Keeps a copy if
    /// `again` asks for one and the body can be sent twice.
    pub(crate) fn request(&mut self, endpoint: &Endpoint, http2: bool, again: bool) -> Result<Request<Sent>, Refusal> {
        let (mut headers, source) = self.cargo.take().ok_or(Refusal::Internal)?;
        if let (true, Source::Whole(body)) = (again, &source) {
            self.cargo = Some((headers.clone(), Source::Whole(body.clone())));
        }
        let target = match self.rest_at.and_then(|begin| self.target.path().get(begin..)) {
            Some(rest) => endpoint.upstream.target(rest, &self.target).map_err(|_| Refusal::Internal)?,
            None => self.target.clone(),
        };
        let body = Sent::new(source, self.body_limit);
        let uri = if http2 {
            endpoint.upstream.uri(target).map_err(|_| Refusal::Internal)?
        } else {
            headers.insert(HOST, endpoint.host.clone());
            if let Some(protocol) = &self.upgrade {
                headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
                headers.insert(UPGRADE, protocol.clone());
            }
            if !body.is_end_stream() && body.size_hint().exact().is_none() {
                // Said aloud, because hyper takes a GET without a length to have no body.
                headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
            }
            Uri::from(target)
        };
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri;
        *request.version_mut() = if http2 { Version::HTTP_2 } else { Version::HTTP_11 };
        *request.headers_mut() = headers;
        Ok(request)
    }

    /// Takes back a request of which nothing was sent.
    pub(crate) fn take_back(&mut self, request: Request<Sent>) {
        let (head, body) = request.into_parts();
        let mut headers = head.headers;
        for name in [HOST, CONNECTION, UPGRADE, TRANSFER_ENCODING] {
            headers.remove(name);
        }
        self.cargo = Some((headers, body.source));
    }
}

/// What may not stand in a head may not follow in its trailers either.
fn without_forged_trailers(frame: Frame<Bytes>) -> Frame<Bytes> {
    match frame.into_trailers() {
        Ok(mut trailers) => {
            strip_trailers(&mut trailers);
            Frame::trailers(trailers)
        }
        Err(frame) => frame,
    }
}

/// How far a body has got that comes from the client piece by piece.
#[derive(Default)]
pub(crate) struct Progress {
    pieces: AtomicU32,
    /// The client is waited for, not the service.
    awaits_client: AtomicBool,
    is_over: AtomicBool,
    fault: Mutex<Option<Refusal>>,
}

impl Progress {
    /// Whether the service has got all there is.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Whether the client is waited for now.
    pub(crate) fn awaits_client(&self) -> bool {
        self.awaits_client.load(Ordering::Relaxed)
    }

    /// A mark that moves with the body.
    pub(crate) fn pieces(&self) -> u32 {
        self.pieces.load(Ordering::Relaxed)
    }

    /// What was wrong with the client's body, if anything was.
    pub(crate) fn take_fault(&self) -> Option<Refusal> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A body that is being sent.
pub(crate) struct Sent {
    source: Source,
    limit: u64,
    report: Option<Report>,
}

/// Whoever lets a body go has no more use for it.
struct Report(Arc<Progress>);

impl Drop for Report {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::Relaxed);
    }
}

impl Sent {
    fn new(source: Source, limit: u64) -> Self {
        let report = matches!(source, Source::Streamed(_)).then(|| Report(Arc::default()));
        Self { source, limit, report }
    }

    /// How far it gets, if that depends on the client.
    pub(crate) fn progress(&self) -> Option<Arc<Progress>> {
        self.report.as_ref().map(|report| Arc::clone(&report.0))
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        let sent = self.get_mut();
        let streamed = match &mut sent.source {
            Source::Whole(body) => return Pin::new(body).poll_frame(cx).map_err(|never| match never {}),
            Source::Streamed(body) => body,
        };
        let frame = Pin::new(&mut *streamed).poll_frame(cx).map_ok(without_forged_trailers);
        if let Some(Report(progress)) = &sent.report {
            progress.awaits_client.store(frame.is_pending(), Ordering::Relaxed);
            match &frame {
                Poll::Pending => {}
                Poll::Ready(Some(Ok(_))) => {
                    progress.pieces.fetch_add(1, Ordering::Relaxed);
                    progress.is_over.store(streamed.is_end_stream(), Ordering::Relaxed);
                }
                Poll::Ready(None) => progress.is_over.store(true, Ordering::Relaxed),
                Poll::Ready(Some(Err(error))) => {
                    let fault = body_fault(&**error, sent.limit);
                    *progress.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
                }
            }
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Whole(body) => body.is_end_stream(),
            Source::Streamed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Whole(body) => body.size_hint(),
            Source::Streamed(body) => body.size_hint(),
        }
    }
}
