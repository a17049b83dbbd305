//! Reaching the server: a name is resolved once, and clear text goes to no address of the public network.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use doorward_identity::mail::PostError;
use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, lookup_host};

use super::settings::{Security, SmtpSettings};

/// With this every TLS record of a client's greeting begins, and no command of SMTP does.
const TLS_HANDSHAKE: u8 = 0x16;

/// Where the server is.
pub(super) async fn resolve(settings: &SmtpSettings) -> Result<Vec<SocketAddr>, PostError> {
    let found = lookup_host((settings.host_name(), settings.port)).await;
    let found = found.map_err(|_| PostError::Later(format!("{settings} cannot be resolved")))?;
    let near = |address: &SocketAddr| settings.security != Security::None || is_inside(address.ip());
    let (may, must_not): (Vec<_>, Vec<_>) = found.partition(near);
    if may.is_empty() && !must_not.is_empty() {
        return Err(PostError::Later(format!(
            "{settings} is not on a loopback or private address, and only to those tls=none applies"
        )));
    }
    Ok(may)
}

/// Whether an address is this machine's or of a private network.
pub(super) fn is_inside(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            v4.is_loopback() || v4.is_private() || (first == 100 && second & 0xc0 == 64)
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local(),
    }
}

/// Connects to the first address that accepts in time.
pub(super) async fn connect(
    settings: &SmtpSettings,
    addresses: &[SocketAddr],
    patience: Duration,
) -> Result<Unread, PostError> {
    let mut reason = "has no address".to_owned();
    for address in addresses {
        match tokio::time::timeout(patience, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(Unread { stream, encrypted: false }),
            Ok(Err(error)) => reason = format!("does not accept connections: {error}"),
            Err(_) => reason = format!("does not accept connections within {} s", patience.as_secs_f32()),
        }
    }
    Err(PostError::Later(format!("{settings} {reason}")))
}

/// A connection from which nothing is read ahead before it is encrypted.
///
/// What somebody between us and the server appends to the answer to STARTTLS must not be waiting in a buffer and be
/// taken for what the server says over TLS (RFC 3207, 6). Read byte by byte it reaches the handshake, which fails.
#[derive(Debug)]
pub(super) struct Unread {
    stream: TcpStream,
    encrypted: bool,
}

impl AsyncTokioStream for Unread {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }
}

impl AsyncRead for Unread {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.encrypted {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        let mut byte = [0];
        let mut one = ReadBuf::new(&mut byte);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut one))?;
        buffer.put_slice(one.filled());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Unread {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.encrypted |= bytes.first() == Some(&TLS_HANDSHAKE);
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
