//! Connections to the services behind: TCP, and TLS where the URL says so. Knows no request.

use std::net::SocketAddr;
use std::time::Duration;

use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};

use crate::route::Routes;
use crate::upstream::Upstream;

/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How services behind are reached.
#[derive(Clone, Debug, Default)]
pub struct ConnectSettings {
    /// Where a host and port are instead of where the name system says.
    pub resolve: Vec<(String, u16, SocketAddr)>,
    /// Certificates to trust beside the system's, as PEM.
    pub extra_ca: Option<Vec<u8>>,
}

/// Opens connections.
#[derive(Clone)]
pub(crate) struct Connector(pub(crate) HttpsConnector<HttpConnector>);

impl Connector {
    pub(crate) fn new(_settings: &ConnectSettings, routes: &Routes) -> Result<Self, StartError> {
        Ok(Self(connector(tls(routes)?)))
    }
}

/// Why the gateway cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The public URL has no scheme or host.
    #[error("the public URL has no scheme or no host")]
    PublicUrl,
    /// The system's certificates cannot be read.
    #[error("the certificates of this system cannot be read, which an upstream by https needs")]
    Roots(#[source] std::io::Error),
    /// TLS does not work here.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
}

/// What is trusted. The system's certificates take a moment to read, so only an `https` upstream makes us do it.
fn tls(routes: &Routes) -> Result<ClientConfig, StartError> {
    let config = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()?;
    let config = if routes.upstreams().any(Upstream::is_https) {
        config.with_native_roots().map_err(StartError::Roots)?
    } else {
        config.with_root_certificates(RootCertStore::empty())
    };
    Ok(config.with_no_client_auth())
}

/// Opens connections of both kinds.
fn connector(tls: ClientConfig) -> HttpsConnector<HttpConnector> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    tcp.set_nodelay(true);
    HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(tcp)
}
