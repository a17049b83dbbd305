//! Moving out of documents and into them. A page is not one transaction here: before it is written its documents are
//! removed, so that writing it again makes up for what was cut off.

mod accounts;
mod plain;
mod values;

use async_trait::async_trait;
use doorward_identity::StoreError;
use mongodb::bson::{Bson, Document, Uuid, doc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::MongoStore;
use super::aggregate::{Aggregate, id, present};
use super::domain::{DomainDocument, DomainTree, TREE};
use super::key::KeyDocument;
use super::mail::{GONE, MailDocument};
use super::session_document::SessionDocument;
use super::team::{SEEDS, SeedDocument, TeamDocument};
use super::throttle::ThrottleDocument;
use super::user_document::UserDocument;
use super::values::binary;
use super::{audit, mail, provider, throttle};
use crate::fault::{Fault, readable};
use crate::transfer::record::{Domain, Record, Seed, User};
use crate::transfer::{Key, Kind, Mark, Page, Transfer};

/// Where the mark of a copy is that is not whole yet.
const INCOMING_COPY: &str = "incoming_copy";
/// How the seeds of teams are named before their key.
const TEAM_SEED: &str = "team:";

/// The mark of a copy: at most one.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MarkDocument {
    #[serde(rename = "_id")]
    id: String,
    source: String,
    position: String,
}

impl MarkDocument {
    const ID: &str = "copy";

    fn of(mark: &Mark) -> Result<Self, Fault> {
        let position = readable(serde_json::to_string(&mark.position).ok(), "position of a copy")?;
        Ok(Self { id: Self::ID.to_owned(), source: mark.source.clone(), position })
    }
}

#[async_trait]
impl Transfer for MongoStore {
    async fn prepare(&self) -> Result<(), StoreError> {
        self.calls.run("settle", move || self.settle_everything()).await
    }

    async fn count(&self, kind: Kind) -> Result<u64, StoreError> {
        self.calls
            .run("count_records", move || async move {
                Ok(match kind {
                    Kind::Domains => self.tree().await?.domains.len() as u64,
                    Kind::Seeds => self.seeds().await?.len() as u64,
                    _ => self.collection::<Document>(collection(kind)).count_documents(counting(kind)).await?,
                })
            })
            .await
    }

    async fn read_page(&self, kind: Kind, after: Option<&Key>, limit: u32) -> Result<Page, StoreError> {
        self.calls
            .run("read_page", move || async move {
                Ok(match kind {
                    Kind::Teams => Page::Teams(self.records::<TeamDocument, _>(kind, after, limit).await?),
                    Kind::Domains => Page::Domains(next(self.domain_records().await?, after, limit)),
                    Kind::Seeds => Page::Seeds(next(self.seeds().await?, after, limit)),
                    Kind::SigningKeys => Page::SigningKeys(self.records::<KeyDocument, _>(kind, after, limit).await?),
                    Kind::Mail => Page::Mail(self.records::<MailDocument, _>(kind, after, limit).await?),
                    Kind::Users => Page::Users(self.records::<UserDocument, _>(kind, after, limit).await?),
                    Kind::Sessions => Page::Sessions(self.records::<SessionDocument, _>(kind, after, limit).await?),
                    Kind::Throttles => Page::Throttles(self.records::<ThrottleDocument, _>(kind, after, limit).await?),
                    Kind::UsedValues => {
                        Page::UsedValues(self.records::<provider::UsedValue, _>(kind, after, limit).await?)
                    }
                    Kind::AuditEvents => {
                        Page::AuditEvents(self.records::<audit::AuditDocument, _>(kind, after, limit).await?)
                    }
                })
            })
            .await
    }

    async fn write_page(&self, page: &Page, mark: &Mark) -> Result<(), StoreError> {
        self.calls
            .run("write_page", move || async move {
                self.write(page).await?;
                self.put_mark(mark).await
            })
            .await
    }

    async fn find_mark(&self) -> Result<Option<Mark>, StoreError> {
        self.calls
            .run("find_mark", move || async move {
                let marks = self.collection::<MarkDocument>(INCOMING_COPY);
                let Some(found) = marks.find_one(doc! { "_id": MarkDocument::ID }).await? else { return Ok(None) };
                let position = readable(serde_json::from_str(&found.position).ok(), "position of a copy")?;
                Ok(Some(Mark { source: found.source, position }))
            })
            .await
    }

    async fn begin_copy(&self, mark: &Mark) -> Result<(), StoreError> {
        self.calls
            .run("begin_copy", move || async move {
                for kind in Kind::ALL {
                    self.collection::<Document>(collection(kind)).delete_many(doc! {}).await?;
                }
                self.put_mark(mark).await
            })
            .await
    }

    async fn end_copy(&self) -> Result<(), StoreError> {
        self.calls
            .run("end_copy", move || async move {
                let marks = self.collection::<MarkDocument>(INCOMING_COPY);
                marks.delete_one(doc! { "_id": MarkDocument::ID }).await?;
                Ok(())
            })
            .await
    }
}

/// Where the documents of a kind are.
const fn collection(kind: Kind) -> &'static str {
    match kind {
        Kind::Teams => TeamDocument::COLLECTION,
        Kind::Domains => DomainTree::COLLECTION,
        Kind::Seeds => SEEDS,
        Kind::SigningKeys => KeyDocument::COLLECTION,
        Kind::Mail => mail::COLLECTION,
        Kind::Users => UserDocument::COLLECTION,
        Kind::Sessions => SessionDocument::COLLECTION,
        Kind::Throttles => throttle::COLLECTION,
        Kind::UsedValues => provider::USED_VALUES,
        Kind::AuditEvents => audit::COLLECTION,
    }
}

/// Those of its documents that count as records.
fn counting(kind: Kind) -> Document {
    match kind {
        Kind::Mail => doc! { "state": { "$ne": GONE } },
        Kind::Teams | Kind::SigningKeys | Kind::Users | Kind::Sessions | Kind::Throttles => present(doc! {}),
        Kind::Domains | Kind::Seeds | Kind::UsedValues | Kind::AuditEvents => doc! {},
    }
}

/// A key as it stands in `_id`.
fn as_id(key: &Key) -> Bson {
    match key {
        Key::Id(uuid) => id(uuid).into(),
        Key::Name(name) => name.into(),
        Key::Hash(hash) => binary(hash).into(),
        Key::Seed(kind, key) => format!("{kind}:{key}").into(),
    }
}

/// The next records after a key, of all there are.
fn next<R: Record>(mut all: Vec<R>, after: Option<&Key>, limit: u32) -> Vec<R> {
    all.sort_by_key(R::key);
    all.retain(|record| after.is_none_or(|after| record.key() > *after));
    all.truncate(limit as usize);
    all
}

impl MongoStore {
    /// The next documents of a kind, as records.
    async fn records<D, R>(&self, kind: Kind, after: Option<&Key>, limit: u32) -> Result<Vec<R>, Fault>
    where
        D: DeserializeOwned + Send + Sync + Unpin,
        R: TryFrom<D, Error = Fault>,
    {
        self.read(kind, after, limit).await?.into_iter().map(R::try_from).collect()
    }

    async fn read<D>(&self, kind: Kind, after: Option<&Key>, limit: u32) -> Result<Vec<D>, Fault>
    where
        D: DeserializeOwned + Send + Sync + Unpin,
    {
        let mut query = counting(kind);
        if let Some(after) = after {
            query.insert("_id", doc! { "$gt": as_id(after) });
        }
        let documents = self.collection::<D>(collection(kind));
        self.all(documents.find(query).sort(doc! { "_id": 1 }).limit(limit.into())).await
    }

    async fn domain_records(&self) -> Result<Vec<Domain>, Fault> {
        self.tree().await?.domains.into_iter().map(Domain::try_from).collect()
    }

    /// All seeds: those of domains stand with the domains.
    async fn seeds(&self) -> Result<Vec<Seed>, Fault> {
        let of_teams = self.all(self.collection::<SeedDocument>(SEEDS).find(doc! {})).await?;
        let seed = |kind: &str, key: &str| Seed { kind: kind.to_owned(), key: key.to_owned() };
        let of_teams = of_teams.iter().filter_map(|document| document.id.strip_prefix(TEAM_SEED));
        let mut seeds: Vec<Seed> = of_teams.map(|key| seed("team", key)).collect();
        seeds.extend(self.tree().await?.seeded.iter().map(|key| seed("domain", key)));
        Ok(seeds)
    }

    async fn write(&self, page: &Page) -> Result<(), Fault> {
        match page {
            Page::Teams(teams) => self.put(Kind::Teams, teams.iter().map(TeamDocument::from)).await,
            Page::Domains(domains) => self.put_domains(domains).await,
            Page::Seeds(seeds) => self.put_seeds(seeds).await,
            Page::SigningKeys(keys) => self.put(Kind::SigningKeys, keys.iter().map(KeyDocument::from)).await,
            Page::Mail(mail) => self.put(Kind::Mail, mail.iter().map(MailDocument::from)).await,
            Page::Users(users) => self.put_users(users).await,
            Page::Sessions(sessions) => {
                let documents: Vec<_> = sessions.iter().map(SessionDocument::try_from).collect::<Result<_, _>>()?;
                self.put(Kind::Sessions, documents).await
            }
            Page::Throttles(throttles) => self.put(Kind::Throttles, throttles.iter().map(ThrottleDocument::from)).await,
            Page::UsedValues(values) => self.put(Kind::UsedValues, values.iter().map(provider::UsedValue::from)).await,
            Page::AuditEvents(events) => {
                self.put(Kind::AuditEvents, events.iter().map(audit::AuditDocument::from)).await
            }
        }
    }

    /// Writes documents, in the order of their names, in the place of whatever is named like the first, the last or
    /// between.
    async fn put<D: Serialize>(&self, kind: Kind, documents: impl IntoIterator<Item = D>) -> Result<(), Fault> {
        let raw = |document| mongodb::bson::serialize_to_document(&document).map_err(mongodb::error::Error::from);
        let documents: Vec<Document> = documents.into_iter().map(raw).collect::<Result<_, _>>()?;
        let id_of = |document: Option<&Document>| document?.get("_id").cloned();
        let (Some(first), Some(last)) = (id_of(documents.first()), id_of(documents.last())) else { return Ok(()) };
        let collection = self.collection::<Document>(collection(kind));
        collection.delete_many(doc! { "_id": { "$gte": first, "$lte": last } }).await?;
        collection.insert_many(documents).await?;
        Ok(())
    }

    /// Domains come as one page.
    async fn put_domains(&self, domains: &[Domain]) -> Result<(), Fault> {
        let mut domains: Vec<DomainDocument> = domains.iter().map(DomainDocument::from).collect();
        domains.sort_by_key(|domain| domain.id.bytes());
        self.put_tree(DomainTree { domains, ..self.tree().await? }).await
    }

    async fn put_seeds(&self, seeds: &[Seed]) -> Result<(), Fault> {
        let (of_domains, of_teams): (Vec<_>, Vec<_>) = seeds.iter().partition(|seed| seed.kind == "domain");
        if !of_domains.is_empty() {
            let mut tree = self.tree().await?;
            tree.seeded.extend(of_domains.into_iter().map(|seed| seed.key.clone()));
            tree.seeded.sort();
            tree.seeded.dedup();
            self.put_tree(tree).await?;
        }
        let document = |seed: &Seed| SeedDocument { id: format!("{TEAM_SEED}{}", seed.key) };
        self.put(Kind::Seeds, of_teams.into_iter().map(document)).await
    }

    async fn put_tree(&self, tree: DomainTree) -> Result<(), Fault> {
        self.documents::<DomainTree>().replace_one(doc! { "_id": TREE }, tree).upsert(true).await?;
        Ok(())
    }

    async fn put_users(&self, users: &[User]) -> Result<(), Fault> {
        let with_codes = users.iter().filter(|user| !user.codes.is_empty());
        let with_codes: Vec<Uuid> = with_codes.map(|user| id(&user.id)).collect();
        // Mail was written before.
        let mail: Vec<MailDocument> = if with_codes.is_empty() {
            Vec::new()
        } else {
            let not_left = doc! { "user_id": { "$in": with_codes }, "sealed_letter": { "$exists": true } };
            self.all(self.collection::<MailDocument>(mail::COLLECTION).find(not_left).sort(doc! { "_id": 1 })).await?
        };
        let documents = users.iter().map(|user| accounts::user_document(user, &mail));
        self.put(Kind::Users, documents.collect::<Result<Vec<_>, _>>()?).await
    }

    async fn put_mark(&self, mark: &Mark) -> Result<(), Fault> {
        let marks = self.collection::<MarkDocument>(INCOMING_COPY);
        marks.replace_one(doc! { "_id": MarkDocument::ID }, MarkDocument::of(mark)?).upsert(true).await?;
        Ok(())
    }
}
