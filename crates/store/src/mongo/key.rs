//! Signing keys. The private half arrives sealed and is never looked into.

use async_trait::async_trait;
use doorward_identity::StoreError;
use doorward_identity::audit::AuditEvent;
use doorward_identity::change::ChangeSubject;
use doorward_identity::keyring::{KeyStore, StoredKey};
use doorward_identity::store::Inserted;
use mongodb::bson::{Binary, DateTime, doc};
use serde::{Deserialize, Serialize};

use super::MongoStore;
use super::aggregate::{Decision, Draft, Ledger, aggregate, present};
use super::effect::Effect;
use super::values::{binary, moment, timestamp};
use crate::fault::{Fault, readable};

/// A signing key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, remote = "Self")]
pub(super) struct KeyDocument {
    /// Its `kid`.
    #[serde(rename = "_id")]
    pub(super) id: String,
    /// Unique: of two rotations at once one wins.
    pub(super) ordinal: i64,
    pub(super) algorithm: String,
    pub(super) public_jwk: String,
    pub(super) sealed_private: Binary,
    pub(super) created_at: DateTime,
    pub(super) activates_at: DateTime,
    pub(super) ledger: Ledger,
}
aggregate!(KeyDocument, "signing_keys");

impl KeyDocument {
    fn of(key: &StoredKey) -> Self {
        Self {
            id: key.kid.clone(),
            ordinal: key.ordinal,
            algorithm: key.algorithm.as_str().to_owned(),
            public_jwk: key.public_jwk.clone(),
            sealed_private: binary(&key.sealed_private),
            created_at: moment(key.created_at),
            activates_at: moment(key.activates_at),
            ledger: Ledger::first(Vec::new()),
        }
    }
}

impl TryFrom<KeyDocument> for StoredKey {
    type Error = Fault;

    fn try_from(document: KeyDocument) -> Result<Self, Fault> {
        Ok(Self {
            kid: document.id,
            ordinal: document.ordinal,
            algorithm: readable(document.algorithm.parse().ok(), "signing algorithm")?,
            public_jwk: document.public_jwk,
            sealed_private: document.sealed_private.bytes,
            created_at: timestamp(document.created_at)?,
            activates_at: timestamp(document.activates_at)?,
        })
    }
}

#[async_trait]
impl KeyStore for MongoStore {
    async fn list_keys(&self) -> Result<Vec<StoredKey>, StoreError> {
        self.calls
            .run("list_keys", move || async move {
                let documents = self.documents::<KeyDocument>();
                let keys = documents.find(present(doc! {})).sort(doc! { "ordinal": 1 });
                self.all(keys).await?.into_iter().map(|key: KeyDocument| key.try_into()).collect()
            })
            .await
    }

    async fn insert_key(&self, key: &StoredKey, event: &AuditEvent) -> Result<Inserted, StoreError> {
        self.calls
            .run("insert_key", move || async move {
                let mut draft = Draft::new(KeyDocument::of(key));
                draft.owe(Effect::announce(ChangeSubject::Keys, event.at));
                draft.owe(Effect::audit(event));
                let is_new = self.insert(&draft.into_first()).await?;
                Ok::<_, Fault>(if is_new { Inserted::Inserted } else { Inserted::Taken })
            })
            .await
    }

    async fn delete_key(&self, kid: &str, event: &AuditEvent) -> Result<bool, StoreError> {
        self.calls
            .run("delete_key", move || async move {
                let deleted = self
                    .change::<KeyDocument, _>(kid, |draft| {
                        draft.owe(Effect::announce(ChangeSubject::Keys, event.at));
                        draft.owe(Effect::audit(event));
                        Ok(Decision::Remove(true))
                    })
                    .await?;
                Ok::<_, Fault>(deleted.unwrap_or(false))
            })
            .await
    }
}
