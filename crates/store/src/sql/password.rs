//! A change of password: the proof is judged and used up in the transaction that writes the new hash, and all that
//! was built on the former password falls with it.

use doorward_identity::UserId;
use doorward_identity::credential::PasswordHash;
use doorward_identity::session::EndReason;
use doorward_identity::user::{PasswordChange, PasswordProof, UserStatus};
use jiff::Timestamp;

use super::{Connection, code, mail, session};
use crate::fault::Fault;
use crate::time::Time;

/// Changes a password as the port says. False, and nothing written, when the proof does not hold.
pub(super) async fn change(
    connection: &mut Connection,
    change: &PasswordChange<'_>,
    at: Timestamp,
) -> Result<bool, Fault> {
    if !is_proved(connection, change, at).await? {
        return Ok(false);
    }
    write(connection, change, at).await?;
    session::end_all(connection, change.user, change.keep, EndReason::PasswordChanged, at).await?;
    code::drop_all(connection, change.user).await?;
    mail::put(connection, change.notice).await?;
    Ok(true)
}

/// Whether the user is active and the proof holds. Holds the user's row until the transaction ends, so that it goes on
/// holding.
async fn is_proved(connection: &mut Connection, change: &PasswordChange<'_>, at: Timestamp) -> Result<bool, Fault> {
    const LOCK: &str = concat!("select password_hash, status from users where id = $1", for_update!());
    let found: Option<(Option<String>, String)> =
        sqlx::query_as(LOCK).bind(change.user.as_uuid()).fetch_optional(&mut *connection).await?;
    let Some((hash, status)) = found else { return Ok(false) };
    if UserStatus::parse(&status) != Some(UserStatus::Active) {
        return Ok(false);
    }
    match change.proof {
        PasswordProof::Current(current) => Ok(hash.as_deref() == Some(current.expose())),
        PasswordProof::Grant(grant) => code::is_granted(connection, change.user, grant, at).await,
        PasswordProof::Pool => Ok(true),
    }
}

async fn write(connection: &mut Connection, change: &PasswordChange<'_>, at: Timestamp) -> Result<(), Fault> {
    let verified_at = matches!(change.proof, PasswordProof::Grant(_)).then_some(Time(at));
    let signed_out_at = change.keep.is_none().then_some(Time(at));
    sqlx::query(
        "update users set password_hash = $2, email_verified_at = coalesce(email_verified_at, $3),
            signed_out_at = coalesce($4, signed_out_at), password_changed_at = $5, sign_up_contested = sign_up_contested and $3 is null,
            updated_at = $5, version = version + 1
         where id = $1",
    )
    .bind(change.user.as_uuid())
    .bind(change.new_hash.map(PasswordHash::expose))
    .bind(verified_at)
    .bind(signed_out_at)
    .bind(Time(at))
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes a password nobody may rely on, and every session; a sign-in by it that is under way as well.
pub(super) async fn take_away(connection: &mut Connection, user: UserId, at: Timestamp) -> Result<(), Fault> {
    sqlx::query("update users set password_hash = null, password_changed_at = $2 where id = $1")
        .bind(user.as_uuid())
        .bind(Time(at))
        .execute(&mut *connection)
        .await?;
    session::end_all(connection, user, None, EndReason::PasswordChanged, at).await?;
    Ok(())
}
