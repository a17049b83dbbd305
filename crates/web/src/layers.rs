//! The envelope that every request passes, whoever answers it: request id, client address, CORS, security headers,
//! access log and counters, on one page.
//!
//! It is plain functions over `http` types, not a stack of services, so that a proxied request passes the very
//! same ones. Knows no route and no service.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bytes::Bytes;
use doorward_identity::Entropy;
use doorward_identity::session::Origin;
use http::header::{
    ACCESS_CONTROL_REQUEST_METHOD, CONTENT_SECURITY_POLICY, HeaderName, ORIGIN, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, USER_AGENT, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, request};
use http_body::Body;
use ipnet::IpNet;

use crate::WebSettings;
use crate::access_log::{self, AccessLine};
use crate::api::hosted::sign_in;
use crate::cors::Cors;
use crate::pages::{self, Ways};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// What is kept of a client's name for itself.
const MAX_USER_AGENT: usize = 256;

/// Who counts and logs requests. Called once for each, on the hot path.
pub trait RequestObserver: Send + Sync {
    /// A request was answered.
    fn request(&self, line: &AccessLine<'_>);
}

/// Who answered, which decides what the envelope adds.
#[derive(Clone, Copy, Debug)]
pub enum Answered<'r> {
    /// A surface, at this route.
    Own(&'r str),
    /// The gateway, by a service behind it or in its place. How such pages may be framed is the service's affair.
    Upstream {
        /// The route's name.
        route: &'r str,
        /// The service that was asked, if one was.
        upstream: Option<&'r str>,
        /// What decided whether the request passes.
        rule: &'r str,
    },
}

/// The envelope.
pub struct Envelope {
    cors: Cors,
    trusted_proxies: Vec<IpNet>,
    https: bool,
    ways: Ways,
    ids: RequestIds,
    observer: Arc<dyn RequestObserver>,
}

/// What is known of a request from its head on, until its answer is sent.
#[derive(Clone, Debug)]
pub struct Exchange {
    started: Instant,
    method: Method,
    uri: Uri,
    request_id: HeaderValue,
    client: IpAddr,
    page: Option<HeaderValue>,
    user_agent: Option<HeaderValue>,
    /// Whether a refusal should be a page.
    wants_page: bool,
}

impl Exchange {
    /// The request's id in the log.
    pub fn request_id(&self) -> &str {
        self.request_id.to_str().unwrap_or_default()
    }

    /// The client's address, as far as it may be believed.
    pub const fn client(&self) -> IpAddr {
        self.client
    }

    /// The same, as the domain remembers it.
    pub fn origin(&self) -> Origin {
        let agent = self
            .user_agent
            .as_ref()
            .map(|agent| String::from_utf8_lossy(agent.as_bytes()).chars().take(MAX_USER_AGENT).collect::<String>());
        Origin { address: Some(self.client), user_agent: agent, request_id: Some(self.request_id().to_owned()) }
    }
}

impl Envelope {
    /// An envelope; `entropy` makes request ids differ between processes.
    pub(crate) fn new(settings: &WebSettings, observer: Arc<dyn RequestObserver>, entropy: &dyn Entropy) -> Self {
        Self {
            cors: settings.cors.clone(),
            trusted_proxies: settings.trusted_proxies.clone(),
            https: settings.public_url.starts_with("https:"),
            ways: Ways {
                sign_in: settings.surfaces.hosted.then_some(sign_in::LOGIN),
                home: settings.frontend_url.clone(),
            },
            ids: RequestIds::new(entropy),
            observer,
        }
    }

    /// A request has come in.
    pub fn begin(&self, peer: SocketAddr, head: &request::Parts) -> Exchange {
        let own = head.headers.get(X_REQUEST_ID).filter(|id| is_request_id(id.as_bytes()));
        Exchange {
            started: Instant::now(),
            method: head.method.clone(),
            uri: head.uri.clone(),
            request_id: own.cloned().unwrap_or_else(|| self.ids.next()),
            client: client(peer.ip(), &head.headers, &self.trusted_proxies),
            page: head.headers.get(ORIGIN).cloned(),
            user_agent: head.headers.get(USER_AGENT).cloned(),
            wants_page: head.method == Method::GET && pages::prefers_html(&head.headers),
        }
    }

    /// The answer to a browser that asks whether a page may send a request; nothing if that is not what it is, or
    /// the page is not allowed.
    pub fn preflight<B: Default>(&self, exchange: &Exchange, head: &request::Parts) -> Option<Response<B>> {
        let page = exchange.page.as_ref()?;
        let asks = head.method == Method::OPTIONS && head.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        if !asks || !self.cors.allows(page) {
            return None;
        }
        let mut response = Response::new(B::default());
        *response.status_mut() = StatusCode::NO_CONTENT;
        Cors::allow(&head.headers, response.headers_mut());
        Some(response)
    }

    /// The answer is there: makes a refusal a page for people, marks, logs and counts it.
    pub fn finish<B>(&self, exchange: &Exchange, answered: Answered<'_>, response: &mut Response<B>)
    where
        B: Body + From<Bytes>,
    {
        if exchange.wants_page {
            let signing_in = matches!(answered, Answered::Own(sign_in::LOGIN | sign_in::CALLBACK));
            pages::instead_of(response, signing_in, exchange.request_id(), &self.ways);
        }
        let headers = response.headers_mut();
        headers.insert(X_REQUEST_ID, exchange.request_id.clone());
        self.cors.mark(exchange.page.as_ref(), headers);
        self.secure(answered, headers);
        let (route, upstream, rule) = match answered {
            Answered::Own(route) => (route, None, None),
            Answered::Upstream { route, upstream, rule } => (route, upstream, Some(rule)),
        };
        self.observer.request(&AccessLine {
            method: &exchange.method,
            path: access_log::redacted(exchange.uri.path()),
            status: response.status().as_u16(),
            elapsed: exchange.started.elapsed(),
            bytes: response.body().size_hint().exact(),
            client: exchange.client,
            request_id: exchange.request_id(),
            route,
            rule,
            upstream,
        });
    }

    /// Tells browsers to be careful; what an answer says itself stays.
    fn secure(&self, answered: Answered<'_>, headers: &mut HeaderMap) {
        let mut unless_set = |name, value| {
            headers.entry(name).or_insert(HeaderValue::from_static(value));
        };
        unless_set(X_CONTENT_TYPE_OPTIONS, "nosniff");
        unless_set(REFERRER_POLICY, "no-referrer");
        if self.https {
            unless_set(STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains");
        }
        match answered {
            Answered::Own(_) => {
                unless_set(X_FRAME_OPTIONS, "DENY");
                unless_set(CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'");
            }
            Answered::Upstream { .. } => {}
        }
    }
}

/// Whether a client's own request id may stand in a log.
fn is_request_id(id: &[u8]) -> bool {
    (1..=128).contains(&id.len()) && id.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte))
}

/// The client's address: the peer, or, while the hop is a proxy we trust, whom it says it speaks for.
fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let mut client = peer.to_canonical();
    let is_trusted = |address: IpAddr| trusted.iter().any(|net| net.contains(&address));
    if !is_trusted(client) {
        return client;
    }
    let lines: Vec<&[u8]> = headers.get_all(X_FORWARDED_FOR).iter().map(HeaderValue::as_bytes).collect();
    for hop in lines.iter().rev().flat_map(|line| line.rsplit(|byte| *byte == b',')) {
        // What no proxy of ours wrote correctly tells nothing, and neither does anything before it.
        let Some(address) = std::str::from_utf8(hop).ok().and_then(|hop| address(hop.trim())) else { break };
        client = address;
        if !is_trusted(client) {
            break;
        }
    }
    client
}

/// An address as proxies write it: alone, or with a port.
fn address(text: &str) -> Option<IpAddr> {
    let alone = text.parse::<IpAddr>().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|socket| socket.ip());
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    alone.or_else(with_port).or_else(in_brackets).map(|address| address.to_canonical())
}

/// Makes request ids: what is random for the process, then a counter.
struct RequestIds {
    process: String,
    next: AtomicU64,
}

impl RequestIds {
    fn new(entropy: &dyn Entropy) -> Self {
        let process = u64::from_le_bytes(entropy.bytes());
        Self { process: format!("{process:016x}"), next: AtomicU64::new(1) }
    }

    fn next(&self) -> HeaderValue {
        let mut number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut id = Vec::with_capacity(self.process.len() + 12);
        id.extend_from_slice(self.process.as_bytes());
        id.push(b'-');
        let begin = id.len();
        // By hand: what formats numbers for people costs as much as the rest of this page.
        while number > 0 {
            id.push(b"0123456789abcdef"[(number % 16) as usize]);
            number /= 16;
        }
        id[begin..].reverse();
        HeaderValue::from_maybe_shared(bytes::Bytes::from(id)).unwrap_or(HeaderValue::from_static("-"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn believed(peer: &str, lines: &[&str], trusted: &[&str]) -> Result<String, Box<dyn std::error::Error>> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(X_FORWARDED_FOR, line.parse()?);
        }
        let trusted = trusted.iter().map(|net| net.parse()).collect::<Result<Vec<_>, _>>()?;
        Ok(client(peer.parse()?, &headers, &trusted).to_string())
    }

    #[test]
    fn only_trusted_proxies_are_believed_about_the_client() -> Result<(), Box<dyn std::error::Error>> {
        let proxies = ["10.0.0.0/8", "fd00::/8"];
        for (peer, lines, expected) in [
            ("203.0.113.9", &["1.2.3.4"][..], "203.0.113.9"),
            ("10.0.0.1", &["1.2.3.4"], "1.2.3.4"),
            ("10.0.0.1", &["6.6.6.6, 1.2.3.4, 10.0.0.2"], "1.2.3.4"),
            ("10.0.0.1", &["6.6.6.6", "1.2.3.4"], "1.2.3.4"),
            ("10.0.0.1", &["1.2.3.4:5678"], "1.2.3.4"),
            ("10.0.0.1", &["[2001:db8::1]:443"], "2001:db8::1"),
            ("10.0.0.1", &["[2001:db8::1]"], "2001:db8::1"),
            ("10.0.0.1", &["::ffff:1.2.3.4"], "1.2.3.4"),
            ("::ffff:10.0.0.1", &["1.2.3.4"], "1.2.3.4"),
            ("10.0.0.1", &["1.2.3.4, nonsense"], "10.0.0.1"),
            ("10.0.0.1", &["nonsense, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &[""], "10.0.0.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("fd00::1", &["2001:db8::7"], "2001:db8::7"),
        ] {
            assert_eq!(believed(peer, lines, &proxies)?, expected, "{peer} with {lines:?}");
        }
        Ok(())
    }

    #[test]
    fn a_request_id_that_could_break_a_log_line_is_not_taken() {
        assert!(is_request_id(b"req_1.a-B"));
        for odd in [&b""[..], b"a b", b"a\"b", b"a\tb", "é".as_bytes(), &[b'a'; 129]] {
            assert!(!is_request_id(odd), "{odd:?}");
        }
    }
}
