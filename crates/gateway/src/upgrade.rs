//! Protocol upgrades: a client's wish for one, and the tunnel that bytes flow through once it is granted. Knows no
//! caller, and nothing of the protocol but its name.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::header::{CONNECTION, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Version};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::connect::Stream;
use crate::refusal::Refusal;
use crate::streams::Open;
use crate::upstream::Held;

/// Read at a time. On the stack: an idle tunnel holds no buffer.
const PIECE: usize = 8 * 1024;
/// Pieces in a row before others get their turn.
const TURNS: usize = 32;

const WEBSOCKET: &[u8] = b"websocket";

/// A client's wish to speak another protocol from here on.
pub(crate) struct Wish {
    /// What `Upgrade` names.
    pub(crate) protocol: HeaderValue,
    /// The client's connection, once it is given up for the tunnel.
    pub(crate) client: OnUpgrade,
}

impl Wish {
    /// Takes the wish for a WebSocket out of a head. Any other wish is overlooked, as anybody may (RFC 9110, 7.8).
    pub(crate) fn take(head: &mut Parts) -> Result<Option<Self>, Refusal> {
        let Some(client) = head.extensions.remove::<OnUpgrade>() else { return Ok(None) };
        let mut protocols = head.headers.get_all(UPGRADE).iter();
        match (protocols.next(), protocols.next()) {
            (Some(_), Some(_)) => Err(Refusal::AmbiguousHeader(UPGRADE)),
            (Some(protocol), None)
                if protocol.as_bytes().eq_ignore_ascii_case(WEBSOCKET)
                    && head.version == Version::HTTP_11
                    && names_upgrade(&head.headers) =>
            {
                Ok(Some(Self { protocol: protocol.clone(), client }))
            }
            _ => Ok(None),
        }
    }

    /// Whether the service has granted this and nothing else.
    pub(crate) fn is_granted(&self, answer: &HeaderMap) -> bool {
        let granted = answer.get(UPGRADE).map(HeaderValue::as_bytes);
        granted.is_some_and(|granted| granted.eq_ignore_ascii_case(self.protocol.as_bytes()))
    }
}

fn names_upgrade(headers: &HeaderMap) -> bool {
    let mut options = headers.get_all(CONNECTION).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    options.any(|option| option.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
}

/// Carries bytes both ways until both sides have ended, either fails, or the stream is cut.
pub(crate) async fn tunnel(client: OnUpgrade, service: Stream, read_ahead: Bytes, held: Held, open: Option<Open>) {
    let client = match client.await {
        Ok(client) => TokioIo::new(client),
        Err(error) => {
            tracing::debug!(%error, "a client left before its tunnel was open");
            return;
        }
    };
    let ended = carry(client, service, read_ahead, open).await;
    if let Err(error) = ended {
        tracing::debug!(%error, "a tunnel ended early");
    }
    drop(held);
}

async fn carry(
    mut client: impl AsyncRead + AsyncWrite + Unpin,
    mut service: impl AsyncRead + AsyncWrite + Unpin,
    read_ahead: Bytes,
    open: Option<Open>,
) -> io::Result<()> {
    let mut up = Way::default();
    let mut down = Way { rest: read_ahead, ..Way::default() };
    poll_fn(|cx| {
        if open.as_ref().is_some_and(|open| open.is_cut(cx)) {
            return Poll::Ready(Ok(()));
        }
        let up = up.poll(cx, &mut client, &mut service)?;
        let down = down.poll(cx, &mut service, &mut client)?;
        if up.is_ready() && down.is_ready() { Poll::Ready(Ok(())) } else { Poll::Pending }
    })
    .await
}

/// One direction.
#[derive(Default)]
struct Way {
    /// What was read and could not be written yet.
    rest: Bytes,
    is_unflushed: bool,
    has_ended: bool,
    is_closed: bool,
}

impl Way {
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
    ) -> Poll<io::Result<()>> {
        if self.is_closed {
            return Poll::Ready(Ok(()));
        }
        for _ in 0..TURNS {
            while self.rest.has_remaining() {
                let written = ready!(Pin::new(&mut *to).poll_write(cx, &self.rest))?;
                if written == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                self.rest.advance(written);
                self.is_unflushed = true;
            }
            if self.has_ended {
                ready!(Pin::new(&mut *to).poll_shutdown(cx))?;
                self.is_closed = true;
                return Poll::Ready(Ok(()));
            }
            let mut piece = [0; PIECE];
            let mut piece = ReadBuf::new(&mut piece);
            match Pin::new(&mut *from).poll_read(cx, &mut piece)? {
                Poll::Ready(()) => {
                    self.has_ended = piece.filled().is_empty();
                    self.pass_on(cx, to, piece.filled())?;
                }
                Poll::Pending => {
                    if self.is_unflushed {
                        ready!(Pin::new(&mut *to).poll_flush(cx))?;
                        self.is_unflushed = false;
                    }
                    return Poll::Pending;
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Writes at once what there is room for; only the rest is kept.
    fn pass_on(&mut self, cx: &mut Context<'_>, to: &mut (impl AsyncWrite + Unpin), piece: &[u8]) -> io::Result<()> {
        if piece.is_empty() {
            return Ok(());
        }
        let written = match Pin::new(to).poll_write(cx, piece)? {
            Poll::Ready(written) => written,
            Poll::Pending => 0,
        };
        self.is_unflushed |= written > 0;
        self.rest = Bytes::copy_from_slice(&piece[written..]);
        Ok(())
    }
}
