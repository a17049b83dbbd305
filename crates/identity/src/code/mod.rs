//! One-time codes: six digits that go to an address and prove that somebody reads it.

mod digits;
mod issue;
mod model;
mod redeem;
mod request;
mod store;

pub use digits::{CodeDigits, InvalidCode};
pub(crate) use model::{CODE_ATTEMPTS, GRANT_TTL};
pub use model::{CODE_TTL, CodeEffect, CodeGuess, CodePurpose, NewCode, Redemption};
pub(crate) use redeem::{Guess, read_digits};
pub use request::RequestCode;
pub(crate) use request::nobody;
pub use store::CodeStore;
