//! What people change of their own account: its password, its address, and that it is there at all.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use doorward_identity::user::{EmailChangeWish, PasswordChangeWish};
use http::HeaderMap;
use http::header::{AUTHORIZATION, SET_COOKIE};
use secrecy::{ExposeSecret, SecretString};
use utoipa::ToSchema;

use super::Said;
use crate::Api;
use crate::actor::{CameFrom, SignedInPerson};
use crate::contract::Contract::Accounts;
use crate::json::{self, JsonBody, OptionalJsonBody};
use crate::members::{Members, Shape};
use crate::problem::Problem;

/// Another password.
#[derive(ToSchema)]
pub(crate) struct PasswordChange {
    #[schema(value_type = String, format = "password", example = "a long passphrase")]
    current_password: SecretString,
    #[schema(value_type = String, format = "password", min_length = 8, max_length = 128, example = "a longer passphrase")]
    new_password: SecretString,
}

impl Shape for PasswordChange {
    fn read(members: &mut Members<'_>) -> Self {
        Self { current_password: members.secret("current_password"), new_password: members.secret("new_password") }
    }
}

/// Another address.
#[derive(ToSchema)]
pub(crate) struct EmailChange {
    #[schema(format = "email", max_length = 254, example = "ada.lovelace@example.com")]
    new_email: String,
    /// The current password; without one, the account's owner must have signed in just now.
    #[schema(value_type = Option<String>, format = "password")]
    password: Option<SecretString>,
}

impl Shape for EmailChange {
    fn read(members: &mut Members<'_>) -> Self {
        Self { new_email: members.text("new_email"), password: password(members) }
    }
}

/// The code that came to the new address.
#[derive(ToSchema)]
pub(crate) struct EmailChangeCode {
    /// Six digits.
    #[schema(value_type = String, example = "012345")]
    code: SecretString,
}

impl Shape for EmailChangeCode {
    fn read(members: &mut Members<'_>) -> Self {
        Self { code: members.digits("code") }
    }
}

/// That somebody means it.
#[derive(ToSchema)]
pub(crate) struct Farewell {
    /// The current password; without one, the account's owner must have signed in just now.
    #[schema(value_type = Option<String>, format = "password")]
    password: Option<SecretString>,
}

impl Shape for Farewell {
    fn read(members: &mut Members<'_>) -> Self {
        Self { password: password(members) }
    }
}

fn password(members: &mut Members<'_>) -> Option<SecretString> {
    members.optional_text("password").map(SecretString::from)
}

/// Changes the caller's password. Their other sessions end.
#[utoipa::path(
    post, path = "/api/v1/users/me/password", operation_id = "me_change_password", tag = "me",
    request_body = PasswordChange, security(("cookie" = []), ("bearer" = [])),
    responses((status = 200, description = "The password is changed", body = Said),
        (status = 400, description = "The current password is wrong (`wrong_password`), or the new one breaks a rule"))
)]
pub(crate) async fn change_password(
    State(api): State<Arc<Api>>,
    CameFrom(origin): CameFrom,
    SignedInPerson(caller): SignedInPerson,
    body: JsonBody,
) -> Result<Response, Problem> {
    let PasswordChange { current_password, new_password } = body.read(Accounts)?;
    let wish = PasswordChangeWish { current: &current_password, new: &new_password, origin };
    let changed = api.identity.change_own_password(&caller, wish).await;
    changed.map_err(|error| Problem::of_account(error, "current_password"))?;
    Ok(json::ok(&Said { message: "Password changed" }))
}

/// Begins to change the caller's address: mails a code to the new one.
#[utoipa::path(
    post, path = "/api/v1/users/me/email", operation_id = "me_change_email", tag = "me", request_body = EmailChange,
    security(("cookie" = []), ("bearer" = [])),
    responses((status = 200, description = "A code is on its way to the new address", body = Said),
        (status = 400, description = "The address is no good, or the password is wrong (`wrong_password`)"),
        (status = 401, description = "Nobody is signed in; or not lately enough to do without a password \
            (`sign_in_again`)"))
)]
pub(crate) async fn change_email(
    State(api): State<Arc<Api>>,
    CameFrom(origin): CameFrom,
    SignedInPerson(caller): SignedInPerson,
    body: JsonBody,
) -> Result<Response, Problem> {
    let EmailChange { new_email, password } = body.read(Accounts)?;
    let wish = EmailChangeWish { new_email: &new_email, password: password.as_ref(), origin };
    api.identity.request_email_change(&caller, wish).await?;
    Ok(json::ok(&Said { message: "OTP sent" }))
}

/// Changes the caller's address to the one that a code was mailed to.
#[utoipa::path(
    post, path = "/api/v1/users/me/email/verify", operation_id = "me_confirm_email", tag = "me",
    request_body = EmailChangeCode, security(("cookie" = []), ("bearer" = [])),
    responses((status = 200, description = "The address is changed", body = Said),
        (status = 400, description = "The code is wrong (`invalid_code`) or too old (`expired_code`), or somebody has \
            the address by now"))
)]
pub(crate) async fn confirm_email(
    State(api): State<Arc<Api>>,
    CameFrom(origin): CameFrom,
    SignedInPerson(caller): SignedInPerson,
    body: JsonBody,
) -> Result<Response, Problem> {
    let EmailChangeCode { code } = body.read(Accounts)?;
    api.identity.confirm_email_change(&caller, code.expose_secret(), origin).await?;
    Ok(json::ok(&Said { message: "Email changed" }))
}

/// Deletes the caller's account and all that belongs to it.
#[utoipa::path(
    delete, path = "/api/v1/users/me", operation_id = "me_delete", tag = "me", request_body = Option<Farewell>,
    security(("cookie" = []), ("bearer" = [])),
    responses((status = 204, description = "It is gone"),
        (status = 400, description = "The password is wrong (`wrong_password`), or the request is no good"),
        (status = 401, description = "Nobody is signed in; or not lately enough to do without a password \
            (`sign_in_again`)"),
        (status = 403, description = "An administrator's account (`own_access`); or a cookie was sent by a page of \
            another site (`cross_site`)"))
)]
pub(crate) async fn delete(
    State(api): State<Arc<Api>>,
    CameFrom(origin): CameFrom,
    SignedInPerson(caller): SignedInPerson,
    request: HeaderMap,
    body: OptionalJsonBody,
) -> Result<Response, Problem> {
    let password = body.read(Accounts)?.and_then(|Farewell { password }| password);
    api.identity.delete_own_account(&caller, password.as_ref(), origin).await?;
    let mut response = json::done();
    if !request.contains_key(AUTHORIZATION) {
        response.headers_mut().append(SET_COOKIE, api.settings.session_cookie.clear()?);
    }
    Ok(response)
}
