//! Who of this process may change a document now: one at a time, in the order of asking.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use mongodb::bson::Bson;
use tokio::sync::{Mutex, MutexGuard};

/// So many documents can be changed at once, but for those that fall together.
const QUEUES: usize = 256;

/// The queues.
pub(super) struct Turns(Vec<Mutex<()>>);

impl Turns {
    pub(super) fn new() -> Self {
        Self((0..QUEUES).map(|_| Mutex::new(())).collect())
    }

    /// Waits for one's turn at a document; it lasts as long as the answer is held.
    pub(super) async fn take(&self, collection: &str, id: &Bson) -> MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        (collection, id.to_string()).hash(&mut hasher);
        let queue = usize::try_from(hasher.finish() % QUEUES as u64).unwrap_or_default();
        self.0[queue].lock().await
    }
}
