//! What of a head does not travel, and what Doorward says in its place.
//!
//! First everything is taken away that belongs to one connection (RFC 9110 §7.6.1), to Doorward, or to a proxy we do
//! not trust; only then are Doorward's own headers added, so that nothing a client nominates or spells differently
//! can touch them. Knows no body.

use std::net::IpAddr;

use bytes::Bytes;
use doorward_protocol::{address_text, credential};
use http::header::{CONNECTION, COOKIE, FORWARDED, HeaderName, TE};
use http::{HeaderMap, HeaderValue};
use ipnet::IpNet;

use crate::connect::StartError;
use crate::refusal::Refusal;
use crate::trace;
use crate::{ExchangeInfo, GatewaySettings};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Room in a head for what Doorward says, made at once rather than header by header.
const SAID: usize = 12;
/// What only Doorward says, what would make the service see another method than the one that was judged, and what
/// other gateways say in Doorward's place: a service that was built for one of them must not believe a client, nor a
/// proxy that passes on whatever it is sent. A name that ends in `-` stands for all that begin with it.
const OURS: &[&str] = &[
    "x-user-",
    "x-doorward-",
    "x-request-id",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-forwarded-user",
    "x-forwarded-email",
    "x-forwarded-groups",
    "x-forwarded-preferred-username",
    "x-forwarded-access-token",
    "x-forwarded-client-cert",
    "x-forwarded-tls-client-cert",
    "x-auth-request-",
    "x-authenticated-",
    "x-remote-",
    "x-webauth-",
    "x-goog-authenticated-user-",
    "x-goog-iap-jwt-assertion",
    "x-amzn-oidc-",
    "x-ms-client-principal",
    "x-ms-client-principal-",
    "x-ms-token-",
    "x-pomerium-",
    "x-authentik-",
    "x-vouch-",
    "x-consumer-",
    "x-credential-",
    "x-ssl-",
    "x-client-cert",
    "x-client-cert-",
];
/// The same for names that do not begin with `x-`. A service run as a script sees `Proxy` as the setting `HTTP_PROXY`.
const OURS_PLAIN: &[&str] = &[
    "forwarded",
    "proxy",
    "remote-user",
    "remote-email",
    "remote-groups",
    "remote-name",
    "cf-access-",
    "ssl-client-",
    "client-cert",
    "client-cert-",
];
/// What only a trusted proxy may say. `x-forwarded` with nothing behind it has been in use as well.
const PROXIES: &[&str] = &["x-forwarded", "x-forwarded-", "x-original-", "x-real-ip", "x-rewrite-url"];
/// How the names of cookies begin that are Doorward's, beside the session's.
const OUR_COOKIES: &[u8] = b"doorward_";

/// Takes headers away and puts Doorward's own in.
pub(crate) struct Stripper {
    trusted_proxies: Vec<IpNet>,
    /// The session cookie's name without a prefix.
    cookie_name: Vec<u8>,
    public_proto: HeaderValue,
    public_host: HeaderValue,
    /// The same two as a `Forwarded` header says them.
    public_forwarded: String,
}

impl Stripper {
    pub(crate) fn new(settings: &GatewaySettings) -> Result<Self, StartError> {
        let url = &settings.public_url;
        let (Some(proto), Some(authority)) = (url.scheme_str(), url.authority()) else {
            return Err(StartError::PublicUrl);
        };
        let value = |text: &str| HeaderValue::from_str(text).map_err(|_| StartError::PublicUrl);
        Ok(Self {
            trusted_proxies: settings.trusted_proxies.clone(),
            public_proto: value(proto)?,
            public_host: value(authority.as_str())?,
            public_forwarded: format!(";host=\"{authority}\";proto={proto}"),
            cookie_name: credential::bare_name(settings.cookie_name.as_bytes()).unwrap_or_default().to_vec(),
        })
    }

    /// Whether a proxy of ours is at the other end of the connection.
    pub(crate) fn trusts(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.trusted_proxies.iter().any(|proxy| proxy.contains(&peer))
    }

    /// Takes away what must not travel upstream.
    pub(crate) fn strip(&self, headers: &mut HeaderMap, peer: IpAddr) {
        let takes_trailers = takes_trailers(headers);
        let trusted = self.trusts(peer);
        remove(headers, |name| is_kept_here(name) || !may_travel(name, trusted));
        trace::strip(headers);
        self.strip_cookie(headers);
        if takes_trailers {
            headers.insert(TE, HeaderValue::from_static("trailers"));
        }
    }

    /// Adds what Doorward says to every service. The client's address stands alone, so that whichever end of the
    /// list a service believes, it believes us.
    pub(crate) fn tell(&self, headers: &mut HeaderMap, exchange: ExchangeInfo<'_>) -> Result<(), Refusal> {
        let value = |text: Bytes| HeaderValue::from_maybe_shared(text).map_err(|_| Refusal::Internal);
        let (open, close) = if exchange.client.is_ipv6() { ("for=\"[", "]\"") } else { ("for=", "") };
        let mut forwarded = String::with_capacity(128);
        forwarded.push_str(open);
        address_text::push(&mut forwarded, exchange.client);
        let client = open.len()..forwarded.len();
        forwarded.extend([close, &self.public_forwarded]);
        let forwarded = Bytes::from(forwarded);
        headers.reserve(SAID);
        headers.insert(X_REQUEST_ID, HeaderValue::from_str(exchange.request_id).map_err(|_| Refusal::Internal)?);
        headers.insert(X_FORWARDED_FOR, value(forwarded.slice(client))?);
        headers.insert(X_FORWARDED_PROTO, self.public_proto.clone());
        headers.insert(X_FORWARDED_HOST, self.public_host.clone());
        headers.insert(FORWARDED, value(forwarded)?);
        Ok(())
    }

    /// Takes Doorward's cookies out of the cookies, the others stay.
    fn strip_cookie(&self, headers: &mut HeaderMap) {
        let holds_ours =
            |value: &HeaderValue| value.as_bytes().split(|byte| *byte == b';').any(|one| self.is_ours(one));
        if !headers.get_all(COOKIE).iter().any(holds_ours) {
            return;
        }
        let kept: Vec<HeaderValue> = headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|value| {
                let cookies = value.as_bytes().split(|byte| *byte == b';');
                let others: Vec<&[u8]> = cookies.filter(|one| !self.is_ours(one)).map(<[u8]>::trim_ascii).collect();
                let others = others.join(&b"; "[..]);
                if others.is_empty() { None } else { HeaderValue::from_maybe_shared(Bytes::from(others)).ok() }
            })
            .collect();
        headers.remove(COOKIE);
        headers.extend(kept.into_iter().map(|value| (COOKIE, value)));
    }

    /// Whether a `name=value` is a cookie of ours to some reader: any case, any prefix, anything odd around it.
    fn is_ours(&self, cookie: &[u8]) -> bool {
        let name = cookie.split(|byte| *byte == b'=').next().unwrap_or_default();
        credential::bare_name(name).is_some_and(|name| {
            let start = name.get(..OUR_COOKIES.len()).unwrap_or_default();
            name.eq_ignore_ascii_case(&self.cookie_name) || start.eq_ignore_ascii_case(OUR_COOKIES)
        })
    }
}

/// Takes away what is about one connection only: the well-known headers, `Proxy-…`, and those that `Connection` names.
pub(crate) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    remove(headers, |_| false);
}

/// Takes away what is about one connection only, and what else is unwanted: in one pass, because asking a head for
/// each name that it might have costs more than looking at those it has.
fn remove(headers: &mut HeaderMap, is_unwanted: impl Fn(&str) -> bool) {
    let nominated = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        // The two words that name no header, which is all that most requests say.
        .filter(|name| !name.eq_ignore_ascii_case(b"keep-alive") && !name.eq_ignore_ascii_case(b"close"))
        .filter_map(|name| HeaderName::from_bytes(name).ok());
    let found = headers.keys().filter(|name| is_hop_by_hop(name.as_str()) || is_unwanted(name.as_str())).cloned();
    for name in nominated.chain(found).collect::<Vec<_>>() {
        headers.remove(name);
    }
}

/// Whether a header is about one connection only.
fn is_hop_by_hop(name: &str) -> bool {
    matches!(name, "connection" | "keep-alive" | "te" | "transfer-encoding" | "upgrade") || name.starts_with("proxy-")
}

/// The caller's token stays here; the rest is written anew for the upstream connection.
fn is_kept_here(name: &str) -> bool {
    matches!(name, "authorization" | "content-length" | "expect" | "host")
}

/// Whether the client says that it can take trailers, which is for the service to know. All else in `TE` is about the
/// connection.
fn takes_trailers(headers: &HeaderMap) -> bool {
    let codings = headers.get_all(TE).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    codings.map(<[u8]>::trim_ascii).any(|coding| coding.eq_ignore_ascii_case(b"trailers"))
}

/// Takes out of the trailers what may not stand in the head either.
pub(crate) fn strip_trailers(trailers: &mut HeaderMap) {
    remove(trailers, |name| is_kept_here(name) || !may_travel(name, false));
}

/// Whether a header may go upstream.
fn may_travel(name: &str, from_proxy: bool) -> bool {
    let is_ours = || {
        if name.starts_with("x-") {
            is_among(OURS, name) || (!from_proxy && is_among(PROXIES, name))
        } else {
            is_among(OURS_PLAIN, name)
        }
    };
    is_plain(name) && !is_ours()
}

/// Whether a header's name has one spelling only. Services that turn names into variables read `x_user_id` and
/// `x.user.id` as `x-user-id`, so such names do not travel at all.
fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn is_among(families: &[&str], name: &str) -> bool {
    families.iter().any(|family| if family.ends_with('-') { name.starts_with(family) } else { name == *family })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::ConnectSettings;

    #[test]
    fn an_address_of_either_kind_is_told_in_the_form_of_each_header() {
        let stripper = Stripper::new(&GatewaySettings {
            trusted_proxies: Vec::new(),
            cookie_name: "access_token".to_owned(),
            allowed_origins: Vec::new(),
            sign_in_page: false,
            public_url: "https://door.example:8443".parse().unwrap(),
            connect: ConnectSettings::default(),
        });
        for (client, forwarded) in [("192.0.2.1", "for=192.0.2.1"), ("2001:db8::1", "for=\"[2001:db8::1]\"")] {
            let (mut headers, address) = (HeaderMap::new(), client.parse().unwrap());
            let exchange = ExchangeInfo { request_id: "r", client: address, peer: address };
            stripper.as_ref().unwrap().tell(&mut headers, exchange).unwrap();
            assert_eq!(headers[X_FORWARDED_FOR], client);
            assert_eq!(headers[FORWARDED], format!("{forwarded};host=\"door.example:8443\";proto=https"));
        }
    }
}
