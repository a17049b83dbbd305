//! A user with their teams and domains: the read behind every token that is not remembered. Whoever is in none is asked
//! for none.

use doorward_identity::user::{User, UserContext, UserTeam};
use mongodb::bson::{Uuid, doc};

use super::MongoStore;
use super::user_document::{MembershipDocument, UserDocument};
use crate::fault::{Fault, readable};

impl MongoStore {
    /// A user as they were read, with what they are in now.
    pub(super) async fn context_of(&self, mut user: UserDocument) -> Result<UserContext, Fault> {
        let (memberships, assigned) = (std::mem::take(&mut user.teams), std::mem::take(&mut user.domains));
        let domains = if assigned.is_empty() {
            Vec::new()
        } else {
            self.tree().await?.pick(|domain, is_active| is_active && assigned.contains(&domain))?
        };
        Ok(UserContext { teams: self.teams_of(memberships).await?, domains, user: User::try_from(user)? })
    }

    async fn teams_of(&self, memberships: Vec<MembershipDocument>) -> Result<Vec<UserTeam>, Fault> {
        if memberships.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<Uuid> = memberships.iter().map(|membership| membership.team).collect();
        let teams = self.teams(doc! { "_id": { "$in": ids }, "is_active": true }).await?;
        teams.into_iter().map(|team| in_team(team, &memberships)).collect()
    }
}

fn in_team(team: doorward_identity::team::Team, memberships: &[MembershipDocument]) -> Result<UserTeam, Fault> {
    let membership = memberships.iter().find(|membership| membership.team == super::aggregate::id(team.id.as_uuid()));
    Ok(UserTeam { role: readable(membership, "membership")?.role.clone(), team })
}
