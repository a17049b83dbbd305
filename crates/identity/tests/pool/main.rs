//! Accounts whose passwords a user pool elsewhere keeps, or kept, over a real store. The pool is scripted: what a real
//! one answers is tried where it is spoken to.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod administering;
mod crossing;
mod issuing;
mod least_rights;
mod moving;
mod outage;
mod owning;
mod pairs;
mod script;
mod sessions;
mod signing_in;
mod signing_up;
mod squatting;
mod stage;
mod tokens;
#[path = "../world/mod.rs"]
mod world;
