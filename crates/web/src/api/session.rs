//! Beginning, showing, renewing and ending sessions: the same on every surface but for the answer's shape.

use std::net::IpAddr;

use doorward_identity::session::{Origin, Session, SignIn, SignedIn};
use doorward_identity::{Identity, SessionId, Surface};
use secrecy::SecretString;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::contract::Contract;
use crate::json::{JsonBody, OptionalJsonBody};
use crate::members::{Members, Shape};
use crate::moment::Moment;
use crate::problem::{Problem, Spoken};
use crate::query::Query;

/// Who wants in.
#[derive(ToSchema)]
pub(crate) struct Credentials {
    #[schema(format = "email", max_length = 254, example = "user@example.com")]
    pub(super) email: String,
    #[schema(value_type = String, format = "password", example = "a long passphrase")]
    pub(super) password: SecretString,
}

impl Shape for Credentials {
    fn read(members: &mut Members<'_>) -> Self {
        Self { email: members.text("email"), password: members.secret("password") }
    }
}

/// A refresh token to exchange.
#[derive(ToSchema)]
pub(crate) struct Renewal {
    /// The one of the last sign-in or refresh; each works once, unless a user pool elsewhere made it.
    #[schema(value_type = String, max_length = 4096)]
    refresh_token: SecretString,
}

impl Shape for Renewal {
    fn read(members: &mut Members<'_>) -> Self {
        Self { refresh_token: members.secret("refresh_token") }
    }
}

/// What to sign out of, when no bearer token is sent.
#[derive(ToSchema)]
pub(crate) struct Ending {
    /// The session's refresh token.
    #[schema(value_type = Option<String>, max_length = 4096)]
    pub(super) refresh_token: Option<SecretString>,
}

impl Shape for Ending {
    fn read(members: &mut Members<'_>) -> Self {
        Self { refresh_token: members.optional_text("refresh_token").map(SecretString::from) }
    }
}

/// How far signing out goes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Extent {
    /// Whether every session of the caller ends, not only this one; needs a bearer token.
    #[param(required = false)]
    pub(super) everywhere: bool,
}

impl Shape for Extent {
    fn read(members: &mut Members<'_>) -> Self {
        Self { everywhere: members.parsed("everywhere", "must be true or false").unwrap_or(false) }
    }
}

/// They are out.
#[derive(Serialize, ToSchema)]
pub(crate) struct SignedOut {
    #[schema(value_type = String, example = "Successfully logged out")]
    message: &'static str,
}

/// An open session.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct SessionView<'s> {
    #[schema(value_type = uuid::Uuid)]
    id: SessionId,
    #[schema(value_type = String, example = "signin")]
    surface: &'static str,
    #[schema(value_type = String, example = "password")]
    method: &'static str,
    #[schema(value_type = String, format = DateTime)]
    created_at: Moment,
    #[schema(value_type = String, format = DateTime)]
    last_seen_at: Moment,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Moment,
    /// Where it began: an IPv4 address, or the /64 of an IPv6 one.
    #[schema(value_type = Option<String>)]
    address: Option<IpAddr>,
    user_agent: Option<&'s str>,
}

impl<'s> SessionView<'s> {
    pub(crate) fn of(session: &'s Session) -> Self {
        Self {
            id: session.id,
            surface: session.surface.as_str(),
            method: session.method.as_str(),
            created_at: Moment(session.created_at),
            last_seen_at: Moment(session.last_seen_at),
            expires_at: Moment(session.expires_at),
            address: session.address,
            user_agent: session.user_agent.as_deref(),
        }
    }
}

/// How many sessions were open.
#[derive(Serialize, ToSchema)]
pub(crate) struct Ended {
    pub(crate) ended: u64,
}

/// Signs in with e-mail and password.
pub(crate) async fn sign_in(
    identity: &Identity,
    surface: Surface,
    contract: Contract,
    origin: Origin,
    body: &JsonBody,
) -> Result<SignedIn, Problem> {
    let Credentials { email, password } = body.read(contract)?;
    let wish = SignIn { surface, email: &email, password: &password, origin };
    identity.sign_in(wish).await.map_err(|error| error.under(contract))
}

/// Exchanges a refresh token.
pub(crate) async fn renew(
    identity: &Identity,
    surface: Surface,
    contract: Contract,
    origin: Origin,
    body: &JsonBody,
) -> Result<SignedIn, Problem> {
    let renewal: Renewal = body.read(contract)?;
    Ok(identity.refresh(surface, &renewal.refresh_token, origin).await?)
}

/// A wish to sign out, as it came.
pub(crate) struct SignOut {
    pub(crate) contract: Contract,
    pub(crate) origin: Origin,
    pub(crate) token: Option<String>,
    pub(crate) extent: Query,
    pub(crate) body: OptionalJsonBody,
}

/// Ends the session of a bearer token, or else of a refresh token.
pub(crate) async fn end(identity: &Identity, wish: SignOut) -> Result<SignedOut, Problem> {
    let extent: Extent = wish.extent.read(wish.contract)?;
    let ending: Option<Ending> = wish.body.read(wish.contract)?;
    let refresh_token = ending.and_then(|ending| ending.refresh_token);
    match (wish.token, refresh_token) {
        (Some(token), refresh_token) => match (identity.validate(&token).await, refresh_token) {
            (Ok(caller), _) if extent.everywhere => {
                identity.sign_out_everywhere(&caller, wish.origin).await?;
            }
            (Ok(caller), _) => identity.sign_out(&caller, wish.origin).await?,
            // The access token may be over while the session is not.
            (Err(_), Some(token)) if !extent.everywhere => {
                identity.sign_out_by_refresh(&token, wish.origin).await?;
            }
            (Err(error), _) => return Err(error.into()),
        },
        (None, Some(token)) if !extent.everywhere => identity.sign_out_by_refresh(&token, wish.origin).await?,
        (None, _) => return Err(Problem::not_authenticated()),
    }
    Ok(SignedOut { message: "Successfully logged out" })
}
