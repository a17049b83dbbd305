//! The port for sessions and refresh tokens.

use std::net::IpAddr;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{EndReason, LiveSession, NewSession, RefreshFamily, Rotation, Session, Started};
use crate::audit::AuditEvent;
use crate::{SessionId, StoreError, UserId};

/// Sessions. Each method is atomic.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Begins a session of an active user, sets the user's `last_signin_at` to `created_at` and appends the audit
    /// line. A user disabled, or a password changed, at the same time leaves no such session
    /// open, whichever came first.
    async fn start_session(&self, session: &NewSession, audit: &AuditEvent) -> Result<Started, StoreError>;

    /// What a node needs to judge a session's tokens; also of ended ones.
    async fn find_live_session(&self, id: SessionId) -> Result<Option<LiveSession>, StoreError>;

    /// Replaces a refresh token by its successor. Of concurrent callers with the same token exactly one gets
    /// `Rotated`; the others get `Repeated` with its salt, and so does whoever comes when the successor was itself
    /// replaced, with the salts up to the token that counts. A token replaced at or before `repeat_after` answers
    /// `Reused` and ends the session with a change line and `reuse_audit`.
    async fn rotate_refresh(&self, step: &RefreshFamily, reuse_audit: &AuditEvent) -> Result<Rotation, StoreError>;

    /// The session a refresh token belongs to, if the token is the current one or one replaced before.
    async fn find_session_by_refresh(
        &self,
        session: SessionId,
        token: &doorward_protocol::opaque::SecretHash,
    ) -> Result<Option<LiveSession>, StoreError>;

    /// The session a cookie's handle stands for; also of ended ones.
    async fn find_session_by_handle(
        &self,
        session: SessionId,
        handle: &doorward_protocol::opaque::SecretHash,
    ) -> Result<Option<LiveSession>, StoreError>;

    /// Notes that a cookie session is in use at `at`: its credential now ends at `until` (cut to the session's end)
    /// if that is later than it was. Nothing happens to a session that is over by `at`. Answers when the credential
    /// ends now, `None` when the session is over. No change line: only the end moves, and only away.
    async fn touch_session(
        &self,
        session: SessionId,
        at: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError>;

    /// The session with that credential where the session is not known: for credentials that others made. Open or not.
    async fn find_session_by_credential(
        &self,
        credential: &doorward_protocol::opaque::SecretHash,
    ) -> Result<Option<(SessionId, LiveSession)>, StoreError>;

    /// Ends one session, with a change line. False when it was not open.
    async fn end_session(
        &self,
        id: SessionId,
        reason: EndReason,
        at: Timestamp,
        audit: &AuditEvent,
    ) -> Result<bool, StoreError>;

    /// Ends all open sessions of a user and sets their `signed_out_at`, with a change line. Answers how many were open.
    async fn end_user_sessions(
        &self,
        user: UserId,
        reason: EndReason,
        at: Timestamp,
        audit: &AuditEvent,
    ) -> Result<u64, StoreError>;

    /// The open sessions of a user, newest first; a cookie that was not used for too long is not open.
    async fn list_sessions(&self, user: UserId, at: Timestamp) -> Result<Vec<Session>, StoreError>;

    /// Whether the user ever began a session, still on record, from that address.
    async fn knows_address(&self, user: UserId, address: IpAddr) -> Result<bool, StoreError>;
}
