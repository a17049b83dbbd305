//! Accounts and their outside identities.

use async_trait::async_trait;
use doorward_identity::audit::AuditEvent;
use doorward_identity::change::ChangeSubject;
use doorward_identity::credential::PasswordHash;
use doorward_identity::mail::NewMail;
use doorward_identity::session::EndReason;
use doorward_identity::store::{Inserted, Saved};
use doorward_identity::user::{
    EmailKey, ExternalIdentity, NewUser, PasswordChange, Role, User, UserContext, UserQuery, UserStore,
};
use doorward_identity::{StoreError, UserId};
use uuid::Uuid;

use super::user_row::{
    FIND_BY_EMAIL, FIND_BY_ID, FIND_BY_IDENTITY, LIST, SEARCH, UserRow, folded, insert_row, mark_verified, update_row,
};
use super::{Connection, Engine, audit, can_be_stored, code, conclude, context, mail, password, session};
use crate::fault::Fault;

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

/// Holds the user's row until the transaction ends. Answers what the address is compared by.
async fn lock_address(connection: &mut Connection, user: UserId) -> Result<Option<String>, Fault> {
    const LOCK: &str = concat!("select email_key from users where id = $1", for_update!());
    Ok(sqlx::query_scalar(LOCK).bind(user.as_uuid()).fetch_optional(connection).await?)
}

/// Holds the row as well, where that is the address and nobody proved it yet. False where there is no such.
async fn lock_unverified(connection: &mut Connection, user: UserId, email: &EmailKey) -> Result<bool, Fault> {
    const LOCK: &str =
        concat!("select id from users where id = $1 and email_key = $2 and email_verified_at is null", for_update!());
    let locked = sqlx::query(LOCK).bind(user.as_uuid()).bind(email.as_str()).fetch_optional(connection).await?;
    Ok(locked.is_some())
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
                if let Some(first) = &new.code {
                    code::put(&mut tx, first).await?;
                }
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
                let address = lock_address(&mut tx, user.id).await?;
                let saved = update_row(&mut tx, user).await?;
                if saved != Saved::Saved {
                    return Ok(saved);
                }
                if address.as_deref() != Some(user.email.key().as_str()) {
                    code::drop_all(&mut tx, user.id).await?;
                }
                if !user.is_active() {
                    session::end_all(&mut tx, user.id, None, EndReason::UserDisabled, event.at).await?;
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
                let sql = "update users set password_hash = $3 where id = $1 and password_hash = $2";
                let done = sqlx::query(sql)
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

    async fn change_password(&self, change: &PasswordChange<'_>, event: &AuditEvent) -> Result<bool, StoreError> {
        self.calls
            .run("change_password", move || async move {
                let mut tx = self.begin().await?;
                if !password::change(&mut tx, change, event.at).await? {
                    return Ok(false);
                }
                conclude(tx, ChangeSubject::User(change.user), event).await?;
                Ok(true)
            })
            .await
    }

    async fn contest_sign_up(&self, user: UserId) -> Result<(), StoreError> {
        self.calls
            .run("contest_sign_up", move || async move {
                let mut tx = self.begin().await?;
                let sql = "update users set sign_up_contested = true where id = $1 and email_verified_at is null";
                sqlx::query(sql).bind(user.as_uuid()).execute(&mut *tx).await?;
                tx.commit().await?;
                Ok(())
            })
            .await
    }

    async fn verify_email(&self, user: UserId, email: &EmailKey, event: &AuditEvent) -> Result<bool, StoreError> {
        self.calls
            .run("verify_email", move || async move {
                let mut tx = self.begin().await?;
                if !lock_unverified(&mut tx, user, email).await? {
                    return Ok(false);
                }
                mark_verified(&mut tx, user, event.at).await?;
                password::take_away(&mut tx, user, event.at).await?;
                conclude(tx, ChangeSubject::User(user), event).await?;
                Ok(true)
            })
            .await
    }

    async fn delete_user(
        &self,
        id: UserId,
        farewell: Option<&NewMail>,
        event: &AuditEvent,
    ) -> Result<bool, StoreError> {
        self.calls
            .run("delete_user", move || async move {
                let mut tx = self.begin().await?;
                let done = sqlx::query("delete from users where id = $1").bind(id.as_uuid()).execute(&mut *tx).await?;
                if done.rows_affected() == 0 {
                    return Ok(false);
                }
                code::drop_all(&mut tx, id).await?;
                if let Some(farewell) = farewell {
                    mail::put(&mut tx, farewell).await?;
                }
                conclude(tx, ChangeSubject::User(id), event).await?;
                Ok(true)
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
