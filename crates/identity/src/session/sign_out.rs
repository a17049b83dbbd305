//! Ending sessions. Whatever ended counts no more on this node when the call returns, and on others within
//! seconds (`live.rs`).

use doorward_protocol::opaque::{Kind, OpaqueToken, SecretHash};
use secrecy::{ExposeSecret, SecretString};

use super::{Caller, EndReason, Origin};
use crate::audit::{AuditAction, AuditActor};
use crate::change::ChangeSubject;
use crate::user_pool::{OutsidePool, PoolError, PoolFailure};
use crate::{Identity, SessionId, StoreError, UserId};

/// Why nobody was signed out.
#[derive(Debug, thiserror::Error)]
pub enum SignOutError {
    /// The token names no open session.
    #[error("the refresh token is not valid")]
    Invalid,
    /// The user pool elsewhere did not do its share; here the session has ended.
    #[error(transparent)]
    Pool(#[from] PoolFailure),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Identity {
    /// Ends the caller's session. A caller without one (an outside token) has nothing to end here.
    pub async fn sign_out(&self, caller: &Caller, origin: Origin) -> Result<(), StoreError> {
        if let Some(session) = caller.session {
            self.end(session, caller.context.user.id, EndReason::SignedOut, &origin).await?;
        }
        Ok(())
    }

    /// Ends the session of a refresh token, also at the user pool that made it.
    pub async fn sign_out_by_refresh(&self, token: &SecretString, origin: Origin) -> Result<(), SignOutError> {
        let Some(ours) = OpaqueToken::parse(Kind::Refresh, token.expose_secret()) else {
            let pool = self.user_pool.outside().ok_or(SignOutError::Invalid)?;
            return self.sign_out_at(pool, token, &origin).await;
        };
        let session = SessionId::from_uuid(uuid::Uuid::from_bytes(ours.id()));
        let found = self.store.find_session_by_refresh(session, &ours.hash()).await?;
        let live = found.filter(|live| live.ended_at.is_none()).ok_or(SignOutError::Invalid)?;
        self.end(session, live.user_id, EndReason::SignedOut, &origin).await?;
        Ok(())
    }

    /// The pool is asked also for a session that has ended here: an earlier try may have got no further.
    async fn sign_out_at(
        &self,
        pool: &dyn OutsidePool,
        token: &SecretString,
        origin: &Origin,
    ) -> Result<(), SignOutError> {
        let hash = SecretHash::of(token.expose_secret());
        let known = self.store.find_session_by_credential(&hash).await?;
        if let Some((session, live)) = &known {
            self.end(*session, live.user_id, EndReason::SignedOut, origin).await?;
        }
        match pool.revoke(token).await {
            Ok(()) => Ok(()),
            Err(PoolError::BadCredentials | PoolError::UnknownUser) if known.is_some() => Ok(()),
            Err(PoolError::BadCredentials | PoolError::UnknownUser) => Err(SignOutError::Invalid),
            Err(error) => Err(PoolFailure::from(error).into()),
        }
    }

    /// Ends every session of the caller, first those at the user pool that keeps the passwords: a token that it gives
    /// out until then is older than the end here. Answers how many were open.
    pub async fn sign_out_everywhere(&self, caller: &Caller, origin: Origin) -> Result<u64, SignOutError> {
        let user = caller.context.user.id;
        let there = self.end_all_there(user).await?;
        let audit = self.audit(AuditActor::User(user), AuditAction::SessionsEnded, user, None, &origin);
        let ended = self.end_all(user, &audit).await?;
        there?;
        Ok(ended)
    }

    /// Ends one session of `user`, who or whose browser wants it so. False when it was not open.
    pub(crate) async fn end(
        &self,
        session: SessionId,
        user: UserId,
        reason: EndReason,
        origin: &Origin,
    ) -> Result<bool, StoreError> {
        let actor = AuditActor::User(user);
        let detail = Some(reason.as_str().to_owned());
        let audit = self.audit(actor, AuditAction::SessionEnded, session, detail, origin);
        let ended = self.store.end_session(session, reason, audit.at, &audit).await?;
        self.live.apply(ChangeSubject::Session(session));
        if ended {
            let (reason, request_id) = (reason.as_str(), origin.request_id.as_deref());
            tracing::info!(session.id = %session, user.id = %user, request_id, reason, "session ended");
        }
        Ok(ended)
    }

    pub(crate) async fn end_all(&self, user: UserId, audit: &crate::audit::AuditEvent) -> Result<u64, StoreError> {
        let ended = self.store.end_user_sessions(user, EndReason::SignedOutEverywhere, audit.at, audit).await?;
        self.live.apply(ChangeSubject::User(user));
        tracing::info!(user.id = %user, sessions = ended, "signed out everywhere");
        Ok(ended)
    }
}
