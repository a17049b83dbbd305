//! What people see and change of themselves: the account, their sessions, who they are at providers.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use doorward_identity::provider::{Departure, LinkedIdentity};
use doorward_identity::session::Session;
use doorward_identity::{SessionId, UserId};
use http::HeaderMap;
use serde::Serialize;
use utoipa::ToSchema;

use super::hand_over;
use crate::Api;
use crate::actor::{CameFrom, SignedInPerson};
use crate::api::session::{Ended, SessionView};
use crate::contract::Contract::Hosted;
use crate::json::{self, JsonBody};
use crate::members::{Members, Shape};
use crate::moment::Moment;
use crate::problem::Problem;
use crate::target::Ids;

/// Somebody, as they see themselves.
#[derive(Serialize, ToSchema)]
pub(crate) struct Me<'c> {
    #[schema(value_type = uuid::Uuid)]
    id: UserId,
    email: &'c str,
    /// The subject at the provider the session began at, else at the first that the account is linked to.
    cognito_sub: Option<String>,
    full_name: Option<&'c str>,
    #[schema(example = json!(["user", "billing-reader"]))]
    roles: Vec<&'c str>,
    #[schema(value_type = String, format = DateTime, example = "2026-02-04T10:30:00Z")]
    created_at: Moment,
}

/// An open session of one's own.
#[derive(Serialize, ToSchema)]
pub(crate) struct OwnSession<'s> {
    #[serde(flatten)]
    session: SessionView<'s>,
    /// Whether it is the one that asks.
    current: bool,
}

/// Who somebody is at a provider.
#[derive(Serialize, ToSchema)]
#[schema(as = Identity)]
pub(crate) struct IdentityView<'i> {
    /// The provider's id; null when people cannot sign in through it any more.
    #[schema(example = "cognito")]
    provider: Option<&'i str>,
    issuer: &'i str,
    subject: &'i str,
}

impl<'i> IdentityView<'i> {
    fn of(linked: &'i LinkedIdentity) -> Self {
        Self {
            provider: linked.provider.as_deref(),
            issuer: &linked.identity.issuer,
            subject: &linked.identity.subject,
        }
    }
}

/// Which provider to link.
#[derive(ToSchema)]
pub(crate) struct Linking {
    /// Its id.
    #[schema(example = "cognito")]
    provider: String,
    /// Where to go afterwards: a path of this site.
    #[schema(max_length = 1024)]
    return_to: Option<String>,
}

impl Shape for Linking {
    fn read(members: &mut Members<'_>) -> Self {
        Self { provider: members.text("provider"), return_to: members.optional_text("return_to") }
    }
}

/// Where to go to link a provider.
#[derive(Serialize, ToSchema)]
pub(crate) struct Leaving<'d> {
    /// For the browser that asked: a cookie holds what it must bring back.
    authorization_url: &'d str,
}

/// The caller's account.
#[utoipa::path(
    get, path = "/api/v1/users/me", operation_id = "hosted_me", tag = "me",
    security(("cookie" = []), ("bearer" = [])),
    responses((status = 200, description = "The account", body = Me))
)]
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    SignedInPerson(caller): SignedInPerson,
) -> Result<Response, Problem> {
    let cognito_sub = api.identity.outside_subject(&caller).await?;
    let user = &caller.context.user;
    Ok(json::ok(&Me {
        id: user.id,
        email: user.email.as_str(),
        cognito_sub,
        full_name: user.name.as_deref(),
        roles: user.held_roles().collect(),
        created_at: Moment(user.created_at),
    }))
}

/// Lists the caller's open sessions.
#[utoipa::path(
    get, path = "/api/v1/users/me/sessions", operation_id = "hosted_sessions", tag = "me",
    security(("cookie" = []), ("bearer" = [])),
    responses((status = 200, description = "The sessions, newest first", body = json::List<OwnSession>))
)]
pub(crate) async fn sessions(
    State(api): State<Arc<Api>>,
    SignedInPerson(caller): SignedInPerson,
) -> Result<Response, Problem> {
    let sessions = api.identity.own_sessions(&caller).await?;
    let own = |session: &Session| caller.session == Some(session.id);
    let view = |session| OwnSession { session: SessionView::of(session), current: own(session) };
    Ok(json::ok(&json::List::of(&sessions, view)))
}

/// Ends every session of the caller but the one that asks.
#[utoipa::path(
    delete, path = "/api/v1/users/me/sessions", operation_id = "hosted_end_other_sessions", tag = "me",
    security(("cookie" = []), ("bearer" = [])),
    responses((status = 200, description = "How many were open", body = Ended))
)]
pub(crate) async fn end_others(
    State(api): State<Arc<Api>>,
    CameFrom(origin): CameFrom,
    SignedInPerson(caller): SignedInPerson,
) -> Result<Response, Problem> {
    let ended = api.identity.end_other_sessions(&caller, origin).await?;
    Ok(json::ok(&Ended { ended }))
}

/// Ends one of the caller's sessions.
#[utoipa::path(
    delete, path = "/api/v1/users/me/sessions/{id}", operation_id = "hosted_end_session", tag = "me",
    params(("id" = uuid::Uuid, Path)), security(("cookie" = []), ("bearer" = [])),
    responses((status = 204, description = "It has ended"))
)]
pub(crate) async fn end_session(
    State(api): State<Arc<Api>>,
    CameFrom(origin): CameFrom,
    SignedInPerson(caller): SignedInPerson,
    Ids(id): Ids<SessionId>,
) -> Result<Response, Problem> {
    if api.identity.end_own_session(&caller, id, origin).await? { Ok(json::done()) } else { Err(Problem::not_found()) }
}

/// Lists who the caller is at providers.
#[utoipa::path(
    get, path = "/api/v1/users/me/identities", operation_id = "hosted_identities", tag = "hosted",
    security(("cookie" = []), ("bearer" = [])),
    responses((status = 200, description = "The identities", body = json::List<IdentityView>))
)]
pub(crate) async fn identities(
    State(api): State<Arc<Api>>,
    SignedInPerson(caller): SignedInPerson,
) -> Result<Response, Problem> {
    let identities = api.identity.identities(&caller).await?;
    Ok(json::ok(&json::List::of(&identities, IdentityView::of)))
}

/// Begins to link another provider to the caller's account: its next callback links and signs in anew.
#[utoipa::path(
    post, path = "/api/v1/users/me/identities", operation_id = "hosted_link_identity", tag = "hosted",
    request_body = Linking, security(("cookie" = []), ("bearer" = [])),
    responses((status = 200, description = "Where to go", body = Leaving))
)]
pub(crate) async fn link(
    State(api): State<Arc<Api>>,
    SignedInPerson(caller): SignedInPerson,
    request: HeaderMap,
    body: JsonBody,
) -> Result<Response, Problem> {
    let Linking { provider, return_to } = body.read(Hosted)?;
    let wish = Departure { provider: Some(provider), return_to, max_age: None, link_to: Some(caller) };
    let departed = api.identity.begin_provider_sign_in(wish).await?;
    let mut response = json::ok(&Leaving { authorization_url: &departed.url });
    hand_over(&departed, &api, &request, &mut response)?;
    Ok(response)
}

/// Takes a provider from the caller's account, unless it is the last way in.
#[utoipa::path(
    delete, path = "/api/v1/users/me/identities/{provider}", operation_id = "hosted_unlink_identity", tag = "hosted",
    params(("provider" = String, Path)), security(("cookie" = []), ("bearer" = [])),
    responses((status = 204, description = "It is gone"), (status = 409, description = "It is the last way in"))
)]
pub(crate) async fn unlink(
    State(api): State<Arc<Api>>,
    CameFrom(origin): CameFrom,
    SignedInPerson(caller): SignedInPerson,
    Ids(provider): Ids<String>,
) -> Result<Response, Problem> {
    api.identity.unlink_identity(&caller, &provider, origin).await?;
    Ok(json::done())
}
