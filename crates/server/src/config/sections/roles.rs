//! Which roles there are, and which ones an account begins with.

use doorward_identity::user::{KnownRoles, Role};

use super::super::mistake::Mistake;
use super::super::values::Values;

/// Roles.
#[derive(Clone, Debug)]
pub(crate) struct Roles {
    /// Of whoever signs up, or is seen for the first time.
    pub(crate) new_accounts: Vec<Role>,
    /// Those that may be granted.
    pub(crate) known: KnownRoles,
}

impl Roles {
    pub(super) fn read(values: &Values) -> Result<Self, Mistake> {
        let known = KnownRoles::of(values.many("roles.known")?);
        Ok(Self { new_accounts: values.many("roles.new_accounts")?, known })
    }
}
