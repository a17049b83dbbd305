//! A document that is changed as a whole: read, decided upon, written back unless somebody else wrote in between.
//!
//! Each such document has a ledger: how often it was written, and what it still owes to other collections. What is owed
//! was written with the change itself, so it is never lost; whoever finds it undone does it first.

use mongodb::Cursor;
use mongodb::bson::{Document, RawDocument, Uuid, doc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::MongoStore;
use super::effect::Effect;
use super::fault::is_taken;
use crate::fault::Fault;

/// The form of documents that this build writes, and the newest it reads.
pub(super) const FORMAT: i32 = 1;

/// What every aggregate's document has.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ledger {
    /// The form of the document.
    pub(super) format: i32,
    /// How often it was written. Every write names the one it read.
    pub(super) revision: i64,
    /// Whether the document only waits for what it owes to be done, then goes.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) leaving: bool,
    /// Whether anything is owed; an index finds such documents.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) owing: bool,
    /// What is to be written elsewhere because of the last change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) owed: Vec<Effect>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form serde asks for")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

impl Ledger {
    /// The ledger of the write after `revision`.
    pub(super) fn after(revision: i64, leaving: bool, owed: Vec<Effect>) -> Self {
        Self { format: FORMAT, revision: revision + 1, leaving, owing: leaving || !owed.is_empty(), owed }
    }

    /// The ledger of a document's first write.
    pub(super) fn first(owed: Vec<Effect>) -> Self {
        Self::after(0, false, owed)
    }
}

/// A kind of document that is changed as a whole.
pub(super) trait Aggregate: Serialize + DeserializeOwned + Send + Sync + Unpin {
    /// Where such documents are.
    const COLLECTION: &'static str;

    /// What names this one, as it stands in `_id`.
    fn id(&self) -> Bson;

    /// Its ledger.
    fn ledger(&self) -> &Ledger;

    /// The same, to write.
    fn ledger_mut(&mut self) -> &mut Ledger;
}

pub(super) use mongodb::bson::Bson;

/// Documents that are there, as opposed to those that only wait for what they owe: to be added to a query.
pub(super) fn present(mut query: Document) -> Document {
    query.insert("ledger.leaving", Bson::Null);
    query
}

/// Refuses a document of a form that only a later version knows, before anything else of it is looked at.
pub(super) fn refuse_newer(collection: &str, document: &RawDocument) -> Result<(), String> {
    match document.get_document("ledger").and_then(|ledger| ledger.get_i32("format")) {
        Ok(format) if format > FORMAT => Err(format!(
            "a newer Doorward wrote a document of {collection} in the form {format}, and this one knows the forms up to \
             {FORMAT}; it is left as it is: start the newer version"
        )),
        // What has no ledger is no such document, and tells so.
        _ => Ok(()),
    }
}

/// Says where the ledger stands in a document, which is `remote = "Self"` to serde: whoever reads one, in whatever way,
/// has it looked at first.
macro_rules! aggregate {
    ($document:ty, $collection:literal) => {
        impl<'de> serde::Deserialize<'de> for $document {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                use serde::de::Error;
                let raw = mongodb::bson::RawDocumentBuf::deserialize(deserializer)?;
                $crate::mongo::aggregate::refuse_newer($collection, &raw).map_err(D::Error::custom)?;
                let fields = mongodb::bson::RawDeserializer::new(raw.as_bytes()).map_err(D::Error::custom)?;
                <$document>::deserialize(fields).map_err(D::Error::custom)
            }
        }

        impl serde::Serialize for $document {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                <$document>::serialize(self, serializer)
            }
        }

        impl $crate::mongo::aggregate::Aggregate for $document {
            const COLLECTION: &'static str = $collection;

            fn id(&self) -> $crate::mongo::aggregate::Bson {
                self.id.clone().into()
            }

            fn ledger(&self) -> &$crate::mongo::aggregate::Ledger {
                &self.ledger
            }

            fn ledger_mut(&mut self) -> &mut $crate::mongo::aggregate::Ledger {
                &mut self.ledger
            }
        }
    };
}
pub(super) use aggregate;

/// A document on its way to its next revision.
pub(super) struct Draft<D> {
    document: D,
    owed: Vec<Effect>,
}

impl<D> std::ops::Deref for Draft<D> {
    type Target = D;

    fn deref(&self) -> &D {
        &self.document
    }
}

impl<D> std::ops::DerefMut for Draft<D> {
    fn deref_mut(&mut self) -> &mut D {
        &mut self.document
    }
}

impl<D: Aggregate> Draft<D> {
    /// A document that is still to be written for the first time.
    pub(super) const fn new(document: D) -> Self {
        Self { document, owed: Vec::new() }
    }

    /// The document with what it owes, as it is first written.
    pub(super) fn into_first(self) -> D {
        let Self { mut document, owed } = self;
        *document.ledger_mut() = Ledger::first(owed);
        document
    }

    /// Has something written elsewhere because of this change.
    pub(super) fn owe(&mut self, effect: Effect) {
        self.owed.push(effect);
    }

    /// The revision that this change makes.
    pub(super) fn next_revision(&self) -> i64 {
        self.document.ledger().revision + 1
    }
}

/// What is to become of a document.
pub(super) enum Decision<T> {
    /// It stays as it was.
    Leave(T),
    /// The draft takes its place.
    Write(T),
    /// It goes, once what it owes is done.
    Remove(T),
}

/// Whether there was such a document to decide upon.
pub(super) type Changed<T> = Result<Option<T>, Fault>;

impl MongoStore {
    /// Lets `decide` change a document. `None` when there is none. Fails with [`Fault::LostRace`] when somebody wrote in
    /// between: the call is then run again.
    pub(super) async fn change<D: Aggregate, T>(
        &self,
        id: impl Into<Bson>,
        decide: impl FnOnce(&mut Draft<D>) -> Result<Decision<T>, Fault>,
    ) -> Changed<T> {
        let id = id.into();
        // Those of this process wait for each other; only other processes are raced against.
        let _turn = self.turns.take(D::COLLECTION, &id).await;
        let Some(document) = self.settled::<D>(id.clone()).await? else { return Ok(None) };
        let revision = document.ledger().revision;
        let mut draft = Draft::new(document);
        let (answer, leaving) = match decide(&mut draft)? {
            Decision::Leave(answer) => return Ok(Some(answer)),
            Decision::Write(answer) => (answer, false),
            Decision::Remove(answer) => (answer, true),
        };
        let Draft { mut document, owed } = draft;
        *document.ledger_mut() = Ledger::after(revision, leaving, owed);
        let unchanged = doc! { "_id": id, "ledger.revision": revision };
        let replaced = self.documents::<D>().replace_one(unchanged, &document).await?;
        if replaced.matched_count == 0 {
            return Err(Fault::LostRace);
        }
        self.settle_own(&document).await?;
        Ok(Some(answer))
    }

    /// Writes a new document. False when its name or another unique value of it belongs to another.
    pub(super) async fn insert<D: Aggregate>(&self, document: &D) -> Result<bool, Fault> {
        match self.documents::<D>().insert_one(document).await {
            Ok(_) => {}
            Err(error) if is_taken(&error) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        self.settle_own(document).await?;
        Ok(true)
    }

    /// The document, owing nothing.
    async fn settled<D: Aggregate>(&self, id: Bson) -> Result<Option<D>, Fault> {
        let Some(mut document) = self.documents::<D>().find_one(doc! { "_id": id }).await? else { return Ok(None) };
        self.settle(&document).await?;
        if document.ledger().leaving {
            return Ok(None);
        }
        document.ledger_mut().owed.clear();
        Ok(Some(document))
    }

    /// Does what a document owes, and strikes it off. Whoever does it a second time changes nothing.
    pub(super) async fn settle<D: Aggregate>(&self, document: &D) -> Result<(), Fault> {
        let ledger = document.ledger();
        if !ledger.owing {
            return Ok(());
        }
        self.carry_out_now(ledger.owed.iter()).await?;
        self.calls.persist(|| self.strike_off(document)).await.map_err(deferred)
    }

    /// Does what a change owes that was just made. What can wait, and cannot be done now, is left to whoever looks for
    /// leftovers: the change holds all the same.
    async fn settle_own<D: Aggregate>(&self, document: &D) -> Result<(), Fault> {
        let ledger = document.ledger();
        if !ledger.owing {
            return Ok(());
        }
        self.carry_out_now(ledger.owed.iter().filter(|effect| !effect.can_wait())).await?;
        let settle = || async {
            for effect in ledger.owed.iter().filter(|effect| effect.can_wait()) {
                self.carry_out(effect).await?;
            }
            self.strike_off(document).await
        };
        self.calls.run_end("settle", settle).await;
        Ok(())
    }

    async fn carry_out_now<'effect>(&self, effects: impl Iterator<Item = &'effect Effect> + Send) -> Result<(), Fault> {
        for effect in effects {
            self.calls.persist(|| self.carry_out(effect)).await.map_err(deferred)?;
        }
        Ok(())
    }

    async fn strike_off<D: Aggregate>(&self, document: &D) -> Result<(), Fault> {
        let ledger = document.ledger();
        let same = doc! { "_id": document.id(), "ledger.revision": ledger.revision };
        if ledger.leaving {
            self.documents::<D>().delete_one(same).await?;
        } else {
            let struck_off = doc! { "$unset": { "ledger.owing": "", "ledger.owed": "" } };
            if self.documents::<D>().update_one(same, struck_off).await?.matched_count == 0 {
                for effect in &ledger.owed {
                    self.take_back(effect).await?;
                }
            }
        }
        Ok(())
    }
}

impl MongoStore {
    /// Everything a query finds.
    pub(super) async fn all<T, A>(&self, query: A) -> Result<Vec<T>, Fault>
    where
        T: DeserializeOwned + Send + Sync + Unpin,
        A: IntoFuture<Output = mongodb::error::Result<Cursor<T>>>,
    {
        let mut cursor = query.await?;
        let mut found = Vec::new();
        while cursor.advance().await? {
            found.push(cursor.deserialize_current()?);
        }
        Ok(found)
    }
}

/// The change itself is made: nothing that it owes may send the whole call around again.
fn deferred(fault: Fault) -> Fault {
    Fault::Deferred(Box::new(fault))
}

/// An id of the domain, as `_id` and elsewhere.
pub(super) fn id(uuid: &uuid::Uuid) -> Uuid {
    Uuid::from_bytes(*uuid.as_bytes())
}
