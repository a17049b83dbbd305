//! The first bytes of a connection: do they open HTTP/1 or HTTP/2.
//!
//! Owns that one question, for clients that know beforehand what they want to speak (RFC 9113,
//! section 3.3). Judges nothing: what was read is handed on.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::watch::LAST_CALL;

/// What an HTTP/2 client says first. No HTTP/1 request begins like it.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Room for the first bytes: most requests fit, so that nothing is read twice.
const ROOM: usize = 4 * 1024;

/// What a connection begins with.
pub(super) enum Opening {
    /// Bytes of HTTP/1.
    Http1(Vec<u8>),
    /// Bytes of HTTP/2.
    Http2(Vec<u8>),
    /// So few bytes in time that it could be either.
    Late(Vec<u8>),
    /// Nothing, neither in time nor ever.
    Nothing,
}

/// Reads until it is known what is spoken, or `alarm` goes off. Once the server stops there is only a
/// moment left.
pub(super) async fn read(
    stream: &mut (impl AsyncRead + Unpin),
    mut alarm: Pin<&mut Sleep>,
    mut stop: Pin<&mut impl Future<Output = ()>>,
) -> Opening {
    let mut read = Vec::new();
    let mut stopping = false;
    loop {
        tokio::select! {
            biased;
            count = poll_fn(|cx| poll_more(Pin::new(stream), &mut read, cx)) => match count {
                Err(_) => return Opening::Nothing,
                Ok(0) if read.is_empty() => return Opening::Nothing,
                Ok(0) => return Opening::Http1(read),
                Ok(_) if read.starts_with(PREFACE) => return Opening::Http2(read),
                Ok(_) if PREFACE.starts_with(&read) => {}
                Ok(_) => return Opening::Http1(read),
            },
            () = alarm.as_mut() => return if read.is_empty() { Opening::Nothing } else { Opening::Late(read) },
            () = stop.as_mut(), if !stopping => {
                stopping = true;
                let last_call = Instant::now() + LAST_CALL;
                let until = alarm.deadline().min(last_call);
                alarm.as_mut().reset(until);
            }
        }
    }
}

/// Reads what there is. The room for it is on the stack, so that a connection which says nothing yet has none.
fn poll_more(stream: Pin<&mut impl AsyncRead>, read: &mut Vec<u8>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
    let mut room = [0; ROOM];
    let mut room = ReadBuf::new(&mut room);
    ready!(stream.poll_read(cx, &mut room))?;
    read.extend_from_slice(room.filled());
    Poll::Ready(Ok(room.filled().len()))
}
