//! One-time codes: six digits that go to an address and prove that somebody reads it.

mod digits;
mod model;
mod store;

pub use digits::{CodeDigits, InvalidCode};
pub use model::{CodeEffect, CodeGuess, CodePurpose, NewCode, Redemption};
pub use store::CodeStore;
