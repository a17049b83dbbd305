//! The directory surface: identity for microservices under `/auth`, `/teams` and `/domains`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use doorward_identity::domain::Domain;
use doorward_identity::session::{SignedIn, ValidateError};
use doorward_identity::team::Team;
use doorward_identity::user::{SignUp, UserContext};
use doorward_identity::{DomainId, Surface, TeamId, UserId};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use utoipa::ToSchema;

use super::session;
use crate::Api;
use crate::actor::{CameFrom, Presented, Somebody};
use crate::contract::Contract::Directory;
use crate::json::{self, JsonBody, OptionalJsonBody};
use crate::members::{Members, Shape};
use crate::moment::Moment;
use crate::problem::{Problem, Spoken};
use crate::query::Query;

/// Who wants an account.
#[derive(ToSchema)]
pub(crate) struct Registration {
    #[schema(format = "email", max_length = 254, example = "user@example.com")]
    email: String,
    #[schema(value_type = String, format = "password", min_length = 8, max_length = 128, example = "a long passphrase")]
    password: SecretString,
    #[schema(min_length = 1, max_length = 128, example = "John Doe")]
    name: Option<String>,
}

impl Shape for Registration {
    fn read(members: &mut Members<'_>) -> Self {
        Self { email: members.text("email"), password: members.secret("password"), name: members.optional_text("name") }
    }
}

/// A token to judge.
#[derive(ToSchema)]
pub(crate) struct TokenToJudge {
    /// An access token of any surface, or of a trusted outside issuer.
    token: String,
}

impl Shape for TokenToJudge {
    fn read(members: &mut Members<'_>) -> Self {
        Self { token: members.text("token") }
    }
}

/// A team, as its members see it.
#[derive(Serialize, ToSchema)]
#[schema(as = Team)]
pub(crate) struct TeamView<'c> {
    #[schema(value_type = uuid::Uuid)]
    id: TeamId,
    #[schema(example = "Engineering")]
    name: &'c str,
    #[schema(example = "eng")]
    external_ref: Option<&'c str>,
    is_active: bool,
}

impl<'c> TeamView<'c> {
    pub(crate) fn of(team: &'c Team) -> Self {
        Self {
            id: team.id,
            name: team.name.as_str(),
            external_ref: team.external_ref.as_deref(),
            is_active: team.is_active,
        }
    }
}

/// A business domain, as people see it.
#[derive(Serialize, ToSchema)]
#[schema(as = Domain)]
pub(crate) struct DomainView<'c> {
    #[schema(value_type = uuid::Uuid)]
    id: DomainId,
    #[schema(example = "product")]
    key: &'c str,
    #[schema(example = "Product Management")]
    name: &'c str,
    #[schema(value_type = Option<uuid::Uuid>)]
    parent_domain_id: Option<DomainId>,
    is_active: bool,
}

impl<'c> DomainView<'c> {
    pub(crate) fn of(domain: &'c Domain) -> Self {
        Self {
            id: domain.id,
            key: domain.key.as_str(),
            name: domain.name.as_str(),
            parent_domain_id: domain.parent_domain_id,
            is_active: domain.is_active,
        }
    }
}

/// A person with what they belong to.
#[derive(Serialize, ToSchema)]
pub(crate) struct Person<'c> {
    #[schema(value_type = uuid::Uuid)]
    id: UserId,
    email: &'c str,
    name: Option<&'c str>,
    avatar_url: Option<&'c str>,
    #[schema(example = json!(["user", "billing-reader"]))]
    roles: Vec<&'c str>,
    #[schema(value_type = String, format = DateTime, example = "2026-02-04T10:30:00Z")]
    created_at: Moment,
    teams: Vec<TeamView<'c>>,
    domains: Vec<DomainView<'c>>,
}

impl<'c> Person<'c> {
    fn of(context: &'c UserContext) -> Self {
        Self {
            id: context.user.id,
            email: context.user.email.as_str(),
            name: context.user.name.as_deref(),
            avatar_url: context.user.avatar_url.as_deref(),
            roles: context.user.held_roles().collect(),
            created_at: Moment(context.user.created_at),
            teams: context.teams.iter().map(|member| TeamView::of(&member.team)).collect(),
            domains: context.domains.iter().map(DomainView::of).collect(),
        }
    }
}

/// They are in.
#[derive(Serialize, ToSchema)]
pub(crate) struct DirectoryTokens<'s> {
    /// A JWT for `Authorization: Bearer`.
    access_token: &'s str,
    #[schema(value_type = String, example = "bearer")]
    token_type: &'static str,
    /// The access token's life in seconds.
    #[schema(example = 1800)]
    expires_in: i64,
    /// Exchanges for new tokens at `/auth/refresh`, once.
    refresh_token: &'s str,
    user: Person<'s>,
}

impl<'s> DirectoryTokens<'s> {
    fn of(signed_in: &'s SignedIn) -> Self {
        Self {
            access_token: &signed_in.access_token,
            token_type: "bearer",
            expires_in: signed_in.expires_in,
            refresh_token: signed_in.refresh_token.expose_secret(),
            user: Person::of(&signed_in.context),
        }
    }
}

/// The judgement of a token.
#[derive(Serialize, ToSchema)]
pub(crate) struct Judgement<'c> {
    valid: bool,
    /// Whose token it is, when it counts.
    user: Option<Person<'c>>,
    /// Why it does not count.
    #[schema(example = "Token has expired")]
    error: Option<String>,
}

/// Signs up and in.
#[utoipa::path(
    post, path = "/auth/register", operation_id = "register", tag = "directory", request_body = Registration,
    responses((status = 200, description = "Tokens and the person", body = DirectoryTokens),
        (status = 400, description = "The address is taken, or the body is not JSON"),
        (status = 429, description = "Too many failed attempts"))
)]
pub(crate) async fn register(
    State(api): State<Arc<Api>>,
    CameFrom(origin): CameFrom,
    body: JsonBody,
) -> Result<Response, Problem> {
    let Registration { email, password, name } = body.read(Directory)?;
    let name = name.as_deref();
    let wish = SignUp { surface: Surface::Directory, email: &email, password: &password, name, person: None, origin };
    let signed_in = api.identity.sign_up_and_in(wish).await.map_err(|error| error.under(Directory))?;
    Ok(json::ok(&DirectoryTokens::of(&signed_in)))
}

/// Signs in.
#[utoipa::path(
    post, path = "/auth/login", operation_id = "login", tag = "directory", request_body = session::Credentials,
    responses((status = 200, description = "Tokens and the person", body = DirectoryTokens),
        (status = 401, description = "Wrong e-mail or password"),
        (status = 429, description = "Too many failed attempts"))
)]
pub(crate) async fn log_in(
    State(api): State<Arc<Api>>,
    CameFrom(origin): CameFrom,
    body: JsonBody,
) -> Result<Response, Problem> {
    let signed_in = session::sign_in(&api.identity, Surface::Directory, Directory, origin, &body).await?;
    Ok(json::ok(&DirectoryTokens::of(&signed_in)))
}

/// Judges a token for another service.
#[utoipa::path(
    post, path = "/auth/validate", operation_id = "validate", tag = "directory", request_body = TokenToJudge,
    responses((status = 200, description = "The judgement, also of a token that does not count", body = Judgement))
)]
pub(crate) async fn validate(State(api): State<Arc<Api>>, body: JsonBody) -> Result<Response, Problem> {
    let TokenToJudge { token } = body.read(Directory)?;
    match api.identity.validate(&token).await {
        Ok(caller) => {
            let user = Some(Person::of(&caller.context));
            Ok(json::ok(&Judgement { valid: true, user, error: None }))
        }
        Err(ValidateError::Rejected(rejection)) => {
            Ok(json::ok(&Judgement { valid: false, user: None, error: Some(rejection.to_string()) }))
        }
        // The contract promises a judgement; until its issuer is back the token cannot count.
        Err(ValidateError::Keys(_)) => {
            let error = Some("Token issuer's keys are not available".to_owned());
            Ok(json::ok(&Judgement { valid: false, user: None, error }))
        }
        // Without the store nobody knows about any token, which is not the same as no.
        Err(error @ ValidateError::Store(_)) => Err(error.into()),
    }
}

/// Exchanges a refresh token for new tokens.
#[utoipa::path(
    post, path = "/auth/refresh", operation_id = "directory_refresh", tag = "directory",
    request_body = session::Renewal,
    responses((status = 200, description = "Tokens and the person", body = DirectoryTokens),
        (status = 401, description = "The refresh token is not valid"))
)]
pub(crate) async fn refresh(
    State(api): State<Arc<Api>>,
    CameFrom(origin): CameFrom,
    body: JsonBody,
) -> Result<Response, Problem> {
    let renewed = session::renew(&api.identity, Surface::Directory, Directory, origin, &body).await?;
    Ok(json::ok(&DirectoryTokens::of(&renewed)))
}

/// Signs out: ends the session of the bearer token, or of the refresh token in the body.
#[utoipa::path(
    post, path = "/auth/logout", operation_id = "directory_logout", tag = "directory", params(session::Extent),
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
    let wish = session::SignOut { contract: Directory, origin, token, extent, body };
    Ok(json::ok(&session::end(&api.identity, wish).await?))
}

/// The caller with their teams and domains.
#[utoipa::path(
    get, path = "/auth/me", operation_id = "directory_me", tag = "directory", security(("bearer" = [])),
    responses((status = 200, description = "The person", body = Person))
)]
pub(crate) async fn me(Somebody(caller): Somebody) -> Response {
    json::ok(&Person::of(&caller.context))
}

/// The caller's teams.
#[utoipa::path(
    get, path = "/teams", operation_id = "own_teams", tag = "directory", security(("bearer" = [])),
    responses((status = 200, description = "The teams", body = Vec<TeamView>))
)]
pub(crate) async fn own_teams(Somebody(caller): Somebody) -> Response {
    json::ok(&caller.context.teams.iter().map(|member| TeamView::of(&member.team)).collect::<Vec<_>>())
}

/// All active teams.
#[utoipa::path(
    get, path = "/teams/all", operation_id = "all_teams", tag = "directory", security(("bearer" = [])),
    responses((status = 200, description = "The teams", body = Vec<TeamView>))
)]
pub(crate) async fn all_teams(State(api): State<Arc<Api>>, _: Somebody) -> Result<Response, Problem> {
    let teams = api.identity.active_teams().await?;
    Ok(json::ok(&teams.iter().map(TeamView::of).collect::<Vec<_>>()))
}

/// The caller's domains.
#[utoipa::path(
    get, path = "/domains", operation_id = "own_domains", tag = "directory", security(("bearer" = [])),
    responses((status = 200, description = "The domains", body = Vec<DomainView>))
)]
pub(crate) async fn own_domains(Somebody(caller): Somebody) -> Response {
    json::ok(&caller.context.domains.iter().map(DomainView::of).collect::<Vec<_>>())
}

/// All active domains.
#[utoipa::path(
    get, path = "/domains/all", operation_id = "all_domains", tag = "directory", security(("bearer" = [])),
    responses((status = 200, description = "The domains", body = Vec<DomainView>))
)]
pub(crate) async fn all_domains(State(api): State<Arc<Api>>, _: Somebody) -> Result<Response, Problem> {
    let domains = api.identity.active_domains().await?;
    Ok(json::ok(&domains.iter().map(DomainView::of).collect::<Vec<_>>()))
}
