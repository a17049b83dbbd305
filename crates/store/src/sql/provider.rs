//! Sessions that began through providers, the identities behind them, and what counts only once.

use async_trait::async_trait;
use doorward_identity::audit::AuditEvent;
use doorward_identity::change::ChangeSubject;
use doorward_identity::provider::{
    GroupGrants, NewProviderSession, ProviderSession, ProviderStore, RenewalLease, StateUse, Subject,
};
use doorward_identity::session::{EndReason, Started};
use doorward_identity::user::{ExternalIdentity, Role};
use doorward_identity::{SessionId, StoreError, UserId};
use doorward_protocol::opaque::SecretHash;
use jiff::Timestamp;
use sqlx::types::Json;
use uuid::Uuid;

use super::{Connection, Engine, audit, can_be_stored, change, conclude, conclude_if_done, session};
use crate::fault::Fault;
use crate::time::Time;

#[derive(sqlx::FromRow)]
struct ProviderSessionRow {
    session_id: Uuid,
    user_id: Uuid,
    provider: String,
    subject: String,
    sealed_tokens: Vec<u8>,
}

impl From<ProviderSessionRow> for ProviderSession {
    fn from(row: ProviderSessionRow) -> Self {
        Self {
            session: SessionId::from_uuid(row.session_id),
            user_id: UserId::from_uuid(row.user_id),
            provider: row.provider,
            subject: row.subject,
            sealed_tokens: row.sealed_tokens,
        }
    }
}

async fn insert_share(connection: &mut Connection, new: &NewProviderSession) -> Result<(), Fault> {
    sqlx::query(
        "insert into provider_sessions (session_id, provider, subject, provider_session, sealed_tokens, renew_at)
         values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(new.session.id.as_uuid())
    .bind(&new.provider)
    .bind(&new.subject)
    .bind(new.provider_session.as_deref())
    .bind(new.sealed_tokens.as_slice())
    .bind(new.renew_at.map(Time))
    .execute(connection)
    .await?;
    Ok(())
}

/// The user's roles, and the right to change what the user has until the transaction ends. `None` when there is no such user.
async fn lock_user(connection: &mut Connection, user: UserId) -> Result<Option<Vec<Role>>, Fault> {
    const LOCK: &str = concat!("select roles from users where id = $1", for_update!());
    let roles: Option<Json<Vec<Role>>> =
        sqlx::query_scalar(LOCK).bind(user.as_uuid()).fetch_optional(connection).await?;
    Ok(roles.map(|roles| roles.0))
}

/// Gives and takes the mapped roles. False when the user had just those.
async fn apply_roles(
    connection: &mut Connection,
    user: UserId,
    held: Vec<Role>,
    mapped: &[Role],
    granted: &[Role],
    at: Timestamp,
) -> Result<bool, Fault> {
    let mut roles: Vec<Role> = held.iter().filter(|role| !mapped.contains(role)).chain(granted).cloned().collect();
    roles.sort();
    roles.dedup();
    if roles == held {
        return Ok(false);
    }
    sqlx::query("update users set roles = $2, updated_at = $3, version = version + 1 where id = $1")
        .bind(user.as_uuid())
        .bind(Json(roles))
        .bind(Time(at))
        .execute(connection)
        .await?;
    Ok(true)
}

/// Joins the user to the team of that name, in whatever role they have there, or takes them out. False when nothing was to be done.
async fn apply_team(connection: &mut Connection, user: UserId, team: &str, granted: bool) -> Result<bool, Fault> {
    const JOIN: &str = "insert into team_memberships (user_id, team_id, role)
        select $1, id, $3 from teams where name = $2
        on conflict do nothing";
    const LEAVE: &str = "delete from team_memberships
        where user_id = $1 and team_id in (select id from teams where name = $2)";
    let statement = if granted {
        sqlx::query(JOIN).bind(user.as_uuid()).bind(team).bind(Role::MEMBER)
    } else {
        sqlx::query(LEAVE).bind(user.as_uuid()).bind(team)
    };
    Ok(statement.execute(connection).await?.rows_affected() > 0)
}

#[async_trait]
impl ProviderStore for Engine {
    async fn use_once(&self, value: &SecretHash, expires_at: Timestamp) -> Result<StateUse, StoreError> {
        self.calls
            .run("use_once", move || async move {
                let mut tx = self.begin().await?;
                let done =
                    sqlx::query("insert into used_values (hash, expires_at) values ($1, $2) on conflict do nothing")
                        .bind(value.as_bytes().as_slice())
                        .bind(Time(expires_at))
                        .execute(&mut *tx)
                        .await?;
                tx.commit().await?;
                Ok(if done.rows_affected() == 1 { StateUse::First } else { StateUse::Again })
            })
            .await
    }

    async fn start_provider_session(
        &self,
        new: &NewProviderSession,
        event: &AuditEvent,
    ) -> Result<Started, StoreError> {
        self.calls
            .run("start_provider_session", move || async move {
                let mut tx = self.begin().await?;
                if !session::begin(&mut tx, &new.session).await? {
                    return Ok(Started::UserNotActive);
                }
                insert_share(&mut tx, new).await?;
                audit::append(&mut tx, event).await?;
                tx.commit().await?;
                Ok(Started::Started)
            })
            .await
    }

    async fn find_provider_session(&self, session: SessionId) -> Result<Option<ProviderSession>, StoreError> {
        self.calls
            .run("find_provider_session", move || async move {
                let sql = "select p.session_id, s.user_id, p.provider, p.subject, p.sealed_tokens
                    from provider_sessions p join sessions s on s.id = p.session_id
                    where p.session_id = $1 and s.ended_at is null";
                let row: Option<ProviderSessionRow> =
                    sqlx::query_as(sql).bind(session.as_uuid()).fetch_optional(&mut *self.read().await?).await?;
                Ok(row.map(ProviderSession::from))
            })
            .await
    }

    async fn lease_renewals(&self, lease: &RenewalLease) -> Result<Vec<ProviderSession>, StoreError> {
        // Materialized: worked out once, so that the limit holds.
        const LEASE: &str = concat!(
            "with due as materialized (
                select p.session_id from provider_sessions p join sessions s on s.id = p.session_id
                where p.renew_at <= $1 and s.ended_at is null and s.expires_at > $1 and s.credential_expires_at > $1
                order by p.renew_at limit $3",
            skip_locked!(),
            ")
             update provider_sessions set renew_at = $2 where session_id in (select session_id from due)
             returning session_id, (select s.user_id from sessions s where s.id = session_id) as user_id, provider,
                subject, sealed_tokens"
        );
        self.calls
            .run("lease_renewals", move || async move {
                let mut tx = self.begin().await?;
                let rows: Vec<ProviderSessionRow> = sqlx::query_as(LEASE)
                    .bind(Time(lease.due_at))
                    .bind(Time(lease.until))
                    .bind(i64::from(lease.limit))
                    .fetch_all(&mut *tx)
                    .await?;
                tx.commit().await?;
                Ok(rows.into_iter().map(ProviderSession::from).collect())
            })
            .await
    }

    async fn save_provider_tokens(
        &self,
        session: SessionId,
        sealed_tokens: &[u8],
        renew_at: Option<Timestamp>,
    ) -> Result<bool, StoreError> {
        self.calls
            .run("save_provider_tokens", move || async move {
                let mut tx = self.begin().await?;
                let done = sqlx::query(
                    "update provider_sessions set sealed_tokens = $2, renew_at = $3
                     where session_id = (select id from sessions where id = $1 and ended_at is null)",
                )
                .bind(session.as_uuid())
                .bind(sealed_tokens)
                .bind(renew_at.map(Time))
                .execute(&mut *tx)
                .await?;
                tx.commit().await?;
                Ok(done.rows_affected() == 1)
            })
            .await
    }

    async fn end_provider_sessions(
        &self,
        provider: &str,
        subject: &Subject,
        reason: EndReason,
        event: &AuditEvent,
    ) -> Result<Vec<SessionId>, StoreError> {
        const END_ONE: &str = "update sessions set ended_at = $3, end_reason = $4
            where ended_at is null and expires_at > $3 and id in (
                select session_id from provider_sessions where provider = $1 and provider_session = $2)
            returning id";
        const END_OF_PERSON: &str = "update sessions set ended_at = $3, end_reason = $4
            where ended_at is null and expires_at > $3 and id in (
                select session_id from provider_sessions where provider = $1 and subject = $2)
            returning id";
        let (sql, name) = match subject {
            Subject::Session(session) => (END_ONE, session),
            Subject::Person(person) => (END_OF_PERSON, person),
        };
        if !can_be_stored(name) {
            return Ok(Vec::new());
        }
        self.calls
            .run("end_provider_sessions", move || async move {
                let mut tx = self.begin().await?;
                let ended: Vec<Uuid> = sqlx::query_scalar(sql)
                    .bind(provider)
                    .bind(name)
                    .bind(Time(event.at))
                    .bind(reason.as_str())
                    .fetch_all(&mut *tx)
                    .await?;
                let ended: Vec<SessionId> = ended.into_iter().map(SessionId::from_uuid).collect();
                if ended.is_empty() {
                    return Ok(ended);
                }
                for session in &ended {
                    change::announce(&mut tx, ChangeSubject::Session(*session), event.at).await?;
                }
                audit::append(&mut tx, event).await?;
                tx.commit().await?;
                Ok(ended)
            })
            .await
    }

    async fn list_identities(&self, user: UserId) -> Result<Vec<ExternalIdentity>, StoreError> {
        self.calls
            .run("list_identities", move || async move {
                let sql = "select issuer, subject from user_identities where user_id = $1 order by issuer, subject";
                let rows: Vec<(String, String)> =
                    sqlx::query_as(sql).bind(user.as_uuid()).fetch_all(&mut *self.read().await?).await?;
                Ok(rows.into_iter().map(|(issuer, subject)| ExternalIdentity { issuer, subject }).collect())
            })
            .await
    }

    async fn unlink_identity(
        &self,
        user: UserId,
        identity: &ExternalIdentity,
        event: &AuditEvent,
    ) -> Result<bool, StoreError> {
        const UNLINK: &str = "delete from user_identities
            where user_id = $1 and issuer = $2 and subject = $3 and (
                exists (select 1 from users where id = $1 and password_hash is not null)
                or (select count(*) from user_identities where user_id = $1) > 1)";
        if !can_be_stored(&identity.issuer) || !can_be_stored(&identity.subject) {
            return Ok(false);
        }
        self.calls
            .run("unlink_identity", move || async move {
                let mut tx = self.begin().await?;
                // Of two that take a person's last two identities, the second sees that one is left.
                lock_user(&mut tx, user).await?;
                let done = sqlx::query(UNLINK)
                    .bind(user.as_uuid())
                    .bind(&identity.issuer)
                    .bind(&identity.subject)
                    .execute(&mut *tx)
                    .await?;
                conclude_if_done(tx, done.rows_affected(), ChangeSubject::User(user), event).await
            })
            .await
    }

    async fn apply_groups(
        &self,
        user: UserId,
        mapped: &GroupGrants,
        granted: &GroupGrants,
        event: &AuditEvent,
    ) -> Result<bool, StoreError> {
        self.calls
            .run("apply_groups", move || async move {
                let mut tx = self.begin().await?;
                let Some(held) = lock_user(&mut tx, user).await? else { return Ok(false) };
                let mut changed = apply_roles(&mut tx, user, held, &mapped.roles, &granted.roles, event.at).await?;
                for team in &mapped.teams {
                    changed |= apply_team(&mut tx, user, team, granted.teams.contains(team)).await?;
                }
                if changed {
                    conclude(tx, ChangeSubject::User(user), event).await?;
                }
                Ok(changed)
            })
            .await
    }
}
