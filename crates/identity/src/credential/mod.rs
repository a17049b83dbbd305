//! Passwords: which ones are good enough, how they are kept, and who does the hard work of hashing them.

mod common;
mod hash;
mod hasher;
mod rule;
mod shares;

pub use hash::{HashScheme, PasswordHash};
pub(crate) use hasher::HasherError;
pub use hasher::{Hasher, Overloaded};
pub(crate) use rule::normalize;
pub use rule::{CharacterClass, PasswordFault, PasswordRule};
