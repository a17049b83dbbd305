//! Open streams, and their end once their caller no longer counts. Knows what a stream is to nobody else: an answer
//! that flows or a tunnel.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Context;
use std::time::Duration;

use doorward_identity::session::Caller;
use futures_util::task::AtomicWaker;

use crate::authenticate::Authenticator;

/// How often is looked whether anybody's session ended,
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// and after how many looks everybody is asked about, as time itself ends sessions too.
const ASK_EVERY: u32 = 4;

/// One worker's open streams.
pub(crate) struct Streams<A> {
    authenticator: Arc<A>,
    open: Arc<OpenStreams>,
}

#[derive(Default)]
struct OpenStreams {
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    next: u64,
    is_watched: bool,
    streams: HashMap<u64, (Arc<Caller>, Arc<Cut>)>,
}

/// What ends a stream from outside.
#[derive(Default)]
struct Cut {
    is_cut: AtomicBool,
    task: AtomicWaker,
}

/// A stream that ends with its caller's session.
pub(crate) struct Open {
    id: u64,
    cut: Arc<Cut>,
    among: Arc<OpenStreams>,
}

impl<A: Authenticator> Streams<A> {
    pub(crate) fn new(authenticator: Arc<A>) -> Self {
        Self { authenticator, open: Arc::default() }
    }

    /// The same for another worker.
    pub(crate) fn for_another_worker(&self) -> Self {
        Self::new(Arc::clone(&self.authenticator))
    }

    /// Watches over a new stream.
    pub(crate) fn open(&self, caller: Arc<Caller>) -> Open {
        let cut = Arc::new(Cut::default());
        let mut entries = self.open.entries();
        let id = entries.next;
        entries.next += 1;
        entries.streams.insert(id, (caller, Arc::clone(&cut)));
        if !std::mem::replace(&mut entries.is_watched, true) {
            tokio::spawn(watch(Arc::clone(&self.open), Arc::clone(&self.authenticator)));
        }
        Open { id, cut, among: Arc::clone(&self.open) }
    }
}

impl OpenStreams {
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those that are open, or `None` if the watch may end.
    fn all(&self) -> Option<Vec<(Arc<Caller>, Arc<Cut>)>> {
        let mut entries = self.entries();
        entries.is_watched = !entries.streams.is_empty();
        entries.is_watched.then(|| entries.streams.values().cloned().collect())
    }
}

impl Open {
    /// Whether the stream must end. Wakes the task if it must later.
    pub(crate) fn is_cut(&self, cx: &Context<'_>) -> bool {
        self.cut.task.register(cx.waker());
        self.cut.is_cut.load(Ordering::Acquire)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.among.entries().streams.remove(&self.id);
    }
}

impl Cut {
    fn cut(&self) {
        self.is_cut.store(true, Ordering::Release);
        self.task.wake();
    }
}

/// Looks after the streams for as long as there are any.
async fn watch<A: Authenticator>(open: Arc<OpenStreams>, authenticator: Arc<A>) {
    let mut seen = authenticator.change_generation();
    for look in 1_u32.. {
        tokio::time::sleep(LOOK_EVERY).await;
        let Some(streams) = open.all() else { return };
        let generation = authenticator.change_generation();
        if generation == seen && !look.is_multiple_of(ASK_EVERY) {
            continue;
        }
        seen = generation;
        for (caller, cut) in streams {
            if !authenticator.still_counts(&caller).await {
                cut.cut();
            }
        }
    }
}
