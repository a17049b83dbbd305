//! Accounts and their outside identities.

use async_trait::async_trait;
use doorward_identity::audit::AuditEvent;
use doorward_identity::change::ChangeSubject;
use doorward_identity::credential::PasswordHash;
use doorward_identity::session::EndReason;
use doorward_identity::store::{Inserted, Saved};
use doorward_identity::user::{
    EmailKey, ExternalIdentity, NewUser, Role, User, UserContext, UserQuery, UserStatus, UserStore,
};
use doorward_identity::{StoreError, UserId};
use sqlx::types::Json;
use uuid::Uuid;

use super::{Connection, Engine, audit, can_be_stored, conclude, conclude_if_done, context, session};
use crate::fault::{Fault, is_taken, readable};
use crate::time::Time;

macro_rules! select_user {
    ($rest:literal) => {
        concat!(
            "select u.id, u.email, u.email_verified_at, u.name, u.avatar_url, u.password_hash, u.roles, u.status,
                u.created_at, u.updated_at, u.last_signin_at, u.version from users u ",
            $rest
        )
    };
}
/// By id.
pub(super) const FIND_BY_ID: &str = select_user!("where u.id = $1");
const FIND_BY_EMAIL: &str = select_user!("where u.email_key = $1");
const FIND_BY_IDENTITY: &str =
    select_user!("join user_identities i on i.user_id = u.id where i.issuer = $1 and i.subject = $2");
const LIST: &str = select_user!("where u.id > $1 order by u.id limit $2");
const SEARCH: &str =
    concat!(select_user!("where u.id > $1 and "), position_of!(), "(u.search_text, $3) > 0 order by u.id limit $2");

#[derive(sqlx::FromRow)]
pub(super) struct UserRow {
    id: Uuid,
    email: String,
    email_verified_at: Option<Time>,
    name: Option<String>,
    avatar_url: Option<String>,
    password_hash: Option<String>,
    roles: Json<Vec<Role>>,
    status: String,
    created_at: Time,
    updated_at: Time,
    last_signin_at: Option<Time>,
    version: i64,
}

impl TryFrom<UserRow> for User {
    type Error = Fault;

    fn try_from(row: UserRow) -> Result<Self, Fault> {
        Ok(Self {
            id: UserId::from_uuid(row.id),
            email: readable(row.email.parse().ok(), "e-mail address")?,
            email_verified_at: row.email_verified_at.map(Into::into),
            name: row.name,
            avatar_url: row.avatar_url,
            password_hash: row.password_hash.map(PasswordHash::from_stored),
            roles: row.roles.0,
            status: readable(UserStatus::parse(&row.status), "user status")?,
            created_at: row.created_at.into(),
            updated_at: row.updated_at.into(),
            last_signin_at: row.last_signin_at.map(Into::into),
            version: row.version,
        })
    }
}

/// Lower case, letter by letter: a part of a text stays a part of it.
fn folded(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// What a search looks into. The line feed keeps e-mail and name from running into each other.
fn search_text(user: &User) -> String {
    folded(&format!("{}\n{}", user.email.as_str(), user.name.as_deref().unwrap_or_default()))
}

/// Writes the account. False when its e-mail or id belongs to somebody.
async fn insert_row(connection: &mut Connection, user: &User) -> Result<bool, Fault> {
    let done = sqlx::query(
        "insert into users (id, email, email_key, email_verified_at, name, avatar_url, password_hash, roles,
            status, search_text, created_at, updated_at, last_signin_at, version)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
         on conflict do nothing",
    )
    .bind(user.id.as_uuid())
    .bind(user.email.as_str())
    .bind(user.email.key().as_str())
    .bind(user.email_verified_at.map(Time))
    .bind(user.name.as_deref())
    .bind(user.avatar_url.as_deref())
    .bind(user.password_hash.as_ref().map(PasswordHash::expose))
    .bind(Json(&user.roles))
    .bind(user.status.as_str())
    .bind(search_text(user))
    .bind(Time(user.created_at))
    .bind(Time(user.updated_at))
    .bind(user.last_signin_at.map(Time))
    .bind(user.version)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Gives a user that is there an outside identity. False when the identity belongs to somebody.
async fn insert_identity(
    connection: &mut Connection,
    user: UserId,
    identity: &ExternalIdentity,
) -> Result<bool, Fault> {
    let done = sqlx::query(
        "insert into user_identities (issuer, subject, user_id)
         select $1, $2, id from users where id = $3
         on conflict do nothing",
    )
    .bind(&identity.issuer)
    .bind(&identity.subject)
    .bind(user.as_uuid())
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Puts a new user into the first team and domain, where they are there and active.
async fn join_first(connection: &mut Connection, new: &NewUser) -> Result<(), Fault> {
    if let Some(team) = &new.team {
        sqlx::query(
            "insert into team_memberships (user_id, team_id, role)
             select $1, id, $2 from teams where name = $3 and is_active",
        )
        .bind(new.user.id.as_uuid())
        .bind(Role::MEMBER)
        .bind(team)
        .execute(&mut *connection)
        .await?;
    }
    if let Some(domain) = &new.domain {
        sqlx::query(
            "insert into user_domains (user_id, domain_id)
             select $1, id from domains where key = $2 and is_active",
        )
        .bind(new.user.id.as_uuid())
        .bind(domain)
        .execute(connection)
        .await?;
    }
    Ok(())
}

/// Writes an account over the version it was read at.
async fn update_row(connection: &mut Connection, user: &User) -> Result<Saved, Fault> {
    let done = sqlx::query(
        "update users set email = $3, email_key = $4, email_verified_at = $5, name = $6, avatar_url = $7,
            password_hash = $8, roles = $9, status = $10, search_text = $11, updated_at = $12,
            version = version + 1
         where id = $1 and version = $2",
    )
    .bind(user.id.as_uuid())
    .bind(user.version)
    .bind(user.email.as_str())
    .bind(user.email.key().as_str())
    .bind(user.email_verified_at.map(Time))
    .bind(user.name.as_deref())
    .bind(user.avatar_url.as_deref())
    .bind(user.password_hash.as_ref().map(PasswordHash::expose))
    .bind(Json(&user.roles))
    .bind(user.status.as_str())
    .bind(search_text(user))
    .bind(Time(user.updated_at))
    .execute(connection)
    .await;
    match done {
        Ok(done) if done.rows_affected() == 1 => Ok(Saved::Saved),
        Ok(_) => Ok(Saved::Stale),
        Err(error) if is_taken(&error) => Ok(Saved::Taken),
        Err(error) => Err(error.into()),
    }
}

#[async_trait]
impl UserStore for Engine {
    async fn insert_user(&self, new: &NewUser, event: &AuditEvent) -> Result<Inserted, StoreError> {
        self.calls
            .run("insert_user", move || async move {
                let mut tx = self.begin().await?;
                if !insert_row(&mut tx, &new.user).await? {
                    return Ok(Inserted::Taken);
                }
                if let Some(identity) = &new.identity
                    && !insert_identity(&mut tx, new.user.id, identity).await?
                {
                    return Ok(Inserted::Taken);
                }
                join_first(&mut tx, new).await?;
                audit::append(&mut tx, event).await?;
                tx.commit().await?;
                Ok(Inserted::Inserted)
            })
            .await
    }

    async fn find_user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.calls
            .run("find_user", move || async move {
                let row: Option<UserRow> =
                    sqlx::query_as(FIND_BY_ID).bind(id.as_uuid()).fetch_optional(&mut *self.read().await?).await?;
                row.map(User::try_from).transpose()
            })
            .await
    }

    async fn find_user_by_email(&self, email: &EmailKey) -> Result<Option<User>, StoreError> {
        self.calls
            .run("find_user_by_email", move || async move {
                let row: Option<UserRow> =
                    sqlx::query_as(FIND_BY_EMAIL).bind(email.as_str()).fetch_optional(&mut *self.read().await?).await?;
                row.map(User::try_from).transpose()
            })
            .await
    }

    async fn find_user_by_identity(&self, identity: &ExternalIdentity) -> Result<Option<User>, StoreError> {
        if !can_be_stored(&identity.subject) {
            return Ok(None);
        }
        self.calls
            .run("find_user_by_identity", move || async move {
                let row: Option<UserRow> = sqlx::query_as(FIND_BY_IDENTITY)
                    .bind(&identity.issuer)
                    .bind(&identity.subject)
                    .fetch_optional(&mut *self.read().await?)
                    .await?;
                row.map(User::try_from).transpose()
            })
            .await
    }

    async fn link_identity(
        &self,
        user: UserId,
        identity: &ExternalIdentity,
        event: &AuditEvent,
    ) -> Result<Inserted, StoreError> {
        self.calls
            .run("link_identity", move || async move {
                let mut tx = self.begin().await?;
                if !insert_identity(&mut tx, user, identity).await? {
                    return Ok(Inserted::Taken);
                }
                audit::append(&mut tx, event).await?;
                tx.commit().await?;
                Ok(Inserted::Inserted)
            })
            .await
    }

    async fn find_context(&self, id: UserId) -> Result<Option<UserContext>, StoreError> {
        self.calls
            .run("find_context", move || async move {
                let mut connection = self.read().await?;
                context::find(&mut connection, id).await
            })
            .await
    }

    async fn save_user(&self, user: &User, event: &AuditEvent) -> Result<Saved, StoreError> {
        self.calls
            .run("save_user", move || async move {
                let mut tx = self.begin().await?;
                let saved = update_row(&mut tx, user).await?;
                if saved != Saved::Saved {
                    return Ok(saved);
                }
                if !user.is_active() {
                    session::end_all(&mut tx, user.id, EndReason::UserDisabled, event.at).await?;
                }
                conclude(tx, ChangeSubject::User(user.id), event).await?;
                Ok(Saved::Saved)
            })
            .await
    }

    async fn replace_password_hash(
        &self,
        user: UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<bool, StoreError> {
        self.calls
            .run("replace_password_hash", move || async move {
                let mut tx = self.begin().await?;
                let done = sqlx::query("update users set password_hash = $3 where id = $1 and password_hash = $2")
                    .bind(user.as_uuid())
                    .bind(old.expose())
                    .bind(new.expose())
                    .execute(&mut *tx)
                    .await?;
                tx.commit().await?;
                Ok(done.rows_affected() == 1)
            })
            .await
    }

    async fn delete_user(&self, id: UserId, event: &AuditEvent) -> Result<bool, StoreError> {
        self.calls
            .run("delete_user", move || async move {
                let mut tx = self.begin().await?;
                let done = sqlx::query("delete from users where id = $1").bind(id.as_uuid()).execute(&mut *tx).await?;
                conclude_if_done(tx, done.rows_affected(), ChangeSubject::User(id), event).await
            })
            .await
    }

    async fn list_users(&self, query: &UserQuery) -> Result<Vec<User>, StoreError> {
        let after = query.after.map_or(Uuid::nil(), |id| *id.as_uuid());
        let limit = i64::from(query.limit);
        self.calls
            .run("list_users", move || async move {
                let rows: Vec<UserRow> = match &query.search {
                    None => sqlx::query_as(LIST).bind(after).bind(limit).fetch_all(&mut *self.read().await?).await?,
                    Some(search) if !can_be_stored(search) => Vec::new(),
                    Some(search) => {
                        sqlx::query_as(SEARCH)
                            .bind(after)
                            .bind(limit)
                            .bind(folded(search))
                            .fetch_all(&mut *self.read().await?)
                            .await?
                    }
                };
                rows.into_iter().map(User::try_from).collect()
            })
            .await
    }
}
