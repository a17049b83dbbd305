//! The runtime API of AWS Lambda: asks for the next invocation and hands over what came of it, over one connection to
//! the machine's own supervisor.
//!
//! Owns the paths and headers of that API, and of the one for extensions as far as it is needed to be told of the end.
//! Knows no event and no answer.

use std::cell::RefCell;
use std::error::Error;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue, TRAILER};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::answer::ERROR_TYPE;

const RUNTIME: &str = "/2018-06-01/runtime";
const EXTENSION: &str = "/2020-01-01/extension";
const REQUEST_ID: &str = "lambda-runtime-aws-request-id";
const DEADLINE: &str = "lambda-runtime-deadline-ms";
const ECHOED: HeaderName = HeaderName::from_static("lambda-runtime-invocation-id");
const RESPONSE_MODE: HeaderName = HeaderName::from_static("lambda-runtime-function-response-mode");
const HTTP_RESPONSE: HeaderValue = HeaderValue::from_static("application/vnd.awslambda.http-integration-response");
const EXTENSION_NAME: HeaderName = HeaderName::from_static("lambda-extension-name");
const EXTENSION_ID: HeaderName = HeaderName::from_static("lambda-extension-identifier");
/// More than any event may have.
const EVENT_BYTES: usize = 16 * 1024 * 1024;
/// Of a deadline that is none: an emulator tells how long instead of until when.
const EARLIEST_DEADLINE_MS: i64 = 1_000_000_000_000;
/// The longest that a function may be set to run; what holds where no deadline is told.
const LONGEST_RUN: Duration = Duration::from_mins(15);

type Outgoing = Pin<Box<dyn Body<Data = Bytes, Error = Box<dyn Error + Send + Sync>>>>;

/// Why the API was not reached, or did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// Nobody listens there.
    #[error("the runtime API at {address} cannot be reached: {source}")]
    Unreachable {
        /// Where.
        address: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The conversation broke off.
    #[error("the runtime API does not answer: {0}")]
    BrokenOff(#[from] hyper::Error),
    /// It said no.
    #[error("the runtime API answers {0}")]
    Refused(StatusCode),
    /// It said what makes no sense.
    #[error("the runtime API says what cannot be read: {0}")]
    Unreadable(&'static str),
}

/// Something to answer.
pub(super) struct Invocation {
    pub(super) id: String,
    /// When AWS cuts it off.
    pub(super) deadline: Instant,
    /// What it was called with; none if it is too much.
    pub(super) event: Option<Bytes>,
    echo: Option<HeaderValue>,
}

/// The API.
pub(crate) struct RuntimeApi {
    address: String,
    /// Before every path; an emulator has one.
    base: String,
    kept: RefCell<Option<SendRequest<Outgoing>>>,
}

impl RuntimeApi {
    /// The one that `AWS_LAMBDA_RUNTIME_API` names.
    pub(crate) fn at(name: &str) -> Self {
        let name = name.strip_prefix("http://").unwrap_or(name);
        let (address, base) = name.split_once('/').map_or((name, String::new()), |(at, base)| (at, format!("/{base}")));
        Self { address: address.to_owned(), base: base.trim_end_matches('/').to_owned(), kept: RefCell::default() }
    }

    /// Waits for something to answer.
    pub(super) async fn next(&self, now: impl Fn() -> Timestamp) -> Result<Invocation, ApiError> {
        let answer = self.call(Method::GET, &format!("{RUNTIME}/invocation/next"), HeaderMap::new(), nothing()).await?;
        let text = |name| answer.headers().get(name).and_then(|value| value.to_str().ok());
        let id = text(REQUEST_ID).ok_or(ApiError::Unreadable("an invocation without an id"))?.to_owned();
        let told = text(DEADLINE).and_then(|deadline| deadline.parse().ok());
        let deadline = Instant::now() + time_left(told, now());
        let echo = answer.headers().get(ECHOED).cloned();
        let event =
            Limited::new(answer.into_body(), EVENT_BYTES).collect().await.ok().map(http_body_util::Collected::to_bytes);
        Ok(Invocation { id, deadline, event, echo })
    }

    /// Hands over the answer as a whole.
    pub(super) async fn answer(&self, invocation: &Invocation, answer: Vec<u8>) -> Result<(), ApiError> {
        let body = whole(answer);
        self.conclude(invocation, "response", HeaderMap::new(), body).await
    }

    /// Hands over the answer as it comes.
    pub(super) async fn stream(
        &self,
        invocation: &Invocation,
        answer: impl Body<Data = Bytes, Error = Box<dyn Error + Send + Sync>> + 'static,
    ) -> Result<(), ApiError> {
        let headers = HeaderMap::from_iter([
            (CONTENT_TYPE, HTTP_RESPONSE),
            (RESPONSE_MODE, HeaderValue::from_static("streaming")),
            (TRAILER, HeaderValue::from_static("Lambda-Runtime-Function-Error-Type")),
        ]);
        self.conclude(invocation, "response", headers, Box::pin(answer)).await
    }

    /// Says that there is no answer.
    pub(super) async fn fail(&self, invocation: &Invocation, kind: &'static str, why: &str) -> Result<(), ApiError> {
        self.conclude(invocation, "error", of_error(kind), error(kind, why)).await
    }

    /// Says that there will be no answers at all.
    pub(crate) async fn fail_to_start(&self, why: &str) -> Result<(), ApiError> {
        const KIND: &str = "Doorward.Configuration";
        let answer =
            self.call(Method::POST, &format!("{RUNTIME}/init/error"), of_error(KIND), error(KIND, why)).await?;
        done(answer).await
    }

    /// Has the process told before it is ended, which AWS does only for extensions; one that wants no events costs none.
    pub(super) async fn ask_to_be_told_of_the_end(&self) -> Result<(), ApiError> {
        let headers = HeaderMap::from_iter([(EXTENSION_NAME, HeaderValue::from_static("doorward"))]);
        let body = whole(json!({"events": []}).to_string().into_bytes());
        let answer = self.call(Method::POST, &format!("{EXTENSION}/register"), headers, body).await?;
        let id = answer.headers().get(EXTENSION_ID).cloned();
        let id = id.ok_or(ApiError::Unreadable("an extension without an id"))?;
        done(answer).await?;
        // A connection of its own: the question is never answered.
        let own = Self { address: self.address.clone(), base: self.base.clone(), kept: RefCell::default() };
        tokio::task::spawn_local(async move {
            let headers = HeaderMap::from_iter([(EXTENSION_ID, id)]);
            if let Err(error) = own.call(Method::GET, &format!("{EXTENSION}/event/next"), headers, nothing()).await {
                tracing::debug!(%error, "the extension is not waited for");
            }
        });
        Ok(())
    }

    async fn conclude(
        &self,
        invocation: &Invocation,
        with: &str,
        mut headers: HeaderMap,
        body: Outgoing,
    ) -> Result<(), ApiError> {
        headers.extend(invocation.echo.clone().map(|echo| (ECHOED, echo)));
        let path = format!("{RUNTIME}/invocation/{}/{with}", invocation.id);
        done(self.call(Method::POST, &path, headers, body).await?).await
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Outgoing,
    ) -> Result<Response<Incoming>, ApiError> {
        let mut connection = self.connection().await?;
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() =
            format!("{}{path}", self.base).parse().map_err(|_| ApiError::Unreadable("an id that is none"))?;
        *request.headers_mut() = headers;
        let host = HeaderValue::from_str(&self.address).map_err(|_| ApiError::Unreadable("an address that is none"))?;
        request.headers_mut().insert(HOST, host);
        let answer = connection.send_request(request).await?;
        *self.kept.borrow_mut() = Some(connection);
        if answer.status().is_success() { Ok(answer) } else { Err(ApiError::Refused(answer.status())) }
    }

    /// The connection there is, if it will do for another request.
    async fn connection(&self) -> Result<SendRequest<Outgoing>, ApiError> {
        let kept = self.kept.take();
        if let Some(mut kept) = kept
            && kept.ready().await.is_ok()
        {
            return Ok(kept);
        }
        let unreachable = |source| ApiError::Unreachable { address: self.address.clone(), source };
        let stream = TcpStream::connect(&self.address).await.map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::task::spawn_local(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "the connection to the runtime API ended early");
            }
        });
        Ok(sender)
    }
}

/// How long until a deadline, in milliseconds since 1970.
fn time_left(deadline: Option<i64>, now: Timestamp) -> Duration {
    let Some(deadline) = deadline else { return LONGEST_RUN };
    let is_moment = deadline >= EARLIEST_DEADLINE_MS;
    let left = if is_moment { deadline.saturating_sub(now.as_millisecond()) } else { deadline };
    Duration::from_millis(u64::try_from(left).unwrap_or(0)).min(LONGEST_RUN)
}

fn nothing() -> Outgoing {
    whole(Vec::new())
}

fn whole(body: Vec<u8>) -> Outgoing {
    Box::pin(Full::new(Bytes::from(body)).map_err(|never| match never {}))
}

fn of_error(kind: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(ERROR_TYPE, HeaderValue::from_static(kind))])
}

fn error(kind: &'static str, why: &str) -> Outgoing {
    whole(json!({"errorMessage": why, "errorType": kind, "stackTrace": []}).to_string().into_bytes())
}

/// Reads to the end, so that the connection may be used again.
async fn done(answer: Response<Incoming>) -> Result<(), ApiError> {
    Limited::new(answer.into_body(), EVENT_BYTES).collect().await.map_err(|_| ApiError::Unreadable("too much"))?;
    Ok(())
}
