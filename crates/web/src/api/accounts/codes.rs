//! Codes by e-mail: asked for, presented, and what a right one allows. Codes and the tokens they give travel in bodies
//! only.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use doorward_identity::code::{CodePurpose, RequestCode};
use doorward_identity::user::{CodePresented, ResetPassword};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use utoipa::ToSchema;

use super::Said;
use crate::Api;
use crate::actor::CameFrom;
use crate::contract::Contract::Accounts;
use crate::json::{self, JsonBody};
use crate::members::{Members, Shape};
use crate::problem::Problem;

/// What it takes at least to ask for a code and to present one. For nobody the store is called as often as for somebody,
/// so where it is slow the time of an answer tells nothing; where it is quick, this takes longer.
const PACE: Duration = Duration::from_millis(40);

/// The outcome of `work`, no sooner than after [`PACE`].
async fn paced<T>(work: impl Future<Output = T>) -> T {
    tokio::join!(work, tokio::time::sleep(PACE)).0
}

/// What a code is asked for. Others there are belong to calls of their own.
#[derive(Clone, Copy, Default, ToSchema)]
#[schema(as = CodePurpose, rename_all = "snake_case")]
pub(crate) enum Purpose {
    /// The account's address is confirmed.
    #[default]
    EmailVerification,
    /// A new password may be chosen.
    PasswordReset,
}

impl Purpose {
    fn read(members: &mut Members<'_>) -> Self {
        let words = [Self::EmailVerification, Self::PasswordReset].map(|purpose| (purpose.meant().as_str(), purpose));
        members.one_of("purpose", words).unwrap_or_default()
    }

    const fn meant(self) -> CodePurpose {
        match self {
            Self::EmailVerification => CodePurpose::EmailVerification,
            Self::PasswordReset => CodePurpose::PasswordReset,
        }
    }
}

/// A wish for a code.
#[derive(ToSchema)]
pub(crate) struct CodeRequest {
    #[schema(format = "email", max_length = 254, example = "ada@example.com")]
    email: String,
    purpose: Purpose,
}

impl Shape for CodeRequest {
    fn read(members: &mut Members<'_>) -> Self {
        Self { email: members.text("email"), purpose: Purpose::read(members) }
    }
}

/// A code that came by e-mail.
#[derive(ToSchema)]
#[schema(as = PresentedCode)]
pub(crate) struct Presented {
    #[schema(format = "email", max_length = 254, example = "ada@example.com")]
    email: String,
    /// Six digits.
    #[schema(value_type = String, example = "012345")]
    code: SecretString,
    purpose: Purpose,
}

impl Shape for Presented {
    fn read(members: &mut Members<'_>) -> Self {
        Self { email: members.text("email"), code: members.digits("code"), purpose: Purpose::read(members) }
    }
}

/// The code was right.
#[derive(Serialize, ToSchema)]
pub(crate) struct CodeVerified<'t> {
    #[schema(value_type = String, example = "Code verified")]
    message: &'static str,
    /// Allows to choose a new password, once and for 10 minutes; for `password_reset`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    reset_token: Option<&'t str>,
}

/// A new password.
#[derive(ToSchema)]
pub(crate) struct PasswordReset {
    /// As a right code gave it.
    #[schema(value_type = String, max_length = 256)]
    reset_token: SecretString,
    #[schema(value_type = String, format = "password", min_length = 8, max_length = 128, example = "a long passphrase")]
    new_password: SecretString,
}

impl Shape for PasswordReset {
    fn read(members: &mut Members<'_>) -> Self {
        Self { reset_token: members.secret("reset_token"), new_password: members.secret("new_password") }
    }
}

/// Mails a code. The answer is the same whoever has the address, or nobody.
#[utoipa::path(
    post, path = "/api/v1/auth/request-otp", operation_id = "accounts_request_code", tag = "accounts",
    request_body = CodeRequest,
    responses((status = 200, description = "If there is something to confirm, a code is on its way", body = Said),
        (status = 429, description = "A code was asked for a moment ago, or too often"))
)]
pub(crate) async fn request(
    State(api): State<Arc<Api>>,
    CameFrom(origin): CameFrom,
    body: JsonBody,
) -> Result<Response, Problem> {
    let CodeRequest { email, purpose } = body.read(Accounts)?;
    paced(api.identity.request_code(RequestCode { email: &email, purpose: purpose.meant(), origin })).await?;
    Ok(json::ok(&Said { message: "OTP sent successfully to your email" }))
}

/// Presents a code: confirms the address, or gives a token for a new password.
#[utoipa::path(
    post, path = "/api/v1/auth/verify-otp", operation_id = "accounts_verify_code", tag = "accounts",
    request_body = Presented,
    responses((status = 200, description = "The code was right", body = CodeVerified),
        (status = 400, description = "The code is wrong (`invalid_code`) or too old (`expired_code`), or the request \
            is no good"))
)]
pub(crate) async fn verify(
    State(api): State<Arc<Api>>,
    CameFrom(origin): CameFrom,
    body: JsonBody,
) -> Result<Response, Problem> {
    let Presented { email, code, purpose } = body.read(Accounts)?;
    let presented = CodePresented { email: &email, code: code.expose_secret(), origin };
    match purpose {
        Purpose::EmailVerification => {
            paced(api.identity.verify_email(presented)).await?;
            Ok(json::ok(&CodeVerified { message: "Signup complete", reset_token: None }))
        }
        Purpose::PasswordReset => {
            let token = paced(api.identity.redeem_reset_code(presented)).await?;
            Ok(json::ok(&CodeVerified { message: "Code verified", reset_token: Some(token.expose_secret()) }))
        }
    }
}

/// Sets a new password with the token that a code gave. Every session of the account ends.
#[utoipa::path(
    post, path = "/api/v1/auth/reset-password", operation_id = "accounts_reset_password", tag = "accounts",
    request_body = PasswordReset,
    responses((status = 200, description = "The password is changed", body = Said),
        (status = 400, description = "The token does not count (`invalid_reset_token`), or the password breaks a rule"))
)]
pub(crate) async fn reset_password(
    State(api): State<Arc<Api>>,
    CameFrom(origin): CameFrom,
    body: JsonBody,
) -> Result<Response, Problem> {
    let PasswordReset { reset_token, new_password } = body.read(Accounts)?;
    let wish = ResetPassword { token: &reset_token, new_password: &new_password, origin };
    api.identity.reset_password(wish).await?;
    Ok(json::ok(&Said { message: "Password changed" }))
}
