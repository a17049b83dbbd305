//! The collections and their indexes, made in numbered steps; and whether a database is Doorward's and of which age.

use std::collections::BTreeSet;
use std::time::Duration;

use mongodb::IndexModel;
use mongodb::bson::{Document, doc};
use mongodb::options::IndexOptions;
use serde::{Deserialize, Serialize};

use super::MongoStore;
use super::aggregate::{Decision, Ledger, aggregate};
use super::fault::code;
use crate::fault::Fault;
use crate::schema::{Applied, MIGRATIONS_TABLE, MigrateError, MigrationState, OpenError};

/// A step: its number, what it does, and the indexes it makes. A step once released is not changed.
struct Step {
    number: i64,
    title: &'static str,
    indexes: fn() -> Vec<Index>,
}

const STEPS: [Step; 2] = [
    Step { number: 1, title: "create the indexes of accounts and sessions", indexes: accounts },
    Step { number: 2, title: "create the indexes of mail, logs and counters", indexes: logs },
];

/// An index of a collection.
struct Index {
    collection: &'static str,
    keys: Document,
    options: IndexOptions,
}

fn plain(collection: &'static str, keys: Document) -> Index {
    Index { collection, keys, options: IndexOptions::default() }
}

/// No two documents have the same there.
fn unique(collection: &'static str, keys: Document) -> Index {
    let mut index = plain(collection, keys);
    index.options.unique = Some(true);
    index
}

impl Index {
    /// Passes over documents that have nothing there.
    fn sparse(mut self) -> Self {
        self.options.sparse = Some(true);
        self
    }

    /// Documents go by themselves so many seconds after the moment there.
    fn expiring(mut self, seconds: u64) -> Self {
        self.options.expire_after = Some(Duration::from_secs(seconds));
        self
    }
}

/// Documents that owe something to others.
fn owing(collection: &'static str) -> Index {
    plain(collection, doc! { "ledger.owing": 1 }).sparse()
}

const DAY: u64 = 86_400;
/// Sweeps remove what is over long before; an index removes it where no sweep runs.
const LEFT_ALONE: u64 = 60 * DAY;

fn accounts() -> Vec<Index> {
    vec![
        unique("users", doc! { "email_key": 1 }),
        unique("users", doc! { "identities.key": 1 }).sparse(),
        plain("users", doc! { "teams.team": 1, "email_key": 1 }),
        plain("users", doc! { "codes.expires_at": 1 }),
        owing("users"),
        unique("teams", doc! { "name": 1 }),
        unique("teams", doc! { "external_ref": 1 }).sparse(),
        owing("teams"),
        owing("domains"),
        plain("sessions", doc! { "user_id": 1, "address": 1 }),
        plain("sessions", doc! { "credential_hash": 1 }),
        plain("sessions", doc! { "provider.name": 1, "provider.subject": 1 }).sparse(),
        plain("sessions", doc! { "provider.name": 1, "provider.session": 1 }).sparse(),
        plain("sessions", doc! { "provider.renew_at": 1 }).sparse(),
        plain("sessions", doc! { "ended_at": 1 }),
        plain("sessions", doc! { "expires_at": 1 }).expiring(LEFT_ALONE),
        owing("sessions"),
        unique("signing_keys", doc! { "ordinal": 1 }),
        owing("signing_keys"),
    ]
}

fn logs() -> Vec<Index> {
    vec![
        plain("mail", doc! { "state": 1, "due_at": 1, "_id": 1 }),
        plain("mail", doc! { "state": 1, "expires_at": 1 }),
        plain("mail", doc! { "created_at": 1 }),
        plain("audit_events", doc! { "subject": 1, "_id": 1 }),
        plain("audit_events", doc! { "action": 1, "_id": 1 }),
        plain("changes", doc! { "at": 1 }).expiring(7 * DAY),
        plain("signin_throttles", doc! { "forget_at": 1 }).expiring(7 * DAY).sparse(),
        plain("used_values", doc! { "expires_at": 1 }).expiring(DAY),
    ]
}

/// Which steps were taken: one document, so that of several nodes one writes it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, remote = "Self")]
struct StepsDocument {
    #[serde(rename = "_id")]
    id: String,
    taken: Vec<TakenDocument>,
    ledger: Ledger,
}
aggregate!(StepsDocument, "doorward_migrations");

/// A step that was taken.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TakenDocument {
    number: i64,
    title: String,
}

/// The document's name.
const STEPS_TAKEN: &str = "steps";

/// What a database says about itself.
struct Found {
    database: String,
    collections: Vec<String>,
    taken: BTreeSet<i64>,
}

impl Found {
    /// Refuses what is not ours to open.
    fn refuse_foreign(&self) -> Result<(), OpenError> {
        if !self.collections.is_empty() && !self.collections.iter().any(|name| name == MIGRATIONS_TABLE) {
            let shown: Vec<&str> = self.collections.iter().take(5).map(String::as_str).collect();
            let place = format!("the database {}", self.database);
            return Err(OpenError::Foreign { place, tables: shown.join(", ") });
        }
        match self.taken.iter().find(|taken| STEPS.iter().all(|step| step.number != **taken)) {
            Some(version) => Err(OpenError::Newer { version: *version }),
            None => Ok(()),
        }
    }

    /// The steps that are still to be taken.
    fn pending(&self) -> impl Iterator<Item = &'static Step> {
        STEPS.iter().filter(|step| !self.taken.contains(&step.number))
    }
}

impl MongoStore {
    /// Refuses a database that is another program's, or a newer Doorward's.
    pub(super) async fn refuse_foreign(&self) -> Result<(), OpenError> {
        self.calls.ask(|| self.describe()).await.map_err(unreachable)?.refuse_foreign()
    }

    /// Takes the steps that are missing. Several nodes may do so at once; one of them counts them.
    pub async fn migrate(&self) -> Result<Applied, MigrateError> {
        let found = self.calls.ask(|| self.describe()).await.map_err(unreachable)?;
        found.refuse_foreign()?;
        let count = self.take(found.pending().collect()).await.map_err(unreachable)?;
        Ok(Applied { count })
    }

    /// How far the database is.
    pub async fn migration_state(&self) -> Result<MigrationState, OpenError> {
        let found = self.calls.ask(|| self.describe()).await.map_err(unreachable)?;
        Ok(MigrationState {
            untouched: found.taken.is_empty(),
            pending: found.pending().map(|step| format!("{:04} {}", step.number, step.title)).collect(),
            newer: matches!(found.refuse_foreign(), Err(OpenError::Newer { .. })),
        })
    }

    /// Whether an acknowledged write survives a crash of the server; if not, why. The address is refused where it asks for
    /// less, so what is left to ask is whether there is anybody to write to.
    pub async fn durability(&self) -> Result<(), String> {
        let hello = self.calls.ask(|| async { Ok(self.database().run_command(doc! { "hello": 1 }).await?) });
        let hello = hello.await.map_err(|fault| fault.to_string())?;
        match hello.get_bool("isWritablePrimary") {
            Ok(true) => Ok(()),
            _ => Err(
                "the server answers but is no primary: it takes no writes; name the cluster's endpoint, or all its \
                      members with `replicaSet`, in store.url"
                    .to_owned(),
            ),
        }
    }

    async fn describe(&self) -> Result<Found, Fault> {
        let database = self.database();
        let mut collections = database.list_collection_names().await?;
        collections.retain(|name| !name.starts_with("system."));
        collections.sort();
        let steps = self.documents::<StepsDocument>().find_one(doc! { "_id": STEPS_TAKEN }).await?;
        let taken = steps.into_iter().flat_map(|steps| steps.taken).map(|step| step.number).collect();
        Ok(Found { database: database.name().to_owned(), collections, taken })
    }

    /// Takes steps. Answers how many were not taken by another node in the meantime.
    async fn take(&self, steps: Vec<&Step>) -> Result<usize, Fault> {
        if steps.is_empty() {
            return Ok(0);
        }
        // First, so that what a node leaves that dies here is known as Doorward's.
        let ledger = Ledger::first(Vec::new());
        self.insert(&StepsDocument { id: STEPS_TAKEN.to_owned(), taken: Vec::new(), ledger }).await?;
        self.begin_counting().await?;
        for step in &steps {
            for index in (step.indexes)() {
                self.create(index).await?;
            }
        }
        loop {
            let noted = self.change::<StepsDocument, _>(STEPS_TAKEN, |draft| {
                let new = steps.iter().filter(|step| draft.taken.iter().all(|taken| taken.number != step.number));
                let new: Vec<_> =
                    new.map(|step| TakenDocument { number: step.number, title: step.title.to_owned() }).collect();
                let count = new.len();
                draft.taken.extend(new);
                Ok(if count == 0 { Decision::Leave(0) } else { Decision::Write(count) })
            });
            match noted.await {
                Err(Fault::LostRace) => {}
                noted => return Ok(noted?.unwrap_or(0)),
            }
        }
    }

    /// Makes an index, or finds it made. A server that makes one index of a collection at a time is waited for.
    async fn create(&self, Index { collection, keys, options }: Index) -> Result<(), Fault> {
        const BUILDING: i32 = 40_333;
        let model = IndexModel::builder().keys(keys).options(options).build();
        for _ in 1..BUILD_TRIES {
            match self.collection::<Document>(collection).create_index(model.clone()).await {
                Err(error) if code(&error) == Some(BUILDING) => tokio::time::sleep(BUILD_PAUSE).await,
                made => {
                    made?;
                    return Ok(());
                }
            }
        }
        self.collection::<Document>(collection).create_index(model).await?;
        Ok(())
    }
}

/// How often an index is tried while the server makes another, and the pause between.
const BUILD_TRIES: usize = 60;
const BUILD_PAUSE: Duration = Duration::from_secs(1);

fn unreachable(fault: Fault) -> OpenError {
    OpenError::Unreachable(Box::new(fault))
}
