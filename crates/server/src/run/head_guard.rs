//! A stream between the socket and the HTTP library through which only judged requests pass.
//!
//! Owns the bytes of a head that is not whole yet, and the stand-in that takes the place of a
//! refused one: the library reads an innocent request instead, and the service side answers it with
//! the refusal. So a refusal keeps its turn behind earlier answers on the same connection, and no
//! byte of the refused request, or after it, is seen by anybody else. What follows a request to
//! upgrade is held until that is answered: then it is a tunnel's, unjudged, or nobody's. What is
//! right and wrong is decided in `framing`; time limits are kept by `watch`.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;

use super::chunked::MalformedChunk;
use super::exchange::Exchange;
use super::framing::{Follower, HeadLimits, Then};
use super::refusal::Refusal;
use super::watch::Wait;

/// Read at a time while a head arrives in pieces, and while a closing connection is emptied.
const PIECE: usize = 2 * 1024;
/// Most that is read and thrown away so that the client sees the last answer, not a reset.
const LINGER_BYTES: usize = 1024 * 1024;

const STAND_IN: &[u8] = b"GET / HTTP/1.1\r\nhost: refused\r\n\r\n";
/// Keeps the answer to a refused HEAD request free of a body.
const STAND_IN_HEAD: &[u8] = b"HEAD / HTTP/1.1\r\nhost: refused\r\n\r\n";

/// The guarded stream.
pub(super) struct HeadGuard<Io> {
    io: Io,
    follower: Follower,
    exchange: Arc<Exchange>,
    /// Bytes not handed up yet; the first `released` of them may be.
    held: Vec<u8>,
    released: usize,
    state: State,
    /// Bytes thrown away since the end was sent.
    discarded: usize,
    /// Tells by being dropped that the connection is over, whoever had it last.
    _over: oneshot::Sender<()>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// A head has been refused: nothing is read any more.
    Refused,
    /// A body's framing is broken: told to its reader, then nothing is read any more.
    Broken(MalformedChunk),
    /// A request to upgrade has passed: what follows waits for its answer.
    Upgrading,
    /// HTTP is over: all bytes pass.
    Tunnel,
    /// The client has sent its last byte.
    Ended,
}

impl<Io> HeadGuard<Io> {
    /// Guards `io`, of which `opening` has been read already. Whoever waits for the returned end
    /// learns when the stream is over.
    pub(super) fn new(
        io: Io,
        opening: Vec<u8>,
        limits: HeadLimits,
        exchange: Arc<Exchange>,
    ) -> (Self, oneshot::Receiver<()>) {
        let (over, is_over) = oneshot::channel();
        let mut guard = Self {
            io,
            follower: Follower::new(limits),
            exchange,
            held: opening,
            released: 0,
            state: State::Open,
            discarded: 0,
            _over: over,
        };
        guard.follow_held();
        (guard, is_over)
    }

    /// Puts the stand-in in the place of everything from the refused head on, which is `refused`
    /// or, if that is `None`, what is held.
    fn refuse(&mut self, refusal: Refusal, refused: Option<&[u8]>) {
        let refused = refused.unwrap_or(&self.held[self.released..]);
        let stand_in = if refused.starts_with(b"HEAD ") { STAND_IN_HEAD } else { STAND_IN };
        self.held.truncate(self.released);
        self.held.extend_from_slice(stand_in);
        self.released = self.held.len();
        self.state = State::Refused;
        self.exchange.refuse(refusal);
    }

    /// Judges bytes read straight into the library's buffer, from `start` on, and takes back what
    /// must not pass yet.
    fn follow_read(&mut self, buf: &mut ReadBuf<'_>, start: usize) {
        let step = self.follower.follow(&buf.filled()[start..]);
        let passed = start + step.passed;
        let stopped = &buf.filled()[passed..];
        self.exchange.heads_passed(self.follower.heads(), step.then == Then::Hold);
        match step.then {
            Then::Continue => {}
            Then::Hold | Then::Upgrade => self.held.extend_from_slice(stopped),
            Then::Refuse(refusal) => self.refuse(refusal, Some(stopped)),
            Then::Break(fault) => self.state = State::Broken(fault),
        }
        buf.set_filled(passed);
        self.note_upgrade();
    }

    /// Judges the held bytes, of which none is released.
    fn follow_held(&mut self) {
        let step = self.follower.follow(&self.held);
        self.released = step.passed;
        self.exchange.heads_passed(self.follower.heads(), step.then == Then::Hold);
        match step.then {
            Then::Continue | Then::Hold | Then::Upgrade => {}
            Then::Refuse(refusal) => self.refuse(refusal, None),
            Then::Break(fault) => self.state = State::Broken(fault),
        }
        self.note_upgrade();
    }

    fn note_upgrade(&mut self) {
        if self.follower.is_upgrading() {
            self.state = State::Upgrading;
            self.exchange.ask_for_upgrade();
        }
    }

    /// Hands up released bytes, as many as there is room for.
    fn release(&mut self, buf: &mut ReadBuf<'_>) {
        let count = self.released.min(buf.remaining());
        buf.put_slice(&self.held[..count]);
        self.held.drain(..count);
        self.released -= count;
        if self.held.is_empty() {
            // Rare enough to give the memory back rather than keep it for an idle connection.
            self.held = Vec::new();
        }
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for HeadGuard<Io> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let guard = self.get_mut();
        let start = buf.filled().len();
        while buf.filled().len() == start {
            if guard.released > 0 {
                guard.release(buf);
                continue;
            }
            match guard.state {
                State::Open => {}
                State::Tunnel => return Pin::new(&mut guard.io).poll_read(cx, buf),
                State::Upgrading if guard.exchange.is_upgraded() => {
                    guard.state = State::Tunnel;
                    guard.released = guard.held.len();
                    continue;
                }
                // Read so far only to notice a client that leaves.
                State::Upgrading if guard.held.is_empty() => {}
                State::Ended => return Poll::Ready(Ok(())),
                // Nothing to wake for: the answer ends the connection, or whoever has the tunnel
                // asks again.
                State::Upgrading | State::Refused => return Poll::Pending,
                State::Broken(fault) => {
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, fault)));
                }
            }
            if guard.exchange.is_head_late() {
                guard.refuse(Refusal::HeadTimeout, None);
            } else if guard.held.is_empty() && guard.state == State::Open {
                ready!(Pin::new(&mut guard.io).poll_read(cx, buf))?;
                if buf.filled().len() == start {
                    guard.state = State::Ended;
                } else {
                    guard.follow_read(buf, start);
                }
            } else {
                let mut piece = [0; PIECE];
                let mut piece = ReadBuf::new(&mut piece);
                ready!(Pin::new(&mut guard.io).poll_read(cx, &mut piece))?;
                if piece.filled().is_empty() {
                    guard.state = State::Ended;
                } else {
                    guard.held.extend_from_slice(piece.filled());
                    guard.follow_held();
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> HeadGuard<Io> {
    fn note(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Ready(Ok(bytes)) => self.exchange.wrote(Some(*bytes)),
            Poll::Pending => self.exchange.wrote(None),
            Poll::Ready(Err(_)) => {}
        }
        written
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> AsyncWrite for HeadGuard<Io> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, buf);
        self.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    /// Sends the end and waits for the client's: closing a socket with unread bytes would reset
    /// the connection, and the client could lose the answer that told it what was wrong.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let guard = self.get_mut();
        if guard.exchange.is_upgraded() {
            return Pin::new(&mut guard.io).poll_shutdown(cx);
        }
        if guard.exchange.wait() != Wait::Close {
            ready!(Pin::new(&mut guard.io).poll_shutdown(cx))?;
            guard.exchange.close();
        }
        while guard.state != State::Ended && guard.discarded < LINGER_BYTES {
            let mut piece = [0; PIECE];
            let mut piece = ReadBuf::new(&mut piece);
            ready!(Pin::new(&mut guard.io).poll_read(cx, &mut piece))?;
            if piece.filled().is_empty() {
                guard.state = State::Ended;
            }
            guard.discarded += piece.filled().len();
        }
        Poll::Ready(Ok(()))
    }
}
