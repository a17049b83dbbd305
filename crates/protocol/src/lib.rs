//! The wire formats of trust: signed tokens, public keys, opaque secrets, credentials in headers, request targets, media
//! types and problem details.
//!
//! Everything here is pure and synchronous. It knows no HTTP, no store, no clock and no user; whoever asks brings the
//! time, the randomness and the keys. Every parser takes hostile input and answers with a value or an error.

pub mod address_text;
pub mod algorithm;
pub mod credential;
pub mod jwk;
pub mod jwt;
pub mod media_type;
pub mod opaque;
pub mod problem;
pub mod request_target;
pub mod return_path;
pub mod strict_json;
