//! Waiting for something to become true, with an end. The only place of the tests that pauses.

use std::time::{Duration, Instant};

/// How long anything that normally takes milliseconds may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Polls `probe` until it gives a value; panics with `what` once `limit` has passed.
pub fn until<T>(what: &str, limit: Duration, mut probe: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = probe() {
            return value;
        }
        assert!(started.elapsed() < limit, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
