//! The addresses that the configuration names, listened on: with sockets of a former process where there are any, and with
//! TLS where there is a certificate.

use anyhow::Context as _;

use crate::config;
use crate::run::{HandedOver, Listener, Sharing, Tls};

/// Everything that is listened on.
pub(crate) struct Listening {
    /// For clients.
    pub(crate) clients: Vec<Listener>,
    /// For operators.
    pub(crate) operators: Vec<Listener>,
    /// The certificate that clients are shown.
    pub(crate) tls: Option<Tls>,
}

impl Listening {
    /// Opens every address.
    pub(crate) async fn open(server: &config::Server) -> anyhow::Result<Self> {
        let tls = match server.tls() {
            Some(files) => Some(Tls::open(files).await?),
            None => None,
        };
        let mut handed = HandedOver::take().context("the sockets that LISTEN_FDS names cannot be used")?;
        let sharing = if server.reuse_port { Sharing::WithSuccessor } else { Sharing::Alone };
        let mut open = |address, setting| match handed.claim(address) {
            Some(listener) => Ok(listener),
            None => Listener::bind(address, sharing, setting),
        };
        let clients = server.listen.iter().map(|address| open(*address, "--listen")).collect::<Result<Vec<_>, _>>()?;
        let operators = server.admin_listen.map(|address| open(address, "server.admin_listen")).transpose()?;
        for address in handed.unclaimed() {
            tracing::warn!(%address, "a socket was handed over that no setting names; nobody listens on it");
        }
        let clients = clients.into_iter().map(|listener| listener.with_tls(tls.clone())).collect();
        Ok(Self { clients, operators: operators.into_iter().collect(), tls })
    }
}
