//! One worker's open connections to services that nobody uses at the moment. Opens none itself.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body, Frame};
use hyper::body::Incoming;
use hyper::client::conn::http2;

use crate::alarm::Alarm;
use crate::link::Link;
use crate::outgoing::Sent;

/// How long an unused connection is kept. Common servers close theirs after 5 s; a request that meets such a close
/// half-way is lost, so we are the first to hang up.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);
/// How long an HTTP/2 connection is kept without a new request: it says itself when it is about to close.
const SHARED_IDLE_TIMEOUT: Duration = Duration::from_mins(1);
/// How many unused connections are kept for each service.
const MAX_IDLE: usize = 256;
/// How often old ones are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// The connections, by the origin they lead to.
#[derive(Default)]
pub(crate) struct Pool {
    shelves: Mutex<HashMap<Arc<str>, Shelf>>,
    is_swept: AtomicBool,
}

#[derive(Default)]
struct Shelf {
    /// The one used last is the next to be used, so that few are kept busy and the others end.
    #[expect(clippy::vec_box, reason = "moved in and out all the time, and large")]
    links: Vec<Box<Pooled>>,
    shared: Option<Shared>,
}

/// A connection to send over.
pub(crate) enum Way {
    /// For one request at a time.
    Own(Box<Pooled>),
    /// An HTTP/2 one, which others use as well.
    Shared(http2::SendRequest<Sent>),
}

/// An HTTP/2 connection, which many requests use at once.
struct Shared {
    sender: http2::SendRequest<Sent>,
    used: Instant,
}

impl Pool {
    /// A connection that was used before and may be used again: the HTTP/2 one, if `may_share` and there is one that
    /// still takes requests.
    pub(crate) fn ready(&self, origin: &str, may_share: bool, now: Instant) -> Option<Way> {
        let mut shelves = self.shelves();
        let kept = shelves.get_mut(origin)?;
        if may_share {
            kept.shared.take_if(|shared| !shared.sender.is_ready());
            if let Some(shared) = &mut kept.shared {
                shared.used = now;
                return Some(Way::Shared(shared.sender.clone()));
            }
        }
        // If the one used last is too old, so are the others; the sweep ends them.
        kept.links.pop_if(|last| now.duration_since(last.used) <= IDLE_TIMEOUT).map(Way::Own)
    }

    /// Keeps an HTTP/2 connection for all to use.
    pub(crate) fn share(self: &Arc<Self>, origin: &Arc<str>, sender: http2::SendRequest<Sent>, now: Instant) {
        self.shelves().entry(Arc::clone(origin)).or_default().shared = Some(Shared { sender, used: now });
        self.sweep_later();
    }

    /// Keeps a connection if it can be used again.
    fn keep(self: &Arc<Self>, mut pooled: Box<Pooled>) {
        if !pooled.link.is_reusable() {
            return;
        }
        pooled.link.put_aside();
        pooled.used = Instant::now();
        let mut shelves = self.shelves();
        let links = &mut shelves.entry(Arc::clone(&pooled.origin)).or_default().links;
        if links.len() < MAX_IDLE {
            links.push(pooled);
        }
        drop(shelves);
        self.sweep_later();
    }

    /// Makes sure that somebody looks for connections that nobody wants any more.
    fn sweep_later(self: &Arc<Self>) {
        if !self.is_swept.swap(true, Ordering::Relaxed) {
            tokio::spawn(sweep(Arc::downgrade(self)));
        }
    }

    /// Ends what is unused for too long. Says whether anything is left.
    fn sweep(&self, now: Instant) -> bool {
        let mut is_left = false;
        for shelf in self.shelves().values_mut() {
            let old = shelf.links.iter().take_while(|pooled| now - pooled.used > IDLE_TIMEOUT).count();
            shelf.links.drain(..old);
            shelf.shared.take_if(|shared| now - shared.used > SHARED_IDLE_TIMEOUT || shared.sender.is_closed());
            is_left |= !shelf.links.is_empty() || shelf.shared.is_some();
        }
        is_left
    }

    fn shelves(&self) -> MutexGuard<'_, HashMap<Arc<str>, Shelf>> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn sweep(pool: Weak<Pool>) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        let Some(pool) = pool.upgrade() else { return };
        // Said before the look, so that what is kept meanwhile has somebody to look for it.
        pool.is_swept.store(false, Ordering::Relaxed);
        if !pool.sweep(Instant::now()) || pool.is_swept.swap(true, Ordering::Relaxed) {
            return;
        }
    }
}

/// A connection that returns to its pool after each use.
pub(crate) struct Pooled {
    pub(crate) link: Link,
    origin: Arc<str>,
    pool: Weak<Pool>,
    used: Instant,
}

impl Pooled {
    pub(crate) fn new(link: Link, origin: &Arc<str>, pool: &Arc<Pool>, now: Instant) -> Self {
        Self { link, origin: Arc::clone(origin), pool: Arc::downgrade(pool), used: now }
    }

    /// Asks for the next frame of an answer's body.
    pub(crate) fn poll_frame(
        &mut self,
        cx: &Context<'_>,
        incoming: &mut Incoming,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.link.poll(cx, |cx| Pin::new(&mut *incoming).poll_frame(cx))
    }

    /// The answer has come to its end.
    pub(crate) fn release(mut self: Box<Self>, alarm: Alarm) {
        if let Some(pool) = self.pool.upgrade() {
            self.link.alarm = alarm;
            pool.keep(self);
        }
    }
}
