//! The turn of a refresh token: one successor each, a way back for the second tab, an end for the thief.
//!
//! Every replaced token stays on record with its salt and its generation. Who presents one within the repeat
//! window gets the salts of all replacements since, and with them, and only with the token itself, the token that
//! counts now. So any number of tabs, however they overtake each other, end up with the same token and none is
//! sent away. Who presents one later holds a copy: the session ends. A thief who is quicker than the window shares
//! the chain with its owner, and the next of the two to come late is found out.

use doorward_identity::UserId;
use doorward_identity::audit::AuditEvent;
use doorward_identity::change::ChangeSubject;
use doorward_identity::session::{EndReason, RefreshFamily, Rotation};
use doorward_protocol::opaque::SecretHash;
use uuid::Uuid;

use super::{Connection, audit, change, session};
use crate::fault::{Fault, readable};
use crate::time::Time;

/// The longest way from a repeated token to the one that counts. No client turns faster in ten seconds.
const LONGEST_WAY: i64 = 64;

#[derive(sqlx::FromRow)]
struct FamilyRow {
    user_id: Uuid,
    expires_at: Time,
    ended_at: Option<Time>,
    credential_hash: Vec<u8>,
    refresh_generation: i64,
    credential_expires_at: Time,
}

#[derive(sqlx::FromRow)]
struct RetiredRow {
    generation: i64,
    retired_at: Time,
}

/// Takes one step with a family of refresh tokens. The caller commits, whatever the answer.
pub(super) async fn rotate(
    connection: &mut Connection,
    step: &RefreshFamily,
    reuse: &AuditEvent,
) -> Result<Rotation, Fault> {
    let Some(family) = lock_family(connection, step).await? else { return Ok(Rotation::Unknown) };
    let (user_id, session_expires_at) = (UserId::from_uuid(family.user_id), family.expires_at.0);
    let is_open = family.ended_at.is_none() && session_expires_at > step.at;
    if SecretHash::from_slice(&family.credential_hash) == Some(step.presented) {
        if !is_open || family.credential_expires_at.0 <= step.at {
            return Ok(Rotation::Over);
        }
        replace(connection, &family, step).await?;
        return Ok(Rotation::Rotated { user_id, session_expires_at });
    }
    let Some(retired) = find_retired(connection, step).await? else { return Ok(Rotation::Unknown) };
    if !is_open {
        return Ok(Rotation::Over);
    }
    if retired.retired_at.0 <= step.repeat_after {
        session::end_one(connection, step.session, EndReason::RefreshReused, step.at).await?;
        change::announce(connection, ChangeSubject::Session(step.session), step.at).await?;
        audit::append(connection, reuse).await?;
        return Ok(Rotation::Reused { user_id });
    }
    let turns = family.refresh_generation - retired.generation;
    if turns > LONGEST_WAY {
        return Ok(Rotation::Over);
    }
    let salts = salts_since(connection, step, retired.generation).await?;
    Ok(Rotation::Repeated { user_id, session_expires_at, salts })
}

/// The session, held so that of several steps one goes first.
async fn lock_family(connection: &mut Connection, step: &RefreshFamily) -> Result<Option<FamilyRow>, Fault> {
    const LOCK: &str = concat!(
        "select user_id, expires_at, ended_at, credential_hash, refresh_generation, credential_expires_at
         from sessions where id = $1",
        for_update!()
    );
    Ok(sqlx::query_as(LOCK).bind(step.session.as_uuid()).fetch_optional(connection).await?)
}

/// Puts the successor in the place of the token presented.
async fn replace(connection: &mut Connection, family: &FamilyRow, step: &RefreshFamily) -> Result<(), Fault> {
    sqlx::query(
        "insert into retired_refresh_tokens (session_id, refresh_hash, generation, salt, retired_at)
         values ($1, $2, $3, $4, $5)",
    )
    .bind(step.session.as_uuid())
    .bind(step.presented.as_bytes().as_slice())
    .bind(family.refresh_generation)
    .bind(step.salt.as_slice())
    .bind(Time(step.at))
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "update sessions set credential_hash = $2, refresh_generation = $3, credential_expires_at = $4,
            last_seen_at = $5
         where id = $1",
    )
    .bind(step.session.as_uuid())
    .bind(step.successor.as_bytes().as_slice())
    .bind(family.refresh_generation + 1)
    .bind(Time(step.expires_at.min(family.expires_at.0)))
    .bind(Time(step.at))
    .execute(connection)
    .await?;
    Ok(())
}

async fn find_retired(connection: &mut Connection, step: &RefreshFamily) -> Result<Option<RetiredRow>, Fault> {
    const FIND: &str = "select generation, retired_at from retired_refresh_tokens
        where session_id = $1 and refresh_hash = $2";
    let row = sqlx::query_as(FIND)
        .bind(step.session.as_uuid())
        .bind(step.presented.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    Ok(row)
}

/// The salts of all replacements from that generation on, in order.
async fn salts_since(
    connection: &mut Connection,
    step: &RefreshFamily,
    generation: i64,
) -> Result<Vec<[u8; 16]>, Fault> {
    const SALTS: &str = "select salt from retired_refresh_tokens
        where session_id = $1 and generation >= $2 order by generation";
    let salts: Vec<Vec<u8>> =
        sqlx::query_scalar(SALTS).bind(step.session.as_uuid()).bind(generation).fetch_all(connection).await?;
    salts.into_iter().map(|salt| readable(salt.try_into().ok(), "refresh salt")).collect()
}
