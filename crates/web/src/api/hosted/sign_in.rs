//! Leaving for a provider, coming back, and whether somebody is signed in.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use doorward_identity::fault::Internal;
use doorward_identity::provider::{Arrival, Departure, flow_id};
use http::header::{CACHE_CONTROL, LOCATION, SET_COOKIE};
use http::{HeaderMap, HeaderValue, StatusCode};
use jiff::SignedDuration;
use secrecy::SecretString;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::hand_over;
use crate::actor::{self, CameFrom, SignedInPerson};
use crate::contract::Contract::Hosted;
use crate::members::{Members, Shape};
use crate::problem::Problem;
use crate::query::Query;
use crate::target::OnlyGet;
use crate::{Api, SameSite, json, pages};

/// Where signing in begins.
pub(crate) const LOGIN: &str = "/api/v1/auth/login";
/// Where it ends.
pub(crate) const CALLBACK: &str = "/api/v1/auth/callback";

/// How somebody wants to sign in.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Choice {
    /// A provider's id; the first where none is named.
    provider: Option<String>,
    /// Where to go afterwards: a path of this site. Anything else leads to the front end's dashboard.
    #[param(max_length = 1024, example = "/reports?week=7")]
    return_to: Option<String>,
    /// The person must have proved who they are within so many seconds; 0 asks them again.
    max_age: Option<u32>,
}

impl Shape for Choice {
    fn read(members: &mut Members<'_>) -> Self {
        Self {
            provider: members.optional_text("provider"),
            return_to: members.optional_text("return_to"),
            max_age: members.parsed("max_age", "must be a whole number of seconds"),
        }
    }
}

/// What a provider sends a browser back with.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Return {
    /// As it was given to the provider.
    #[param(required = false)]
    state: String,
    /// Stands for a finished sign-in.
    #[param(value_type = Option<String>)]
    code: Option<SecretString>,
    /// Why there is no code.
    #[param(example = "access_denied")]
    error: Option<String>,
    /// Who answers (RFC 9207).
    iss: Option<String>,
}

impl Shape for Return {
    fn read(members: &mut Members<'_>) -> Self {
        Self {
            // Nobody's state is nobody's sign-in: the same answer as to a wrong one.
            state: members.text_within("state", 256).unwrap_or_default(),
            code: members.text_within("code", 4096).map(SecretString::from),
            error: members.text_within("error", 256),
            iss: members.text_within("iss", 2048),
        }
    }
}

/// Whether somebody is signed in.
#[derive(Serialize, ToSchema)]
pub(crate) struct Status<'s> {
    authenticated: bool,
    /// The cookie that sessions are held in.
    #[schema(example = "access_token")]
    cookie_name: &'s str,
}

/// A provider people can sign in through.
#[derive(Serialize, ToSchema)]
pub(crate) struct Provider<'p> {
    #[schema(example = "cognito")]
    id: &'p str,
    #[schema(example = "https://login.example.com")]
    issuer: &'p str,
    login_url: String,
}

/// The providers people can sign in through.
#[derive(Serialize, ToSchema)]
pub(crate) struct Providers<'p> {
    /// The default first.
    providers: Vec<Provider<'p>>,
}

/// Sends a browser to a provider.
#[utoipa::path(
    get, path = "/api/v1/auth/login", operation_id = "hosted_login", tag = "hosted", params(Choice),
    responses((status = 302, description = "To the provider; a cookie holds what must come back"),
        (status = 400, description = "There is no such provider, or a parameter is no good"),
        (status = 503, description = "The provider cannot be reached"))
)]
pub(crate) async fn log_in(
    _: OnlyGet,
    State(api): State<Arc<Api>>,
    request: HeaderMap,
    choice: Query,
) -> Result<Response, Problem> {
    let Choice { provider, return_to, max_age } = choice.read(Hosted)?;
    let max_age = max_age.map(|seconds| SignedDuration::from_secs(seconds.into()));
    // Whoever returned to signing in would go round in circles wherever the provider remembers them.
    let return_to = return_to.filter(|path| !path.starts_with("/api/v1/auth/"));
    let wish = Departure { provider, return_to, max_age, link_to: None };
    let departed = api.identity.begin_provider_sign_in(wish).await?;
    let mut response = found(&departed.url)?;
    hand_over(&departed, &api, &request, &mut response)?;
    Ok(response)
}

/// Signs in whoever comes back from a provider.
///
/// A refusal leaves the browser's cookies as they are.
#[utoipa::path(
    get, path = "/api/v1/auth/callback", operation_id = "hosted_callback", tag = "hosted", params(Return),
    responses((status = 302, description = "Signed in, with a session's cookie; to the dashboard or where they wanted"),
        (status = 400, description = "Nobody was signed in; a page where a browser asks for one"),
        (status = 429, description = "Too many failed attempts"),
        (status = 503, description = "The provider cannot be reached"))
)]
pub(crate) async fn callback(
    _: OnlyGet,
    State(api): State<Arc<Api>>,
    CameFrom(origin): CameFrom,
    request: HeaderMap,
    query: Query,
) -> Result<Response, Problem> {
    let Return { state, code, error, iss } = query.read(Hosted)?;
    let cookies = &api.settings.session_cookie;
    let cookie = |name: &str| actor::cookie(&request, name).map(SecretString::from);
    let flow = flow_id(&state).map(str::to_owned);
    let held = flow.as_deref().and_then(|id| cookie(&cookies.flow_name(id)));
    let current = cookie(&cookies.name);
    let arrival = Arrival { state, code, error, iss, flow: held, current, origin };
    let arrived = api.identity.finish_provider_sign_in(arrival).await?;

    let dashboard = || format!("{}/dashboard", api.settings.frontend_url);
    let place = arrived.return_to.unwrap_or_else(dashboard);
    let mut response = if cookies.same_site == SameSite::Strict { pages::onward(&place) } else { found(&place)? };
    let over = flow.map(|id| cookies.clear_flow(&id)).transpose()?;
    let set = over.into_iter().chain([cookies.set(&arrived.handle)?]);
    response.headers_mut().extend(set.map(|cookie| (SET_COOKIE, cookie)));
    Ok(response)
}

/// Tells whether somebody is signed in.
///
/// The answer is never an error: an application asks when it starts and has no use for one. While it cannot be found
/// out, and for credentials that could be read in two ways, nobody is.
#[utoipa::path(
    get, path = "/api/v1/auth/status", operation_id = "hosted_status", tag = "hosted",
    security((), ("cookie" = []), ("bearer" = [])),
    responses((status = 200, description = "Whether somebody is signed in", body = Status))
)]
pub(crate) async fn status(State(api): State<Arc<Api>>, person: Result<SignedInPerson, Problem>) -> Response {
    json::ok(&Status { authenticated: person.is_ok(), cookie_name: &api.settings.session_cookie.name })
}

/// Lists the providers people can sign in through.
#[utoipa::path(
    get, path = "/api/v1/auth/providers", operation_id = "hosted_providers", tag = "hosted",
    responses((status = 200, description = "The providers", body = Providers))
)]
pub(crate) async fn providers(State(api): State<Arc<Api>>) -> Response {
    let login = |id: &str| {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("provider", id).finish();
        format!("{}{LOGIN}?{query}", api.settings.public_url)
    };
    let providers = api.identity.providers().iter().map(|provider| Provider {
        id: &provider.id,
        issuer: &provider.issuer,
        login_url: login(&provider.id),
    });
    json::ok(&Providers { providers: providers.collect() })
}

/// To another address, which no cache keeps.
fn found(place: &str) -> Result<Response, Problem> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::FOUND;
    response.headers_mut().insert(LOCATION, HeaderValue::try_from(place).map_err(Internal::new)?);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
