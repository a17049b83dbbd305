//! What documents still owe though their writer had time enough: it died in between. Whoever reads the change log looks for
//! it first: a process that comes and goes must not have to look twice.

use jiff::{SignedDuration, Timestamp};
use mongodb::bson::{Bson, DateTime, Document, deserialize_from_document, doc};

use super::MongoStore;
use super::aggregate::{Aggregate, Ledger};
use super::domain::DomainTree;
use super::effect::Effect;
use super::key::KeyDocument;
use super::session_document::SessionDocument;
use super::team::TeamDocument;
use super::user_document::UserDocument;
use super::values::moment;
use crate::fault::Fault;

/// Documents that owe something. DocumentDB uses an index that passes over documents only for what is asked to exist.
fn owing() -> Document {
    doc! { "ledger.owing": { "$exists": true } }
}

/// So many of a kind are done at one look.
const AT_ONCE: i64 = 100;

/// Whoever made a change does at once what is owed for it; so much later it died. Who is only slow loses nothing.
const GIVEN: SignedDuration = SignedDuration::from_secs(2);

/// Whether what a document owes came to be owed before that moment. Nobody is at work on one that only has to go.
fn is_overdue(ledger: &Ledger, before: DateTime) -> bool {
    ledger.owed.iter().filter_map(Effect::at).max().map_or(ledger.leaving && ledger.owed.is_empty(), |at| at <= before)
}

/// The revisions that were owing at the last look, by kind of document. One that still is at the next has lost its writer,
/// whatever the clocks say.
#[derive(Default)]
pub(super) struct Leftovers([Vec<(Bson, i64)>; 5]);

impl MongoStore {
    /// Does what is overdue, or was owing at the last look and still is. A document that cannot be read or done keeps no
    /// other from it; the answer tells of the last such.
    pub(super) async fn settle_what_is_left(&self, now: Timestamp) -> Result<(), Fault> {
        // Somebody of this process looks at this moment.
        let Ok(mut leftovers) = self.leftovers.try_lock() else { return Ok(()) };
        let Leftovers([users, sessions, teams, domains, keys]) = &mut *leftovers;
        let before = moment(now.checked_sub(GIVEN).unwrap_or(Timestamp::MIN));
        let looked = [
            self.settle_those::<UserDocument>(users, before).await,
            self.settle_those::<SessionDocument>(sessions, before).await,
            self.settle_those::<TeamDocument>(teams, before).await,
            self.settle_those::<DomainTree>(domains, before).await,
            self.settle_those::<KeyDocument>(keys, before).await,
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

    async fn settle_those<D: Aggregate>(&self, seen: &mut Vec<(Bson, i64)>, before: DateTime) -> Result<(), Fault> {
        let documents = self.collection::<Document>(D::COLLECTION);
        let owing = self.all(documents.find(owing()).limit(AT_ONCE)).await?;
        let mut outcome = Ok(());
        let mut still = Vec::new();
        for document in owing {
            let revision = document.get_document("ledger").and_then(|ledger| ledger.get_i64("revision"));
            let revision = (document.get("_id").cloned().unwrap_or_default(), revision.unwrap_or_default());
            if let Err(fault) = self.settle_found::<D>(document, seen.contains(&revision), before).await {
                outcome = Err(fault);
            }
            still.push(revision);
        }
        *seen = still;
        outcome
    }

    async fn settle_found<D: Aggregate>(&self, found: Document, was_seen: bool, before: DateTime) -> Result<(), Fault> {
        let document: D = deserialize_from_document(found).map_err(mongodb::error::Error::from)?;
        if was_seen || is_overdue(document.ledger(), before) { self.settle(&document).await } else { Ok(()) }
    }
}
