//! The only HTTP client that serves identity: fetches one small document, and trusts nothing about who answers.
//!
//! One connection per fetch (fetches are rare), one deadline over everything, a bounded body, no redirects, no
//! compression. Knows nothing of what it fetches.

use std::error::Error;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, DATE, USER_AGENT};
use http::uri::Scheme;
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, HttpInfo};
use hyper_util::rt::TokioExecutor;
use jiff::Timestamp;
use rustls::ClientConfig;
use url::Url;

use crate::dial::{DialError, Dialer, Reach};

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

/// A document that was fetched.
pub(crate) struct Answer {
    pub(crate) body: Bytes,
    /// Who answered.
    pub(crate) peer: IpAddr,
    /// What time it is there.
    pub(crate) date: Option<Timestamp>,
}

/// The client. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Outbound {
    allow_insecure: bool,
    deadline: Duration,
    /// Loaded when https is first spoken: reading a machine's root certificates takes longer than starting.
    tls: Arc<OnceLock<Arc<ClientConfig>>>,
}

impl Outbound {
    /// A client that speaks http to loopback and private addresses only; with `allow_insecure` (for development)
    /// to everybody.
    pub fn new(allow_insecure: bool) -> Self {
        Self { allow_insecure, deadline: DEADLINE, tls: Arc::default() }
    }

    /// The same with less patience.
    #[cfg(test)]
    pub(crate) fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Fetches a document.
    pub(crate) async fn get(&self, url: &Url, reach: Reach) -> Result<Answer, OutboundError> {
        let exchange = tokio::time::timeout(self.deadline, self.exchange(url, reach)).await;
        exchange.unwrap_or(Err(OutboundError::Deadline(self.deadline)))
    }

    async fn exchange(&self, url: &Url, reach: Reach) -> Result<Answer, OutboundError> {
        let uri = fetchable(url).ok_or(OutboundError::BadUrl)?;
        let dialer = Dialer { reach, allow_insecure: self.allow_insecure };
        let response = if uri.scheme() == Some(&Scheme::HTTPS) {
            send(HttpsConnector::from((dialer, self.tls()?)), uri).await?
        } else {
            send(dialer, uri).await?
        };
        match response.status() {
            StatusCode::OK => {}
            status if status.is_redirection() => return Err(OutboundError::Redirect),
            status => return Err(OutboundError::Status(status.as_u16())),
        }
        let peer = response.extensions().get::<HttpInfo>().map(|info| info.remote_addr().ip());
        let peer = peer.ok_or_else(|| OutboundError::Unreachable("it has gone already".to_owned()))?;
        let date = date(&response);
        let body = Limited::new(response.into_body(), MOST_BYTES).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() { OutboundError::TooLarge } else { unreachable(error.as_ref()) }
        })?;
        Ok(Answer { body: body.to_bytes(), peer, date })
    }

    fn tls(&self) -> Result<Arc<ClientConfig>, OutboundError> {
        if let Some(config) = self.tls.get() {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(tls_config()?);
        Ok(Arc::clone(self.tls.get_or_init(|| config)))
    }
}

async fn send<C: Connect + Clone + Send + Sync + 'static>(
    connector: C,
    uri: Uri,
) -> Result<Response<Incoming>, OutboundError> {
    let request = Request::get(uri).header(ACCEPT, "application/json").header(USER_AGENT, AGENT);
    let request = request.body(Empty::<Bytes>::new()).map_err(|_| OutboundError::BadUrl)?;
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

/// Verifies servers by the machine's root certificates (`SSL_CERT_FILE` names others).
fn tls_config() -> Result<ClientConfig, OutboundError> {
    let no_tls = |error: &dyn Error| OutboundError::Unreachable(format!("https cannot be spoken: {error}"));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let roots = versions.map_err(|error| no_tls(&error))?.with_native_roots();
    Ok(roots.map_err(|error| no_tls(&error))?.with_no_client_auth())
}
