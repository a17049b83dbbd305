//! What is promised of this store beside the conformance suite.

mod crash;
mod wire;
