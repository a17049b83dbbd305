//! The change log, and the sweep of what nobody needs any more.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use doorward_identity::change::{Change, ChangeStore, ChangeSubject};
use doorward_identity::{SessionId, StoreError, UserId};
use jiff::Timestamp;
use mongodb::bson::{DateTime, Document, Uuid, doc};
use mongodb::options::ReturnDocument;
use serde::{Deserialize, Serialize};

use super::MongoStore;
use super::aggregate::{Aggregate as _, Draft, id};
use super::session_document::SessionDocument;
use super::user_document::UserDocument;
use super::values::moment;
use super::{code, mail, provider, throttle};
use crate::fault::{Fault, readable};

/// Where the lines are.
pub(super) const COLLECTION: &str = "changes";
/// Where the last position given out is.
pub(super) const COUNTERS: &str = "counters";
/// The longest from taking a line's position to the line: far less than nodes look back.
const LONGEST_WAY: Duration = Duration::from_secs(2);
/// How often a line is said that takes longer.
const TRIES: usize = 4;
/// Documents one call of the sweep removes: few enough to stay far from the deadline.
const SWEEP_BATCH: i64 = 1000;
/// How long a sweep forgets codes, one account after another.
const SWEEP_SHARE: Duration = Duration::from_secs(10);

/// What a line says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Announcement {
    pub(super) at: DateTime,
    kind: String,
    subject: Option<Uuid>,
}

impl Announcement {
    pub(super) fn of(subject: ChangeSubject, at: Timestamp) -> Self {
        let (kind, subject) = match subject {
            ChangeSubject::Session(session) => ("session", Some(id(session.as_uuid()))),
            ChangeSubject::User(user) => ("user", Some(id(user.as_uuid()))),
            ChangeSubject::Directory => ("directory", None),
            ChangeSubject::Keys => ("keys", None),
        };
        Self { at: moment(at), kind: kind.to_owned(), subject }
    }
}

/// A line.
#[derive(Serialize, Deserialize)]
struct ChangeDocument {
    #[serde(rename = "_id")]
    seq: i64,
    #[serde(flatten)]
    announcement: Announcement,
}

/// The last position given out.
#[derive(Serialize, Deserialize)]
struct Counter {
    #[serde(rename = "_id")]
    id: String,
    last: i64,
}

/// The only thing asked for of an account with codes that are over.
#[derive(Deserialize)]
struct Holder {
    #[serde(rename = "_id")]
    id: Uuid,
}

impl TryFrom<ChangeDocument> for Change {
    type Error = Fault;

    fn try_from(document: ChangeDocument) -> Result<Self, Fault> {
        let Announcement { kind, subject, .. } = document.announcement;
        let subject = match (kind.as_str(), subject.map(|id| uuid::Uuid::from_bytes(id.bytes()))) {
            ("session", Some(id)) => Some(ChangeSubject::Session(SessionId::from_uuid(id))),
            ("user", Some(id)) => Some(ChangeSubject::User(UserId::from_uuid(id))),
            ("directory", None) => Some(ChangeSubject::Directory),
            ("keys", None) => Some(ChangeSubject::Keys),
            _ => None,
        };
        Ok(Self { seq: document.seq, subject: readable(subject, "change")? })
    }
}

impl MongoStore {
    /// Makes the counter of positions, unless it is there.
    pub(super) async fn begin_counting(&self) -> Result<(), Fault> {
        let counter = Counter { id: COLLECTION.to_owned(), last: 0 };
        self.insert_once(COUNTERS, &counter).await
    }

    /// Appends a line. One that takes long is said again: nobody may still look for it where it was to stand.
    pub(super) async fn announce(&self, announcement: &Announcement) -> Result<(), Fault> {
        for _ in 0..TRIES {
            if let Ok(appended) = tokio::time::timeout(LONGEST_WAY, self.append(announcement)).await {
                return appended;
            }
        }
        Err(Fault::Deadline)
    }

    async fn append(&self, announcement: &Announcement) -> Result<(), Fault> {
        let next = self
            .collection::<Counter>(COUNTERS)
            .find_one_and_update(doc! { "_id": COLLECTION }, doc! { "$inc": { "last": 1_i64 } })
            .return_document(ReturnDocument::After)
            .await?;
        let seq = readable(next, "counter of changes")?.last;
        let line = ChangeDocument { seq, announcement: announcement.clone() };
        self.collection(COLLECTION).insert_one(line).await?;
        Ok(())
    }

    /// Removes documents that match, a batch at a time.
    async fn remove_older(&self, collection: &str, query: Document) -> Result<u64, StoreError> {
        let query = &query;
        let mut removed = 0;
        loop {
            let batch = self
                .calls
                .run("sweep", move || async move {
                    let documents = self.collection::<Document>(collection);
                    let found = documents.find(query.clone());
                    let found = self.all(found.projection(doc! { "_id": 1 }).limit(SWEEP_BATCH)).await?;
                    let ids: Vec<_> = found.into_iter().filter_map(|mut found| found.remove("_id")).collect();
                    if ids.is_empty() {
                        return Ok(0);
                    }
                    // Asked again: what came to life in between stays.
                    let mut over = query.clone();
                    over.insert("_id", doc! { "$in": ids });
                    Ok(self.collection::<Document>(collection).delete_many(over).await?.deleted_count)
                })
                .await?;
            removed += batch;
            if batch == 0 {
                return Ok(removed);
            }
        }
    }
}

#[async_trait]
impl ChangeStore for MongoStore {
    async fn latest_change(&self) -> Result<i64, StoreError> {
        self.calls
            .run("latest_change", move || async move {
                let documents = self.collection::<ChangeDocument>(COLLECTION);
                let latest = documents.find_one(doc! {});
                Ok(latest.sort(doc! { "_id": -1 }).await?.map_or(0, |line| line.seq))
            })
            .await
    }

    async fn changes_after(&self, seq: i64, limit: u32) -> Result<Vec<Change>, StoreError> {
        self.calls
            .run("changes_after", move || async move {
                let documents = self.collection::<ChangeDocument>(COLLECTION);
                let lines = documents.find(doc! { "_id": { "$gt": seq } });
                let lines = self.all(lines.sort(doc! { "_id": 1 }).limit(limit.into())).await?;
                lines.into_iter().map(Change::try_from).collect()
            })
            .await
    }

    async fn settle_leftovers(&self, now: Timestamp) -> Result<(), StoreError> {
        self.calls.run("settle_leftovers", move || self.settle_what_is_left(now)).await
    }

    async fn sweep(&self, before: Timestamp, sessions_before: Timestamp) -> Result<u64, StoreError> {
        let (early, long_ago) = (moment(before), moment(sessions_before));
        let mut removed = 0;
        for (collection, query) in [
            (COLLECTION, doc! { "at": { "$lt": early } }),
            (throttle::COLLECTION, doc! { "known": false, "updated_at": { "$lt": early } }),
            (provider::USED_VALUES, doc! { "expires_at": { "$lt": early } }),
            (SessionDocument::COLLECTION, doc! { "expires_at": { "$lt": long_ago } }),
            (SessionDocument::COLLECTION, doc! { "ended_at": { "$lt": long_ago } }),
            (mail::COLLECTION, doc! { "state": { "$in": mail::OVER.to_vec() }, "created_at": { "$lt": long_ago } }),
        ] {
            removed += self.remove_older(collection, query).await?;
        }
        removed += self.forget_provider_tokens(early).await?;
        let begun = Instant::now();
        while begun.elapsed() < SWEEP_SHARE {
            removed += self.forget_codes(early, SWEEP_BATCH).await?;
            if self.swept.lock().await.is_none() {
                break;
            }
        }
        Ok(removed)
    }
}

impl MongoStore {
    /// Throws away codes that are over, with the grants they gave, of a page of accounts: the next call goes on behind
    /// them. An account that cannot be read or settled keeps no other from it.
    pub(super) async fn forget_codes(&self, before: DateTime, page: i64) -> Result<u64, StoreError> {
        // Somebody of this process is at it.
        let Ok(mut swept) = self.swept.try_lock() else { return Ok(0) };
        let (begun, after) = (Instant::now(), *swept);
        let holders = self.calls.run("sweep", || self.holders_of_codes(before, after, page)).await?;
        let is_last = (holders.len() as u64) < page.unsigned_abs();
        let mut forgotten = 0;
        for Holder { id } in holders {
            if begun.elapsed() > SWEEP_SHARE {
                return Ok(forgotten);
            }
            let forget = move || async move {
                let forget = |draft: &mut Draft<UserDocument>| Ok(code::forget_over(draft, before));
                Ok::<_, Fault>(self.change(id, forget).await?.unwrap_or(0))
            };
            match self.calls.run("sweep", forget).await {
                Ok(codes) => forgotten += codes,
                Err(error) => tracing::warn!(user.id = %id, ?error, "codes that are over stay with their account"),
            }
            *swept = Some(id);
        }
        if is_last {
            *swept = None;
        }
        Ok(forgotten)
    }

    async fn holders_of_codes(&self, before: DateTime, after: Option<Uuid>, page: i64) -> Result<Vec<Holder>, Fault> {
        let mut over = doc! { "codes.expires_at": { "$lt": before } };
        if let Some(after) = after {
            over.insert("_id", doc! { "$gt": after });
        }
        let holders = self.collection::<Holder>(UserDocument::COLLECTION);
        self.all(holders.find(over).sort(doc! { "_id": 1 }).projection(doc! { "_id": 1 }).limit(page)).await
    }

    /// Throws away providers' tokens of sessions that are over.
    async fn forget_provider_tokens(&self, before: DateTime) -> Result<u64, StoreError> {
        self.calls
            .run("sweep", move || async move {
                let over = doc! {
                    "provider.name": { "$exists": true }, "provider.subject": { "$exists": true },
                    "$or": [{ "ended_at": { "$lt": before } }, { "credential_expires_at": { "$lt": before } }],
                    "ledger.owing": null,
                };
                let forget = doc! { "$unset": { "provider": "" }, "$inc": { "ledger.revision": 1_i64 } };
                Ok(self.documents::<SessionDocument>().update_many(over, forget).await?.modified_count)
            })
            .await
    }
}
