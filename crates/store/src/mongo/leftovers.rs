//! What documents still owe though their writer had time enough: it died in between. Whoever reads the change log does
//! it, so about a second later.

use mongodb::bson::{Bson, Document, deserialize_from_document, doc};

use super::MongoStore;
use super::aggregate::Aggregate;
use super::domain::DomainTree;
use super::key::KeyDocument;
use super::session_document::SessionDocument;
use super::team::TeamDocument;
use super::user_document::UserDocument;
use crate::fault::Fault;

/// Documents that owe something. DocumentDB uses an index that passes over documents only for what is asked to exist.
fn owing() -> Document {
    doc! { "ledger.owing": { "$exists": true } }
}

/// So many of a kind are done at one look.
const AT_ONCE: i64 = 100;

/// The revisions that were owing at the last look, by kind of document. One that still is at the next has lost its writer.
#[derive(Default)]
pub(super) struct Leftovers([Vec<(Bson, i64)>; 5]);

impl MongoStore {
    /// Does what was owing at the last look and still is. A document that cannot be read or done keeps no other from it;
    /// the answer tells of the last such.
    pub(super) async fn settle_leftovers(&self) -> Result<(), Fault> {
        // Somebody of this process looks at this moment.
        let Ok(mut leftovers) = self.leftovers.try_lock() else { return Ok(()) };
        let Leftovers([users, sessions, teams, domains, keys]) = &mut *leftovers;
        let looked = [
            self.settle_those::<UserDocument>(users).await,
            self.settle_those::<SessionDocument>(sessions).await,
            self.settle_those::<TeamDocument>(teams).await,
            self.settle_those::<DomainTree>(domains).await,
            self.settle_those::<KeyDocument>(keys).await,
        ];
        looked.into_iter().collect()
    }

    /// Does all that is owing, where no writer is at work.
    pub(super) async fn settle_everything(&self) -> Result<(), Fault> {
        self.settle_all::<UserDocument>().await?;
        self.settle_all::<SessionDocument>().await?;
        self.settle_all::<TeamDocument>().await?;
        self.settle_all::<DomainTree>().await?;
        self.settle_all::<KeyDocument>().await
    }

    async fn settle_all<D: Aggregate>(&self) -> Result<(), Fault> {
        loop {
            let documents = self.documents::<D>();
            let owing = self.all(documents.find(owing()).limit(AT_ONCE)).await?;
            if owing.is_empty() {
                return Ok(());
            }
            for document in &owing {
                self.settle(document).await?;
            }
        }
    }

    async fn settle_those<D: Aggregate>(&self, seen: &mut Vec<(Bson, i64)>) -> Result<(), Fault> {
        let documents = self.collection::<Document>(D::COLLECTION);
        let owing = self.all(documents.find(owing()).limit(AT_ONCE)).await?;
        let mut outcome = Ok(());
        let mut still = Vec::new();
        for document in owing {
            let revision = document.get_document("ledger").and_then(|ledger| ledger.get_i64("revision"));
            let revision = (document.get("_id").cloned().unwrap_or_default(), revision.unwrap_or_default());
            if seen.contains(&revision)
                && let Err(fault) = self.settle_found::<D>(document).await
            {
                outcome = Err(fault);
            }
            still.push(revision);
        }
        *seen = still;
        outcome
    }

    async fn settle_found<D: Aggregate>(&self, document: Document) -> Result<(), Fault> {
        let document: D = deserialize_from_document(document).map_err(mongodb::error::Error::from)?;
        document.ledger().refuse_newer()?;
        self.settle(&document).await
    }
}
