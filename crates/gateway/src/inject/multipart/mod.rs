//! One part of a multipart form (RFC 7578) set while it streams, and every other byte left alone.
//!
//! Ours comes first, so that a service knows who calls before a long file arrives, and so that nothing has to be kept
//! until the end; every part of its name is taken out. Only a form that all readers see alike passes: every occurrence
//! of the boundary is a delimiter with the right line ends, there is nothing before the first and nothing behind the
//! last, and every part says its name once. Holds no more than one part's head. Knows no request.

mod boundary;
mod fault;
mod parameters;
mod part;
mod rewriter;

use std::collections::VecDeque;
use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame};

pub(super) use boundary::Boundary;
pub use fault::MultipartFault;
pub(super) use rewriter::Rewriter;

/// The form that is here as a whole.
pub(super) fn rewritten(form: Bytes, mut rewriter: Rewriter) -> Result<Vec<u8>, MultipartFault> {
    let mut pieces = VecDeque::new();
    rewriter.push(form, &mut pieces)?;
    rewriter.finish(&mut pieces)?;
    Ok(pieces.iter().flatten().copied().collect())
}

/// A form on its way. It ends in an error as soon as a fault shows, so that what was sent of it is broken off.
pub(crate) struct Rewriting<B> {
    body: B,
    rewriter: Rewriter,
    pieces: VecDeque<Bytes>,
    is_over: bool,
}

impl<B> Rewriting<B> {
    pub(super) fn new(body: B, rewriter: Rewriter) -> Self {
        Self { body, rewriter, pieces: VecDeque::new(), is_over: false }
    }
}

impl<B> Body for Rewriting<B>
where
    B: Body<Data = Bytes, Error = Box<dyn Error + Send + Sync>> + Unpin,
{
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        loop {
            if let Some(piece) = this.pieces.pop_front() {
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            if this.is_over {
                return Poll::Ready(None);
            }
            let read = match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                // Trailers end here: no form has a use for them.
                Some(Ok(frame)) => frame.into_data().map_or(Ok(()), |data| this.rewriter.push(data, &mut this.pieces)),
                Some(Err(error)) => {
                    this.is_over = true;
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    this.is_over = true;
                    this.rewriter.finish(&mut this.pieces)
                }
            };
            if let Err(fault) = read {
                this.is_over = true;
                this.pieces.clear();
                return Poll::Ready(Some(Err(fault.into())));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.is_over && self.pieces.is_empty()
    }
}

#[cfg(test)]
mod tests;
