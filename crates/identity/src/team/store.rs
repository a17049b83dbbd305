//! The port for teams and memberships.

use async_trait::async_trait;

use super::{Team, TeamMember};
use crate::audit::AuditEvent;
use crate::store::{Inserted, Saved};
use crate::user::Role;
use crate::{StoreError, TeamId, UserId};

/// Teams. Each method is atomic; each write leaves a change line.
#[async_trait]
pub trait TeamStore: Send + Sync {
    /// Makes those teams of the list that were never seeded before, once for ever: a team that was renamed or
    /// deactivated since does not come back. A name or reference in use is passed over.
    async fn seed_teams(&self, teams: &[Team]) -> Result<(), StoreError>;

    /// Makes a team.
    async fn insert_team(&self, team: &Team, audit: &AuditEvent) -> Result<Inserted, StoreError>;

    /// The team with that id.
    async fn find_team(&self, id: TeamId) -> Result<Option<Team>, StoreError>;

    /// All teams by name; with `active_only` without the inactive ones.
    async fn list_teams(&self, active_only: bool) -> Result<Vec<Team>, StoreError>;

    /// Writes name, reference and activity if the stored version is still `team.version`.
    async fn save_team(&self, team: &Team, audit: &AuditEvent) -> Result<Saved, StoreError>;

    /// Puts a user into a team with a role, or changes the role. False when the user or the team is not there.
    async fn set_team_member(
        &self,
        team: TeamId,
        user: UserId,
        role: &Role,
        audit: &AuditEvent,
    ) -> Result<bool, StoreError>;

    /// Takes a user out of a team. False when they were not in it.
    async fn remove_team_member(&self, team: TeamId, user: UserId, audit: &AuditEvent) -> Result<bool, StoreError>;

    /// Who is in a team, by e-mail.
    async fn list_team_members(&self, team: TeamId) -> Result<Vec<TeamMember>, StoreError>;
}
