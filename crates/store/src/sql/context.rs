//! A user with their teams and domains: the read behind every token that is not remembered. Three look-ups by
//! key on one connection.

use doorward_identity::UserId;
use doorward_identity::domain::Domain;
use doorward_identity::user::{Role, User, UserContext, UserTeam};

use super::Connection;
use super::domain::DomainRow;
use super::team::TeamRow;
use super::user_row::{FIND_BY_ID, UserRow};
use crate::fault::{Fault, readable};

const TEAMS: &str = "select t.id, t.name, t.external_ref, t.is_active, t.created_at, t.version, m.role
    from team_memberships m join teams t on t.id = m.team_id
    where m.user_id = $1 and t.is_active order by t.name";
const DOMAINS: &str = "select d.id, d.key, d.name, d.parent_domain_id, d.is_active, d.created_at, d.version
    from user_domains m join domains d on d.id = m.domain_id
    where m.user_id = $1 and d.is_active order by d.key";

#[derive(sqlx::FromRow)]
struct MembershipRow {
    #[sqlx(flatten)]
    team: TeamRow,
    role: String,
}

impl TryFrom<MembershipRow> for UserTeam {
    type Error = Fault;

    fn try_from(row: MembershipRow) -> Result<Self, Fault> {
        let role: Option<Role> = row.role.parse().ok();
        Ok(Self { team: row.team.try_into()?, role: readable(role, "role")? })
    }
}

pub(super) async fn find(connection: &mut Connection, id: UserId) -> Result<Option<UserContext>, Fault> {
    let user: Option<UserRow> = sqlx::query_as(FIND_BY_ID).bind(id.as_uuid()).fetch_optional(&mut *connection).await?;
    let Some(user) = user else { return Ok(None) };
    let teams: Vec<MembershipRow> = sqlx::query_as(TEAMS).bind(id.as_uuid()).fetch_all(&mut *connection).await?;
    let domains: Vec<DomainRow> = sqlx::query_as(DOMAINS).bind(id.as_uuid()).fetch_all(connection).await?;
    Ok(Some(UserContext {
        user: User::try_from(user)?,
        teams: teams.into_iter().map(UserTeam::try_from).collect::<Result<_, _>>()?,
        domains: domains.into_iter().map(Domain::try_from).collect::<Result<_, _>>()?,
    }))
}
