//! The words for teams.

use jiff::Timestamp;

use crate::name::DisplayName;
use crate::user::Role;
use crate::{TeamId, UserId};

/// A team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    /// Identifier.
    pub id: TeamId,
    /// Name; unique.
    pub name: DisplayName,
    /// What another system calls it; unique where there is one.
    pub external_ref: Option<String>,
    /// Whether it counts. An inactive one is listed for administrators only.
    pub is_active: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// Rises with every change.
    pub version: i64,
}

/// A person in a team, as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeamMember {
    /// Who.
    pub user_id: UserId,
    /// Their address.
    pub email: String,
    /// Their name.
    pub name: Option<String>,
    /// Their role in the team.
    pub role: Role,
}
