//! What people may do: the names of roles, what is stored of them, and which ones may be granted. Knows nobody who
//! holds any.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A role: a short lower-case name such as `admin` or `billing-reader`. Also a member's role in a team.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Role(String);

impl Role {
    /// Whoever has an account: everybody holds it, and nobody's is stored.
    pub const USER: &'static str = "user";
    /// Who may use `/admin`.
    pub const ADMIN: &'static str = "admin";
    /// A member's role where none is named.
    pub const MEMBER: &'static str = "member";

    /// The role's name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The administrator's role.
    pub fn admin() -> Self {
        Self(Self::ADMIN.to_owned())
    }

    /// A plain member's role.
    pub fn member() -> Self {
        Self(Self::MEMBER.to_owned())
    }
}

/// The text is no role's name.
#[derive(Debug, thiserror::Error)]
#[error("a role is 1 to 64 of a-z, 0-9, '-', '_', '.' and ':', and begins with a letter")]
pub struct InvalidRole;

impl FromStr for Role {
    type Err = InvalidRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.:".contains(c);
        let starts_well = text.starts_with(|c: char| c.is_ascii_lowercase());
        if starts_well && text.len() <= 64 && text.chars().all(plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidRole)
        }
    }
}

impl TryFrom<String> for Role {
    type Error = InvalidRole;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Role> for String {
    fn from(role: Role) -> Self {
        role.0
    }
}

/// Roles as an account stores them: sorted, without doubles, and without the one that everybody has.
pub(crate) fn stored(mut roles: Vec<Role>) -> Vec<Role> {
    roles.retain(|role| role.as_str() != Role::USER);
    roles.sort();
    roles.dedup();
    roles
}

/// Which roles may be granted: `user`, `admin` and the named ones; any, if none is named.
#[derive(Clone, Debug, Default)]
pub struct KnownRoles(Vec<Role>);

impl KnownRoles {
    /// These roles beside the two that are always known; of an empty list, every role.
    pub const fn of(named: Vec<Role>) -> Self {
        Self(named)
    }

    /// Refuses a role that is not known.
    pub fn check(&self, role: &str) -> Result<(), UnknownRole> {
        let ours = [Role::USER, Role::ADMIN];
        let named = self.0.iter().map(Role::as_str).filter(|named| !ours.contains(named));
        let known: Vec<_> = ours.into_iter().chain(named).collect();
        if self.0.is_empty() || known.contains(&role) {
            return Ok(());
        }
        Err(UnknownRole { role: role.to_owned(), known: known.join(", ") })
    }
}

/// The role is none of those that may be granted.
#[derive(Debug, thiserror::Error)]
#[error("{role:?} is none of the known roles: {known}")]
pub struct UnknownRole {
    role: String,
    known: String,
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn roles(names: &[&str]) -> Vec<Role> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn everybodys_role_is_not_stored_and_no_role_is_stored_twice() {
        assert_eq!(stored(roles(&["user", "ops", "admin", "ops", "user"])), roles(&["admin", "ops"]));
    }

    #[test]
    fn any_role_is_known_where_none_is_named_and_else_only_those_and_the_two_of_ours() {
        assert!(KnownRoles::default().check("anything").is_ok());
        let known = KnownRoles::of(roles(&["auditor", "user"]));
        for role in ["user", "admin", "auditor"] {
            assert!(known.check(role).is_ok(), "{role}");
        }
        let unknown = known.check("auditors").unwrap_err().to_string();
        assert_eq!(unknown, "\"auditors\" is none of the known roles: user, admin, auditor");
    }
}
