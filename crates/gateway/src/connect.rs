//! Connections to the services behind: name, TCP, and TLS where the URL says so. Knows no request.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::route::Routes;
use crate::upstream::{Endpoint, Group};

const ALPN_HTTP2: &[u8] = b"h2";
const ALPN_HTTP1: &[u8] = b"http/1.1";

/// How services behind are reached.
#[derive(Clone, Debug, Default)]
pub struct ConnectSettings {
    /// Where a host and port are instead of where the name system says.
    pub resolve: Vec<(String, u16, SocketAddr)>,
    /// Certificates to trust beside the system's, as PEM.
    pub extra_ca: Option<Vec<u8>>,
}

/// Why the gateway cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The public URL has no scheme or host.
    #[error("the public URL has no scheme or no host")]
    PublicUrl,
    /// The system's certificates cannot be read.
    #[error("the certificates of this system cannot be read, which an upstream by https needs")]
    Roots(#[source] rustls_native_certs::Error),
    /// What should be certificates is none.
    #[error("the extra certificates are no PEM certificates")]
    ExtraCa(#[source] rustls::pki_types::pem::Error),
    /// TLS does not work here.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
}

/// What a new connection may speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// Whatever the service prefers.
    Any,
    /// HTTP/1.1 alone, as a tunnel needs it.
    Http1,
}

/// Opens connections.
#[derive(Clone)]
pub(crate) struct Connector(Arc<Means>);

struct Means {
    resolve: HashMap<(String, u16), SocketAddr>,
    any: TlsConnector,
    http1: TlsConnector,
}

/// A connection, and whether HTTP/2 is spoken on it.
pub(crate) struct Opened {
    pub(crate) stream: Stream,
    pub(crate) http2: bool,
}

/// The bytes of a connection.
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Connector {
    /// The system's certificates take a moment to read, so only an `https` upstream makes us do it.
    pub(crate) fn new(settings: &ConnectSettings, routes: &Routes) -> Result<Self, StartError> {
        let mut roots = RootCertStore::empty();
        if routes.groups().flat_map(Group::endpoints).any(|endpoint| endpoint.upstream.is_https()) {
            trust(&mut roots, settings)?;
        }
        let tls = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let speaking = |protocols: &[&[u8]]| {
            let mut tls = tls.clone();
            tls.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
            TlsConnector::from(Arc::new(tls))
        };
        let resolve = settings.resolve.iter().map(|(host, port, address)| ((host.clone(), *port), *address));
        Ok(Self(Arc::new(Means {
            resolve: resolve.collect(),
            any: speaking(&[ALPN_HTTP2, ALPN_HTTP1]),
            http1: speaking(&[ALPN_HTTP1]),
        })))
    }

    /// Opens a connection within the time.
    pub(crate) async fn open(&self, endpoint: &Endpoint, offer: Offer, within: Duration) -> io::Result<Opened> {
        timeout(within, self.dial(endpoint, offer, within)).await?
    }

    async fn dial(&self, endpoint: &Endpoint, offer: Offer, within: Duration) -> io::Result<Opened> {
        let (host, port) = (endpoint.upstream.host(), endpoint.upstream.port());
        let tcp = match self.0.resolve.get(&(host.to_owned(), port)) {
            Some(address) => TcpStream::connect(address).await?,
            None => first_that_answers(lookup_host((host, port)).await?.collect(), within).await?,
        };
        tcp.set_nodelay(true)?;
        if !endpoint.upstream.is_https() {
            let http2 = endpoint.http2 && offer == Offer::Any;
            return Ok(Opened { stream: Stream::Plain(tcp), http2 });
        }
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let connector = if offer == Offer::Any { &self.0.any } else { &self.0.http1 };
        let tls = connector.connect(name, tcp).await?;
        let http2 = tls.get_ref().1.alpn_protocol() == Some(ALPN_HTTP2);
        Ok(Opened { stream: Stream::Tls(Box::new(tls)), http2 })
    }
}

fn trust(roots: &mut RootCertStore, settings: &ConnectSettings) -> Result<(), StartError> {
    let system = rustls_native_certs::load_native_certs();
    if let (true, Some(error)) =
        (system.certs.is_empty() && settings.extra_ca.is_none(), system.errors.into_iter().next())
    {
        return Err(StartError::Roots(error));
    }
    roots.add_parsable_certificates(system.certs);
    for certificate in CertificateDer::pem_slice_iter(settings.extra_ca.as_deref().unwrap_or_default()) {
        roots.add(certificate.map_err(StartError::ExtraCa)?)?;
    }
    Ok(())
}

/// One address that hangs must not take the time of the others.
async fn first_that_answers(addresses: Vec<SocketAddr>, within: Duration) -> io::Result<TcpStream> {
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    let share = within / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
    for address in addresses {
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failed = error,
            Err(elapsed) => failed = elapsed.into(),
        }
    }
    Err(failed)
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write_vectored(cx, bufs),
            Self::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(tcp) => tcp.is_write_vectored(),
            Self::Tls(tls) => tls.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
