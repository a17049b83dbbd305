//! How new passwords are hashed, and how often sign-in may fail.

use doorward_identity::credential::HashScheme;

use super::super::mistake::Mistake;
use super::super::quantity::{Rate, Size};
use super::super::values::Values;
use super::choice::choice;

choice! {
    /// What hashes new passwords.
    PasswordScheme {
        /// bcrypt, `2b`.
        Bcrypt = "bcrypt",
        /// argon2id.
        Argon2id = "argon2id",
    }
}

/// Hashing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Password {
    /// How.
    pub(crate) scheme: HashScheme,
    /// Threads that hash.
    pub(crate) threads: usize,
    /// Hashes that may wait.
    pub(crate) queue: usize,
}

impl Password {
    pub(super) fn read(values: &Values) -> Result<Self, Mistake> {
        let memory = values.one::<Size>("password.argon2_memory")?.0 / 1024;
        Ok(Self {
            scheme: match values.one("password.scheme")? {
                PasswordScheme::Bcrypt => HashScheme::Bcrypt { cost: values.one("password.bcrypt_cost")? },
                PasswordScheme::Argon2id => HashScheme::Argon2id {
                    memory: u32::try_from(memory).unwrap_or(u32::MAX),
                    iterations: values.one("password.argon2_iterations")?,
                },
            },
            threads: values.one("password.threads")?,
            queue: values.one("password.queue")?,
        })
    }
}

/// Failures that are let pass.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Throttle {
    /// From one address.
    pub(crate) failures_per_address: Rate,
}

impl Throttle {
    pub(super) fn read(values: &Values) -> Result<Self, Mistake> {
        Ok(Self { failures_per_address: values.one("throttle.failures_per_address")? })
    }
}
