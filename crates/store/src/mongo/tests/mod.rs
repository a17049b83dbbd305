//! What is promised of this store beside the conformance suite.

mod crash;
mod documentdb;
pub(crate) mod watch;
mod wire;
