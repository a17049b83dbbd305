//! Requests passed on to a real service over TCP: what arrives there, what comes back, and what never arrives.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod access;
mod answers;
mod balancing;
mod bodies;
mod forward_auth;
mod framing;
mod front;
mod headers;
mod http2;
mod service;
mod stage;
mod telling;
mod tunnels;
mod uploads;
