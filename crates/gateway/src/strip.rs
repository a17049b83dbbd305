//! What of a head does not travel, and what Doorward says in its place.
//!
//! First everything is taken away that belongs to one connection (RFC 9110 §7.6.1), to Doorward, or to a proxy we do
//! not trust; only then are Doorward's own headers added, so that nothing a client nominates or spells differently
//! can touch them. Knows no body.

use std::net::IpAddr;

use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, HeaderName, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE,
};
use http::{HeaderMap, HeaderValue};
use ipnet::IpNet;

use crate::connect::StartError;
use crate::refusal::Refusal;
use crate::{ExchangeInfo, GatewaySettings};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// Headers about one connection only.
const HOP_BY_HOP: [HeaderName; 6] = [CONNECTION, KEEP_ALIVE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];
/// The caller's token stays here; the rest is written anew for the upstream connection.
const KEPT_HERE: [HeaderName; 4] = [AUTHORIZATION, CONTENT_LENGTH, EXPECT, HOST];
/// What only Doorward says, and what would make the service see another method than the one that was judged.
/// A name that ends in `-` stands for all that begin with it.
const OURS: [&str; 9] = [
    "x-user-",
    "x-doorward-",
    "x-request-id",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
];
/// What only a trusted proxy may say. `x-forwarded` with nothing behind it has been in use as well.
const PROXIES: [&str; 6] = ["x-forwarded", "x-forwarded-", "forwarded", "x-original-", "x-real-ip", "x-rewrite-url"];

/// Takes headers away and puts Doorward's own in.
pub(crate) struct Stripper {
    trusted_proxies: Vec<IpNet>,
    /// The session cookie's name without a prefix.
    cookie_name: String,
    public_proto: HeaderValue,
    public_host: HeaderValue,
}

impl Stripper {
    pub(crate) fn new(settings: GatewaySettings) -> Result<Self, StartError> {
        let of_url =
            |part: Option<&str>| part.and_then(|part| HeaderValue::from_str(part).ok()).ok_or(StartError::PublicUrl);
        let url = &settings.public_url;
        Ok(Self {
            trusted_proxies: settings.trusted_proxies,
            public_proto: of_url(url.scheme_str())?,
            public_host: of_url(url.authority().map(http::uri::Authority::as_str))?,
            cookie_name: without_prefix(settings.cookie_name.as_bytes())
                .map_or_else(String::new, |name| String::from_utf8_lossy(name).into_owned()),
        })
    }

    /// Takes away what must not travel upstream.
    pub(crate) fn strip(&self, headers: &mut HeaderMap, peer: IpAddr) {
        let peer = peer.to_canonical();
        let trusted = self.trusted_proxies.iter().any(|proxy| proxy.contains(&peer));
        strip_hop_by_hop(headers);
        for name in KEPT_HERE {
            headers.remove(name);
        }
        let stays = |name: &HeaderName| {
            let name = name.as_str();
            is_plain(name) && !is_among(&OURS, name) && (trusted || !is_among(&PROXIES, name))
        };
        let unwanted: Vec<HeaderName> = headers.keys().filter(|name| !stays(name)).cloned().collect();
        for name in unwanted {
            headers.remove(name);
        }
        self.strip_cookie(headers);
    }

    /// Adds what Doorward says to every service. The client's address stands alone, so that whichever end of the
    /// list a service believes, it believes us.
    pub(crate) fn tell(&self, headers: &mut HeaderMap, exchange: ExchangeInfo<'_>) -> Result<(), Refusal> {
        let value = |text: String| HeaderValue::from_maybe_shared(Bytes::from(text)).map_err(|_| Refusal::Internal);
        headers.insert(X_REQUEST_ID, value(exchange.request_id.to_owned())?);
        headers.insert(X_FORWARDED_FOR, value(exchange.client.to_string())?);
        headers.insert(X_FORWARDED_PROTO, self.public_proto.clone());
        headers.insert(X_FORWARDED_HOST, self.public_host.clone());
        Ok(())
    }

    /// Takes the session cookie out of the cookies, the others stay.
    fn strip_cookie(&self, headers: &mut HeaderMap) {
        let holds_session =
            |value: &HeaderValue| value.as_bytes().split(|byte| *byte == b';').any(|one| self.is_session(one));
        if !headers.get_all(COOKIE).iter().any(holds_session) {
            return;
        }
        let kept: Vec<HeaderValue> = headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|value| {
                let cookies = value.as_bytes().split(|byte| *byte == b';');
                let others: Vec<&[u8]> = cookies.filter(|one| !self.is_session(one)).map(<[u8]>::trim_ascii).collect();
                let others = others.join(&b"; "[..]);
                if others.is_empty() { None } else { HeaderValue::from_bytes(&others).ok() }
            })
            .collect();
        headers.remove(COOKIE);
        headers.extend(kept.into_iter().map(|value| (COOKIE, value)));
    }

    /// Whether a `name=value` is the session cookie to some reader: any case, any prefix, anything odd around it.
    fn is_session(&self, cookie: &[u8]) -> bool {
        let name = cookie.split(|byte| *byte == b'=').next().unwrap_or_default();
        without_prefix(name).is_some_and(|name| name.eq_ignore_ascii_case(self.cookie_name.as_bytes()))
    }
}

/// Takes away what is about one connection only: the well-known headers, `Proxy-…`, and those that `Connection` names.
pub(crate) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let nominated: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .collect();
    let proxy: Vec<HeaderName> = headers.keys().filter(|name| name.as_str().starts_with("proxy-")).cloned().collect();
    for name in nominated.into_iter().chain(proxy).chain(HOP_BY_HOP) {
        headers.remove(name);
    }
}

/// Whether a header's name has one spelling only. Services that turn names into variables read `x_user_id` and
/// `x.user.id` as `x-user-id`, so such names do not travel at all.
fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn is_among(families: &[&str], name: &str) -> bool {
    families.iter().any(|family| if family.ends_with('-') { name.starts_with(family) } else { name == *family })
}

/// A cookie's name without what a reader may overlook around it and without its security prefix.
fn without_prefix(name: &[u8]) -> Option<&[u8]> {
    let begin = name.iter().position(u8::is_ascii_graphic)?;
    let end = name.iter().rposition(u8::is_ascii_graphic)?;
    let name = name.get(begin..=end)?;
    let prefix = ["__host-", "__secure-"]
        .into_iter()
        .find(|prefix| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes())));
    name.get(prefix.map_or(0, str::len)..)
}
