//! Opening connections: which addresses may be reached, judged on the very address that is then connected to.
//! A name is resolved once, so it cannot answer one thing to the judge and another to the connection.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, lookup_host};
use tower_service::Service;

/// How long one address may take to accept, so that a dead one leaves time for the next.
const CONNECT_PATIENCE: Duration = Duration::from_secs(2);

/// How far a URL may lead; it depends on who named it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The operator named it: the inside is theirs to name.
    Anywhere,
    /// Somebody on the public network named it, and has no business inside.
    PublicOnly,
}

/// Where an address lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// This machine, or a private network.
    Inside,
    /// The public network.
    Public,
    /// Not a place where an issuer can be: link-local (where clouds keep their machines' credentials),
    /// unspecified, multicast, reserved.
    Nowhere,
}

impl Place {
    pub(crate) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self::of_v4(v4),
            IpAddr::V6(v6) => Self::of_v6(v6),
        }
    }

    fn of_v4(v4: Ipv4Addr) -> Self {
        let [first, second, ..] = v4.octets();
        if v4.is_loopback() || v4.is_private() || (first == 100 && second & 0xc0 == 64) {
            Self::Inside
        } else if first == 0 || first >= 224 || v4.is_link_local() {
            Self::Nowhere
        } else {
            Self::Public
        }
    }

    fn of_v6(v6: Ipv6Addr) -> Self {
        match v6.segments() {
            // NAT64 (RFC 6052) and 6to4 (RFC 3056) carry the IPv4 address that is reached in the end.
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => Self::of_v4(embedded(high, low)),
            _ if v6.is_loopback() || v6.is_unique_local() => Self::Inside,
            _ if v6.is_unspecified() || v6.is_unicast_link_local() || v6.is_multicast() => Self::Nowhere,
            _ => Self::Public,
        }
    }
}

fn embedded(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))
}

/// Why no connection came about. Safe to show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DialError {
    #[error("{0} cannot be resolved")]
    Unresolved(String),
    #[error("http is accepted on loopback and private addresses only; use https")]
    Insecure,
    #[error("the address {0} may not be reached from there")]
    Forbidden(IpAddr),
    #[error("{0} does not accept connections: {1}")]
    Refused(SocketAddr, String),
}

/// Where hosts and ports are instead of where the name system says.
pub(crate) type Resolve = HashMap<(String, u16), SocketAddr>;

/// Connects where it may.
#[derive(Clone, Debug)]
pub(crate) struct Dialer {
    pub(crate) reach: Reach,
    /// Whether http is accepted everywhere.
    pub(crate) allow_insecure: bool,
    pub(crate) resolve: Arc<Resolve>,
}

impl Dialer {
    fn judge(&self, reach: Reach, plain: bool, address: IpAddr) -> Result<(), DialError> {
        match Place::of(address) {
            Place::Nowhere => Err(DialError::Forbidden(address)),
            Place::Inside if reach == Reach::PublicOnly => Err(DialError::Forbidden(address)),
            Place::Public if plain && !self.allow_insecure => Err(DialError::Insecure),
            Place::Inside | Place::Public => Ok(()),
        }
    }

    async fn dial(self, uri: Uri) -> Result<TokioIo<TcpStream>, DialError> {
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let plain = uri.scheme() != Some(&Scheme::HTTPS);
        let port = uri.port_u16().unwrap_or(if plain { 80 } else { 443 });
        if let Some(address) = self.resolve.get(&(host.to_ascii_lowercase(), port)) {
            // The operator says where it is, whoever named it.
            self.judge(Reach::Anywhere, plain, address.ip())?;
            return Ok(TokioIo::new(connect(*address).await?));
        }
        let unresolved = || DialError::Unresolved(host.to_owned());
        let mut failure = unresolved();
        for address in lookup_host((host, port)).await.map_err(|_| unresolved())? {
            let connected = match self.judge(self.reach, plain, address.ip()) {
                Ok(()) => connect(address).await,
                Err(refusal) => Err(refusal),
            };
            match connected {
                Ok(stream) => return Ok(TokioIo::new(stream)),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }
}

async fn connect(address: SocketAddr) -> Result<TcpStream, DialError> {
    let connected = tokio::time::timeout(CONNECT_PATIENCE, TcpStream::connect(address)).await;
    let connected = connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    connected.map_err(|error| DialError::Refused(address, error.kind().to_string()))
}

impl Service<Uri> for Dialer {
    type Response = TokioIo<TcpStream>;
    type Error = DialError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().dial(uri))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn place(address: &str) -> Place {
        Place::of(address.parse().unwrap())
    }

    #[test]
    fn every_spelling_of_the_inside_is_inside() {
        for address in [
            "127.0.0.1",
            "127.8.9.1",
            "::1",
            "::ffff:127.0.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "100.127.0.1",
            "::ffff:10.1.2.3",
            "fd00::1",
            "fc00::1",
            "64:ff9b::7f00:1",
            "64:ff9b::a00:1",
            "2002:c0a8:0101::1",
        ] {
            assert_eq!(place(address), Place::Inside, "{address}");
        }
    }

    #[test]
    fn where_no_issuer_can_be_is_nowhere() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "::",
            "fe80::1",
            "ff02::1",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::",
        ] {
            assert_eq!(place(address), Place::Nowhere, "{address}");
        }
    }

    #[test]
    fn the_rest_is_public() {
        for address in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "100.63.0.1", "2606:4700::1111", "64:ff9b::808:808"] {
            assert_eq!(place(address), Place::Public, "{address}");
        }
    }

    #[test]
    fn a_public_party_leads_nobody_inside_and_http_stays_inside() {
        let (inside, public) = ("10.0.0.1".parse().unwrap(), "1.1.1.1".parse().unwrap());
        let dialer = |allow_insecure| Dialer { reach: Reach::Anywhere, allow_insecure, resolve: Arc::default() };
        let judge = |reach, plain, address| dialer(false).judge(reach, plain, address);
        for plain in [true, false] {
            assert_eq!(judge(Reach::Anywhere, plain, inside), Ok(()));
            assert_eq!(judge(Reach::PublicOnly, plain, inside), Err(DialError::Forbidden(inside)));
        }
        assert_eq!(judge(Reach::Anywhere, false, public), Ok(()));
        assert_eq!(judge(Reach::PublicOnly, false, public), Ok(()));
        assert_eq!(judge(Reach::Anywhere, true, public), Err(DialError::Insecure));
        assert_eq!(dialer(true).judge(Reach::Anywhere, true, public), Ok(()));
    }

    #[tokio::test]
    async fn where_the_operator_says_a_host_is_http_still_stays_inside() {
        let resolve = [(("a.example".to_owned(), 80), SocketAddr::from(([1, 1, 1, 1], 80)))].into();
        let dialer = Dialer { reach: Reach::PublicOnly, allow_insecure: false, resolve: Arc::new(resolve) };
        let refused = dialer.dial("http://A.example/".parse().unwrap()).await.err();
        assert_eq!(refused, Some(DialError::Insecure));
    }
}
