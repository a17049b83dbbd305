//! One-time codes and the grants they give. Everything that touches a user's codes holds the user's row first, so
//! that guesses, new codes and changes of the account go one after another.

use async_trait::async_trait;
use doorward_identity::audit::AuditEvent;
use doorward_identity::change::ChangeSubject;
use doorward_identity::code::{CodeEffect, CodeGuess, CodePurpose, CodeStore, NewCode, Redemption};
use doorward_identity::user::EmailAddress;
use doorward_identity::{StoreError, UserId};
use doorward_protocol::opaque::SecretHash;
use jiff::Timestamp;
use uuid::Uuid;

use super::{Connection, Engine, audit, conclude, mail, user_row};
use crate::fault::{Fault, readable};
use crate::letter::letter_of;
use crate::time::Time;

#[derive(sqlx::FromRow)]
struct CodeRow {
    digest: Vec<u8>,
    new_email: Option<String>,
    expires_at: Time,
}

/// Holds an active user's row until the transaction ends. Answers what their address is compared by; `None` when
/// there is no such user.
async fn lock_active(connection: &mut Connection, user: UserId) -> Result<Option<String>, Fault> {
    const LOCK: &str = concat!("select email_key from users where id = $1 and status = 'active'", for_update!());
    Ok(sqlx::query_scalar(LOCK).bind(user.as_uuid()).fetch_optional(connection).await?)
}

/// Whether the code's mail goes where the code belongs: to the account's address as it is now, or to the one that
/// somebody wants instead.
fn is_addressed(code: &NewCode, address: &str) -> bool {
    code.new_email.is_some() || code.mail.recipient.key().as_str() == address
}

/// Puts a code in the place of the last one, and its mail into the outbox. A grant that the last one gave stays:
/// anybody may ask for a code, and must not stop by it who has proved themselves already.
pub(super) async fn put(connection: &mut Connection, code: &NewCode) -> Result<(), Fault> {
    mail::drop_unsent(connection, code.user, letter_of(code.purpose)).await?;
    sqlx::query(
        "insert into one_time_codes (user_id, purpose, digest, new_email, attempts_left, expires_at)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (user_id, purpose) do update set digest = excluded.digest, new_email = excluded.new_email,
            attempts_left = excluded.attempts_left, expires_at = excluded.expires_at",
    )
    .bind(code.user.as_uuid())
    .bind(code.purpose.as_str())
    .bind(code.digest.as_bytes().as_slice())
    .bind(code.new_email.as_ref().map(EmailAddress::as_str))
    .bind(i64::from(code.attempts))
    .bind(Time(code.expires_at))
    .execute(&mut *connection)
    .await?;
    mail::put(connection, &code.mail).await
}

/// Drops every code and grant of a user, and the letters that would bring them.
pub(super) async fn drop_all(connection: &mut Connection, user: UserId) -> Result<(), Fault> {
    sqlx::query("delete from one_time_codes where user_id = $1").bind(user.as_uuid()).execute(&mut *connection).await?;
    for purpose in CodePurpose::ALL {
        mail::drop_unsent(connection, user, letter_of(purpose)).await?;
    }
    Ok(())
}

/// Whether the grant counts: it is not over, or was reserved before it was.
pub(super) async fn is_granted(
    connection: &mut Connection,
    user: UserId,
    grant: &SecretHash,
    at: Timestamp,
) -> Result<bool, Fault> {
    let sql = "select user_id from one_time_codes
        where user_id = $1 and grant_hash = $2 and (grant_expires_at > $3 or grant_leased_until > $3)";
    let found: Option<Uuid> = sqlx::query_scalar(sql)
        .bind(user.as_uuid())
        .bind(grant.as_bytes().as_slice())
        .bind(Time(at))
        .fetch_optional(connection)
        .await?;
    Ok(found.is_some())
}

/// Writes and removes again, in two statements: an answer about nobody takes as long as one about somebody, disk
/// included.
async fn write_in_vain(connection: &mut Connection, event: &AuditEvent) -> Result<(), Fault> {
    let value = event.id.as_uuid().as_bytes().as_slice();
    sqlx::query("insert into used_values (hash, expires_at) values ($1, $2)")
        .bind(value)
        .bind(Time(event.at))
        .execute(&mut *connection)
        .await?;
    sqlx::query("delete from used_values where hash = $1").bind(value).execute(connection).await?;
    Ok(())
}

/// Takes a guess off a code that has one left.
async fn count_guess(connection: &mut Connection, guess: &CodeGuess) -> Result<Option<CodeRow>, Fault> {
    let sql = "update one_time_codes set attempts_left = attempts_left - 1
        where user_id = $1 and purpose = $2 and attempts_left > 0
        returning digest, new_email, expires_at";
    let row =
        sqlx::query_as(sql).bind(guess.user.as_uuid()).bind(guess.purpose.as_str()).fetch_optional(connection).await?;
    Ok(row)
}

/// Leaves no guess at a code, and drops the letter that would bring it.
async fn use_up(connection: &mut Connection, guess: &CodeGuess) -> Result<(), Fault> {
    sqlx::query("update one_time_codes set attempts_left = 0 where user_id = $1 and purpose = $2")
        .bind(guess.user.as_uuid())
        .bind(guess.purpose.as_str())
        .execute(&mut *connection)
        .await?;
    mail::drop_unsent(connection, guess.user, letter_of(guess.purpose)).await
}

async fn give_grant(
    connection: &mut Connection,
    guess: &CodeGuess,
    grant: &SecretHash,
    until: Timestamp,
) -> Result<(), Fault> {
    sqlx::query(
        "update one_time_codes set grant_hash = $3, grant_expires_at = $4, grant_leased_until = null
         where user_id = $1 and purpose = $2",
    )
    .bind(guess.user.as_uuid())
    .bind(guess.purpose.as_str())
    .bind(grant.as_bytes().as_slice())
    .bind(Time(until))
    .execute(connection)
    .await?;
    Ok(())
}

/// Does what the right code does. False when another account has the address by now.
async fn take_effect(
    connection: &mut Connection,
    guess: &CodeGuess,
    new_email: Option<&EmailAddress>,
    at: Timestamp,
) -> Result<bool, Fault> {
    match &guess.effect {
        CodeEffect::UseUp => {}
        CodeEffect::VerifyEmail => user_row::mark_verified(connection, guess.user, at).await?,
        CodeEffect::Grant { grant, until } => give_grant(connection, guess, grant, *until).await?,
        CodeEffect::ChangeEmail { notice } => {
            let email = readable(new_email, "code's address")?;
            if !user_row::move_to(connection, guess.user, email, at).await? {
                return Ok(false);
            }
            drop_all(connection, guess.user).await?;
            mail::put(connection, notice).await?;
        }
    }
    Ok(true)
}

#[async_trait]
impl CodeStore for Engine {
    async fn issue_code(&self, code: &NewCode, event: &AuditEvent) -> Result<bool, StoreError> {
        self.calls
            .run("issue_code", move || async move {
                let mut tx = self.begin().await?;
                let address = lock_active(&mut tx, code.user).await?;
                let issues = address.is_some_and(|address| is_addressed(code, &address));
                if issues {
                    put(&mut tx, code).await?;
                    audit::append(&mut tx, event).await?;
                } else {
                    // As many statements as a code takes.
                    write_in_vain(&mut tx, event).await?;
                    write_in_vain(&mut tx, event).await?;
                }
                tx.commit().await?;
                Ok(issues)
            })
            .await
    }

    async fn redeem_code(&self, guess: &CodeGuess, event: &AuditEvent) -> Result<Redemption, StoreError> {
        self.calls
            .run("redeem_code", move || async move {
                let mut tx = self.begin().await?;
                let is_active = lock_active(&mut tx, guess.user).await?.is_some();
                let counted = count_guess(&mut tx, guess).await?.filter(|_| is_active);
                let right = counted.filter(|code| SecretHash::from_slice(&code.digest) == Some(guess.digest));
                let is_late = right.as_ref().is_some_and(|code| code.expires_at.0 <= event.at);
                let Some(code) = right.filter(|_| !is_late) else {
                    write_in_vain(&mut tx, event).await?;
                    tx.commit().await?;
                    return Ok(if is_late { Redemption::Late } else { Redemption::Wrong });
                };
                use_up(&mut tx, guess).await?;
                let new_email = code.new_email.map(|text| readable(text.parse().ok(), "e-mail address")).transpose()?;
                if !take_effect(&mut tx, guess, new_email.as_ref(), event.at).await? {
                    tx.commit().await?;
                    return Ok(Redemption::Taken);
                }
                conclude(tx, ChangeSubject::User(guess.user), event).await?;
                Ok(Redemption::Redeemed { new_email })
            })
            .await
    }

    async fn claim_grant(
        &self,
        user: UserId,
        grant: &SecretHash,
        at: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        self.calls
            .run("claim_grant", move || async move {
                let mut tx = self.begin().await?;
                let done = sqlx::query(
                    "update one_time_codes set grant_leased_until = $4
                     where user_id = $1 and grant_hash = $2 and grant_expires_at > $3
                        and (grant_leased_until is null or grant_leased_until <= $3)
                        and exists (select 1 from users where id = $1 and status = 'active')",
                )
                .bind(user.as_uuid())
                .bind(grant.as_bytes().as_slice())
                .bind(Time(at))
                .bind(Time(until))
                .execute(&mut *tx)
                .await?;
                tx.commit().await?;
                Ok(done.rows_affected() == 1)
            })
            .await
    }

    async fn release_grant(&self, user: UserId, grant: &SecretHash) -> Result<(), StoreError> {
        self.calls
            .run("release_grant", move || async move {
                let mut tx = self.begin().await?;
                sqlx::query(
                    "update one_time_codes set grant_leased_until = null where user_id = $1 and grant_hash = $2",
                )
                .bind(user.as_uuid())
                .bind(grant.as_bytes().as_slice())
                .execute(&mut *tx)
                .await?;
                tx.commit().await?;
                Ok(())
            })
            .await
    }
}
