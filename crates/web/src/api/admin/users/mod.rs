//! Accounts, as administrators keep them.

mod bodies;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use doorward_identity::UserId;
use doorward_identity::user::{UserChange, UserQuery, UserStatus};

use self::bodies::{NewUserBody, Roles, UserChangeBody, UserDetails, UserPage, UserView};
use super::{Page, created, versioned};
use crate::Api;
use crate::actor::Administrator;
use crate::api::session::{Ended, SessionView};
use crate::contract::Contract::Administration;
use crate::json::{self, JsonBody};
use crate::problem::Problem;
use crate::query::Query;
use crate::target::{Ids, IfMatch};

/// Lists accounts in the order of their making.
#[utoipa::path(
    get, path = "/admin/v1/users", operation_id = "admin_users", tag = "administration",
    security(("bearer" = [])), params(UserPage),
    responses((status = 200, description = "A page of accounts", body = Page<UserView>))
)]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    Administrator(admin): Administrator,
    query: Query,
) -> Result<Response, Problem> {
    let UserPage { limit, after, search } = query.read(Administration)?;
    let found = api.identity.users(&admin, &UserQuery { after, search, limit: limit + 1 }).await?;
    let page = Page::cut(found, limit, |user| user.id.to_string());
    Ok(json::ok(&page.map(UserView::of)))
}

/// Makes an account.
#[utoipa::path(
    post, path = "/admin/v1/users", operation_id = "admin_create_user", tag = "administration",
    security(("bearer" = [])), request_body = NewUserBody,
    responses((status = 201, description = "The account", body = UserView),
        (status = 409, description = "The address is taken"))
)]
pub(crate) async fn create(
    State(api): State<Arc<Api>>,
    Administrator(admin): Administrator,
    body: JsonBody,
) -> Result<Response, Problem> {
    let new: NewUserBody = body.read(Administration)?;
    let user = api.identity.create_account(&admin, new.into()).await?;
    Ok(created(user.version, format!("/admin/v1/users/{}", user.id), &UserView::of(&user)))
}

/// Shows an account with its teams and domains.
#[utoipa::path(
    get, path = "/admin/v1/users/{id}", operation_id = "admin_user", tag = "administration",
    security(("bearer" = [])), params(("id" = uuid::Uuid, Path)),
    responses((status = 200, description = "The account", body = UserDetails))
)]
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    Administrator(admin): Administrator,
    Ids(id): Ids<UserId>,
) -> Result<Response, Problem> {
    let context = api.identity.user_context(&admin, id).await?.ok_or_else(Problem::not_found)?;
    Ok(versioned(context.user.version, &UserDetails::of(&context)))
}

/// Changes an account.
#[utoipa::path(
    patch, path = "/admin/v1/users/{id}", operation_id = "admin_change_user", tag = "administration",
    security(("bearer" = [])), params(("id" = uuid::Uuid, Path), ("If-Match" = Option<String>, Header)),
    request_body = UserChangeBody,
    responses((status = 200, description = "The account", body = UserView),
        (status = 409, description = "The address is taken"))
)]
pub(crate) async fn change(
    State(api): State<Arc<Api>>,
    Administrator(admin): Administrator,
    Ids(id): Ids<UserId>,
    expected: IfMatch,
    body: JsonBody,
) -> Result<Response, Problem> {
    let change: UserChangeBody = body.read(Administration)?;
    let user = api.identity.change_user(&admin, id, change.of_version(expected.version()?)).await?;
    Ok(versioned(user.version, &UserView::of(&user)))
}

/// Gives an account other roles.
#[utoipa::path(
    put, path = "/admin/v1/users/{id}/roles", operation_id = "admin_set_roles", tag = "administration",
    security(("bearer" = [])), params(("id" = uuid::Uuid, Path), ("If-Match" = Option<String>, Header)),
    request_body = Roles, responses((status = 200, description = "The account", body = UserView))
)]
pub(crate) async fn set_roles(
    State(api): State<Arc<Api>>,
    Administrator(admin): Administrator,
    Ids(id): Ids<UserId>,
    expected: IfMatch,
    body: JsonBody,
) -> Result<Response, Problem> {
    let Roles { roles } = body.read(Administration)?;
    let change = UserChange { roles: Some(roles), expected_version: expected.version()?, ..UserChange::default() };
    let user = api.identity.change_user(&admin, id, change).await?;
    Ok(versioned(user.version, &UserView::of(&user)))
}

/// Disables an account, which ends all of its sessions at once.
#[utoipa::path(
    post, path = "/admin/v1/users/{id}/disable", operation_id = "admin_disable_user", tag = "administration",
    security(("bearer" = [])), params(("id" = uuid::Uuid, Path)),
    responses((status = 200, description = "The account", body = UserView),
        (status = 412, description = "It was changed meanwhile"))
)]
pub(crate) async fn disable(
    State(api): State<Arc<Api>>,
    Administrator(admin): Administrator,
    Ids(id): Ids<UserId>,
) -> Result<Response, Problem> {
    let user = api.identity.set_user_status(&admin, id, UserStatus::Disabled).await?;
    Ok(versioned(user.version, &UserView::of(&user)))
}

/// Enables an account.
#[utoipa::path(
    post, path = "/admin/v1/users/{id}/enable", operation_id = "admin_enable_user", tag = "administration",
    security(("bearer" = [])), params(("id" = uuid::Uuid, Path)),
    responses((status = 200, description = "The account", body = UserView),
        (status = 412, description = "It was changed meanwhile"))
)]
pub(crate) async fn enable(
    State(api): State<Arc<Api>>,
    Administrator(admin): Administrator,
    Ids(id): Ids<UserId>,
) -> Result<Response, Problem> {
    let user = api.identity.set_user_status(&admin, id, UserStatus::Active).await?;
    Ok(versioned(user.version, &UserView::of(&user)))
}

/// Forgives an account's failed sign-ins.
#[utoipa::path(
    post, path = "/admin/v1/users/{id}/unlock", operation_id = "admin_unlock_user", tag = "administration",
    security(("bearer" = [])), params(("id" = uuid::Uuid, Path)),
    responses((status = 204, description = "Done"), (status = 412, description = "It was changed meanwhile"))
)]
pub(crate) async fn unlock(
    State(api): State<Arc<Api>>,
    Administrator(admin): Administrator,
    Ids(id): Ids<UserId>,
) -> Result<Response, Problem> {
    api.identity.unlock_user(&admin, id).await?;
    Ok(json::done())
}

/// Ends every session of an account.
#[utoipa::path(
    post, path = "/admin/v1/users/{id}/sign-out", operation_id = "admin_sign_out_user", tag = "administration",
    security(("bearer" = [])), params(("id" = uuid::Uuid, Path)),
    responses((status = 200, description = "How many were open", body = Ended))
)]
pub(crate) async fn sign_out(
    State(api): State<Arc<Api>>,
    Administrator(admin): Administrator,
    Ids(id): Ids<UserId>,
) -> Result<Response, Problem> {
    let ended = api.identity.end_sessions(&admin, id).await?;
    Ok(json::ok(&Ended { ended }))
}

/// Lists an account's open sessions.
#[utoipa::path(
    get, path = "/admin/v1/users/{id}/sessions", operation_id = "admin_user_sessions", tag = "administration",
    security(("bearer" = [])), params(("id" = uuid::Uuid, Path)),
    responses((status = 200, description = "The sessions, newest first", body = json::List<SessionView>))
)]
pub(crate) async fn sessions(
    State(api): State<Arc<Api>>,
    Administrator(admin): Administrator,
    Ids(id): Ids<UserId>,
) -> Result<Response, Problem> {
    let sessions = api.identity.user_sessions(&admin, id).await?;
    Ok(json::ok(&json::List::of(&sessions, SessionView::of)))
}

/// Deletes an account and all that hangs on it.
#[utoipa::path(
    delete, path = "/admin/v1/users/{id}", operation_id = "admin_delete_user", tag = "administration",
    security(("bearer" = [])), params(("id" = uuid::Uuid, Path)),
    responses((status = 204, description = "Gone"))
)]
pub(crate) async fn delete(
    State(api): State<Arc<Api>>,
    Administrator(admin): Administrator,
    Ids(id): Ids<UserId>,
) -> Result<Response, Problem> {
    api.identity.delete_user(&admin, id).await?;
    Ok(json::done())
}
