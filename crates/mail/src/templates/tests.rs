//! What templates promise.
