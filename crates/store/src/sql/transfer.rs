//! Moving out: records read page by page, and the mark of a move into this store. Writing is in `transfer_write.rs`.

use std::collections::HashMap;

use async_trait::async_trait;
use doorward_identity::StoreError;
use sqlx::{Encode, FromRow, Type};
use uuid::Uuid;

use super::{Connection, Db, Engine, transfer_write};
use crate::fault::{Fault, readable};
use crate::transfer::record::{ProviderShare, Session, User};
use crate::transfer::{Key, Kind, Mark, Page, Transfer};

const TEAMS: &str = "select id, name, external_ref, is_active, created_at, version from teams
    where id > $1 order by id limit $2";
const DOMAINS: &str = "select id, key, name, parent_domain_id, is_active, created_at, version from domains
    where id > $1 order by id limit $2";
// The first column has but two values, in the same order in every collation.
const SEEDS: &str = "select kind, key from seeds where (kind, key) > ($1, $2) order by kind, key limit $3";
const SIGNING_KEYS: &str = "select kid, ordinal, algorithm, public_jwk, sealed_private, created_at, activates_at
    from signing_keys where kid > $1 order by kid limit $2";
const MAIL: &str =
    "select id, user_id, kind, recipient, sealed_letter, state, attempts, due_at, created_at, expires_at,
    reason from mail where id > $1 order by id limit $2";
const THROTTLES: &str = "select name, known, attempts, blocked_until, updated_at from signin_throttles
    where name > $1 order by name limit $2";
const USED_VALUES: &str = "select hash, expires_at from used_values where hash > $1 order by hash limit $2";
const AUDIT_EVENTS: &str = "select id, at, action, actor_kind, actor_id, subject, detail, address, request_id
    from audit_events where id > $1 order by id limit $2";

const USERS: &str =
    "select id, email, email_verified_at, name, first_name, last_name, phone, avatar_url, password_hash,
    roles, status, created_at, updated_at, last_signin_at, signed_out_at, password_changed_at, sign_up_contested,
    version from users where id > $1 order by id limit $2";
const IDENTITIES: &str =
    "select user_id as owner, issuer, subject from user_identities where user_id > $1 and user_id <= $2";
const MEMBERSHIPS: &str =
    "select user_id as owner, team_id, role from team_memberships where user_id > $1 and user_id <= $2";
const ASSIGNMENTS: &str = "select user_id as owner, domain_id from user_domains where user_id > $1 and user_id <= $2";
const CODES: &str = "select user_id as owner, purpose, digest, new_email, attempts_left, expires_at, grant_hash,
    grant_expires_at, grant_leased_until from one_time_codes where user_id > $1 and user_id <= $2";

const SESSIONS: &str = "select id, user_id, surface, method, created_at, last_seen_at,
    coalesce(authenticated_at, created_at) as authenticated_at, expires_at, ended_at, end_reason, address, user_agent,
    credential_hash, refresh_generation, credential_expires_at from sessions where id > $1 order by id limit $2";
const RETIRED: &str = "select session_id as owner, generation, refresh_hash, salt, retired_at
    from retired_refresh_tokens where session_id > $1 and session_id <= $2";
const SHARES: &str = "select session_id as owner, provider, subject, provider_session, sealed_tokens, renew_at
    from provider_sessions where session_id > $1 and session_id <= $2";

/// What hangs on another row.
#[derive(sqlx::FromRow)]
struct Owned<T> {
    owner: Uuid,
    #[sqlx(flatten)]
    what: T,
}

#[async_trait]
impl Transfer for Engine {
    async fn count(&self, kind: Kind) -> Result<u64, StoreError> {
        let sql = match kind {
            Kind::Teams => "select count(*) from teams",
            Kind::Domains => "select count(*) from domains",
            Kind::Seeds => "select count(*) from seeds",
            Kind::SigningKeys => "select count(*) from signing_keys",
            Kind::Mail => "select count(*) from mail",
            Kind::Users => "select count(*) from users",
            Kind::Sessions => "select count(*) from sessions",
            Kind::Throttles => "select count(*) from signin_throttles",
            Kind::UsedValues => "select count(*) from used_values",
            Kind::AuditEvents => "select count(*) from audit_events",
        };
        self.calls
            .run("count_records", move || async move {
                let count: i64 = sqlx::query_scalar(sql).fetch_one(&mut *self.read().await?).await?;
                readable(u64::try_from(count).ok(), "count of records")
            })
            .await
    }

    async fn read_page(&self, kind: Kind, after: Option<&Key>, limit: u32) -> Result<Page, StoreError> {
        self.calls
            .run("read_page", move || async move {
                let connection = &mut *self.read().await?;
                let (id, name) = (Key::id_before(after), Key::name_before(after));
                Ok(match kind {
                    Kind::Teams => Page::Teams(select(connection, TEAMS, id, limit).await?),
                    Kind::Domains => Page::Domains(select(connection, DOMAINS, id, limit).await?),
                    Kind::Seeds => {
                        let (kind, key) = Key::seed_before(after);
                        let seeds = sqlx::query_as(SEEDS).bind(kind).bind(key).bind(i64::from(limit));
                        Page::Seeds(seeds.fetch_all(connection).await?)
                    }
                    Kind::SigningKeys => Page::SigningKeys(select(connection, SIGNING_KEYS, name, limit).await?),
                    Kind::Mail => Page::Mail(select(connection, MAIL, id, limit).await?),
                    Kind::Users => Page::Users(users(connection, id, limit).await?),
                    Kind::Sessions => Page::Sessions(sessions(connection, id, limit).await?),
                    Kind::Throttles => Page::Throttles(select(connection, THROTTLES, name, limit).await?),
                    Kind::UsedValues => {
                        Page::UsedValues(select(connection, USED_VALUES, Key::hash_before(after), limit).await?)
                    }
                    Kind::AuditEvents => Page::AuditEvents(select(connection, AUDIT_EVENTS, id, limit).await?),
                })
            })
            .await
    }

    async fn write_page(&self, page: &Page, mark: &Mark) -> Result<(), StoreError> {
        self.calls
            .run("write_page", move || async move {
                let mut tx = self.begin().await?;
                transfer_write::write(&mut tx, page).await?;
                put_mark(&mut tx, mark).await?;
                tx.commit().await?;
                Ok(())
            })
            .await
    }

    async fn find_mark(&self) -> Result<Option<Mark>, StoreError> {
        self.calls
            .run("find_mark", move || async move {
                let row: Option<(String, String)> = sqlx::query_as("select source, position from incoming_copy")
                    .fetch_optional(&mut *self.read().await?)
                    .await?;
                row.map(|(source, position)| {
                    let position = readable(serde_json::from_str(&position).ok(), "position of a copy")?;
                    Ok(Mark { source, position })
                })
                .transpose()
            })
            .await
    }

    async fn begin_copy(&self, mark: &Mark) -> Result<(), StoreError> {
        self.calls
            .run("begin_copy", move || async move {
                let mut tx = self.begin().await?;
                for sql in transfer_write::CLEAR {
                    sqlx::query(sql).execute(&mut *tx).await?;
                }
                put_mark(&mut tx, mark).await?;
                tx.commit().await?;
                Ok(())
            })
            .await
    }

    async fn end_copy(&self) -> Result<(), StoreError> {
        self.calls
            .run("end_copy", move || async move {
                let mut tx = self.begin().await?;
                sqlx::query("delete from incoming_copy").execute(&mut *tx).await?;
                tx.commit().await?;
                Ok(())
            })
            .await
    }
}

async fn put_mark(connection: &mut Connection, mark: &Mark) -> Result<(), Fault> {
    let position = readable(serde_json::to_string(&mark.position).ok(), "position of a copy")?;
    sqlx::query(
        "insert into incoming_copy (only_row, source, position) values ($1, $2, $3)
         on conflict (only_row) do update set source = excluded.source, position = excluded.position",
    )
    .bind(true)
    .bind(&mark.source)
    .bind(position)
    .execute(connection)
    .await?;
    Ok(())
}

type Row = <Db as sqlx::Database>::Row;

/// A page by its statement.
async fn select<T, K>(connection: &mut Connection, sql: &'static str, after: K, limit: u32) -> Result<Vec<T>, Fault>
where
    T: for<'r> FromRow<'r, Row> + Send + Unpin,
    K: for<'q> Encode<'q, Db> + Type<Db> + Send,
{
    Ok(sqlx::query_as(sql).bind(after).bind(i64::from(limit)).fetch_all(connection).await?)
}

/// What hangs on the rows of a page, by row.
async fn hanging<T>(
    connection: &mut Connection,
    sql: &'static str,
    after: Uuid,
    last: Uuid,
) -> Result<HashMap<Uuid, Vec<T>>, Fault>
where
    T: for<'r> FromRow<'r, Row> + Send + Unpin,
{
    let rows: Vec<Owned<T>> = sqlx::query_as(sql).bind(after).bind(last).fetch_all(connection).await?;
    let mut by_owner: HashMap<Uuid, Vec<T>> = HashMap::new();
    for row in rows {
        by_owner.entry(row.owner).or_default().push(row.what);
    }
    Ok(by_owner)
}

async fn users(connection: &mut Connection, after: Uuid, limit: u32) -> Result<Vec<User>, Fault> {
    let mut users: Vec<User> = select(connection, USERS, after, limit).await?;
    let Some(last) = users.last().map(|user| user.id) else { return Ok(users) };
    let mut identities = hanging(connection, IDENTITIES, after, last).await?;
    let mut teams = hanging(connection, MEMBERSHIPS, after, last).await?;
    let mut domains = hanging(connection, ASSIGNMENTS, after, last).await?;
    let mut codes = hanging(connection, CODES, after, last).await?;
    for user in &mut users {
        user.identities = identities.remove(&user.id).unwrap_or_default();
        user.teams = teams.remove(&user.id).unwrap_or_default();
        user.domains = domains.remove(&user.id).unwrap_or_default();
        user.codes = codes.remove(&user.id).unwrap_or_default();
    }
    Ok(users.into_iter().map(User::in_order).collect())
}

async fn sessions(connection: &mut Connection, after: Uuid, limit: u32) -> Result<Vec<Session>, Fault> {
    let mut sessions: Vec<Session> = select(connection, SESSIONS, after, limit).await?;
    let Some(last) = sessions.last().map(|session| session.id) else { return Ok(sessions) };
    let mut retired = hanging(connection, RETIRED, after, last).await?;
    let mut shares = hanging::<ProviderShare>(connection, SHARES, after, last).await?;
    for session in &mut sessions {
        session.retired = retired.remove(&session.id).unwrap_or_default();
        session.provider = shares.remove(&session.id).and_then(|mut shares| shares.pop());
    }
    Ok(sessions.into_iter().map(Session::in_order).collect())
}
