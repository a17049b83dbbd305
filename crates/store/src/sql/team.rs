//! Teams and who is in them.

use async_trait::async_trait;
use doorward_identity::audit::AuditEvent;
use doorward_identity::change::ChangeSubject;
use doorward_identity::name::DisplayName;
use doorward_identity::store::{Inserted, Saved};
use doorward_identity::team::{Team, TeamMember, TeamStore};
use doorward_identity::user::Role;
use doorward_identity::{StoreError, TeamId, UserId};
use uuid::Uuid;

use super::{Connection, Engine, change, conclude, conclude_if_done};
use crate::fault::{Fault, is_taken, readable};
use crate::time::Time;

#[derive(sqlx::FromRow)]
pub(super) struct TeamRow {
    id: Uuid,
    name: String,
    external_ref: Option<String>,
    is_active: bool,
    created_at: Time,
    version: i64,
}

impl TryFrom<TeamRow> for Team {
    type Error = Fault;

    fn try_from(row: TeamRow) -> Result<Self, Fault> {
        Ok(Self {
            id: TeamId::from_uuid(row.id),
            name: readable(DisplayName::try_from(row.name).ok(), "team name")?,
            external_ref: row.external_ref,
            is_active: row.is_active,
            created_at: row.created_at.into(),
            version: row.version,
        })
    }
}

#[derive(sqlx::FromRow)]
struct MemberRow {
    id: Uuid,
    email: String,
    name: Option<String>,
    role: String,
}

impl TryFrom<MemberRow> for TeamMember {
    type Error = Fault;

    fn try_from(row: MemberRow) -> Result<Self, Fault> {
        let role: Option<Role> = row.role.parse().ok();
        Ok(Self { user_id: UserId::from_uuid(row.id), email: row.email, name: row.name, role: readable(role, "role")? })
    }
}

/// Writes a team. False when its name or reference is in use.
async fn insert_row(connection: &mut Connection, team: &Team) -> Result<bool, Fault> {
    let done = sqlx::query(
        "insert into teams (id, name, external_ref, is_active, created_at, version)
         values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
    )
    .bind(team.id.as_uuid())
    .bind(team.name.as_str())
    .bind(team.external_ref.as_deref())
    .bind(team.is_active)
    .bind(Time(team.created_at))
    .bind(team.version)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Notes that a seed is made now. False when it was made before.
pub(super) async fn plant(connection: &mut Connection, kind: &str, key: &str) -> Result<bool, Fault> {
    let done = sqlx::query("insert into seeds (kind, key) values ($1, $2) on conflict do nothing")
        .bind(kind)
        .bind(key)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

#[async_trait]
impl TeamStore for Engine {
    async fn seed_teams(&self, teams: &[Team]) -> Result<(), StoreError> {
        self.calls
            .run("seed_teams", move || async move {
                let mut tx = self.begin().await?;
                for team in teams {
                    if plant(&mut tx, "team", team.name.as_str()).await? && insert_row(&mut tx, team).await? {
                        change::announce(&mut tx, ChangeSubject::Directory, team.created_at).await?;
                    }
                }
                tx.commit().await?;
                Ok(())
            })
            .await
    }

    async fn insert_team(&self, team: &Team, event: &AuditEvent) -> Result<Inserted, StoreError> {
        self.calls
            .run("insert_team", move || async move {
                let mut tx = self.begin().await?;
                if !insert_row(&mut tx, team).await? {
                    return Ok(Inserted::Taken);
                }
                conclude(tx, ChangeSubject::Directory, event).await?;
                Ok(Inserted::Inserted)
            })
            .await
    }

    async fn find_team(&self, id: TeamId) -> Result<Option<Team>, StoreError> {
        self.calls
            .run("find_team", move || async move {
                let sql = "select id, name, external_ref, is_active, created_at, version from teams where id = $1";
                let row: Option<TeamRow> =
                    sqlx::query_as(sql).bind(id.as_uuid()).fetch_optional(&mut *self.read().await?).await?;
                row.map(Team::try_from).transpose()
            })
            .await
    }

    async fn list_teams(&self, active_only: bool) -> Result<Vec<Team>, StoreError> {
        self.calls
            .run("list_teams", move || async move {
                let sql = "select id, name, external_ref, is_active, created_at, version from teams
                    where is_active or not $1 order by name";
                let rows: Vec<TeamRow> =
                    sqlx::query_as(sql).bind(active_only).fetch_all(&mut *self.read().await?).await?;
                rows.into_iter().map(Team::try_from).collect()
            })
            .await
    }

    async fn save_team(&self, team: &Team, event: &AuditEvent) -> Result<Saved, StoreError> {
        self.calls
            .run("save_team", move || async move {
                let mut tx = self.begin().await?;
                let done = sqlx::query(
                    "update teams set name = $3, external_ref = $4, is_active = $5, version = version + 1
                     where id = $1 and version = $2",
                )
                .bind(team.id.as_uuid())
                .bind(team.version)
                .bind(team.name.as_str())
                .bind(team.external_ref.as_deref())
                .bind(team.is_active)
                .execute(&mut *tx)
                .await;
                match done {
                    Ok(done) if done.rows_affected() == 1 => {}
                    Ok(_) => return Ok(Saved::Stale),
                    Err(error) if is_taken(&error) => return Ok(Saved::Taken),
                    Err(error) => return Err(error.into()),
                }
                conclude(tx, ChangeSubject::Directory, event).await?;
                Ok(Saved::Saved)
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
                let mut tx = self.begin().await?;
                let done = sqlx::query(
                    "insert into team_memberships (user_id, team_id, role)
                     select u.id, t.id, $3 from users u cross join teams t where u.id = $1 and t.id = $2
                     on conflict (user_id, team_id) do update set role = excluded.role",
                )
                .bind(user.as_uuid())
                .bind(team.as_uuid())
                .bind(role.as_str())
                .execute(&mut *tx)
                .await?;
                conclude_if_done(tx, done.rows_affected(), ChangeSubject::User(user), event).await
            })
            .await
    }

    async fn remove_team_member(&self, team: TeamId, user: UserId, event: &AuditEvent) -> Result<bool, StoreError> {
        self.calls
            .run("remove_team_member", move || async move {
                let mut tx = self.begin().await?;
                let done = sqlx::query("delete from team_memberships where user_id = $1 and team_id = $2")
                    .bind(user.as_uuid())
                    .bind(team.as_uuid())
                    .execute(&mut *tx)
                    .await?;
                conclude_if_done(tx, done.rows_affected(), ChangeSubject::User(user), event).await
            })
            .await
    }

    async fn list_team_members(&self, team: TeamId) -> Result<Vec<TeamMember>, StoreError> {
        self.calls
            .run("list_team_members", move || async move {
                let sql = "select u.id, u.email, u.name, m.role
                    from team_memberships m join users u on u.id = m.user_id
                    where m.team_id = $1 order by u.email_key";
                let rows: Vec<MemberRow> =
                    sqlx::query_as(sql).bind(team.as_uuid()).fetch_all(&mut *self.read().await?).await?;
                rows.into_iter().map(TeamMember::try_from).collect()
            })
            .await
    }
}
