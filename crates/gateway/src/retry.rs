//! When a request may be sent once more, and how often in all: a service in trouble must not get more of it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::Method;

/// Retries are counted over this time.
const WINDOW: Duration = Duration::from_secs(10);
/// So many are always allowed in it (3 a second),
const ALWAYS: u32 = 30;
/// and one more for so many requests.
const REQUESTS_EACH: u32 = 5;
/// What is waited before services that all failed are asked again, for every time they were.
const PAUSE: Duration = Duration::from_millis(100);

/// Whether sending it twice does what sending it once does (RFC 9110, 9.2.2).
pub(crate) fn is_idempotent(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE | Method::PUT | Method::DELETE)
}

/// What is waited after so many failures if the route has so many services.
pub(crate) fn pause(failures: usize, services: usize) -> Duration {
    PAUSE * u32::try_from(failures / services.max(1)).unwrap_or(u32::MAX)
}

/// How many retries the services of one route may be burdened with, over all workers.
#[derive(Debug)]
pub(crate) struct Budget {
    requests: AtomicU32,
    window: Mutex<Window>,
}

#[derive(Debug)]
struct Window {
    began: Instant,
    retries: u32,
}

impl Budget {
    pub(crate) fn new(now: Instant) -> Self {
        Self { requests: AtomicU32::new(0), window: Mutex::new(Window { began: now, retries: 0 }) }
    }

    /// Counts a request.
    pub(crate) fn request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes a retry out, if one is left.
    pub(crate) fn take(&self, now: Instant) -> bool {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if now.duration_since(window.began) > WINDOW {
            *window = Window { began: now, retries: 0 };
            self.requests.store(0, Ordering::Relaxed);
        }
        let is_left = window.retries < ALWAYS + self.requests.load(Ordering::Relaxed) / REQUESTS_EACH;
        window.retries += u32::from(is_left);
        is_left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_grows_with_requests_and_is_new_after_a_while() {
        let now = Instant::now();
        let budget = Budget::new(now);
        (0..100).for_each(|_| budget.request());
        let taken = |now| (0..1000).filter(|_| budget.take(now)).count();
        assert_eq!(taken(now), 30 + 20);
        assert_eq!(taken(now + WINDOW), 0);
        assert_eq!(taken(now + WINDOW * 2), 30);
    }
}
