//! Judging a bearer token: is it genuine, fresh, for us, and does what it stands for still count? The handle in a
//! cookie is judged in `cookie.rs`, by the same memory; what is particular to outside issuers stands in `outside.rs`.
//!
//! The hot path of the product. A token seen before costs three look-ups in memory; nothing here asks the store
//! in the steady state.

use std::sync::Arc;
use std::time::Instant;

use doorward_protocol::jwt::{JwtError, TimeRules, Unverified};
use jiff::Timestamp;
use serde::Deserialize;

use super::access_token::ACCESS_TOKEN_TYPE;
use super::live::{Holder, Remembered};
use super::{AccessClaims, LiveSession};
use crate::issuer::KeysUnavailable;
use crate::user::UserContext;
use crate::{Identity, SessionId, StoreError, UserId};

/// Somebody whose token was found good.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who it is, with teams and domains.
    pub context: Arc<UserContext>,
    /// Their session here; none for outside tokens and developer headers.
    pub session: Option<SessionId>,
    /// When the session (or outside token) ends.
    pub expires_at: Timestamp,
    /// When they proved who they are, as far as that is known.
    pub authenticated_at: Option<Timestamp>,
}

/// Why a token does not count. The text is safe to show and stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRejection {
    /// It is no token.
    #[error("Token is malformed")]
    Malformed,
    /// Nobody we trust signed it.
    #[error("Token signature is invalid")]
    BadSignature,
    /// It is over.
    #[error("Token has expired")]
    Expired,
    /// It is for later, or issued in the future.
    #[error("Token is not yet valid")]
    NotYetValid,
    /// Its session has ended.
    #[error("Token has been revoked")]
    Revoked,
    /// Its user is disabled or gone.
    #[error("User is disabled")]
    UserDisabled,
    /// It comes from somebody we do not trust.
    #[error("Token issuer is unknown")]
    UnknownIssuer,
    /// It is for somebody else.
    #[error("Token audience is wrong")]
    WrongAudience,
    /// Its issuer does not vouch for the address in it.
    #[error("Token has no verified e-mail address")]
    EmailNotVerified,
    /// The address in it belongs to an account that is not known to be the same person's.
    #[error("The e-mail address belongs to another account")]
    AccountConflict,
}

impl TokenRejection {
    /// The name in logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::BadSignature => "bad_signature",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::Revoked => "revoked",
            Self::UserDisabled => "user_disabled",
            Self::UnknownIssuer => "unknown_issuer",
            Self::WrongAudience => "wrong_audience",
            Self::EmailNotVerified => "email_not_verified",
            Self::AccountConflict => "account_conflict",
        }
    }
}

impl From<JwtError> for TokenRejection {
    fn from(error: JwtError) -> Self {
        match error {
            JwtError::Malformed | JwtError::MissingClaim(_) | JwtError::BadClaim(_) => Self::Malformed,
            JwtError::UnsupportedAlgorithm | JwtError::BadSignature => Self::BadSignature,
            JwtError::Expired => Self::Expired,
            JwtError::NotYetValid => Self::NotYetValid,
            JwtError::WrongIssuer => Self::UnknownIssuer,
            JwtError::WrongAudience => Self::WrongAudience,
        }
    }
}

/// Why a token was not found good.
#[derive(Debug, thiserror::Error)]
pub enum ValidateError {
    /// It does not count.
    #[error(transparent)]
    Rejected(#[from] TokenRejection),
    /// The store did not answer, so nobody knows.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The issuer's keys cannot be had, so nobody knows.
    #[error(transparent)]
    Keys(#[from] KeysUnavailable),
}

impl From<JwtError> for ValidateError {
    fn from(error: JwtError) -> Self {
        Self::Rejected(error.into())
    }
}

/// The claim by which the keys are chosen, read before anything is verified.
#[derive(Deserialize)]
struct ClaimedIssuer {
    iss: String,
}

impl Identity {
    /// Judges an access token, ours or a trusted issuer's.
    pub async fn validate(&self, token: &str) -> Result<Arc<Caller>, ValidateError> {
        let started = Instant::now();
        let judged = self.judge_token(token).await;
        self.note_judgement(started, &judged);
        judged
    }

    /// Counts and logs what became of a token or handle.
    pub(super) fn note_judgement(&self, started: Instant, judged: &Result<Arc<Caller>, ValidateError>) {
        let reason = match judged {
            Ok(_) => "valid",
            Err(ValidateError::Rejected(rejection)) => rejection.as_str(),
            Err(ValidateError::Store(_)) => "store_unavailable",
            Err(ValidateError::Keys(_)) => "keys_unavailable",
        };
        self.observer.token(reason, started.elapsed());
        if let Err(ValidateError::Rejected(_)) = judged {
            tracing::warn!(reason, "token refused");
        }
    }

    async fn judge_token(&self, token: &str) -> Result<Arc<Caller>, ValidateError> {
        let now = self.clock.now();
        match self.live.token(token) {
            Some(remembered) if remembered.expires_at > now => {
                match remembered.holder {
                    Holder::Session(session, user) => return self.live_caller(session, user, now).await,
                    Holder::Outside(caller) if self.live.is_current(&caller.context) => return Ok(caller),
                    // What is known of the person changed: begin anew.
                    Holder::Outside(_) => {}
                }
            }
            // Over, or to be verified again: the full judgement finds out which.
            Some(_) | None => {}
        }
        // From here on on the heap: it is large, and most tokens were seen before.
        let unverified = Unverified::parse(token)?;
        let claimed: ClaimedIssuer = unverified.claims_unverified()?;
        if claimed.iss == self.settings.issuer {
            Box::pin(self.judge_own(token, &unverified, now)).await
        } else {
            let issuer = self.outside.issuer(&claimed.iss).ok_or(TokenRejection::UnknownIssuer)?;
            Box::pin(self.judge_outside(token, &unverified, issuer, now)).await
        }
    }

    async fn judge_own(
        &self,
        token: &str,
        unverified: &Unverified<'_>,
        now: Timestamp,
    ) -> Result<Arc<Caller>, ValidateError> {
        let header = unverified.header();
        if header.typ.as_deref() != Some(ACCESS_TOKEN_TYPE) {
            return Err(TokenRejection::Malformed.into());
        }
        let keys = self.keyring.verifying_keys(header.alg, header.kid.as_deref(), now);
        let verified = keys.iter().map(|key| unverified.verify(key)).reduce(Result::or);
        let verified = verified.ok_or(TokenRejection::BadSignature)??;
        verified.require_issuer(&self.settings.issuer)?;
        let times = verified.check_times(&TimeRules { now, leeway_s: 0 })?;
        let claims: AccessClaims = verified.decode()?;
        let caller = self.live_caller(claims.sid, claims.uid, now).await?;
        let holder = Holder::Session(claims.sid, claims.uid);
        self.live.remember_token(token, Remembered { expires_at: times.expires_at, holder });
        Ok(caller)
    }

    /// The caller of a session that is still open, of a person who is still active.
    pub(super) async fn live_caller(
        &self,
        session: SessionId,
        user: UserId,
        now: Timestamp,
    ) -> Result<Arc<Caller>, ValidateError> {
        let caller = match self.live.caller(session, user) {
            Some(caller) => caller,
            None => Box::pin(self.read_caller(session, user)).await?,
        };
        if caller.expires_at <= now { Err(TokenRejection::Revoked.into()) } else { Ok(caller) }
    }

    async fn read_caller(&self, session: SessionId, user: UserId) -> Result<Arc<Caller>, ValidateError> {
        let generation = self.live.generation();
        let live = self.store.find_live_session(session).await?;
        self.remember_session(session, user, live, generation).await
    }

    /// The caller of a session that was read from the store since `generation`.
    pub(super) async fn remember_session(
        &self,
        session: SessionId,
        user: UserId,
        live: Option<LiveSession>,
        generation: u64,
    ) -> Result<Arc<Caller>, ValidateError> {
        let live = live.filter(|live| live.user_id == user && live.ended_at.is_none());
        // A disabled or deleted user's sessions have ended too, but they shall hear the truer reason.
        let context = match self.live.person(user) {
            Some(context) => Some(context),
            None => self.store.find_context(user).await?.map(Arc::new),
        };
        let context = context.filter(|context| context.user.is_active()).ok_or(TokenRejection::UserDisabled)?;
        let live = live.ok_or(TokenRejection::Revoked)?;
        self.live.remember_person(&context, generation);
        let authenticated_at = Some(live.authenticated_at);
        let caller = Caller { context, session: Some(session), expires_at: live.expires_at, authenticated_at };
        let caller = Arc::new(caller);
        self.live.remember_caller(session, &caller, generation);
        Ok(caller)
    }
}
