//! Domains, their tree and whom they are assigned to, as administrators keep them.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use doorward_identity::domain::{Domain, DomainChange};
use doorward_identity::{DomainId, UserId};
use serde::Serialize;
use utoipa::ToSchema;

use super::{AN_ID, created, versioned};
use crate::Api;
use crate::actor::Administrator;
use crate::contract::Contract::Administration;
use crate::json::{self, JsonBody};
use crate::members::{Members, Shape};
use crate::moment::Moment;
use crate::problem::Problem;
use crate::target::{Ids, IfMatch};

/// A domain to make.
#[derive(ToSchema)]
pub(crate) struct NewDomain {
    #[schema(pattern = "^[a-z0-9][a-z0-9._-]{0,63}$", example = "product")]
    key: String,
    #[schema(min_length = 1, max_length = 128, example = "Product Management")]
    name: String,
    /// The domain above it.
    #[schema(value_type = Option<uuid::Uuid>)]
    parent_domain_id: Option<DomainId>,
}

impl Shape for NewDomain {
    fn read(members: &mut Members<'_>) -> Self {
        Self {
            key: members.text("key"),
            name: members.text("name"),
            parent_domain_id: members.parsed("parent_domain_id", AN_ID),
        }
    }
}

/// What to change of a domain; what is left out stays.
#[derive(ToSchema)]
#[schema(as = DomainChange)]
#[expect(clippy::option_option, reason = "left out and null are two wishes")]
pub(crate) struct DomainChangeBody {
    #[schema(pattern = "^[a-z0-9][a-z0-9._-]{0,63}$", nullable = false)]
    key: Option<String>,
    #[schema(min_length = 1, max_length = 128, nullable = false)]
    name: Option<String>,
    /// Moves it below another domain; null moves it to the top.
    #[schema(value_type = Option<uuid::Uuid>)]
    parent_domain_id: Option<Option<DomainId>>,
    /// An inactive domain counts nowhere.
    #[schema(nullable = false)]
    is_active: Option<bool>,
}

impl Shape for DomainChangeBody {
    fn read(members: &mut Members<'_>) -> Self {
        Self {
            key: members.changed_text("key"),
            name: members.changed_text("name"),
            parent_domain_id: members.nullable("parent_domain_id", AN_ID),
            is_active: members.flag("is_active"),
        }
    }
}

/// A domain, as administrators see it.
#[derive(Serialize, ToSchema)]
#[schema(as = AdminDomain)]
pub(crate) struct DomainView<'d> {
    #[schema(value_type = uuid::Uuid)]
    id: DomainId,
    key: &'d str,
    name: &'d str,
    #[schema(value_type = Option<uuid::Uuid>)]
    parent_domain_id: Option<DomainId>,
    is_active: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Moment,
    version: i64,
}

impl<'d> DomainView<'d> {
    fn of(domain: &'d Domain) -> Self {
        Self {
            id: domain.id,
            key: domain.key.as_str(),
            name: domain.name.as_str(),
            parent_domain_id: domain.parent_domain_id,
            is_active: domain.is_active,
            created_at: Moment(domain.created_at),
            version: domain.version,
        }
    }
}

/// Lists all domains by key, inactive ones too.
#[utoipa::path(
    get, path = "/admin/v1/domains", operation_id = "admin_domains", tag = "administration",
    security(("bearer" = [])), responses((status = 200, description = "The domains", body = json::List<DomainView>))
)]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    Administrator(admin): Administrator,
) -> Result<Response, Problem> {
    let domains = api.identity.all_domains(&admin).await?;
    Ok(json::ok(&json::List::of(&domains, DomainView::of)))
}

/// Makes a domain.
#[utoipa::path(
    post, path = "/admin/v1/domains", operation_id = "admin_create_domain", tag = "administration",
    security(("bearer" = [])), request_body = NewDomain,
    responses((status = 201, description = "The domain", body = DomainView),
        (status = 409, description = "The key is taken"))
)]
pub(crate) async fn create(
    State(api): State<Arc<Api>>,
    Administrator(admin): Administrator,
    body: JsonBody,
) -> Result<Response, Problem> {
    let NewDomain { key, name, parent_domain_id } = body.read(Administration)?;
    let domain = api.identity.create_domain(&admin, &key, &name, parent_domain_id).await?;
    Ok(created(domain.version, format!("/admin/v1/domains/{}", domain.id), &DomainView::of(&domain)))
}

/// Shows a domain.
#[utoipa::path(
    get, path = "/admin/v1/domains/{id}", operation_id = "admin_domain", tag = "administration",
    security(("bearer" = [])), params(("id" = uuid::Uuid, Path)),
    responses((status = 200, description = "The domain", body = DomainView))
)]
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    Administrator(admin): Administrator,
    Ids(id): Ids<DomainId>,
) -> Result<Response, Problem> {
    let domain = api.identity.find_domain(&admin, id).await?.ok_or_else(Problem::not_found)?;
    Ok(versioned(domain.version, &DomainView::of(&domain)))
}

/// Renames, moves, activates or deactivates a domain.
#[utoipa::path(
    patch, path = "/admin/v1/domains/{id}", operation_id = "admin_change_domain", tag = "administration",
    security(("bearer" = [])), params(("id" = uuid::Uuid, Path), ("If-Match" = Option<String>, Header)),
    request_body = DomainChangeBody,
    responses((status = 200, description = "The domain", body = DomainView),
        (status = 409, description = "The key is taken"))
)]
pub(crate) async fn change(
    State(api): State<Arc<Api>>,
    Administrator(admin): Administrator,
    Ids(id): Ids<DomainId>,
    expected: IfMatch,
    body: JsonBody,
) -> Result<Response, Problem> {
    let DomainChangeBody { key, name, parent_domain_id, is_active } = body.read(Administration)?;
    let change = DomainChange { key, name, parent: parent_domain_id, is_active, expected_version: expected.version()? };
    let domain = api.identity.change_domain(&admin, id, change).await?;
    Ok(versioned(domain.version, &DomainView::of(&domain)))
}

/// Assigns a domain to somebody.
#[utoipa::path(
    put, path = "/admin/v1/domains/{id}/users/{user_id}", operation_id = "admin_assign_domain",
    tag = "administration", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path), ("user_id" = uuid::Uuid, Path)),
    responses((status = 204, description = "They have it"))
)]
pub(crate) async fn assign(
    State(api): State<Arc<Api>>,
    Administrator(admin): Administrator,
    Ids((domain, user)): Ids<(DomainId, UserId)>,
) -> Result<Response, Problem> {
    api.identity.assign_domain(&admin, domain, user).await?;
    Ok(json::done())
}

/// Takes a domain from somebody.
#[utoipa::path(
    delete, path = "/admin/v1/domains/{id}/users/{user_id}", operation_id = "admin_unassign_domain",
    tag = "administration", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path), ("user_id" = uuid::Uuid, Path)),
    responses((status = 204, description = "They have it no more"))
)]
pub(crate) async fn unassign(
    State(api): State<Arc<Api>>,
    Administrator(admin): Administrator,
    Ids((domain, user)): Ids<(DomainId, UserId)>,
) -> Result<Response, Problem> {
    api.identity.unassign_domain(&admin, domain, user).await?;
    Ok(json::done())
}
