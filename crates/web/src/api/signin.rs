//! The sign-in surface: e-mail and password under `/api/auth`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use doorward_identity::session::SignedIn;
use doorward_identity::user::{SignUp, User};
use doorward_identity::{Surface, UserId};
use http::StatusCode;
use secrecy::ExposeSecret;
use serde::Serialize;
use utoipa::ToSchema;

use super::session::{self, Credentials};
use crate::Api;
use crate::actor::{Bearer, CameFrom, Presented};
use crate::contract::Contract::Signin;
use crate::json::{self, JsonBody, OptionalJsonBody};
use crate::moment::Moment;
use crate::problem::{Problem, Spoken};
use crate::query::Query;

/// An account, as its owner sees it here.
#[derive(Serialize, ToSchema)]
pub(crate) struct Account<'u> {
    #[schema(value_type = uuid::Uuid)]
    id: UserId,
    email: &'u str,
    #[schema(value_type = String, format = DateTime, example = "2026-02-04T10:30:00Z")]
    created_at: Moment,
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-02-04T15:45:00Z")]
    last_signin_at: Option<Moment>,
}

impl<'u> Account<'u> {
    fn of(user: &'u User) -> Self {
        Self {
            id: user.id,
            email: user.email.as_str(),
            created_at: Moment(user.created_at),
            last_signin_at: user.last_signin_at.map(Moment),
        }
    }
}

/// An account and what it may do.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccountWithRoles<'u> {
    #[serde(flatten)]
    account: Account<'u>,
    #[schema(example = json!(["user", "billing-reader"]))]
    roles: Vec<&'u str>,
}

/// They are in.
#[derive(Serialize, ToSchema)]
pub(crate) struct SigninTokens<'s> {
    /// A JWT for `Authorization: Bearer`.
    access_token: &'s str,
    #[schema(value_type = String, example = "bearer")]
    token_type: &'static str,
    /// The access token's life in seconds.
    #[schema(example = 604_800)]
    expires_in: i64,
    /// Exchanges for new tokens at `/api/auth/refresh`, once.
    refresh_token: &'s str,
    user: Account<'s>,
}

impl<'s> SigninTokens<'s> {
    fn of(signed_in: &'s SignedIn) -> Self {
        Self {
            access_token: &signed_in.access_token,
            token_type: "bearer",
            expires_in: signed_in.expires_in,
            refresh_token: signed_in.refresh_token.expose_secret(),
            user: Account::of(&signed_in.context.user),
        }
    }
}

/// Signs up.
#[utoipa::path(
    post, path = "/api/auth/signup", operation_id = "signup", tag = "signin", request_body = Credentials,
    responses((status = 201, description = "The account", body = Account),
        (status = 409, description = "The address is taken"),
        (status = 429, description = "Too many failed attempts"))
)]
pub(crate) async fn sign_up(
    State(api): State<Arc<Api>>,
    CameFrom(origin): CameFrom,
    body: JsonBody,
) -> Result<Response, Problem> {
    let Credentials { email, password } = body.read(Signin)?;
    let wish =
        SignUp { surface: Surface::Signin, email: &email, password: &password, name: None, person: None, origin };
    let context = api.identity.sign_up(wish).await.map_err(|error| error.under(Signin))?;
    Ok(json::answer(StatusCode::CREATED, &Account::of(&context.user)))
}

/// Signs in.
#[utoipa::path(
    post, path = "/api/auth/signin", operation_id = "signin", tag = "signin", request_body = Credentials,
    responses((status = 200, description = "Tokens and the account", body = SigninTokens),
        (status = 401, description = "Wrong e-mail or password"),
        (status = 429, description = "Too many failed attempts"))
)]
pub(crate) async fn sign_in(
    State(api): State<Arc<Api>>,
    CameFrom(origin): CameFrom,
    body: JsonBody,
) -> Result<Response, Problem> {
    let signed_in = session::sign_in(&api.identity, Surface::Signin, Signin, origin, &body).await?;
    Ok(json::ok(&SigninTokens::of(&signed_in)))
}

/// Exchanges a refresh token for new tokens.
#[utoipa::path(
    post, path = "/api/auth/refresh", operation_id = "signin_refresh", tag = "signin",
    request_body = session::Renewal,
    responses((status = 200, description = "Tokens and the account", body = SigninTokens),
        (status = 401, description = "The refresh token is not valid"))
)]
pub(crate) async fn refresh(
    State(api): State<Arc<Api>>,
    CameFrom(origin): CameFrom,
    body: JsonBody,
) -> Result<Response, Problem> {
    let renewed = session::renew(&api.identity, Surface::Signin, Signin, origin, &body).await?;
    Ok(json::ok(&SigninTokens::of(&renewed)))
}

/// Signs out: ends the session of the bearer token, or of the refresh token in the body.
#[utoipa::path(
    post, path = "/api/auth/logout", operation_id = "signin_logout", tag = "signin", params(session::Extent),
    request_body = session::Ending, security(("bearer" = []), ()),
    responses((status = 200, description = "Signed out", body = session::SignedOut))
)]
pub(crate) async fn log_out(
    State(api): State<Arc<Api>>,
    CameFrom(origin): CameFrom,
    Presented(token): Presented,
    extent: Query,
    body: OptionalJsonBody,
) -> Result<Response, Problem> {
    let wish = session::SignOut { contract: Signin, origin, token, extent, body };
    Ok(json::ok(&session::end(&api.identity, wish).await?))
}

/// The caller's account.
#[utoipa::path(
    get, path = "/api/auth/me", operation_id = "signin_me", tag = "signin", security(("bearer" = [])),
    responses((status = 200, description = "The account", body = AccountWithRoles))
)]
pub(crate) async fn me(Bearer(caller): Bearer) -> Response {
    let user = &caller.context.user;
    json::ok(&AccountWithRoles { account: Account::of(user), roles: user.held_roles().collect() })
}
