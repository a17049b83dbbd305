//! Sessions: how they begin, are found and end. Their refresh tokens are in `refresh.rs`.

use std::net::IpAddr;

use async_trait::async_trait;
use doorward_identity::audit::AuditEvent;
use doorward_identity::change::ChangeSubject;
use doorward_identity::session::{
    EndReason, LiveSession, NewSession, RefreshFamily, Rotation, Session, SessionStore, SignInMethod, Started,
};
use doorward_identity::{SessionId, StoreError, Surface, UserId};
use doorward_protocol::opaque::SecretHash;
use jiff::Timestamp;
use uuid::Uuid;

use super::{Connection, Engine, audit, conclude, refresh};
use crate::fault::{Fault, readable};
use crate::time::Time;

macro_rules! select_live {
    ($rest:literal) => {
        concat!(
            "select s.id, s.user_id, coalesce(s.authenticated_at, s.created_at) as authenticated_at, s.expires_at,
                s.credential_expires_at, s.ended_at from sessions s ",
            $rest
        )
    };
}

#[derive(sqlx::FromRow)]
struct LiveRow {
    id: Uuid,
    user_id: Uuid,
    authenticated_at: Time,
    expires_at: Time,
    credential_expires_at: Time,
    ended_at: Option<Time>,
}

impl From<LiveRow> for LiveSession {
    fn from(row: LiveRow) -> Self {
        Self {
            user_id: UserId::from_uuid(row.user_id),
            authenticated_at: row.authenticated_at.into(),
            expires_at: row.expires_at.into(),
            credential_expires_at: row.credential_expires_at.into(),
            ended_at: row.ended_at.map(Into::into),
        }
    }
}

#[derive(sqlx::FromRow)]
struct SessionRow {
    id: Uuid,
    user_id: Uuid,
    surface: String,
    method: String,
    created_at: Time,
    last_seen_at: Time,
    expires_at: Time,
    address: Option<String>,
    user_agent: Option<String>,
}

impl TryFrom<SessionRow> for Session {
    type Error = Fault;

    fn try_from(row: SessionRow) -> Result<Self, Fault> {
        Ok(Self {
            id: SessionId::from_uuid(row.id),
            user_id: UserId::from_uuid(row.user_id),
            surface: readable(Surface::parse(&row.surface), "surface")?,
            method: readable(SignInMethod::parse(&row.method), "sign-in method")?,
            created_at: row.created_at.into(),
            last_seen_at: row.last_seen_at.into(),
            expires_at: row.expires_at.into(),
            address: row.address.map(|text| readable(text.parse().ok(), "address")).transpose()?,
            user_agent: row.user_agent,
        })
    }
}

/// Notes the sign-in and keeps the user from being disabled until the transaction ends. False when they are not
/// active.
async fn note_signin(connection: &mut Connection, session: &NewSession) -> Result<bool, Fault> {
    let done = sqlx::query(
        "update users set last_signin_at = $2
         where id = $1 and status = 'active' and password_changed_at is not distinct from $3",
    )
    .bind(session.user_id.as_uuid())
    .bind(Time(session.created_at))
    .bind(session.password_changed_at.map(Time))
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

async fn insert_row(connection: &mut Connection, session: &NewSession) -> Result<(), Fault> {
    sqlx::query(
        "insert into sessions (id, user_id, surface, method, created_at, last_seen_at, expires_at, address,
            user_agent, credential_hash, refresh_generation, credential_expires_at, authenticated_at)
         values ($1, $2, $3, $4, $5, $5, $6, $7, $8, $9, 0, $10, $11)",
    )
    .bind(session.id.as_uuid())
    .bind(session.user_id.as_uuid())
    .bind(session.surface.as_str())
    .bind(session.method.as_str())
    .bind(Time(session.created_at))
    .bind(Time(session.expires_at))
    .bind(session.address.map(|address| address.to_string()))
    .bind(session.user_agent.as_deref())
    .bind(session.credential_hash.as_bytes().as_slice())
    .bind(Time(session.credential_expires_at.min(session.expires_at)))
    .bind(Time(session.authenticated_at))
    .execute(connection)
    .await?;
    Ok(())
}

/// Begins a session. False when its user is not active, or has another password than they were judged by.
pub(super) async fn begin(connection: &mut Connection, session: &NewSession) -> Result<bool, Fault> {
    if !note_signin(connection, session).await? {
        return Ok(false);
    }
    insert_row(connection, session).await?;
    Ok(true)
}

/// Ends one session. False when it was not open.
pub(super) async fn end_one(
    connection: &mut Connection,
    id: SessionId,
    reason: EndReason,
    at: Timestamp,
) -> Result<bool, Fault> {
    let done = sqlx::query(
        "update sessions set ended_at = $2, end_reason = $3
         where id = $1 and ended_at is null and expires_at > $2",
    )
    .bind(id.as_uuid())
    .bind(Time(at))
    .bind(reason.as_str())
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends every open session of a user but the one to keep. Answers how many.
pub(super) async fn end_all(
    connection: &mut Connection,
    user: UserId,
    keep: Option<SessionId>,
    reason: EndReason,
    at: Timestamp,
) -> Result<u64, Fault> {
    let done = sqlx::query(
        "update sessions set ended_at = $2, end_reason = $3
         where user_id = $1 and ended_at is null and expires_at > $2 and id is distinct from $4",
    )
    .bind(user.as_uuid())
    .bind(Time(at))
    .bind(reason.as_str())
    .bind(keep.map(|session| *session.as_uuid()))
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

#[async_trait]
impl SessionStore for Engine {
    async fn start_session(&self, session: &NewSession, event: &AuditEvent) -> Result<Started, StoreError> {
        self.calls
            .run("start_session", move || async move {
                let mut tx = self.begin().await?;
                if !begin(&mut tx, session).await? {
                    return Ok(Started::UserNotActive);
                }
                audit::append(&mut tx, event).await?;
                tx.commit().await?;
                Ok(Started::Started)
            })
            .await
    }

    async fn find_live_session(&self, id: SessionId) -> Result<Option<LiveSession>, StoreError> {
        self.calls
            .run("find_live_session", move || async move {
                const FIND: &str = select_live!("where s.id = $1");
                let row: Option<LiveRow> =
                    sqlx::query_as(FIND).bind(id.as_uuid()).fetch_optional(&mut *self.read().await?).await?;
                Ok(row.map(LiveSession::from))
            })
            .await
    }

    async fn rotate_refresh(&self, step: &RefreshFamily, reuse: &AuditEvent) -> Result<Rotation, StoreError> {
        self.calls
            .run("rotate_refresh", move || async move {
                let mut tx = self.begin().await?;
                let rotation = refresh::rotate(&mut tx, step, reuse).await?;
                tx.commit().await?;
                Ok(rotation)
            })
            .await
    }

    async fn find_session_by_refresh(
        &self,
        session: SessionId,
        token: &SecretHash,
    ) -> Result<Option<LiveSession>, StoreError> {
        self.calls
            .run("find_session_by_refresh", move || async move {
                const FIND: &str = select_live!(
                    "where s.id = $1 and (s.credential_hash = $2 or exists (
                        select 1 from retired_refresh_tokens r where r.session_id = $1 and r.refresh_hash = $2))"
                );
                let row: Option<LiveRow> = sqlx::query_as(FIND)
                    .bind(session.as_uuid())
                    .bind(token.as_bytes().as_slice())
                    .fetch_optional(&mut *self.read().await?)
                    .await?;
                Ok(row.map(LiveSession::from))
            })
            .await
    }

    async fn find_session_by_handle(
        &self,
        session: SessionId,
        handle: &SecretHash,
    ) -> Result<Option<LiveSession>, StoreError> {
        self.calls
            .run("find_session_by_handle", move || async move {
                const FIND: &str = select_live!("where s.id = $1 and s.credential_hash = $2");
                let row: Option<LiveRow> = sqlx::query_as(FIND)
                    .bind(session.as_uuid())
                    .bind(handle.as_bytes().as_slice())
                    .fetch_optional(&mut *self.read().await?)
                    .await?;
                Ok(row.map(LiveSession::from))
            })
            .await
    }

    async fn touch_session(
        &self,
        session: SessionId,
        at: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.calls
            .run("touch_session", move || async move {
                let mut tx = self.begin().await?;
                let ends: Option<Time> = sqlx::query_scalar(
                    "update sessions set
                        last_seen_at = case when $2 > last_seen_at then $2 else last_seen_at end,
                        credential_expires_at = case
                            when $3 <= credential_expires_at then credential_expires_at
                            when $3 < expires_at then $3
                            else expires_at end
                     where id = $1 and ended_at is null and expires_at > $2 and credential_expires_at > $2
                     returning credential_expires_at",
                )
                .bind(session.as_uuid())
                .bind(Time(at))
                .bind(Time(until))
                .fetch_optional(&mut *tx)
                .await?;
                tx.commit().await?;
                Ok(ends.map(Into::into))
            })
            .await
    }

    async fn find_session_by_credential(
        &self,
        credential: &SecretHash,
    ) -> Result<Option<(SessionId, LiveSession)>, StoreError> {
        self.calls
            .run("find_session_by_credential", move || async move {
                const FIND: &str = select_live!("where s.credential_hash = $1");
                let row: Option<LiveRow> = sqlx::query_as(FIND)
                    .bind(credential.as_bytes().as_slice())
                    .fetch_optional(&mut *self.read().await?)
                    .await?;
                Ok(row.map(|row| (SessionId::from_uuid(row.id), row.into())))
            })
            .await
    }

    async fn end_session(
        &self,
        id: SessionId,
        reason: EndReason,
        at: Timestamp,
        event: &AuditEvent,
    ) -> Result<bool, StoreError> {
        self.calls
            .run("end_session", move || async move {
                let mut tx = self.begin().await?;
                if !end_one(&mut tx, id, reason, at).await? {
                    return Ok(false);
                }
                conclude(tx, ChangeSubject::Session(id), event).await?;
                Ok(true)
            })
            .await
    }

    async fn end_user_sessions(
        &self,
        user: UserId,
        reason: EndReason,
        at: Timestamp,
        event: &AuditEvent,
    ) -> Result<u64, StoreError> {
        self.calls
            .run("end_user_sessions", move || async move {
                let mut tx = self.begin().await?;
                sqlx::query("update users set signed_out_at = $2 where id = $1")
                    .bind(user.as_uuid())
                    .bind(Time(at))
                    .execute(&mut *tx)
                    .await?;
                let ended = end_all(&mut tx, user, None, reason, at).await?;
                conclude(tx, ChangeSubject::User(user), event).await?;
                Ok(ended)
            })
            .await
    }

    async fn list_sessions(&self, user: UserId, at: Timestamp) -> Result<Vec<Session>, StoreError> {
        self.calls
            .run("list_sessions", move || async move {
                let rows: Vec<SessionRow> = sqlx::query_as(
                    "select id, user_id, surface, method, created_at, last_seen_at, expires_at, address, user_agent
                     from sessions where user_id = $1 and ended_at is null and expires_at > $2
                        and (method <> 'provider' or credential_expires_at > $2)
                     order by created_at desc, id desc",
                )
                .bind(user.as_uuid())
                .bind(Time(at))
                .fetch_all(&mut *self.read().await?)
                .await?;
                rows.into_iter().map(Session::try_from).collect()
            })
            .await
    }

    async fn knows_address(&self, user: UserId, address: IpAddr) -> Result<bool, StoreError> {
        self.calls
            .run("knows_address", move || async move {
                let sql = "select id from sessions where user_id = $1 and address = $2 limit 1";
                let known: Option<Uuid> = sqlx::query_scalar(sql)
                    .bind(user.as_uuid())
                    .bind(address.to_string())
                    .fetch_optional(&mut *self.read().await?)
                    .await?;
                Ok(known.is_some())
            })
            .await
    }
}
