//! What is done with teams: listed for people, kept by administrators.

use super::{Team, TeamMember};
use crate::audit::{AuditAction, AuditEvent};
use crate::change::ChangeSubject;
use crate::name::DisplayName;
use crate::policy::Admin;
use crate::store::{Inserted, Saved};
use crate::user::{AdminError, Role};
use crate::{Identity, StoreError, TeamId, UserId};

/// The longest reference to another system that is kept.
const MAX_REFERENCE: usize = 255;

/// What to change of a team; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct TeamChange {
    /// Another name.
    pub name: Option<String>,
    /// Another reference, or none.
    pub external_ref: Option<Option<String>>,
    /// Whether it counts.
    pub is_active: Option<bool>,
    /// Only if this is the version stored.
    pub expected_version: Option<i64>,
}

impl Identity {
    /// All active teams, by name.
    pub async fn active_teams(&self) -> Result<Vec<Team>, StoreError> {
        self.store.list_teams(true).await
    }

    /// All teams, by name.
    pub async fn all_teams(&self, _by: &Admin) -> Result<Vec<Team>, StoreError> {
        self.store.list_teams(false).await
    }

    /// One team.
    pub async fn find_team(&self, _by: &Admin, id: TeamId) -> Result<Option<Team>, StoreError> {
        self.store.find_team(id).await
    }

    /// Makes a team.
    pub async fn create_team(&self, by: &Admin, name: &str, external_ref: Option<&str>) -> Result<Team, AdminError> {
        let team = self.new_team(display_name(name)?, checked_reference(external_ref.map(str::to_owned))?);
        let audit = by.audit(self, AuditAction::TeamCreated, team.id, None);
        match self.store.insert_team(&team, &audit).await? {
            Inserted::Inserted => Ok(team),
            Inserted::Taken => Err(AdminError::Taken("name or external_ref")),
        }
    }

    /// An active team made now. Nothing is written.
    pub fn new_team(&self, name: DisplayName, external_ref: Option<String>) -> Team {
        let created_at = self.clock.now();
        let id = TeamId::new(created_at, &*self.entropy);
        Team { id, name, external_ref, is_active: true, created_at, version: 1 }
    }

    /// Changes a team.
    pub async fn change_team(&self, by: &Admin, id: TeamId, change: TeamChange) -> Result<Team, AdminError> {
        let mut team = self.store.find_team(id).await?.ok_or(AdminError::NotFound)?;
        if change.expected_version.is_some_and(|version| version != team.version) {
            return Err(AdminError::Stale);
        }
        if let Some(name) = change.name {
            team.name = display_name(&name)?;
        }
        if let Some(reference) = change.external_ref {
            team.external_ref = checked_reference(reference)?;
        }
        team.is_active = change.is_active.unwrap_or(team.is_active);
        let audit = by.audit(self, AuditAction::TeamUpdated, id, None);
        let saved = self.store.save_team(&team, &audit).await?;
        self.live.apply(ChangeSubject::Directory);
        match saved {
            Saved::Saved => Ok(Team { version: team.version + 1, ..team }),
            Saved::Stale => Err(AdminError::Stale),
            Saved::Taken => Err(AdminError::Taken("name or external_ref")),
        }
    }

    /// Who is in a team.
    pub async fn team_members(&self, _by: &Admin, team: TeamId) -> Result<Vec<TeamMember>, AdminError> {
        self.store.find_team(team).await?.ok_or(AdminError::NotFound)?;
        Ok(self.store.list_team_members(team).await?)
    }

    /// Puts a user into a team, or gives them another role there.
    pub async fn set_team_member(&self, by: &Admin, team: TeamId, user: UserId, role: &Role) -> Result<(), AdminError> {
        let audit = membership_audit(self, by, AuditAction::TeamJoined, team, user);
        let done = self.store.set_team_member(team, user, role, &audit).await?;
        self.live.apply(ChangeSubject::User(user));
        if done { Ok(()) } else { Err(AdminError::NotFound) }
    }

    /// Takes a user out of a team.
    pub async fn remove_team_member(&self, by: &Admin, team: TeamId, user: UserId) -> Result<(), AdminError> {
        let audit = membership_audit(self, by, AuditAction::TeamLeft, team, user);
        let done = self.store.remove_team_member(team, user, &audit).await?;
        self.live.apply(ChangeSubject::User(user));
        if done { Ok(()) } else { Err(AdminError::NotFound) }
    }
}

fn membership_audit(identity: &Identity, by: &Admin, action: AuditAction, team: TeamId, user: UserId) -> AuditEvent {
    by.audit(identity, action, team, Some(format!("user {user}")))
}

/// A name as given, or the field's fault.
pub(crate) fn display_name(name: &str) -> Result<DisplayName, AdminError> {
    DisplayName::try_from(name.to_owned()).map_err(|error| AdminError::refused("name", error))
}

fn checked_reference(reference: Option<String>) -> Result<Option<String>, AdminError> {
    let fits = |text: &String| !text.is_empty() && text.len() <= MAX_REFERENCE && !text.chars().any(char::is_control);
    if reference.as_ref().is_none_or(fits) {
        Ok(reference)
    } else {
        Err(AdminError::refused("external_ref", "a reference is 1 to 255 bytes without control characters"))
    }
}
