//! Federation against an issuer of flesh and sockets, which behaves as it is told.

#![expect(clippy::unwrap_used, reason = "tests")]

mod fetching;
mod issuer;
mod liar;
mod lies;
mod remembering;
mod signing_in;
mod staying;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use doorward_protocol::algorithm::Algorithm;
use doorward_protocol::jwk::{PublicJwk, SigningKey};

/// A key of that name.
fn key(kid: &str) -> PublicJwk {
    SigningKey::generate(Algorithm::EdDSA).unwrap().public_jwk(kid).unwrap()
}

/// Time that goes forward when told to, on top of the real one.
#[derive(Clone, Default)]
struct Ahead(Arc<AtomicU64>);

impl Ahead {
    fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_secs(), Ordering::SeqCst);
    }

    fn monotonic(&self) -> Arc<dyn Fn() -> Instant + Send + Sync> {
        let (ahead, start) = (Arc::clone(&self.0), Instant::now());
        // Stands still otherwise, so that a slow machine does not age keys.
        Arc::new(move || start + Duration::from_secs(ahead.load(Ordering::SeqCst)))
    }
}
