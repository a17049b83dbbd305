//! Signing keys: made here, sealed in the store, published, rotated.

mod model;
mod ring;
mod rotate;
mod seal;
mod shared;
mod store;

pub use model::{KeyInfo, KeyState, StoredKey};
pub use ring::{Keyring, KeyringError};
pub use rotate::RotateError;
pub use seal::{SealError, SealingKey};
pub use store::KeyStore;
