//! Signing in through providers, and the cookie sessions that begin so, over a real store. What a provider answers is
//! scripted: the protocol has tests of its own.

#![expect(clippy::unwrap_used, reason = "tests")]

mod accounts;
mod arriving;
mod assertions;
mod cookies;
mod in_step;
mod leaving;
mod script;
#[path = "../world/mod.rs"]
mod world;
