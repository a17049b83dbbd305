//! The audit log, as administrators read it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use doorward_identity::audit::{AuditAction, AuditActor, AuditEvent, AuditQuery};
use doorward_identity::{AuditId, UserId};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{AN_ID, Page};
use crate::Api;
use crate::actor::Administrator;
use crate::contract::Contract::Administration;
use crate::json;
use crate::members::{Members, Shape};
use crate::moment::Moment;
use crate::problem::Problem;
use crate::query::Query;

/// Which lines to read.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditPage {
    /// How many at most.
    #[param(minimum = 1, maximum = 200, default = 50, required = false)]
    limit: u32,
    /// `next` of the page before.
    #[param(value_type = Option<uuid::Uuid>)]
    before: Option<AuditId>,
    /// Only lines about this user, team, domain, session or key.
    #[param(max_length = 128)]
    subject: Option<String>,
    /// Only lines with this action.
    #[param(value_type = Option<String>, example = "user.created")]
    action: Option<AuditAction>,
}

impl Shape for AuditPage {
    fn read(members: &mut Members<'_>) -> Self {
        let subject = members.optional_text("subject");
        if subject.as_ref().is_some_and(|text| text.chars().count() > 128 || text.contains('\0')) {
            members.note("subject", "must be at most 128 characters");
        }
        let name = members.optional_text("action");
        let action = name.as_deref().and_then(AuditAction::parse);
        if name.is_some() && action.is_none() {
            members.note("action", "must be the name of an action, such as user.created");
        }
        let limit = members.number_within("limit", 1, 200, 50);
        Self { limit, before: members.parsed("before", AN_ID), subject, action }
    }
}

/// A line of the audit log.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEvent)]
pub(crate) struct EventView<'e> {
    #[schema(value_type = uuid::Uuid)]
    id: AuditId,
    #[schema(value_type = String, format = DateTime)]
    at: Moment,
    #[schema(value_type = String, example = "user.created")]
    action: &'static str,
    actor: ActorView,
    /// The id of a user, team, domain, session or key.
    subject: Option<&'e str>,
    detail: Option<&'e str>,
    #[schema(value_type = Option<String>)]
    address: Option<std::net::IpAddr>,
    request_id: Option<&'e str>,
}

/// Who did it.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditActor)]
pub(crate) struct ActorView {
    /// `user`, `command_line` or `system`.
    #[schema(value_type = String, example = "user")]
    kind: &'static str,
    #[schema(value_type = Option<uuid::Uuid>)]
    user_id: Option<UserId>,
}

impl ActorView {
    const fn of(actor: AuditActor) -> Self {
        match actor {
            AuditActor::User(id) => Self { kind: "user", user_id: Some(id) },
            AuditActor::CommandLine => Self { kind: "command_line", user_id: None },
            AuditActor::System => Self { kind: "system", user_id: None },
        }
    }
}

impl<'e> EventView<'e> {
    fn of(event: &'e AuditEvent) -> Self {
        Self {
            id: event.id,
            at: Moment(event.at),
            action: event.action.as_str(),
            actor: ActorView::of(event.actor),
            subject: event.subject.as_deref(),
            detail: event.detail.as_deref(),
            address: event.address,
            request_id: event.request_id.as_deref(),
        }
    }
}

/// Reads the audit log, newest first.
#[utoipa::path(
    get, path = "/admin/v1/audit-events", operation_id = "admin_audit_events", tag = "administration",
    security(("bearer" = [])), params(AuditPage),
    responses((status = 200, description = "A page of the log", body = Page<EventView>))
)]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    Administrator(admin): Administrator,
    query: Query,
) -> Result<Response, Problem> {
    let AuditPage { limit, before, subject, action } = query.read(Administration)?;
    let wanted = AuditQuery { before, subject, action, limit: limit + 1 };
    let page = Page::cut(api.identity.audit_events(&admin, &wanted).await?, limit, |event| event.id.to_string());
    Ok(json::ok(&page.map(EventView::of)))
}
