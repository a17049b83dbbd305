//! Renewing a session: each refresh token works once, a copy gives itself away, and two tabs never fight.
//!
//! A successor is derived from the token it follows and a salt that the store keeps. So a repeat within the grace
//! period gets the very same successor, though the store holds hashes only, and on every node alike.

use std::sync::Arc;

use doorward_protocol::opaque::{Kind, OpaqueToken};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::{Origin, RefreshFamily, Rotation, SignedIn};
use crate::audit::{AuditAction, AuditActor, AuditEvent};
use crate::change::ChangeSubject;
use crate::fault::Internal;
use crate::user_pool::PoolFailure;
use crate::{Identity, SessionId, StoreError, Surface, UserId};

/// Why a session was not renewed.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// Unknown, expired, ended or used before: one answer for all.
    #[error("the refresh token is not valid")]
    Invalid,
    /// The user pool elsewhere did not do it.
    #[error(transparent)]
    Pool(#[from] PoolFailure),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Doorward itself.
    #[error(transparent)]
    Internal(#[from] Internal),
}

impl Identity {
    /// Replaces a refresh token and issues a new access token of `surface`; one that a user pool elsewhere made is
    /// the pool's to replace.
    pub async fn refresh(
        &self,
        surface: Surface,
        token: &SecretString,
        origin: Origin,
    ) -> Result<SignedIn, RefreshError> {
        let Some(presented) = OpaqueToken::parse(Kind::Refresh, token.expose_secret()) else {
            return match self.user_pool.outside() {
                Some(pool) if surface == Surface::Accounts => self.refresh_at(pool, token, &origin).await,
                _ => Err(RefreshError::Invalid),
            };
        };
        let session = SessionId::from_uuid(uuid::Uuid::from_bytes(presented.id()));
        let now = self.clock.now();
        let salt = self.entropy.bytes::<16>();
        let successor = presented.successor(&salt);
        let step = RefreshFamily {
            session,
            presented: presented.hash(),
            successor: successor.hash(),
            salt,
            at: now,
            repeat_after: now.checked_sub(self.settings.refresh_grace).unwrap_or(Timestamp::MIN),
            expires_at: self.refresh_expiry(now, Timestamp::MAX),
        };
        let audit = self.refresh_reused(session, &origin);
        match self.store.rotate_refresh(&step, &audit).await? {
            Rotation::Rotated { user_id, session_expires_at } => {
                self.renewed(surface, session, user_id, session_expires_at, &successor).await
            }
            Rotation::Repeated { user_id, session_expires_at, salts } => {
                let current = salts.iter().fold(presented, |token, salt| token.successor(salt));
                self.renewed(surface, session, user_id, session_expires_at, &current).await
            }
            Rotation::Reused { user_id } => {
                self.live.apply(ChangeSubject::Session(session));
                tracing::warn!(session.id = %session, user.id = %user_id, request_id = origin.request_id,
                    "a refresh token was used twice; its session has ended");
                Err(RefreshError::Invalid)
            }
            Rotation::Over | Rotation::Unknown => Err(RefreshError::Invalid),
        }
    }

    async fn renewed(
        &self,
        surface: Surface,
        session: SessionId,
        user: UserId,
        session_expires_at: Timestamp,
        refresh: &OpaqueToken,
    ) -> Result<SignedIn, RefreshError> {
        let context = self.store.find_context(user).await?.filter(|context| context.user.is_active());
        let context = Arc::new(context.ok_or(RefreshError::Invalid)?);
        // Wherever the session began: this surface has no tokens for whom it would not sign in.
        if surface == Surface::Accounts && context.user.email_verified_at.is_none() {
            return Err(RefreshError::Invalid);
        }
        let access = self.issue_access_token(surface, &context.user, session, session_expires_at)?;
        let id_token = match surface {
            Surface::Accounts => {
                let live = self.store.find_live_session(session).await?.ok_or(RefreshError::Invalid)?;
                Some(self.issue_id_token(&context.user, session, live.authenticated_at, access.expires_in)?)
            }
            Surface::Hosted | Surface::Signin | Surface::Directory => None,
        };
        Ok(SignedIn {
            access_token: access.token,
            expires_in: access.expires_in,
            refresh_token: refresh.expose(),
            id_token,
            context,
        })
    }

    /// The audit line for a token that is presented once too often.
    pub(super) fn refresh_reused(&self, session: SessionId, origin: &Origin) -> AuditEvent {
        self.audit(AuditActor::System, AuditAction::RefreshReused, session, None, origin)
    }
}
