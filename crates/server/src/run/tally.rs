//! Counts of what happened to connections, for the metrics page.
//!
//! Owns plain counters; counts nothing by request, so that workers never contend for them.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of one server since its start.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    accepted: AtomicU64,
    turned_away: AtomicU64,
    closed: AtomicU64,
    timed_out: AtomicU64,
    panicked: AtomicU64,
}

impl Tally {
    /// Connections handed to a worker.
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Connections answered 503 because there were too many.
    pub(crate) fn turned_away(&self) -> u64 {
        self.turned_away.load(Ordering::Relaxed)
    }

    /// Connections open now.
    pub(crate) fn open(&self) -> u64 {
        // Read first, so that a connection that ends in between is not counted as ended only.
        let closed = self.closed.load(Ordering::Acquire);
        self.accepted().saturating_sub(closed)
    }

    /// Connections closed because the client kept the server waiting.
    pub(crate) fn timed_out(&self) -> u64 {
        self.timed_out.load(Ordering::Relaxed)
    }

    /// Connections lost to a panic.
    pub(crate) fn panicked(&self) -> u64 {
        self.panicked.load(Ordering::Relaxed)
    }

    pub(super) fn accept(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn turn_away(&self) {
        self.turned_away.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn close(&self) {
        self.closed.fetch_add(1, Ordering::Release);
    }

    pub(super) fn time_out(&self) {
        self.timed_out.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn panic(&self) {
        self.panicked.fetch_add(1, Ordering::Relaxed);
    }
}
