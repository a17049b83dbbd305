//! Teams. Who is in one stands in the documents of its members.

use std::collections::HashSet;

use async_trait::async_trait;
use doorward_identity::audit::AuditEvent;
use doorward_identity::change::ChangeSubject;
use doorward_identity::name::DisplayName;
use doorward_identity::store::{Inserted, Saved};
use doorward_identity::team::{Team, TeamMember, TeamStore};
use doorward_identity::user::Role;
use doorward_identity::{StoreError, TeamId, UserId};
use mongodb::bson::{DateTime, Document, Uuid, doc};
use serde::{Deserialize, Serialize};

use super::MongoStore;
use super::aggregate::{Decision, Draft, Ledger, aggregate, id, present};
use super::effect::Effect;
use super::fault::is_taken;
use super::user_document::{MembershipDocument, UserDocument};
use super::values::{moment, timestamp};
use crate::fault::{Fault, readable};

/// Which seeds were made: a document each, with the seed as its name.
pub(super) const SEEDS: &str = "seeds";

/// A team.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, remote = "Self")]
pub(super) struct TeamDocument {
    #[serde(rename = "_id")]
    pub(super) id: Uuid,
    pub(super) name: String,
    /// Absent when there is none: the unique index passes over documents without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) external_ref: Option<String>,
    pub(super) is_active: bool,
    pub(super) created_at: DateTime,
    pub(super) version: i64,
    pub(super) ledger: Ledger,
}
aggregate!(TeamDocument, "teams");

impl TeamDocument {
    fn of(team: &Team) -> Self {
        Self {
            id: id(team.id.as_uuid()),
            name: team.name.as_str().to_owned(),
            external_ref: team.external_ref.clone(),
            is_active: team.is_active,
            created_at: moment(team.created_at),
            version: team.version,
            ledger: Ledger::first(Vec::new()),
        }
    }
}

impl TryFrom<TeamDocument> for Team {
    type Error = Fault;

    fn try_from(document: TeamDocument) -> Result<Self, Fault> {
        Ok(Self {
            id: TeamId::from_uuid(uuid::Uuid::from_bytes(document.id.bytes())),
            name: readable(DisplayName::try_from(document.name).ok(), "team name")?,
            external_ref: document.external_ref,
            is_active: document.is_active,
            created_at: timestamp(document.created_at)?,
            version: document.version,
        })
    }
}

/// That a seed was made.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SeedDocument {
    #[serde(rename = "_id")]
    pub(super) id: String,
}

impl SeedDocument {
    fn of(team: &Team) -> Self {
        Self { id: format!("team:{}", team.name.as_str()) }
    }
}

/// The user's part in a team, as somebody who is in it.
fn member(team: Uuid, user: UserDocument) -> Result<TeamMember, Fault> {
    let membership = user.teams.into_iter().find(|membership| membership.team == team);
    Ok(TeamMember {
        user_id: UserId::from_uuid(uuid::Uuid::from_bytes(user.id.bytes())),
        email: user.email,
        name: user.name,
        role: readable(membership, "membership")?.role,
    })
}

impl MongoStore {
    /// Which of these seeds were not made yet.
    async fn unseeded<'team>(&self, teams: &'team [Team]) -> Result<Vec<&'team Team>, Fault> {
        let names: Vec<String> = teams.iter().map(|team| SeedDocument::of(team).id).collect();
        let documents = self.collection::<SeedDocument>(SEEDS);
        let made = documents.find(doc! { "_id": { "$in": names } });
        let made: HashSet<String> = self.all(made).await?.into_iter().map(|seed: SeedDocument| seed.id).collect();
        Ok(teams.iter().filter(|team| !made.contains(&SeedDocument::of(team).id)).collect())
    }

    /// Makes a seed, then notes that it was made: whoever comes in between finds its name in use.
    async fn seed_team(&self, team: &Team) -> Result<(), Fault> {
        let mut draft = Draft::new(TeamDocument::of(team));
        draft.owe(Effect::announce(ChangeSubject::Directory, team.created_at));
        self.insert(&draft.into_first()).await?;
        match self.collection::<SeedDocument>(SEEDS).insert_one(SeedDocument::of(team)).await {
            Err(error) if !is_taken(&error) => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// The teams a query finds, by name.
    pub(super) async fn teams(&self, query: Document) -> Result<Vec<Team>, Fault> {
        let documents = self.documents::<TeamDocument>();
        let teams = documents.find(present(query)).sort(doc! { "name": 1 });
        self.all(teams).await?.into_iter().map(|team: TeamDocument| team.try_into()).collect()
    }

    async fn find_one_team(&self, team: TeamId) -> Result<Option<Team>, Fault> {
        let documents = self.documents::<TeamDocument>();
        let found = documents.find_one(present(doc! { "_id": id(team.as_uuid()) }));
        found.await?.map(Team::try_from).transpose()
    }
}

#[async_trait]
impl TeamStore for MongoStore {
    async fn seed_teams(&self, teams: &[Team]) -> Result<(), StoreError> {
        self.calls
            .run("seed_teams", move || async move {
                for team in self.unseeded(teams).await? {
                    self.seed_team(team).await?;
                }
                Ok::<_, Fault>(())
            })
            .await
    }

    async fn insert_team(&self, team: &Team, event: &AuditEvent) -> Result<Inserted, StoreError> {
        self.calls
            .run("insert_team", move || async move {
                let mut draft = Draft::new(TeamDocument::of(team));
                draft.owe(Effect::announce(ChangeSubject::Directory, event.at));
                draft.owe(Effect::audit(event));
                let is_new = self.insert(&draft.into_first()).await?;
                Ok::<_, Fault>(if is_new { Inserted::Inserted } else { Inserted::Taken })
            })
            .await
    }

    async fn find_team(&self, team: TeamId) -> Result<Option<Team>, StoreError> {
        self.calls.run("find_team", move || self.find_one_team(team)).await
    }

    async fn list_teams(&self, active_only: bool) -> Result<Vec<Team>, StoreError> {
        let query = if active_only {
            doc! { "is_active": true }
        } else {
            doc! {}
        };
        self.calls.run("list_teams", || self.teams(query.clone())).await
    }

    async fn save_team(&self, team: &Team, event: &AuditEvent) -> Result<Saved, StoreError> {
        self.calls
            .run("save_team", move || async move {
                let saved = self
                    .change::<TeamDocument, _>(id(team.id.as_uuid()), |draft| {
                        if draft.version != team.version {
                            return Ok(Decision::Leave(Saved::Stale));
                        }
                        team.name.as_str().clone_into(&mut draft.name);
                        draft.external_ref.clone_from(&team.external_ref);
                        draft.is_active = team.is_active;
                        draft.version += 1;
                        draft.owe(Effect::announce(ChangeSubject::Directory, event.at));
                        draft.owe(Effect::audit(event));
                        Ok(Decision::Write(Saved::Saved))
                    })
                    .await;
                match saved {
                    Err(Fault::Document(error)) if is_taken(&error) => Ok(Saved::Taken),
                    saved => Ok(saved?.unwrap_or(Saved::Stale)),
                }
            })
            .await
    }

    async fn set_team_member(
        &self,
        team: TeamId,
        user: UserId,
        role: &Role,
        event: &AuditEvent,
    ) -> Result<bool, StoreError> {
        self.calls
            .run("set_team_member", move || async move {
                // A team once made stays.
                if self.find_one_team(team).await?.is_none() {
                    return Ok(false);
                }
                let set = self
                    .change::<UserDocument, _>(id(user.as_uuid()), |draft| {
                        let team = id(team.as_uuid());
                        draft.teams.retain(|membership| membership.team != team);
                        draft.teams.push(MembershipDocument { team, role: role.clone() });
                        draft.owe(Effect::announce(ChangeSubject::User(user), event.at));
                        draft.owe(Effect::audit(event));
                        Ok(Decision::Write(true))
                    })
                    .await?;
                Ok(set.unwrap_or(false))
            })
            .await
    }

    async fn remove_team_member(&self, team: TeamId, user: UserId, event: &AuditEvent) -> Result<bool, StoreError> {
        self.calls
            .run("remove_team_member", move || async move {
                let removed = self
                    .change::<UserDocument, _>(id(user.as_uuid()), |draft| {
                        let (team, before) = (id(team.as_uuid()), draft.teams.len());
                        draft.teams.retain(|membership| membership.team != team);
                        if draft.teams.len() == before {
                            return Ok(Decision::Leave(false));
                        }
                        draft.owe(Effect::announce(ChangeSubject::User(user), event.at));
                        draft.owe(Effect::audit(event));
                        Ok(Decision::Write(true))
                    })
                    .await?;
                Ok(removed.unwrap_or(false))
            })
            .await
    }

    async fn list_team_members(&self, team: TeamId) -> Result<Vec<TeamMember>, StoreError> {
        self.calls
            .run("list_team_members", move || async move {
                let team = id(team.as_uuid());
                let documents = self.documents::<UserDocument>();
                let users = documents.find(present(doc! { "teams.team": team }));
                let users = self.all(users.sort(doc! { "email_key": 1 })).await?;
                users.into_iter().map(|user| member(team, user)).collect()
            })
            .await
    }
}
