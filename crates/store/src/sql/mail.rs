//! The outbox. Most mail is put in by the intents that cause it, in their transaction.

use async_trait::async_trait;
use doorward_identity::audit::AuditEvent;
use doorward_identity::mail::{
    LeasedMail, LetterKind, MailCounts, MailEntry, MailId, MailLease, MailQuery, MailState, MailStore, NewMail,
    QueuedMail, Settlement,
};
use doorward_identity::{StoreError, UserId};
use jiff::Timestamp;
use uuid::Uuid;

use super::{Connection, Engine, audit};
use crate::fault::{Fault, readable};
use crate::time::Time;

#[derive(sqlx::FromRow)]
struct QueuedRow {
    id: Uuid,
    kind: String,
    recipient: String,
    sealed_letter: Vec<u8>,
    created_at: Time,
    expires_at: Time,
    attempts: i64,
}

impl TryFrom<QueuedRow> for QueuedMail {
    type Error = Fault;

    fn try_from(row: QueuedRow) -> Result<Self, Fault> {
        Ok(Self {
            id: MailId::from_uuid(row.id),
            kind: readable(LetterKind::parse(&row.kind), "kind of letter")?,
            recipient: readable(row.recipient.parse().ok(), "e-mail address")?,
            sealed_letter: row.sealed_letter,
            created_at: row.created_at.into(),
            expires_at: row.expires_at.into(),
            attempt: readable(u32::try_from(row.attempts).ok(), "count of attempts")?,
        })
    }
}

#[derive(sqlx::FromRow)]
struct EntryRow {
    id: Uuid,
    kind: String,
    recipient: String,
    state: String,
    attempts: i64,
    created_at: Time,
    due_at: Time,
    expires_at: Time,
    reason: Option<String>,
}

impl TryFrom<EntryRow> for MailEntry {
    type Error = Fault;

    fn try_from(row: EntryRow) -> Result<Self, Fault> {
        Ok(Self {
            id: MailId::from_uuid(row.id),
            kind: readable(LetterKind::parse(&row.kind), "kind of letter")?,
            recipient: readable(row.recipient.parse().ok(), "e-mail address")?,
            state: readable(MailState::parse(&row.state), "state of a mail")?,
            attempts: readable(u32::try_from(row.attempts).ok(), "count of attempts")?,
            created_at: row.created_at.into(),
            due_at: row.due_at.into(),
            expires_at: row.expires_at.into(),
            reason: row.reason,
        })
    }
}

/// Puts a mail into the outbox, due at once.
pub(super) async fn put(connection: &mut Connection, mail: &NewMail) -> Result<(), Fault> {
    sqlx::query(
        "insert into mail (id, user_id, kind, recipient, sealed_letter, state, attempts, due_at, created_at,
            expires_at)
         values ($1, $2, $3, $4, $5, 'waiting', 0, $6, $6, $7)",
    )
    .bind(mail.id.as_uuid())
    .bind(mail.user.map(|user| *user.as_uuid()))
    .bind(mail.kind.as_str())
    .bind(mail.recipient.as_str())
    .bind(mail.sealed_letter.as_slice())
    .bind(Time(mail.created_at))
    .bind(Time(mail.expires_at))
    .execute(connection)
    .await?;
    Ok(())
}

/// Drops a user's letters of a kind that did not leave, given up ones included: what they bring counts no more.
pub(super) async fn drop_unsent(connection: &mut Connection, user: UserId, kind: LetterKind) -> Result<(), Fault> {
    sqlx::query("delete from mail where user_id = $1 and kind = $2 and state <> 'expired'")
        .bind(user.as_uuid())
        .bind(kind.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

/// Throws away the letters of waiting mail that is over. What another transaction holds it leaves to that.
async fn expire(connection: &mut Connection, at: Timestamp) -> Result<Vec<LetterKind>, Fault> {
    const EXPIRE: &str = concat!(
        "with over as (
            select p.id from mail p where p.state = 'waiting' and p.expires_at <= $1",
        skip_locked!(),
        ")
         update mail set state = 'expired', sealed_letter = null where id in (select id from over) returning kind"
    );
    let kinds: Vec<String> = sqlx::query_scalar(EXPIRE).bind(Time(at)).fetch_all(connection).await?;
    kinds.iter().map(|kind| readable(LetterKind::parse(kind), "kind of letter")).collect()
}

/// Takes mail whose turn it is, the longest due first.
async fn take_due(connection: &mut Connection, lease: &MailLease) -> Result<Vec<QueuedMail>, Fault> {
    // Materialized: worked out once, so that the limit holds.
    const LEASE: &str = concat!(
        "with due as materialized (
            select p.id from mail p where p.state = 'waiting' and p.due_at <= $1 and p.expires_at > $1
            order by p.due_at, p.id limit $3",
        skip_locked!(),
        ")
         update mail set due_at = $2, attempts = attempts + 1 where id in (select id from due)
         returning id, kind, recipient, sealed_letter, created_at, expires_at, attempts"
    );
    let mut rows: Vec<QueuedRow> = sqlx::query_as(LEASE)
        .bind(Time(lease.at))
        .bind(Time(lease.until))
        .bind(i64::from(lease.limit))
        .fetch_all(connection)
        .await?;
    // An update keeps no order.
    rows.sort_by_key(|row| row.id);
    rows.into_iter().map(QueuedMail::try_from).collect()
}

#[async_trait]
impl MailStore for Engine {
    async fn put_mail(&self, mail: &NewMail) -> Result<(), StoreError> {
        self.calls
            .run("put_mail", move || async move {
                let mut tx = self.begin().await?;
                put(&mut tx, mail).await?;
                tx.commit().await?;
                Ok(())
            })
            .await
    }

    async fn lease_mail(&self, lease: &MailLease) -> Result<LeasedMail, StoreError> {
        self.calls
            .run("lease_mail", move || async move {
                let mut tx = self.begin().await?;
                let expired = expire(&mut tx, lease.at).await?;
                let due = take_due(&mut tx, lease).await?;
                tx.commit().await?;
                Ok(LeasedMail { due, expired })
            })
            .await
    }

    async fn settle_mail(&self, id: MailId, attempt: u32, settlement: &Settlement) -> Result<bool, StoreError> {
        const SENT: &str = "delete from mail where id = $1 and attempts = $2";
        const RETRY: &str = "update mail set due_at = $3, reason = $4
            where id = $1 and attempts = $2 and state = 'waiting'";
        const ABANDON: &str = "update mail set state = 'abandoned', reason = $3
            where id = $1 and attempts = $2 and state = 'waiting'";
        self.calls
            .run("settle_mail", move || async move {
                let mut tx = self.begin().await?;
                let statement = match settlement {
                    Settlement::Sent => sqlx::query(SENT),
                    Settlement::Retry { .. } => sqlx::query(RETRY),
                    Settlement::Abandoned { .. } => sqlx::query(ABANDON),
                };
                let statement = statement.bind(id.as_uuid()).bind(i64::from(attempt));
                let statement = match settlement {
                    Settlement::Sent => statement,
                    Settlement::Retry { at, reason } => statement.bind(Time(*at)).bind(storable(reason)),
                    Settlement::Abandoned { reason } => statement.bind(storable(reason)),
                };
                let done = statement.execute(&mut *tx).await?;
                tx.commit().await?;
                Ok(done.rows_affected() == 1)
            })
            .await
    }

    async fn list_mail(&self, query: &MailQuery) -> Result<Vec<MailEntry>, StoreError> {
        let after = query.after.map_or(Uuid::nil(), |id| *id.as_uuid());
        self.calls
            .run("list_mail", move || async move {
                let rows: Vec<EntryRow> = sqlx::query_as(
                    "select id, kind, recipient, state, attempts, created_at, due_at, expires_at, reason
                     from mail where id > $1 and ($2 is null or state = $2) order by id limit $3",
                )
                .bind(after)
                .bind(query.state.map(MailState::as_str))
                .bind(i64::from(query.limit))
                .fetch_all(&mut *self.read().await?)
                .await?;
                rows.into_iter().map(MailEntry::try_from).collect()
            })
            .await
    }

    async fn retry_mail(&self, id: Option<MailId>, event: &AuditEvent) -> Result<u64, StoreError> {
        self.calls
            .run("retry_mail", move || async move {
                let mut tx = self.begin().await?;
                let done = sqlx::query(
                    "update mail set state = 'waiting', due_at = $2
                     where state = 'abandoned' and expires_at > $2 and ($1 is null or id = $1)",
                )
                .bind(id.map(|id| *id.as_uuid()))
                .bind(Time(event.at))
                .execute(&mut *tx)
                .await?;
                if done.rows_affected() > 0 {
                    audit::append(&mut tx, event).await?;
                    tx.commit().await?;
                }
                Ok(done.rows_affected())
            })
            .await
    }

    async fn count_mail(&self) -> Result<MailCounts, StoreError> {
        self.calls
            .run("count_mail", move || async move {
                let sql = "select state, count(*), min(created_at) from mail group by state";
                let rows: Vec<(String, i64, Time)> = sqlx::query_as(sql).fetch_all(&mut *self.read().await?).await?;
                let mut counts = MailCounts::default();
                for (state, count, oldest) in rows {
                    let count = readable(u64::try_from(count).ok(), "count of mail")?;
                    match readable(MailState::parse(&state), "state of a mail")? {
                        MailState::Waiting => (counts.waiting, counts.oldest_waiting) = (count, Some(oldest.into())),
                        MailState::Abandoned => counts.abandoned = count,
                        MailState::Expired => counts.expired = count,
                    }
                }
                Ok(counts)
            })
            .await
    }
}

/// A text of somebody else's as it can be in any column.
fn storable(reason: &str) -> String {
    reason.replace('\0', "")
}
