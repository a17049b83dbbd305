//! A watch over every command that a store sends: none may ask what DocumentDB does not document, or leave an index
//! unused that DocumentDB uses only on a condition.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use mongodb::bson::{Bson, Document};
use mongodb::event::EventHandler;
use mongodb::event::command::CommandEvent;
use secrecy::SecretString;

use super::documentdb::undocumented;
use crate::Options;
use crate::mongo::{MongoStore, address};
use crate::schema::OpenError;

/// What was seen.
#[derive(Default)]
pub(crate) struct Watch(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    complaints: BTreeSet<String>,
    /// The indexes by collection.
    indexes: HashMap<String, Vec<Index>>,
}

struct Index {
    fields: Vec<String>,
    is_sparse: bool,
}

impl Watch {
    /// As [`MongoStore::connect`], watched.
    pub(crate) async fn connect(
        self: &Arc<Self>,
        url: &SecretString,
        options: Options,
    ) -> Result<MongoStore, OpenError> {
        let mut address = address::parse(url, &options).await?;
        address.options.command_event_handler = Some(self.handler());
        MongoStore::open(address, options).await
    }

    fn handler(self: &Arc<Self>) -> EventHandler<CommandEvent> {
        let watch = Arc::clone(self);
        EventHandler::callback(move |event| {
            if let CommandEvent::Started(started) = event {
                watch.seen(|seen| seen.note(&started.command));
            }
        })
    }

    fn seen<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Fails where there was anything to complain of.
    pub(crate) fn assert_nothing_undocumented(&self) {
        let complaints = self.seen(|seen| seen.complaints.clone());
        assert!(complaints.is_empty(), "not for Amazon DocumentDB 5.0: {complaints:#?}");
    }
}

impl Seen {
    fn note(&mut self, command: &Document) {
        self.complaints.extend(undocumented(command));
        let Some((name, Bson::String(collection))) = command.iter().next() else { return };
        for index in documents(command, "indexes") {
            self.indexes.entry(collection.clone()).or_default().push(Index::of(index));
        }
        let indexes = self.indexes.get(collection).map_or(&[][..], Vec::as_slice);
        let listed = documents(command, "updates").chain(documents(command, "deletes"));
        let queries = ["filter", "query"].into_iter().filter_map(|field| command.get_document(field).ok());
        let first_stages = documents(command, "pipeline").filter_map(|stage| stage.get_document("$match").ok());
        for query in listed.filter_map(|one| one.get_document("q").ok()).chain(queries).chain(first_stages) {
            if let Some(index) = left_unused(query, indexes) {
                let fields: Vec<&String> = query.keys().collect();
                let complaint = format!("{name} in {collection} by {fields:?} leaves {:?} unused", index.fields);
                self.complaints.insert(complaint);
            }
        }
    }
}

impl Index {
    fn of(index: &Document) -> Self {
        let fields = index.get_document("key").map(|key| key.keys().cloned().collect()).unwrap_or_default();
        Self { fields, is_sparse: index.get_bool("sparse").unwrap_or(false) }
    }

    /// Whether a query is about documents that have its first field.
    fn leads(&self, query: &Document) -> bool {
        self.fields.first().and_then(|field| query.get(field)).is_some_and(|condition| *condition != Bson::Null)
    }

    /// Whether DocumentDB answers a query by it: a sparse one only where each of its fields is asked to exist
    /// (Differences, "Sparse index").
    fn serves(&self, query: &Document) -> bool {
        let exists = |field: &String| {
            query.get_document(field).is_ok_and(|condition| condition.get_bool("$exists").unwrap_or(false))
        };
        self.leads(query) && (!self.is_sparse || self.fields.iter().all(exists))
    }
}

/// The sparse index a query was meant for and does not get, where no other serves it.
fn left_unused<'index>(query: &Document, indexes: &'index [Index]) -> Option<&'index Index> {
    if query.contains_key("_id") || indexes.iter().any(|index| index.serves(query)) {
        return None;
    }
    indexes.iter().find(|index| index.leads(query))
}

/// The documents of a list in a command.
fn documents<'command>(command: &'command Document, field: &str) -> impl Iterator<Item = &'command Document> {
    command.get_array(field).into_iter().flatten().filter_map(Bson::as_document)
}

#[test]
fn a_sparse_index_that_documentdb_would_not_use_is_noticed() {
    use mongodb::bson::doc;
    let mut seen = Seen::default();
    let sparse = doc! { "key": { "a": 1, "b": 1 }, "sparse": true };
    seen.note(&doc! { "createIndexes": "users", "indexes": [sparse, { "key": { "c": 1 } }] });
    let exists = doc! { "$exists": true, "$eq": 1 };
    for served in
        [doc! { "a": &exists, "b": &exists }, doc! { "a": 1, "c": 1 }, doc! { "a": 1, "_id": 1 }, doc! { "x": 1 }]
    {
        seen.note(&doc! { "find": "users", "filter": served });
        assert_eq!(seen.complaints, BTreeSet::new());
    }
    seen.note(&doc! { "delete": "users", "deletes": [{ "q": { "a": exists, "b": 1 } }] });
    let complaint = r#"delete in users by ["a", "b"] leaves ["a", "b"] unused"#;
    assert_eq!(seen.complaints, BTreeSet::from([complaint.to_owned()]));
}

#[tokio::test]
async fn a_forbidden_command_does_not_pass_the_watch() {
    use crate::conformance::{Backend as _, MongoBackend, options};
    let Some(backend) = MongoBackend::prepare().await else { return };
    let watch = Arc::new(Watch::default());
    let store = watch.connect(&backend.url(), options()).await.unwrap();
    watch.assert_nothing_undocumented();
    let users = store.database().collection::<Document>("users");
    let _ = users.find_one(mongodb::bson::doc! { "$expr": true }).await;
    let complaints = watch.seen(|seen| seen.complaints.clone());
    assert_eq!(complaints, BTreeSet::from(["query operator $expr".to_owned()]));
    backend.clear().await;
}
