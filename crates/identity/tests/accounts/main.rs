//! Accounts with mailed codes that Doorward keeps itself: codes, resets, changes and the outbox, over a real store and
//! with a clock turned by hand. Mail goes to a postman of these tests.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod changing;
mod codes;
mod guessing;
mod leaving;
mod mail;
mod post;
mod resetting;
mod signing_up;
mod squatting;
mod stage;
#[path = "../world/mod.rs"]
mod world;
