//! The only HTTP client that serves identity: asks for one small document, and trusts nothing about who answers.
//!
//! One connection per question (they are rare), one deadline over everything, a bounded body, no redirects, no
//! compression. Knows nothing of what it asks for.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, USER_AGENT};
use http::uri::Scheme;
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, HttpInfo};
use hyper_util::rt::TokioExecutor;
use jiff::Timestamp;
use url::Url;

use crate::dial::{DialError, Dialer, Reach, Resolve};
use crate::trust::{BadCertificates, Trust};

/// Longest time from the first look-up to the last byte.
const DEADLINE: Duration = Duration::from_secs(5);
/// Largest answer.
const MOST_BYTES: usize = 1024 * 1024;
const AGENT: &str = concat!("doorward/", env!("CARGO_PKG_VERSION"));

/// Why a document could not be fetched. Safe to show: tells nothing of what the other side wrote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// Not a URL that is fetched at all.
    #[error("its address is not an http or https URL without credentials")]
    BadUrl,
    /// Nobody there, or nobody who may be reached.
    #[error("{0}")]
    Unreachable(String),
    /// Too slow.
    #[error("it did not answer completely within {} s", .0.as_secs_f32())]
    Deadline(Duration),
    /// It sends us elsewhere.
    #[error("it answers with a redirect, which is never followed")]
    Redirect,
    /// Neither the document nor a redirect.
    #[error("it answers with status {0}")]
    Status(u16),
    /// More than anybody needs.
    #[error("its answer is larger than {} KiB", MOST_BYTES / 1024)]
    TooLarge,
}

/// What is asked beside the address.
#[derive(Debug, Default)]
pub(crate) struct Question {
    /// Who asks; marked as sensitive.
    pub(crate) authorization: Option<HeaderValue>,
    /// A form to send; without one it is a GET.
    pub(crate) form: Option<String>,
}

/// What was answered.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
    /// Who answered.
    pub(crate) peer: IpAddr,
    /// What time it is there.
    pub(crate) date: Option<Timestamp>,
}

impl Answer {
    /// The answer, if it is what was asked for.
    pub(crate) fn ok(self) -> Result<Self, OutboundError> {
        if self.status == StatusCode::OK { Ok(self) } else { Err(OutboundError::Status(self.status.as_u16())) }
    }
}

/// How others are reached.
#[derive(Clone, Debug, Default)]
pub struct OutboundSettings {
    /// Whether http is spoken to everybody (for development); otherwise to loopback and private addresses only.
    pub allow_insecure: bool,
    /// Where a host (in lower case) and port are instead of where the name system says.
    pub resolve: Vec<(String, u16, SocketAddr)>,
    /// Certificates to trust beside the machine's, as PEM.
    pub extra_ca: Option<Vec<u8>>,
}

/// The client. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Outbound {
    allow_insecure: bool,
    resolve: Arc<Resolve>,
    trust: Trust,
    deadline: Duration,
}

impl Outbound {
    /// A client with these settings.
    pub fn new(settings: OutboundSettings) -> Result<Self, BadCertificates> {
        let resolve = settings.resolve.into_iter().map(|(host, port, address)| ((host, port), address));
        Ok(Self {
            allow_insecure: settings.allow_insecure,
            resolve: Arc::new(resolve.collect()),
            trust: Trust::new(settings.extra_ca.as_deref())?,
            deadline: DEADLINE,
        })
    }

    /// The same with less patience.
    #[cfg(test)]
    pub(crate) fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Fetches a document.
    pub(crate) async fn get(&self, url: &Url, reach: Reach) -> Result<Answer, OutboundError> {
        self.ask(url, reach, Question::default()).await?.ok()
    }

    /// Asks, and takes any answer but a redirect.
    pub(crate) async fn ask(&self, url: &Url, reach: Reach, question: Question) -> Result<Answer, OutboundError> {
        let exchange = tokio::time::timeout(self.deadline, self.exchange(url, reach, question)).await;
        exchange.unwrap_or(Err(OutboundError::Deadline(self.deadline)))
    }

    async fn exchange(&self, url: &Url, reach: Reach, question: Question) -> Result<Answer, OutboundError> {
        let uri = fetchable(url).ok_or(OutboundError::BadUrl)?;
        let secure = uri.scheme() == Some(&Scheme::HTTPS);
        let request = question.request(uri)?;
        let dialer = Dialer { reach, allow_insecure: self.allow_insecure, resolve: Arc::clone(&self.resolve) };
        let response = if secure {
            let tls = self.trust.tls();
            let tls = tls.map_err(|error| OutboundError::Unreachable(format!("https cannot be spoken: {error}")))?;
            send(HttpsConnector::from((dialer, tls)), request).await?
        } else {
            send(dialer, request).await?
        };
        let status = response.status();
        if status.is_redirection() {
            return Err(OutboundError::Redirect);
        }
        let peer = response.extensions().get::<HttpInfo>().map(|info| info.remote_addr().ip());
        let peer = peer.ok_or_else(|| OutboundError::Unreachable("it has gone already".to_owned()))?;
        let date = date(&response);
        let body = Limited::new(response.into_body(), MOST_BYTES).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() { OutboundError::TooLarge } else { unreachable(error.as_ref()) }
        })?;
        Ok(Answer { status, body: body.to_bytes(), peer, date })
    }
}

impl Question {
    fn request(self, uri: Uri) -> Result<Request<Full<Bytes>>, OutboundError> {
        let mut request = match &self.form {
            Some(_) => Request::post(uri).header(CONTENT_TYPE, "application/x-www-form-urlencoded"),
            None => Request::get(uri),
        };
        request = request.header(ACCEPT, "application/json").header(USER_AGENT, AGENT);
        if let Some(authorization) = self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        request.body(self.form.unwrap_or_default().into()).map_err(|_| OutboundError::BadUrl)
    }
}

async fn send<C: Connect + Clone + Send + Sync + 'static>(
    connector: C,
    request: Request<Full<Bytes>>,
) -> Result<Response<Incoming>, OutboundError> {
    let client =
        Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).retry_canceled_requests(false).build(connector);
    client.request(request).await.map_err(|error| unreachable(&error))
}

/// The URL as it is requested. That `url` wrote it makes `http://2130706433/` the loopback address it means.
fn fetchable(url: &Url) -> Option<Uri> {
    let plain = matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
    if plain { url.as_str().parse().ok() } else { None }
}

fn date<B>(response: &Response<B>) -> Option<Timestamp> {
    let text = response.headers().get(DATE)?.to_str().ok()?;
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

/// The innermost reason: "connection refused" says more than "client error (Connect)".
fn unreachable(error: &(dyn Error + 'static)) -> OutboundError {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    OutboundError::Unreachable(match innermost.downcast_ref::<DialError>() {
        Some(refusal) => refusal.to_string(),
        None => format!("the connection failed: {innermost}"),
    })
}
