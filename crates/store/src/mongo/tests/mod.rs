//! What is promised of this store beside the conformance suite.

#![expect(clippy::unwrap_used, reason = "tests")]

mod crash;
mod documentdb;
pub(crate) mod watch;
mod wire;
