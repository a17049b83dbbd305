//! Signing in with a password for tokens, and renewing them. Signing out is the same as with a cookie.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use doorward_identity::Surface;
use doorward_identity::session::SignedIn;
use secrecy::ExposeSecret;
use serde::Serialize;
use utoipa::ToSchema;

use crate::Api;
use crate::actor::CameFrom;
use crate::api::session;
use crate::contract::Contract::Accounts;
use crate::json::{self, JsonBody};
use crate::problem::Problem;

/// They are in.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccountTokens<'s> {
    /// A JWT for `Authorization: Bearer`.
    access_token: &'s str,
    /// Exchanges for new tokens at `/api/v1/auth/refresh`; once, unless a user pool elsewhere made it.
    refresh_token: &'s str,
    /// A JWT that tells the application who it is. It opens nothing.
    id_token: Option<&'s str>,
    #[schema(value_type = String, example = "Bearer")]
    token_type: &'static str,
    /// The access token's life in seconds.
    #[schema(example = 3600)]
    expires_in: i64,
}

impl<'s> AccountTokens<'s> {
    fn of(signed_in: &'s SignedIn) -> Self {
        Self {
            access_token: &signed_in.access_token,
            refresh_token: signed_in.refresh_token.expose_secret(),
            id_token: signed_in.id_token.as_deref(),
            token_type: "Bearer",
            expires_in: signed_in.expires_in,
        }
    }
}

/// Signs in.
#[utoipa::path(
    post, path = "/api/v1/auth/login", operation_id = "accounts_login", tag = "accounts", request_body = session::Credentials,
    responses((status = 200, description = "Tokens", body = AccountTokens),
        (status = 401, description = "Wrong e-mail or password, or the right one of an address that is not confirmed \
            (`email_not_verified`)"))
)]
pub(crate) async fn log_in(
    State(api): State<Arc<Api>>,
    CameFrom(origin): CameFrom,
    body: JsonBody,
) -> Result<Response, Problem> {
    let signed_in = session::sign_in(&api.identity, Surface::Accounts, Accounts, origin, &body).await?;
    Ok(json::ok(&AccountTokens::of(&signed_in)))
}

/// Exchanges a refresh token for new tokens.
#[utoipa::path(
    post, path = "/api/v1/auth/refresh", operation_id = "accounts_refresh", tag = "accounts",
    request_body = session::Renewal,
    responses((status = 200, description = "Tokens", body = AccountTokens),
        (status = 401, description = "The refresh token is not valid"))
)]
pub(crate) async fn refresh(
    State(api): State<Arc<Api>>,
    CameFrom(origin): CameFrom,
    body: JsonBody,
) -> Result<Response, Problem> {
    let renewed = session::renew(&api.identity, Surface::Accounts, Accounts, origin, &body).await?;
    Ok(json::ok(&AccountTokens::of(&renewed)))
}
