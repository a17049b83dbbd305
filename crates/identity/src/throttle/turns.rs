//! Attempts on one account take turns, a few at a time on a node: else a burst of right passwords would count
//! itself out before the first of them is forgiven.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::ThrottleKey;

/// Attempts on one account at once: fewer than the free ones.
const AT_ONCE: usize = 4;
/// Unused entries are thrown out whenever the map has grown to this size.
const TIDY_AT: usize = 1024;

/// Who is trying what right now.
#[derive(Default)]
pub(crate) struct Turns(Mutex<HashMap<String, Weak<Semaphore>>>);

impl Turns {
    /// Waits for a turn, which ends when the answer is dropped.
    pub(crate) async fn wait(&self, key: &ThrottleKey) -> Option<OwnedSemaphorePermit> {
        // Nobody closes the semaphore, so a turn always comes.
        self.of(key).acquire_owned().await.ok()
    }

    fn of(&self, key: &ThrottleKey) -> Arc<Semaphore> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(semaphore) = turns.get(&key.name).and_then(Weak::upgrade) {
            return semaphore;
        }
        if turns.len() >= TIDY_AT {
            turns.retain(|_, semaphore| semaphore.strong_count() > 0);
        }
        let semaphore = Arc::new(Semaphore::new(AT_ONCE));
        turns.insert(key.name.clone(), Arc::downgrade(&semaphore));
        semaphore
    }
}
