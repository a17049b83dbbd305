//! Signing out: here, at the provider too, and because the provider says so.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use doorward_identity::session::SignOutError;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, HeaderName, SET_COOKIE};
use secrecy::SecretString;
use serde::Serialize;
use utoipa::ToSchema;

use crate::actor::{CameFrom, Leaver};
use crate::api::session::{Ending, Extent};
use crate::contract::Contract::Hosted;
use crate::json::OptionalJsonBody;
use crate::members::{Members, Shape};
use crate::problem::Problem;
use crate::query::{Form, Query};
use crate::{Api, json};

/// What browsers remember of this site. Cookies and storage are left alone: others may keep theirs here.
const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");
const CACHE: HeaderValue = HeaderValue::from_static("\"cache\"");

/// They are out.
#[derive(Serialize, ToSchema)]
pub(crate) struct SignedOutHere {
    #[schema(value_type = String, example = "Successfully logged out")]
    message: &'static str,
    /// Where a browser goes to sign out at the provider as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    logout_url: Option<String>,
}

/// What a provider sends when a session there is over (OIDC Back-Channel Logout 1.0).
#[derive(ToSchema)]
pub(crate) struct LogoutNote {
    /// A signed logout token.
    logout_token: String,
}

impl Shape for LogoutNote {
    fn read(members: &mut Members<'_>) -> Self {
        Self { logout_token: members.text("logout_token") }
    }
}

/// Signs out: ends the session of the cookie or the bearer token and takes the cookie away, and ends the session of a
/// refresh token in the body. Whoever was not signed in hears the same.
#[utoipa::path(
    post, path = "/api/v1/auth/logout", operation_id = "hosted_logout", tag = "me", params(Extent),
    request_body = Ending, security((), ("cookie" = []), ("bearer" = [])),
    responses((status = 200, description = "Signed out", body = SignedOutHere),
        (status = 401, description = "Nothing was sent but a refresh token, and that is not valid"))
)]
pub(crate) async fn log_out(
    State(api): State<Arc<Api>>,
    CameFrom(origin): CameFrom,
    leaver: Result<Leaver, Problem>,
    extent: Query,
    body: Result<OptionalJsonBody, Problem>,
) -> Result<Response, Problem> {
    let Extent { everywhere } = extent.read(Hosted)?;
    let named = named_token(body);
    let Leaver { caller, is_browser } = match leaver {
        // No page of another site has a refresh token to send.
        Err(_) if matches!(named, Ok(Some(_))) => Leaver { caller: None, is_browser: false },
        leaver => leaver?,
    };
    match (named, &caller) {
        (Ok(Some(_)), None) if everywhere => return Err(Problem::not_authenticated()),
        (Ok(Some(token)), _) => match api.identity.sign_out_by_refresh(&token, origin.clone()).await {
            Err(SignOutError::Invalid) if caller.is_some() => {}
            ended => ended?,
        },
        // Whoever is signed in otherwise may send what they like.
        (Ok(None), _) | (Err(_), Some(_)) => {}
        (Err(problem), None) => return Err(problem),
    }
    let mut logout_url = None;
    if let Some(caller) = caller {
        let home = &api.settings.frontend_url;
        logout_url = api.identity.sign_out_from_provider(&caller, everywhere, home, origin).await?;
    }
    let mut response = json::ok(&SignedOutHere { message: "Successfully logged out", logout_url });
    if is_browser {
        response.headers_mut().append(SET_COOKIE, api.settings.session_cookie.clear()?);
        response.headers_mut().insert(CLEAR_SITE_DATA, CACHE);
    }
    Ok(response)
}

/// The refresh token that a body names.
fn named_token(body: Result<OptionalJsonBody, Problem>) -> Result<Option<SecretString>, Problem> {
    let ending: Option<Ending> = body?.read(Hosted)?;
    Ok(ending.and_then(|ending| ending.refresh_token))
}

/// Ends the sessions that a provider says are over.
#[utoipa::path(
    post, path = "/api/v1/auth/backchannel-logout", operation_id = "hosted_backchannel_logout", tag = "hosted",
    request_body(content = LogoutNote, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "They have ended"), (status = 400, description = "The token does not count"))
)]
pub(crate) async fn backchannel(
    State(api): State<Arc<Api>>,
    CameFrom(origin): CameFrom,
    Form(form): Form,
) -> Result<Response, Problem> {
    let LogoutNote { logout_token } = form.read(Hosted)?;
    api.identity.provider_logout(&logout_token, origin).await?;
    let mut response = Response::default();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
