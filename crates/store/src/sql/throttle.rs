//! The counters of failed sign-ins.

use async_trait::async_trait;
use doorward_identity::StoreError;
use doorward_identity::throttle::{Admission, Throttle, ThrottleKey, ThrottleStore};
use jiff::Timestamp;

use super::{Connection, Engine};
use crate::fault::{Fault, readable};
use crate::time::Time;

#[derive(sqlx::FromRow)]
struct ThrottleRow {
    attempts: i64,
    blocked_until: Time,
}

impl TryFrom<ThrottleRow> for Throttle {
    type Error = Fault;

    fn try_from(row: ThrottleRow) -> Result<Self, Fault> {
        let attempts = readable(u32::try_from(row.attempts).ok(), "count of attempts")?;
        Ok(Self { attempts, blocked_until: row.blocked_until.into() })
    }
}

/// The counter, locked, if it is there.
async fn find(connection: &mut Connection, key: &ThrottleKey) -> Result<Option<ThrottleRow>, Fault> {
    const FIND: &str = concat!("select attempts, blocked_until from signin_throttles where name = $1", for_update!());
    Ok(sqlx::query_as(FIND).bind(&key.name).fetch_optional(connection).await?)
}

/// The counter, locked; made when it is not there.
async fn lock(connection: &mut Connection, key: &ThrottleKey, now: Timestamp) -> Result<Throttle, Fault> {
    // The update that changes nothing takes the lock when another made the counter in the meantime.
    const MAKE: &str = "insert into signin_throttles (name, known, attempts, blocked_until, updated_at)
        values ($1, $2, 0, $3, $4)
        on conflict (name) do update set name = excluded.name
        returning attempts, blocked_until";
    let unused = Throttle::unused();
    let row: ThrottleRow = match find(connection, key).await? {
        Some(row) => row,
        None => {
            sqlx::query_as(MAKE)
                .bind(&key.name)
                .bind(key.known)
                .bind(Time(unused.blocked_until))
                .bind(Time(now))
                .fetch_one(connection)
                .await?
        }
    };
    row.try_into()
}

#[async_trait]
impl ThrottleStore for Engine {
    async fn admit_attempt(&self, key: &ThrottleKey, now: Timestamp) -> Result<Admission, StoreError> {
        self.calls
            .run("admit_attempt", move || async move {
                let mut tx = self.begin().await?;
                let admission = lock(&mut tx, key, now).await?.attempt(key.schedule, now);
                if let Admission::Admitted(next) = admission {
                    sqlx::query(
                        "update signin_throttles set attempts = $2, blocked_until = $3, updated_at = $4
                         where name = $1",
                    )
                    .bind(&key.name)
                    .bind(i64::from(next.attempts))
                    .bind(Time(next.blocked_until))
                    .bind(Time(now))
                    .execute(&mut *tx)
                    .await?;
                }
                tx.commit().await?;
                Ok(admission)
            })
            .await
    }

    async fn return_attempt(&self, key: &ThrottleKey, counted: Throttle) -> Result<(), StoreError> {
        self.calls
            .run("return_attempt", move || async move {
                let mut tx = self.begin().await?;
                if let Some(row) = find(&mut tx, key).await? {
                    let left = Throttle::try_from(row)?.without(counted, key.schedule);
                    sqlx::query("update signin_throttles set attempts = $2, blocked_until = $3 where name = $1")
                        .bind(&key.name)
                        .bind(i64::from(left.attempts))
                        .bind(Time(left.blocked_until))
                        .execute(&mut *tx)
                        .await?;
                }
                tx.commit().await?;
                Ok(())
            })
            .await
    }

    async fn forgive_attempts(&self, key: &ThrottleKey) -> Result<(), StoreError> {
        self.calls
            .run("forgive_attempts", move || async move {
                let mut tx = self.begin().await?;
                sqlx::query("delete from signin_throttles where name = $1").bind(&key.name).execute(&mut *tx).await?;
                tx.commit().await?;
                Ok(())
            })
            .await
    }
}
