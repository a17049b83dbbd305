//! A stream of which some has been read already, and is read again first.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pin_project! {
    /// The bytes read already, then the rest.
    pub(super) struct Rewound<Io> {
        #[pin]
        io: Io,
        opening: Vec<u8>,
    }
}

impl<Io> Rewound<Io> {
    pub(super) fn new(io: Io, opening: Vec<u8>) -> Self {
        Self { io, opening }
    }
}

impl<Io: AsyncRead> AsyncRead for Rewound<Io> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        if this.opening.is_empty() {
            return this.io.poll_read(cx, buf);
        }
        let count = this.opening.len().min(buf.remaining());
        buf.put_slice(&this.opening[..count]);
        *this.opening = this.opening.split_off(count);
        Poll::Ready(Ok(()))
    }
}

impl<Io: AsyncWrite> AsyncWrite for Rewound<Io> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.project().io.poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.project().io.poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().io.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().io.poll_shutdown(cx)
    }
}
