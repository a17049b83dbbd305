//! Teams and who is in them, as administrators keep them.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use doorward_identity::team::{Team, TeamChange, TeamMember};
use doorward_identity::user::Role;
use doorward_identity::{TeamId, UserId};
use serde::Serialize;
use utoipa::ToSchema;

use super::{created, versioned};
use crate::Api;
use crate::actor::Administrator;
use crate::contract::Contract::Administration;
use crate::json::{self, JsonBody};
use crate::members::{Members, Shape};
use crate::moment::Moment;
use crate::problem::Problem;
use crate::target::{Ids, IfMatch};

/// A team to make.
#[derive(ToSchema)]
pub(crate) struct NewTeam {
    #[schema(min_length = 1, max_length = 128, example = "Engineering")]
    name: String,
    /// What another system calls it.
    #[schema(min_length = 1, max_length = 255, example = "eng")]
    external_ref: Option<String>,
}

impl Shape for NewTeam {
    fn read(members: &mut Members<'_>) -> Self {
        Self { name: members.text("name"), external_ref: members.optional_text("external_ref") }
    }
}

/// What to change of a team; what is left out stays.
#[derive(ToSchema)]
#[schema(as = TeamChange)]
#[expect(clippy::option_option, reason = "left out and null are two wishes")]
pub(crate) struct TeamChangeBody {
    #[schema(min_length = 1, max_length = 128, nullable = false)]
    name: Option<String>,
    /// Null takes it away.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 255)]
    external_ref: Option<Option<String>>,
    /// An inactive team counts nowhere.
    #[schema(nullable = false)]
    is_active: Option<bool>,
}

impl Shape for TeamChangeBody {
    fn read(members: &mut Members<'_>) -> Self {
        Self {
            name: members.changed_text("name"),
            external_ref: members.nullable_text("external_ref"),
            is_active: members.flag("is_active"),
        }
    }
}

/// Somebody's part in a team.
#[derive(ToSchema)]
pub(crate) struct MemberRole {
    /// `member` when it is left out.
    #[schema(value_type = Option<String>, pattern = "^[a-z][a-z0-9._:-]{0,63}$", example = "lead")]
    role: Role,
}

impl Shape for MemberRole {
    fn read(members: &mut Members<'_>) -> Self {
        const FORM: &str = "must be 1 to 64 of a-z, 0-9, '-', '_', '.' and ':', beginning with a letter";
        Self { role: members.parsed("role", FORM).unwrap_or_else(Role::member) }
    }
}

/// A team, as administrators see it.
#[derive(Serialize, ToSchema)]
#[schema(as = AdminTeam)]
pub(crate) struct TeamView<'t> {
    #[schema(value_type = uuid::Uuid)]
    id: TeamId,
    name: &'t str,
    external_ref: Option<&'t str>,
    is_active: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Moment,
    version: i64,
}

impl<'t> TeamView<'t> {
    fn of(team: &'t Team) -> Self {
        Self {
            id: team.id,
            name: team.name.as_str(),
            external_ref: team.external_ref.as_deref(),
            is_active: team.is_active,
            created_at: Moment(team.created_at),
            version: team.version,
        }
    }
}

/// Somebody in a team.
#[derive(Serialize, ToSchema)]
#[schema(as = TeamMember)]
pub(crate) struct MemberView<'t> {
    #[schema(value_type = uuid::Uuid)]
    user_id: UserId,
    email: &'t str,
    name: Option<&'t str>,
    role: &'t str,
}

impl<'t> MemberView<'t> {
    fn of(member: &'t TeamMember) -> Self {
        Self { user_id: member.user_id, email: &member.email, name: member.name.as_deref(), role: member.role.as_str() }
    }
}

/// Lists all teams by name, inactive ones too.
#[utoipa::path(
    get, path = "/admin/v1/teams", operation_id = "admin_teams", tag = "administration",
    security(("bearer" = [])), responses((status = 200, description = "The teams", body = json::List<TeamView>))
)]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    Administrator(admin): Administrator,
) -> Result<Response, Problem> {
    let teams = api.identity.all_teams(&admin).await?;
    Ok(json::ok(&json::List::of(&teams, TeamView::of)))
}

/// Makes a team.
#[utoipa::path(
    post, path = "/admin/v1/teams", operation_id = "admin_create_team", tag = "administration",
    security(("bearer" = [])), request_body = NewTeam,
    responses((status = 201, description = "The team", body = TeamView),
        (status = 409, description = "The name or reference is taken"))
)]
pub(crate) async fn create(
    State(api): State<Arc<Api>>,
    Administrator(admin): Administrator,
    body: JsonBody,
) -> Result<Response, Problem> {
    let NewTeam { name, external_ref } = body.read(Administration)?;
    let team = api.identity.create_team(&admin, &name, external_ref.as_deref()).await?;
    Ok(created(team.version, format!("/admin/v1/teams/{}", team.id), &TeamView::of(&team)))
}

/// Shows a team.
#[utoipa::path(
    get, path = "/admin/v1/teams/{id}", operation_id = "admin_team", tag = "administration",
    security(("bearer" = [])), params(("id" = uuid::Uuid, Path)),
    responses((status = 200, description = "The team", body = TeamView))
)]
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    Administrator(admin): Administrator,
    Ids(id): Ids<TeamId>,
) -> Result<Response, Problem> {
    let team = api.identity.find_team(&admin, id).await?.ok_or_else(Problem::not_found)?;
    Ok(versioned(team.version, &TeamView::of(&team)))
}

/// Renames, activates or deactivates a team.
#[utoipa::path(
    patch, path = "/admin/v1/teams/{id}", operation_id = "admin_change_team", tag = "administration",
    security(("bearer" = [])), params(("id" = uuid::Uuid, Path), ("If-Match" = Option<String>, Header)),
    request_body = TeamChangeBody,
    responses((status = 200, description = "The team", body = TeamView),
        (status = 409, description = "The name or reference is taken"))
)]
pub(crate) async fn change(
    State(api): State<Arc<Api>>,
    Administrator(admin): Administrator,
    Ids(id): Ids<TeamId>,
    expected: IfMatch,
    body: JsonBody,
) -> Result<Response, Problem> {
    let TeamChangeBody { name, external_ref, is_active } = body.read(Administration)?;
    let change = TeamChange { name, external_ref, is_active, expected_version: expected.version()? };
    let team = api.identity.change_team(&admin, id, change).await?;
    Ok(versioned(team.version, &TeamView::of(&team)))
}

/// Lists who is in a team, by e-mail.
#[utoipa::path(
    get, path = "/admin/v1/teams/{id}/members", operation_id = "admin_team_members", tag = "administration",
    security(("bearer" = [])), params(("id" = uuid::Uuid, Path)),
    responses((status = 200, description = "The members", body = json::List<MemberView>))
)]
pub(crate) async fn members(
    State(api): State<Arc<Api>>,
    Administrator(admin): Administrator,
    Ids(id): Ids<TeamId>,
) -> Result<Response, Problem> {
    let members = api.identity.team_members(&admin, id).await?;
    Ok(json::ok(&json::List::of(&members, MemberView::of)))
}

/// Puts somebody into a team, or gives them another role there.
#[utoipa::path(
    put, path = "/admin/v1/teams/{id}/members/{user_id}", operation_id = "admin_set_member",
    tag = "administration", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path), ("user_id" = uuid::Uuid, Path)), request_body = MemberRole,
    responses((status = 204, description = "They are in it"))
)]
pub(crate) async fn set_member(
    State(api): State<Arc<Api>>,
    Administrator(admin): Administrator,
    Ids((team, user)): Ids<(TeamId, UserId)>,
    body: JsonBody,
) -> Result<Response, Problem> {
    let MemberRole { role } = body.read(Administration)?;
    api.identity.set_team_member(&admin, team, user, &role).await?;
    Ok(json::done())
}

/// Takes somebody out of a team.
#[utoipa::path(
    delete, path = "/admin/v1/teams/{id}/members/{user_id}", operation_id = "admin_remove_member",
    tag = "administration", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path), ("user_id" = uuid::Uuid, Path)),
    responses((status = 204, description = "They are out"))
)]
pub(crate) async fn remove_member(
    State(api): State<Arc<Api>>,
    Administrator(admin): Administrator,
    Ids((team, user)): Ids<(TeamId, UserId)>,
) -> Result<Response, Problem> {
    api.identity.remove_team_member(&admin, team, user).await?;
    Ok(json::done())
}
