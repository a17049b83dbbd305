//! Cookie sessions: the handle in the cookie, its judgement, and the end that moves on while the session is used.
//!
//! A handle seen before costs three look-ups in memory. The idle end is kept in the store, so that every node knows
//! it and a restart forgets nobody; it is moved on at most every tenth of the idle time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use doorward_protocol::opaque::{Kind, OpaqueToken, SecretHash};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;

use super::{Caller, LiveSession, NewSession, Origin, SignInMethod, TokenRejection, ValidateError};
use crate::change::ChangeSubject;
use crate::throttle::network;
use crate::user::User;
use crate::{Identity, SessionId, Surface, UserId};

/// A session's end is not moved on more often than this.
const LEAST_BETWEEN_TOUCHES: SignedDuration = SignedDuration::from_secs(30);
/// After the store did not answer.
const TRY_AGAIN: SignedDuration = SignedDuration::from_secs(5);

/// What this node remembers of a cookie. Times are milliseconds since 1970.
pub(super) struct CookieSession {
    handle: SecretHash,
    user: UserId,
    /// When it is over unless used before.
    idle_until: AtomicI64,
    /// When its end should next be moved on.
    touch_at: AtomicI64,
}

impl Identity {
    /// A session of somebody who comes from a provider, about to be kept, and its handle.
    pub(crate) fn new_cookie_session(
        &self,
        user: &User,
        authenticated_at: Option<Timestamp>,
        origin: &Origin,
    ) -> (NewSession, SecretString) {
        let now = self.clock.now();
        let id = SessionId::new(now, &*self.entropy);
        let handle = OpaqueToken::new(Kind::Session, *id.as_uuid().as_bytes(), self.entropy.bytes());
        let expires_at = now.checked_add(self.settings.session_ttl).unwrap_or(Timestamp::MAX);
        let session = NewSession {
            id,
            user_id: user.id,
            password_changed_at: user.password_changed_at,
            surface: Surface::Hosted,
            method: SignInMethod::Provider,
            created_at: now,
            // A provider whose clock is ahead proves nothing about the future.
            authenticated_at: authenticated_at.map_or(now, |at| at.min(now)),
            expires_at,
            address: origin.address.map(network),
            user_agent: origin.user_agent.clone(),
            credential_hash: handle.hash(),
            credential_expires_at: self.idle_end(now).min(expires_at),
        };
        (session, handle.expose())
    }

    /// Judges the handle of a cookie.
    pub async fn validate_handle(&self, handle: &str) -> Result<Arc<Caller>, ValidateError> {
        let started = Instant::now();
        let judged = self.judge_handle(handle).await;
        self.note_judgement(started, &judged);
        judged
    }

    /// The same, uncounted: for who is asked about on the way to something else.
    pub(crate) async fn judge_handle(&self, handle: &str) -> Result<Arc<Caller>, ValidateError> {
        let parsed = OpaqueToken::parse(Kind::Session, handle).ok_or(TokenRejection::Malformed)?;
        let session = SessionId::from_uuid(uuid::Uuid::from_bytes(parsed.id()));
        let hash = SecretHash::of(handle);
        let now = self.clock.now();
        let known = self.live.cookie(session).filter(|cookie| cookie.handle == hash);
        let (cookie, caller) = match known {
            Some(cookie) if cookie.idle_until() > now => {
                let caller = self.live_caller(session, cookie.user, now).await?;
                (cookie, caller)
            }
            // Another node may have moved the end on.
            _ => self.read_cookie(session, &hash, now).await?,
        };
        self.touch(session, &cookie, now).await?;
        Ok(caller)
    }

    /// Whether a session that was judged a moment ago is a cookie's.
    pub(crate) fn has_cookie(&self, session: SessionId) -> bool {
        self.live.cookie(session).is_some()
    }

    async fn read_cookie(
        &self,
        session: SessionId,
        handle: &SecretHash,
        now: Timestamp,
    ) -> Result<(Arc<CookieSession>, Arc<Caller>), ValidateError> {
        let generation = self.live.generation();
        let live = self.store.find_session_by_handle(session, handle).await?.ok_or(TokenRejection::Revoked)?;
        let caller = self.remember_session(session, live.user_id, Some(live), generation).await?;
        if live.credential_expires_at.min(live.expires_at) <= now {
            return Err(TokenRejection::Expired.into());
        }
        let cookie = Arc::new(self.cookie_session(*handle, &live));
        self.live.remember_cookie(session, Arc::clone(&cookie));
        Ok((cookie, caller))
    }

    fn cookie_session(&self, handle: SecretHash, live: &LiveSession) -> CookieSession {
        let idle_until = live.credential_expires_at;
        // When it was last moved on, and by this node's setting.
        let touched_at = idle_until.checked_sub(self.settings.session_idle).unwrap_or(Timestamp::MIN);
        let touch_at = touched_at.checked_add(self.between_touches()).unwrap_or(Timestamp::MAX);
        CookieSession {
            handle,
            user: live.user_id,
            idle_until: AtomicI64::new(idle_until.as_millisecond()),
            touch_at: AtomicI64::new(touch_at.as_millisecond()),
        }
    }

    /// Moves the end of a session in use on, if it is time to. Of requests at once one does it.
    pub(super) async fn touch(
        &self,
        session: SessionId,
        cookie: &CookieSession,
        now: Timestamp,
    ) -> Result<(), TokenRejection> {
        let due = cookie.touch_at.load(Ordering::Relaxed);
        let next = |wait| now.checked_add(wait).unwrap_or(Timestamp::MAX).as_millisecond();
        let is_mine = due <= now.as_millisecond()
            && cookie
                .touch_at
                .compare_exchange(due, next(self.between_touches()), Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if !is_mine {
            return Ok(());
        }
        match self.store.touch_session(session, now, self.idle_end(now)).await {
            Ok(Some(until)) => cookie.idle_until.store(until.as_millisecond(), Ordering::Relaxed),
            Ok(None) => {
                self.live.apply(ChangeSubject::Session(session));
                return Err(TokenRejection::Revoked);
            }
            // The session is not over yet, whatever the store does.
            Err(error) => {
                tracing::warn!(%error, "a session's end was not moved on; a later request tries again");
                cookie.touch_at.store(next(TRY_AGAIN), Ordering::Relaxed);
            }
        }
        Ok(())
    }

    fn idle_end(&self, now: Timestamp) -> Timestamp {
        now.checked_add(self.settings.session_idle).unwrap_or(Timestamp::MAX)
    }

    /// A tenth of the idle time, but no less than the least; half of an idle time that is shorter than that.
    fn between_touches(&self) -> SignedDuration {
        let idle = self.settings.session_idle;
        (idle / 10).max(LEAST_BETWEEN_TOUCHES).min(idle / 2)
    }
}

impl CookieSession {
    fn idle_until(&self) -> Timestamp {
        Timestamp::from_millisecond(self.idle_until.load(Ordering::Relaxed)).unwrap_or(Timestamp::MIN)
    }
}
