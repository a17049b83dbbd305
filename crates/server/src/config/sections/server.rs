//! The environment, and how the process listens and is reached.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use super::super::mistake::Mistake;
use super::super::quantity::{Size, Span};
use super::super::values::Values;
use super::choice::choice;
use crate::run::{Limits, TlsFiles};

choice! {
    /// How careful to be.
    Environment {
        /// On somebody's own machine.
        Development = "development",
        /// Protects as production does.
        Staging = "staging",
        /// Real people's accounts.
        Production = "production",
    }
}

impl Environment {
    /// Whether what is unsafe is refused.
    pub(crate) const fn protects(self) -> bool {
        matches!(self, Self::Staging | Self::Production)
    }

    /// The name that `/health` answers.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Staging => "staging",
            Self::Production => "production",
        }
    }
}

/// Listening and being reached.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// Where clients connect.
    pub(crate) listen: Vec<SocketAddr>,
    /// Where operators connect.
    pub(crate) admin_listen: Option<SocketAddr>,
    /// How clients reach Doorward, without a slash at its end.
    pub(crate) public_url: String,
    /// The web application, without a slash at its end.
    pub(crate) frontend_url: String,
    /// Further origins that may call from a browser, exactly as browsers send them.
    pub(crate) cors_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` counts.
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// The certificate chain clients are shown; without one, TLS ends before Doorward.
    pub(crate) tls_certificate: Option<PathBuf>,
    /// Its private key.
    pub(crate) tls_key: Option<PathBuf>,
    /// Whether another process may listen on the same addresses.
    pub(crate) reuse_port: bool,
    /// What clients may take.
    pub(crate) limits: Limits,
}

impl Server {
    pub(in crate::config) fn read(values: &Values) -> Result<Self, Mistake> {
        Ok(Self {
            listen: values.many("server.listen")?,
            admin_listen: values.maybe("server.admin_listen")?,
            public_url: values.one("server.public_url")?,
            frontend_url: values.one("server.frontend_url")?,
            cors_origins: values.many("server.cors_origins")?,
            trusted_proxies: values.many("server.trusted_proxies")?,
            tls_certificate: values.maybe("server.tls.certificate")?,
            tls_key: values.maybe("server.tls.key")?,
            reuse_port: values.one("server.reuse_port")?,
            limits: limits(values)?,
        })
    }

    /// The files of the certificate, where Doorward speaks TLS itself.
    pub(crate) fn tls(&self) -> Option<TlsFiles> {
        let (certificate, key) = (self.tls_certificate.clone()?, self.tls_key.clone()?);
        Some(TlsFiles { certificate, key })
    }

    /// Every origin that may call from a browser: the front end's and the further ones.
    pub(crate) fn origins(&self) -> Vec<String> {
        let frontend = url::Url::parse(&self.frontend_url).map(|url| url.origin().ascii_serialization()).ok();
        let mut origins: Vec<String> = frontend.into_iter().chain(self.cors_origins.iter().cloned()).collect();
        origins.sort_unstable();
        origins.dedup();
        origins
    }
}

fn limits(values: &Values) -> Result<Limits, Mistake> {
    let head_bytes = values.one::<Size>("server.limits.head_bytes")?.0;
    let time = |key| values.one::<Span>(key).map(Duration::from);
    Ok(Limits {
        head_bytes: usize::try_from(head_bytes).unwrap_or(usize::MAX),
        head_fields: values.one("server.limits.head_fields")?,
        header_timeout: time("server.limits.header_timeout")?,
        body_idle_timeout: time("server.limits.body_idle_timeout")?,
        idle_timeout: time("server.limits.idle_timeout")?,
        connections: values.one("server.limits.connections")?,
        shutdown_timeout: time("server.limits.shutdown_timeout")?,
    })
}
