//! An account as a row: how it is read and written. What an intent is made of is in `user.rs`.

use doorward_identity::UserId;
use doorward_identity::credential::PasswordHash;
use doorward_identity::store::Saved;
use doorward_identity::user::{EmailAddress, PhoneNumber, Role, User, UserStatus};
use jiff::Timestamp;
use sqlx::Connection as _;
use sqlx::types::Json;
use uuid::Uuid;

use super::{Connection, password};
use crate::fault::{Fault, is_taken, readable};
use crate::time::Time;

macro_rules! select_user {
    ($rest:literal) => {
        concat!(
            "select u.id, u.email, u.email_verified_at, u.name, u.first_name, u.last_name, u.phone, u.avatar_url,
                u.password_hash, u.roles, u.status, u.created_at, u.updated_at, u.last_signin_at, u.signed_out_at,
                u.password_changed_at, u.version from users u ",
            $rest
        )
    };
}
/// By id.
pub(super) const FIND_BY_ID: &str = select_user!("where u.id = $1");
pub(super) const FIND_BY_EMAIL: &str = select_user!("where u.email_key = $1");
pub(super) const FIND_BY_IDENTITY: &str =
    select_user!("join user_identities i on i.user_id = u.id where i.issuer = $1 and i.subject = $2");
pub(super) const LIST: &str = select_user!("where u.id > $1 order by u.id limit $2");
pub(super) const SEARCH: &str =
    concat!(select_user!("where u.id > $1 and "), position_of!(), "(u.search_text, $3) > 0 order by u.id limit $2");

#[derive(sqlx::FromRow)]
pub(super) struct UserRow {
    id: Uuid,
    email: String,
    email_verified_at: Option<Time>,
    name: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    phone: Option<String>,
    avatar_url: Option<String>,
    password_hash: Option<String>,
    roles: Json<Vec<Role>>,
    status: String,
    created_at: Time,
    updated_at: Time,
    last_signin_at: Option<Time>,
    signed_out_at: Option<Time>,
    password_changed_at: Option<Time>,
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
            first_name: row.first_name,
            last_name: row.last_name,
            phone: row.phone.map(|text| readable(text.parse().ok(), "telephone number")).transpose()?,
            avatar_url: row.avatar_url,
            password_hash: row.password_hash.map(PasswordHash::from_stored),
            roles: row.roles.0,
            status: readable(UserStatus::parse(&row.status), "user status")?,
            created_at: row.created_at.into(),
            updated_at: row.updated_at.into(),
            last_signin_at: row.last_signin_at.map(Into::into),
            signed_out_at: row.signed_out_at.map(Into::into),
            password_changed_at: row.password_changed_at.map(Into::into),
            version: row.version,
        })
    }
}

/// Lower case, letter by letter: a part of a text stays a part of it.
pub(super) fn folded(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// What a search looks into. The line feed keeps e-mail and name from running into each other.
pub(super) fn search_text(email: &EmailAddress, name: Option<&str>) -> String {
    folded(&format!("{}\n{}", email.as_str(), name.unwrap_or_default()))
}

/// Writes the account. False when its e-mail or id belongs to somebody.
pub(super) async fn insert_row(connection: &mut Connection, user: &User) -> Result<bool, Fault> {
    let done = sqlx::query(
        "insert into users (id, email, email_key, email_verified_at, name, avatar_url, password_hash, roles,
            status, search_text, created_at, updated_at, last_signin_at, version, first_name, last_name, phone,
            signed_out_at, password_changed_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
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
    .bind(search_text(&user.email, user.name.as_deref()))
    .bind(Time(user.created_at))
    .bind(Time(user.updated_at))
    .bind(user.last_signin_at.map(Time))
    .bind(user.version)
    .bind(user.first_name.as_deref())
    .bind(user.last_name.as_deref())
    .bind(user.phone.as_ref().map(PhoneNumber::as_str))
    .bind(user.signed_out_at.map(Time))
    .bind(user.password_changed_at.map(Time))
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes an account over the version it was read at.
pub(super) async fn update_row(connection: &mut Connection, user: &User) -> Result<Saved, Fault> {
    let done = sqlx::query(
        "update users set email = $3, email_key = $4, email_verified_at = $5, name = $6, avatar_url = $7,
            password_hash = $8, roles = $9, status = $10, search_text = $11, updated_at = $12,
            first_name = $13, last_name = $14, phone = $15, version = version + 1
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
    .bind(search_text(&user.email, user.name.as_deref()))
    .bind(Time(user.updated_at))
    .bind(user.first_name.as_deref())
    .bind(user.last_name.as_deref())
    .bind(user.phone.as_ref().map(PhoneNumber::as_str))
    .execute(connection)
    .await;
    match done {
        Ok(done) if done.rows_affected() == 1 => Ok(Saved::Saved),
        Ok(_) => Ok(Saved::Stale),
        Err(error) if is_taken(&error) => Ok(Saved::Taken),
        Err(error) => Err(error.into()),
    }
}

/// Makes the account's address count as verified. Where several signed up with it, nobody knows which of them it is:
/// nobody's password or session counts any more.
pub(super) async fn mark_verified(connection: &mut Connection, user: UserId, at: Timestamp) -> Result<(), Fault> {
    let contested = sqlx::query("update users set sign_up_contested = false where id = $1 and sign_up_contested")
        .bind(user.as_uuid())
        .execute(&mut *connection)
        .await?;
    if contested.rows_affected() == 1 {
        password::take_away(connection, user, at).await?;
    }
    sqlx::query(
        "update users set email_verified_at = coalesce(email_verified_at, $2), updated_at = $2,
            version = version + 1
         where id = $1",
    )
    .bind(user.as_uuid())
    .bind(Time(at))
    .execute(connection)
    .await?;
    Ok(())
}

/// Gives a user that is there another address, verified. False when it belongs to somebody else; the transaction goes on.
pub(super) async fn move_to(
    connection: &mut Connection,
    user: UserId,
    email: &EmailAddress,
    at: Timestamp,
) -> Result<bool, Fault> {
    let name: Option<String> = sqlx::query_scalar("select name from users where id = $1")
        .bind(user.as_uuid())
        .fetch_one(&mut *connection)
        .await?;
    // PostgreSQL takes nothing more in a transaction that broke a constraint, but it goes back to a savepoint.
    let mut savepoint = connection.begin().await?;
    let done = sqlx::query(
        "update users set email = $2, email_key = $3, email_verified_at = $4, search_text = $5, updated_at = $4,
            version = version + 1
         where id = $1",
    )
    .bind(user.as_uuid())
    .bind(email.as_str())
    .bind(email.key().as_str())
    .bind(Time(at))
    .bind(search_text(email, name.as_deref()))
    .execute(&mut *savepoint)
    .await;
    match done {
        Ok(_) => savepoint.commit().await?,
        Err(error) if is_taken(&error) => {
            savepoint.rollback().await?;
            return Ok(false);
        }
        Err(error) => return Err(error.into()),
    }
    Ok(true)
}
