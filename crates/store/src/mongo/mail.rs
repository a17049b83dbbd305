//! The outbox. Most mail is owed by the documents whose change causes it.
//!
//! A mail that was sent or dropped leaves a gravestone, its id without the letter: whoever comes late to put the mail
//! in finds the id taken. No list and no count shows it; the sweep takes it.

use async_trait::async_trait;
use doorward_identity::StoreError;
use doorward_identity::audit::AuditEvent;
use doorward_identity::mail::{
    LeasedMail, LetterKind, MailCounts, MailEntry, MailId, MailLease, MailQuery, MailState, MailStore, NewMail,
    QueuedMail, Settlement,
};
use doorward_identity::user::EmailAddress;
use mongodb::bson::{Binary, DateTime, Document, Uuid, doc};
use mongodb::options::ReturnDocument;
use serde::{Deserialize, Serialize};

use super::MongoStore;
use super::aggregate::id;
use super::effect::Effect;
use super::fault::is_taken;
use super::values::{binary, count, moment, timestamp};
use crate::fault::{Fault, readable};

/// Where the mail is.
pub(super) const COLLECTION: &str = "mail";
/// The state of a gravestone.
pub(super) const GONE: &str = "gone";
/// States in which a mail waits for nothing but the sweep, or for an operator.
pub(super) const OVER: [&str; 3] = [MailState::Abandoned.as_str(), MailState::Expired.as_str(), GONE];
/// So many letters are thrown away at one lease: few enough to stay far from the deadline.
const EXPIRED_AT_ONCE: usize = 100;

/// A mail.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MailDocument {
    #[serde(rename = "_id")]
    pub(super) id: Uuid,
    pub(super) user_id: Option<Uuid>,
    pub(super) kind: String,
    pub(super) recipient: String,
    /// Absent once the mail is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sealed_letter: Option<Binary>,
    pub(super) state: String,
    pub(super) attempts: i64,
    pub(super) due_at: DateTime,
    pub(super) created_at: DateTime,
    pub(super) expires_at: DateTime,
    pub(super) reason: Option<String>,
}

impl MailDocument {
    /// A mail that is due at once.
    pub(super) fn of(mail: &NewMail) -> Self {
        Self {
            id: id(mail.id.as_uuid()),
            user_id: mail.user.map(|user| id(user.as_uuid())),
            kind: mail.kind.as_str().to_owned(),
            recipient: EmailAddress::as_str(&mail.recipient).to_owned(),
            sealed_letter: Some(binary(&mail.sealed_letter)),
            state: MailState::Waiting.as_str().to_owned(),
            attempts: 0,
            due_at: moment(mail.created_at),
            created_at: moment(mail.created_at),
            expires_at: moment(mail.expires_at),
            reason: None,
        }
    }

    fn mail_id(&self) -> MailId {
        MailId::from_uuid(uuid::Uuid::from_bytes(self.id.bytes()))
    }

    fn letter_kind(&self) -> Result<LetterKind, Fault> {
        readable(LetterKind::parse(&self.kind), "kind of letter")
    }
}

impl TryFrom<MailDocument> for QueuedMail {
    type Error = Fault;

    fn try_from(document: MailDocument) -> Result<Self, Fault> {
        Ok(Self {
            id: document.mail_id(),
            kind: document.letter_kind()?,
            recipient: readable(document.recipient.parse().ok(), "e-mail address")?,
            sealed_letter: readable(document.sealed_letter, "letter")?.bytes,
            created_at: timestamp(document.created_at)?,
            expires_at: timestamp(document.expires_at)?,
            attempt: count(document.attempts, "count of attempts")?,
        })
    }
}

impl TryFrom<MailDocument> for MailEntry {
    type Error = Fault;

    fn try_from(document: MailDocument) -> Result<Self, Fault> {
        Ok(Self {
            id: document.mail_id(),
            kind: document.letter_kind()?,
            recipient: readable(document.recipient.parse().ok(), "e-mail address")?,
            state: readable(MailState::parse(&document.state), "state of a mail")?,
            attempts: count(document.attempts, "count of attempts")?,
            created_at: timestamp(document.created_at)?,
            due_at: timestamp(document.due_at)?,
            expires_at: timestamp(document.expires_at)?,
            reason: document.reason,
        })
    }
}

/// How much mail is in a state.
#[derive(Deserialize)]
struct StateCount {
    #[serde(rename = "_id")]
    state: String,
    count: i64,
    oldest: DateTime,
}

/// The states that operators see.
fn seen() -> Document {
    doc! { "$in": MailState::ALL.map(MailState::as_str).to_vec() }
}

/// Turns a mail into its gravestone.
fn gravestone() -> Document {
    doc! {
        "$set": { "state": GONE },
        "$unset": {
            "user_id": "", "kind": "", "recipient": "", "sealed_letter": "", "attempts": "", "due_at": "",
            "expires_at": "", "reason": "",
        },
    }
}

/// The text of somebody else's as every store keeps it.
fn storable(reason: &str) -> String {
    reason.replace('\0', "")
}

impl MongoStore {
    /// Takes a mail that did not leave out of the outbox, a given up one included: what it brings counts no more. One
    /// that is not there yet never gets there.
    pub(super) async fn drop_mail(&self, mail: Uuid, at: DateTime) -> Result<(), Fault> {
        let mut drop = gravestone();
        drop.insert("$setOnInsert", doc! { "created_at": at });
        let unsent = doc! { "_id": mail, "state": { "$ne": MailState::Expired.as_str() } };
        match self.collection::<MailDocument>(COLLECTION).update_one(unsent, drop).upsert(true).await {
            Err(error) if !is_taken(&error) => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Changes one document after another until there is none, or there are enough: whoever comes at the same time
    /// gets others.
    async fn take_mail(
        &self,
        query: &Document,
        order: &Document,
        change: &Document,
        most: usize,
    ) -> Result<Vec<MailDocument>, Fault> {
        let mut taken = Vec::new();
        while taken.len() < most {
            let mail = self.collection::<MailDocument>(COLLECTION);
            let next = mail.find_one_and_update(query.clone(), change.clone()).sort(order.clone());
            match next.return_document(ReturnDocument::After).await {
                Ok(Some(mail)) => taken.push(mail),
                Err(error) if taken.is_empty() => return Err(error.into()),
                // There is none. Or an error: what was taken is the caller's, whatever becomes of the next.
                Ok(None) | Err(_) => break,
            }
        }
        Ok(taken)
    }

    /// Throws away the letters of waiting mail that is over.
    async fn expire_mail(&self, at: DateTime) -> Result<Vec<LetterKind>, Fault> {
        let over = doc! { "state": MailState::Waiting.as_str(), "expires_at": { "$lte": at } };
        let expire = doc! { "$set": { "state": MailState::Expired.as_str() }, "$unset": { "sealed_letter": "" } };
        let expired = self.take_mail(&over, &doc! { "expires_at": 1 }, &expire, EXPIRED_AT_ONCE).await?;
        expired.iter().map(MailDocument::letter_kind).collect()
    }

    /// Takes mail whose turn it is, the longest due first.
    async fn take_due(&self, lease: &MailLease) -> Result<Vec<QueuedMail>, Fault> {
        let at = moment(lease.at);
        let due = doc! {
            "state": MailState::Waiting.as_str(), "due_at": { "$lte": at }, "expires_at": { "$gt": at },
        };
        let take = doc! { "$set": { "due_at": moment(lease.until) }, "$inc": { "attempts": 1_i64 } };
        let most = usize::try_from(lease.limit).unwrap_or(usize::MAX);
        let taken = self.take_mail(&due, &doc! { "due_at": 1, "_id": 1 }, &take, most).await?;
        taken.into_iter().map(QueuedMail::try_from).collect()
    }
}

#[async_trait]
impl MailStore for MongoStore {
    async fn put_mail(&self, mail: &NewMail) -> Result<(), StoreError> {
        self.calls.run("put_mail", move || async move { self.carry_out(&Effect::put_mail(mail)).await }).await
    }

    async fn lease_mail(&self, lease: &MailLease) -> Result<LeasedMail, StoreError> {
        self.calls
            .run("lease_mail", move || async move {
                let expired = self.expire_mail(moment(lease.at)).await?;
                let due = self.take_due(lease).await?;
                Ok(LeasedMail { due, expired })
            })
            .await
    }

    async fn settle_mail(&self, mail: MailId, attempt: u32, settlement: &Settlement) -> Result<bool, StoreError> {
        self.calls
            .run("settle_mail", move || async move {
                let mut taken = doc! { "_id": id(mail.as_uuid()), "attempts": i64::from(attempt) };
                let settle = match settlement {
                    Settlement::Sent => gravestone(),
                    Settlement::Retry { at, reason } => {
                        doc! { "$set": { "due_at": moment(*at), "reason": storable(reason) } }
                    }
                    Settlement::Abandoned { reason } => {
                        doc! { "$set": { "state": MailState::Abandoned.as_str(), "reason": storable(reason) } }
                    }
                };
                if !matches!(settlement, Settlement::Sent) {
                    taken.insert("state", MailState::Waiting.as_str());
                }
                let done = self.collection::<MailDocument>(COLLECTION).update_one(taken, settle).await?;
                Ok(done.matched_count == 1)
            })
            .await
    }

    async fn list_mail(&self, query: &MailQuery) -> Result<Vec<MailEntry>, StoreError> {
        self.calls
            .run("list_mail", move || async move {
                let mut filter =
                    doc! { "state": query.state.map_or_else(seen, |state| doc! { "$eq": state.as_str() }) };
                if let Some(after) = query.after {
                    filter.insert("_id", doc! { "$gt": id(after.as_uuid()) });
                }
                let mail = self.collection::<MailDocument>(COLLECTION);
                let mail = mail.find(filter).projection(doc! { "sealed_letter": 0 }).sort(doc! { "_id": 1 });
                let mail = self.all(mail.limit(query.limit.into())).await?;
                mail.into_iter().map(MailEntry::try_from).collect()
            })
            .await
    }

    async fn retry_mail(&self, mail: Option<MailId>, event: &AuditEvent) -> Result<u64, StoreError> {
        self.calls
            .run("retry_mail", move || async move {
                let at = moment(event.at);
                let mut given_up = doc! { "state": MailState::Abandoned.as_str(), "expires_at": { "$gt": at } };
                if let Some(mail) = mail {
                    given_up.insert("_id", id(mail.as_uuid()));
                }
                let outbox = self.collection::<MailDocument>(COLLECTION);
                if outbox.find_one(given_up.clone()).await?.is_none() {
                    return Ok(0);
                }
                // No document of one's own owes the line, so it comes first: rather a line too many than mail that waits
                // again and nobody knows why.
                self.carry_out(&Effect::audit(event)).await?;
                let wait = doc! { "$set": { "state": MailState::Waiting.as_str(), "due_at": at } };
                Ok(outbox.update_many(given_up, wait).await?.modified_count)
            })
            .await
    }

    async fn count_mail(&self) -> Result<MailCounts, StoreError> {
        self.calls
            .run("count_mail", move || async move {
                let by_state = [
                    doc! { "$match": { "state": seen() } },
                    doc! { "$group": {
                        "_id": "$state", "count": { "$sum": 1_i64 }, "oldest": { "$min": "$created_at" },
                    } },
                ];
                let outbox = self.collection::<MailDocument>(COLLECTION);
                let mut counts = MailCounts::default();
                for found in self.all(outbox.aggregate(by_state).with_type::<StateCount>()).await? {
                    let count = readable(u64::try_from(found.count).ok(), "count of mail")?;
                    match readable(MailState::parse(&found.state), "state of a mail")? {
                        MailState::Waiting => {
                            (counts.waiting, counts.oldest_waiting) = (count, Some(timestamp(found.oldest)?));
                        }
                        MailState::Abandoned => counts.abandoned = count,
                        MailState::Expired => counts.expired = count,
                    }
                }
                Ok(counts)
            })
            .await
    }
}
