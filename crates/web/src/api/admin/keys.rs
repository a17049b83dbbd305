//! Signing keys, as administrators keep them.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use doorward_identity::keyring::{KeyInfo, KeyState};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Api;
use crate::actor::Administrator;
use crate::contract::Contract::Administration;
use crate::json;
use crate::members::{Members, Shape};
use crate::moment::Moment;
use crate::problem::Problem;
use crate::query::Query;
use crate::target::Ids;

/// How to rotate.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Rotation {
    /// Whether the new key signs at once, which is for after a leak; else it is published for a while first.
    #[param(required = false)]
    at_once: bool,
}

impl Shape for Rotation {
    fn read(members: &mut Members<'_>) -> Self {
        Self { at_once: members.parsed("at_once", "must be true or false").unwrap_or(false) }
    }
}

/// The name of a key in a path; what cannot be one is the name of nothing.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct KeyName(String);

impl TryFrom<String> for KeyName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if text.bytes().all(plain) { Ok(Self(text)) } else { Err("no key has such a name") }
    }
}

/// A signing key.
#[derive(Serialize, ToSchema)]
#[schema(as = SigningKey)]
pub(crate) struct KeyView<'k> {
    kid: &'k str,
    #[schema(value_type = String, example = "EdDSA")]
    algorithm: &'static str,
    /// `pending`, `active`, `retiring` or `expired`.
    #[schema(value_type = String, example = "active")]
    state: &'static str,
    #[schema(value_type = String, format = DateTime)]
    created_at: Moment,
    #[schema(value_type = String, format = DateTime)]
    activates_at: Moment,
}

impl<'k> KeyView<'k> {
    fn of(key: &'k KeyInfo) -> Self {
        let state = match key.state {
            KeyState::Pending => "pending",
            KeyState::Active => "active",
            KeyState::Retiring => "retiring",
            KeyState::Expired => "expired",
        };
        Self {
            kid: &key.kid,
            algorithm: key.algorithm.as_str(),
            state,
            created_at: Moment(key.created_at),
            activates_at: Moment(key.activates_at),
        }
    }
}

/// Lists the signing keys.
#[utoipa::path(
    get, path = "/admin/v1/keys", operation_id = "admin_keys", tag = "administration",
    security(("bearer" = [])), responses((status = 200, description = "The keys", body = json::List<KeyView>))
)]
pub(crate) async fn list(State(api): State<Arc<Api>>, Administrator(admin): Administrator) -> Response {
    json::ok(&json::List::of(&api.identity.keys(&admin), KeyView::of))
}

/// Makes the next signing key.
#[utoipa::path(
    post, path = "/admin/v1/keys/rotate", operation_id = "admin_rotate_key", tag = "administration",
    security(("bearer" = [])), params(Rotation),
    responses((status = 201, description = "The new key", body = KeyView),
        (status = 409, description = "A rotation is under way"))
)]
pub(crate) async fn rotate(
    State(api): State<Arc<Api>>,
    Administrator(admin): Administrator,
    query: Query,
) -> Result<Response, Problem> {
    let Rotation { at_once } = query.read(Administration)?;
    let key = api.identity.rotate_key(&admin, at_once).await?;
    Ok(json::answer(StatusCode::CREATED, &KeyView::of(&key)))
}

/// Throws a key away: every token signed with it is refused from now on.
#[utoipa::path(
    delete, path = "/admin/v1/keys/{kid}", operation_id = "admin_withdraw_key", tag = "administration",
    security(("bearer" = [])), params(("kid" = String, Path)), responses((status = 204, description = "Gone"))
)]
pub(crate) async fn withdraw(
    State(api): State<Arc<Api>>,
    Administrator(admin): Administrator,
    Ids(KeyName(kid)): Ids<KeyName>,
) -> Result<Response, Problem> {
    api.identity.withdraw_key(&admin, &kid).await?;
    Ok(json::done())
}
