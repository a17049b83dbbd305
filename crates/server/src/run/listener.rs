//! The addresses that are listened on: how a socket is had, shared with a successor or taken over
//! from whoever started the process.
//!
//! Owns what is said when an address cannot be had. Accepts nothing; `tcp` does.

use std::io;
use std::net::{SocketAddr, TcpListener as Handed};

use listenfd::ListenFd;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

use super::Tls;

/// Connections the kernel keeps for us while all workers are busy.
const BACKLOG: i32 = 1024;

/// An address could not be listened on. Says what to do about it.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {}", advice(source, setting))]
pub(crate) struct ListenError {
    address: SocketAddr,
    setting: &'static str,
    source: io::Error,
}

fn advice(error: &io::Error, setting: &str) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("the address is in use by another process; stop it or choose another with {setting}")
        }
        io::ErrorKind::AddrNotAvailable => {
            format!("this machine does not have that address; choose another with {setting}")
        }
        io::ErrorKind::PermissionDenied => {
            format!("not permitted; ports below 1024 are usually reserved: choose another with {setting}")
        }
        _ => error.to_string(),
    }
}

/// Whether other processes may listen on the same address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// No: an address in use is noticed.
    Alone,
    /// Those of the same user that agree to it, such as the successor in a restart (`SO_REUSEPORT`).
    WithSuccessor,
}

/// An address that is listened on, and not accepted from yet.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(super) socket: TcpListener,
    pub(super) tls: Option<Tls>,
    address: SocketAddr,
}

impl Listener {
    /// Listens on `address`; `setting` is what an operator would change (`--listen`).
    pub(crate) fn bind(address: SocketAddr, sharing: Sharing, setting: &'static str) -> Result<Self, ListenError> {
        let open = || {
            let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
            // Lets a restarted server take over a port on which old connections still fade; it does
            // not allow two listeners.
            socket.set_reuse_address(true)?;
            socket.set_reuse_port(sharing == Sharing::WithSuccessor)?;
            socket.bind(&address.into())?;
            socket.listen(BACKLOG)?;
            Self::adopt(socket.into())
        };
        open().map_err(|source| ListenError { address, setting, source })
    }

    fn adopt(socket: Handed) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let socket = TcpListener::from_std(socket)?;
        let address = socket.local_addr()?;
        Ok(Self { socket, tls: None, address })
    }

    /// The same with TLS.
    pub(crate) fn with_tls(self, tls: Option<Tls>) -> Self {
        Self { tls, ..self }
    }

    /// The address, with the port that was found if none was asked for.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Sockets that were opened before the process was started, and outlive it: no connection is lost
/// between one process and the next (`LISTEN_FDS`, as systemd hands them over).
#[derive(Debug, Default)]
pub(crate) struct HandedOver(Vec<Listener>);

impl HandedOver {
    /// Takes what the process was started with.
    pub(crate) fn take() -> io::Result<Self> {
        let mut handed = ListenFd::from_env();
        let sockets = (0..handed.len()).filter_map(|index| handed.take_tcp_listener(index).transpose());
        sockets.map(|socket| Listener::adopt(socket?)).collect::<io::Result<_>>().map(Self)
    }

    /// The socket for `address`, if there is one.
    pub(crate) fn claim(&mut self, address: SocketAddr) -> Option<Listener> {
        let index = self.0.iter().position(|listener| listener.address == address)?;
        Some(self.0.swap_remove(index))
    }

    /// Addresses of sockets that nobody has claimed.
    pub(crate) fn unclaimed(&self) -> impl Iterator<Item = SocketAddr> {
        self.0.iter().map(Listener::address)
    }
}
