//! Judging the tokens of trusted outside issuers: for us by what the issuer's dialect says, of somebody with an account
//! here, and not older than the end of all their sessions.

use std::sync::Arc;

use doorward_protocol::jwt::{JwtError, TimeRules, Unverified, VerifiedClaims};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::live::{Holder, Remembered};
use super::{Caller, LiveSession, TokenRejection, ValidateError};
use crate::issuer::{KeysUnavailable, TokenDialect, TrustedIssuer};
use crate::user::{EmailAddress, ExternalIdentity, OutsidePerson, ProvisionError, UserContext};
use crate::user_pool::{OutsidePool, PoolAccount, PoolError, RecordError};
use crate::{Identity, SessionId, UserId};

/// How far an outside issuer's clock may be off.
const LEEWAY_S: i64 = 60;
/// How long an outside token is believed before its signature is checked again.
const MEMORY: SignedDuration = SignedDuration::from_mins(5);

/// The claims of outside tokens that matter here.
#[derive(Deserialize)]
struct OutsideClaims {
    sub: String,
    email: Option<String>,
    /// Only `true` itself counts: a string or a number is somebody's mistake.
    #[serde(default)]
    email_verified: Value,
    name: Option<String>,
    #[serde(default)]
    given_name: Value,
    #[serde(default)]
    family_name: Value,
    /// When the person signed in there (OIDC Core §2); anything but a whole number tells nothing.
    #[serde(default)]
    auth_time: Value,
    /// The session at Cognito that the token belongs to.
    #[serde(default)]
    origin_jti: Value,
}

/// What kind of token it is, as far as that is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TokenUse {
    /// Tells who somebody is.
    Identifies,
    /// Allows calls, and may tell nothing but a subject.
    Allows,
}

impl Identity {
    pub(super) async fn judge_outside(
        &self,
        token: &str,
        unverified: &Unverified<'_>,
        issuer: &TrustedIssuer,
        now: Timestamp,
    ) -> Result<Arc<Caller>, ValidateError> {
        let header = unverified.header();
        if header.alg.is_symmetric() {
            return Err(TokenRejection::BadSignature.into());
        }
        let keys = self.outside.keys(issuer, header.kid.as_deref()).await?;
        let verified = keys.iter().find_map(|key| unverified.verify(key).ok());
        let verified = verified.ok_or(TokenRejection::BadSignature)?;
        verified.require_issuer(&issuer.issuer)?;
        let token_use = for_us(&verified, issuer)?;
        let times = verified.check_times(&TimeRules { now, leeway_s: LEEWAY_S })?;
        let claims: OutsideClaims = verified.decode()?;
        let generation = self.live.generation();
        let session = self.session_of(issuer, &claims).await?;
        let authenticated_at = claims.auth_time.as_i64().and_then(|second| Timestamp::from_second(second).ok());
        let context = self.outside_person(token, token_use, issuer, claims).await?;
        let until = now.checked_add(MEMORY).unwrap_or(now).min(times.expires_at);
        if let Some((id, live)) = session {
            let user = context.user.id;
            let caller = self.remember_session(id, user, Some(live), generation).await?;
            if caller.expires_at <= now {
                return Err(TokenRejection::Revoked.into());
            }
            self.live.remember_token(token, Remembered { expires_at: until, holder: Holder::Session(id, user) });
            return Ok(caller);
        }
        // A pool's renewed tokens still say when the person signed in.
        let begun_at = authenticated_at.filter(|_| issuer.dialect == TokenDialect::Cognito).or(times.issued_at);
        if is_older_than_sign_out(&context, begun_at) {
            return Err(TokenRejection::Revoked.into());
        }
        let context = self.live.person(context.user.id).unwrap_or(context);
        self.live.remember_person(&context, generation);
        let caller = Arc::new(Caller { context, session: None, expires_at: times.expires_at, authenticated_at });
        let holder = Holder::Outside(Arc::clone(&caller));
        self.live.remember_token(token, Remembered { expires_at: until, holder });
        Ok(caller)
    }

    /// The session here that stands for the one at the pool.
    async fn session_of(
        &self,
        issuer: &TrustedIssuer,
        claims: &OutsideClaims,
    ) -> Result<Option<(SessionId, LiveSession)>, ValidateError> {
        let id = claims.origin_jti.as_str().and_then(|id| Uuid::try_parse(id).ok()).map(SessionId::from_uuid);
        let Some(id) = id.filter(|_| issuer.dialect == TokenDialect::Cognito) else { return Ok(None) };
        Ok(self.store.find_live_session(id).await?.map(|live| (id, live)))
    }

    /// The active person a token is of, with an account made or linked on first sight.
    async fn outside_person(
        &self,
        token: &str,
        token_use: TokenUse,
        issuer: &TrustedIssuer,
        claims: OutsideClaims,
    ) -> Result<Arc<UserContext>, ValidateError> {
        let identity = ExternalIdentity { issuer: issuer.issuer.clone(), subject: claims.sub.clone() };
        if !identity.is_plausible() {
            return Err(TokenRejection::Malformed.into());
        }
        if issuer.dialect == TokenDialect::Cognito {
            // Its access tokens tell no address; of somebody who is known none is needed.
            if let Some(user) = self.store.find_user_by_identity(&identity).await? {
                return self.active_context(user.id).await.map_err(not_provisioned);
            }
            if let Some(pool) = self.user_pool.outside().filter(|pool| pool.issuer() == issuer.issuer) {
                let account = match token_use {
                    TokenUse::Allows => pool.whose(token).await.map_err(|error| not_told(error, issuer))?,
                    // Signed when the account was there; whether it still is, the pool knows.
                    TokenUse::Identifies => {
                        let found = pool.find(&identity.subject).await.map_err(|error| not_told(error, issuer))?;
                        found.filter(|account| account.enabled).ok_or(TokenRejection::UserDisabled)?;
                        account_in(claims)
                    }
                };
                let user = self.record_at(pool, &account, issuer).await?;
                return self.active_context(user).await.map_err(not_provisioned);
            }
        }
        let email: Option<EmailAddress> = claims.email.and_then(|email| email.parse().ok());
        let vouched_for = claims.email_verified == Value::Bool(true);
        let email = email.filter(|_| vouched_for).ok_or(TokenRejection::EmailNotVerified)?;
        self.provision(OutsidePerson { identity, email, name: claims.name }).await.map_err(not_provisioned)
    }

    async fn record_at(
        &self,
        pool: &dyn OutsidePool,
        account: &PoolAccount,
        issuer: &TrustedIssuer,
    ) -> Result<UserId, ValidateError> {
        Ok(self
            .pool_account(pool, account)
            .await
            .map_err(|error| match error {
                RecordError::NotVerified => TokenRejection::EmailNotVerified.into(),
                RecordError::Conflict => TokenRejection::AccountConflict.into(),
                RecordError::Pool(failure) => unavailable(issuer, &failure),
                RecordError::Store(error) => error.into(),
            })?
            .id)
    }
}

/// Requires that the token is for us, and tells what kind it is.
fn for_us(claims: &VerifiedClaims, issuer: &TrustedIssuer) -> Result<TokenUse, JwtError> {
    if issuer.dialect == TokenDialect::Standard {
        claims.require_audience(&issuer.audiences)?;
        return Ok(TokenUse::Identifies);
    }
    match claims.text("token_use")? {
        Some("id") => claims.require_audience(&issuer.audiences).map(|()| TokenUse::Identifies),
        Some("access") => {
            let client = claims.text("client_id")?.ok_or(JwtError::MissingClaim("client_id"))?;
            let is_ours = issuer.audiences.iter().any(|ours| ours == client);
            if is_ours { Ok(TokenUse::Allows) } else { Err(JwtError::WrongAudience) }
        }
        Some(_) => Err(JwtError::BadClaim("token_use")),
        None => Err(JwtError::MissingClaim("token_use")),
    }
}

/// Whether all sessions of the person ended since the token's began. A token that does not say when is no younger;
/// tokens tell whole seconds, and whoever signs in right after a reset has one of the same second.
fn is_older_than_sign_out(context: &UserContext, begun_at: Option<Timestamp>) -> bool {
    let Some(signed_out_at) = context.user.signed_out_at else { return false };
    begun_at.is_none_or(|begun_at| begun_at.as_second() < signed_out_at.as_second())
}

/// The account of an ID token.
fn account_in(claims: OutsideClaims) -> PoolAccount {
    PoolAccount {
        subject: claims.sub,
        email: claims.email,
        email_verified: claims.email_verified == Value::Bool(true),
        given_name: claims.given_name.as_str().map(str::to_owned),
        family_name: claims.family_name.as_str().map(str::to_owned),
        phone: None,
        confirmed: true,
        enabled: true,
        has_password: true,
    }
}

fn not_provisioned(error: ProvisionError) -> ValidateError {
    match error {
        ProvisionError::Store(error) => error.into(),
        ProvisionError::Disabled => TokenRejection::UserDisabled.into(),
        ProvisionError::Conflict => TokenRejection::AccountConflict.into(),
        ProvisionError::InvalidEmail(_) => TokenRejection::EmailNotVerified.into(),
    }
}

/// The pool does not tell whose a token is.
fn not_told(error: PoolError, issuer: &TrustedIssuer) -> ValidateError {
    match error {
        PoolError::BadCredentials | PoolError::BadInput(..) => TokenRejection::Revoked.into(),
        PoolError::UnknownUser | PoolError::NotConfirmed => TokenRejection::UserDisabled.into(),
        PoolError::Misconfigured(missing) => {
            tracing::warn!(missing, "the user pool does not tell whose a token is; whoever signs in here is known");
            TokenRejection::UserDisabled.into()
        }
        other => unavailable(issuer, &other),
    }
}

fn unavailable(issuer: &TrustedIssuer, error: &dyn std::fmt::Display) -> ValidateError {
    tracing::error!(%error, "the user pool does not tell whose a token is");
    let reason = "its user pool does not answer".to_owned();
    KeysUnavailable { issuer: issuer.issuer.clone(), reason }.into()
}
