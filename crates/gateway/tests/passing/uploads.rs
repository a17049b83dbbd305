//! Bodies of requests that come piece by piece.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tokio::time::sleep;

use crate::stage::TestBody;

/// Nine pieces, each after a while.
pub(crate) fn slow(pause: Duration) -> TestBody {
    let pieces = stream::iter(0..9).then(move |_| async move {
        sleep(pause).await;
        Ok(Frame::data(Bytes::from_static(b"piece")))
    });
    StreamBody::new(Box::pin(pieces)).boxed_unsync()
}

/// A piece that is never followed by another.
pub(crate) fn unfinished() -> TestBody {
    let first = stream::once(async { Ok(Frame::data(Bytes::from_static(b"first"))) });
    StreamBody::new(Box::pin(first.chain(stream::pending()))).boxed_unsync()
}

/// As many pieces as anybody takes.
pub(crate) fn endless() -> TestBody {
    let piece = Bytes::from(vec![b'x'; 16 * 1024]);
    StreamBody::new(stream::repeat_with(move || Ok(Frame::data(piece.clone())))).boxed_unsync()
}
