//! The change log, and the sweep of what nobody needs any more.

use async_trait::async_trait;
use doorward_identity::change::{Change, ChangeStore, ChangeSubject};
use doorward_identity::{SessionId, StoreError, UserId};
use jiff::Timestamp;
use uuid::Uuid;

use super::{Connection, Engine};
use crate::fault::{Fault, readable};
use crate::time::Time;

/// Rows one statement of the sweep removes: few enough to stay far from the deadline.
const SWEEP_BATCH: u64 = 1000;

#[derive(sqlx::FromRow)]
struct ChangeRow {
    seq: i64,
    kind: String,
    subject: Option<Uuid>,
}

impl TryFrom<ChangeRow> for Change {
    type Error = Fault;

    fn try_from(row: ChangeRow) -> Result<Self, Fault> {
        let subject = match (row.kind.as_str(), row.subject) {
            ("session", Some(id)) => Some(ChangeSubject::Session(SessionId::from_uuid(id))),
            ("user", Some(id)) => Some(ChangeSubject::User(UserId::from_uuid(id))),
            ("directory", None) => Some(ChangeSubject::Directory),
            ("keys", None) => Some(ChangeSubject::Keys),
            _ => None,
        };
        Ok(Self { seq: row.seq, subject: readable(subject, "change")? })
    }
}

/// Appends a line, in the transaction that makes the change.
pub(super) async fn announce(connection: &mut Connection, subject: ChangeSubject, at: Timestamp) -> Result<(), Fault> {
    let (kind, id) = match subject {
        ChangeSubject::Session(id) => ("session", Some(*id.as_uuid())),
        ChangeSubject::User(id) => ("user", Some(*id.as_uuid())),
        ChangeSubject::Directory => ("directory", None),
        ChangeSubject::Keys => ("keys", None),
    };
    sqlx::query("insert into changes (at, kind, subject) values ($1, $2, $3)")
        .bind(Time(at))
        .bind(kind)
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

#[async_trait]
impl ChangeStore for Engine {
    async fn latest_change(&self) -> Result<i64, StoreError> {
        self.calls
            .run("latest_change", move || async move {
                let latest = sqlx::query_scalar("select coalesce(max(seq), 0) from changes")
                    .fetch_one(&mut *self.read().await?)
                    .await?;
                Ok(latest)
            })
            .await
    }

    async fn changes_after(&self, seq: i64, limit: u32) -> Result<Vec<Change>, StoreError> {
        self.calls
            .run("changes_after", move || async move {
                let sql = "select seq, kind, subject from changes where seq > $1 order by seq limit $2";
                let rows: Vec<ChangeRow> =
                    sqlx::query_as(sql).bind(seq).bind(i64::from(limit)).fetch_all(&mut *self.read().await?).await?;
                rows.into_iter().map(Change::try_from).collect()
            })
            .await
    }

    async fn sweep(&self, before: Timestamp, sessions_before: Timestamp) -> Result<u64, StoreError> {
        const CHANGES: &str = "delete from changes where seq in (
            select seq from changes where at < $1 limit $2)";
        const THROTTLES: &str = "delete from signin_throttles where name in (
            select name from signin_throttles where not known and updated_at < $1 limit $2)";
        const EXPIRED_SESSIONS: &str = "delete from sessions where id in (
            select id from sessions where expires_at < $1 limit $2)";
        const ENDED_SESSIONS: &str = "delete from sessions where id in (
            select id from sessions where ended_at < $1 limit $2)";
        const USED_VALUES: &str = "delete from used_values where hash in (
            select hash from used_values where expires_at < $1 limit $2)";
        const CODES: &str = "delete from one_time_codes where (user_id, purpose) in (
            select user_id, purpose from one_time_codes
            where expires_at < $1 and (grant_expires_at is null or grant_expires_at < $1) limit $2)";
        const MAIL: &str = "delete from mail where id in (
            select id from mail where state <> 'waiting' and created_at < $1 limit $2)";
        const TOKENS_OF_THE_OVER: &str = "delete from provider_sessions where session_id in (
            select p.session_id from provider_sessions p join sessions s on s.id = p.session_id
            where s.ended_at < $1 or s.credential_expires_at < $1 limit $2)";
        let mut removed = 0;
        for (sql, limit) in [
            (CHANGES, before),
            (THROTTLES, before),
            (USED_VALUES, before),
            (CODES, before),
            (TOKENS_OF_THE_OVER, before),
            (EXPIRED_SESSIONS, sessions_before),
            (ENDED_SESSIONS, sessions_before),
            (MAIL, sessions_before),
        ] {
            loop {
                let batch = self.remove_older(sql, limit).await?;
                removed += batch;
                if batch < SWEEP_BATCH {
                    break;
                }
            }
        }
        Ok(removed)
    }
}

impl Engine {
    /// Runs one statement of the sweep.
    async fn remove_older(&self, sql: &'static str, than: Timestamp) -> Result<u64, StoreError> {
        self.calls
            .run("sweep", move || async move {
                let mut tx = self.begin().await?;
                let done = sqlx::query(sql)
                    .bind(Time(than))
                    .bind(i64::try_from(SWEEP_BATCH).unwrap_or(i64::MAX))
                    .execute(&mut *tx)
                    .await?;
                tx.commit().await?;
                Ok(done.rows_affected())
            })
            .await
    }
}
