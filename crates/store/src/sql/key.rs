//! Signing keys. The private half arrives sealed and is never looked into.

use async_trait::async_trait;
use doorward_identity::StoreError;
use doorward_identity::audit::AuditEvent;
use doorward_identity::change::ChangeSubject;
use doorward_identity::keyring::{KeyStore, StoredKey};
use doorward_identity::store::Inserted;

use super::{Engine, can_be_stored, conclude, conclude_if_done};
use crate::fault::{Fault, readable};
use crate::time::Time;

#[derive(sqlx::FromRow)]
struct KeyRow {
    kid: String,
    ordinal: i64,
    algorithm: String,
    public_jwk: String,
    sealed_private: Vec<u8>,
    created_at: Time,
    activates_at: Time,
}

impl TryFrom<KeyRow> for StoredKey {
    type Error = Fault;

    fn try_from(row: KeyRow) -> Result<Self, Fault> {
        Ok(Self {
            kid: row.kid,
            ordinal: row.ordinal,
            algorithm: readable(row.algorithm.parse().ok(), "signing algorithm")?,
            public_jwk: row.public_jwk,
            sealed_private: row.sealed_private,
            created_at: row.created_at.into(),
            activates_at: row.activates_at.into(),
        })
    }
}

#[async_trait]
impl KeyStore for Engine {
    async fn list_keys(&self) -> Result<Vec<StoredKey>, StoreError> {
        self.calls
            .run("list_keys", move || async move {
                let sql = "select kid, ordinal, algorithm, public_jwk, sealed_private, created_at, activates_at
                    from signing_keys order by ordinal";
                let rows: Vec<KeyRow> = sqlx::query_as(sql).fetch_all(&mut *self.read().await?).await?;
                rows.into_iter().map(StoredKey::try_from).collect()
            })
            .await
    }

    async fn insert_key(&self, key: &StoredKey, event: &AuditEvent) -> Result<Inserted, StoreError> {
        self.calls
            .run("insert_key", move || async move {
                let mut tx = self.begin().await?;
                let done = sqlx::query(
                    "insert into signing_keys
                        (kid, ordinal, algorithm, public_jwk, sealed_private, created_at, activates_at)
                     values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing",
                )
                .bind(&key.kid)
                .bind(key.ordinal)
                .bind(key.algorithm.as_str())
                .bind(&key.public_jwk)
                .bind(key.sealed_private.as_slice())
                .bind(Time(key.created_at))
                .bind(Time(key.activates_at))
                .execute(&mut *tx)
                .await?;
                if done.rows_affected() == 0 {
                    return Ok(Inserted::Taken);
                }
                conclude(tx, ChangeSubject::Keys, event).await?;
                Ok(Inserted::Inserted)
            })
            .await
    }

    async fn delete_key(&self, kid: &str, event: &AuditEvent) -> Result<bool, StoreError> {
        if !can_be_stored(kid) {
            return Ok(false);
        }
        self.calls
            .run("delete_key", move || async move {
                let mut tx = self.begin().await?;
                let done = sqlx::query("delete from signing_keys where kid = $1").bind(kid).execute(&mut *tx).await?;
                conclude_if_done(tx, done.rows_affected(), ChangeSubject::Keys, event).await
            })
            .await
    }
}
