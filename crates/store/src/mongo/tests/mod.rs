//! What is promised of this store beside the conformance suite.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod crash;
mod documentdb;
mod late;
pub(crate) mod watch;
mod wire;
