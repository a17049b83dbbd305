//! What Amazon DocumentDB 5.0 documents of MongoDB's commands, and what a command asks beyond that. The lists say what
//! may be asked, each with where AWS says so in the developer guide of DocumentDB:
//!
//! * APIs: "Supported MongoDB APIs, operations, and data types", the column "5.0"
//! * Differences: "Functional differences: Amazon DocumentDB and MongoDB"
//! * Indexes: "Index properties" and the pages of the index types

use mongodb::bson::{Bson, Document};

/// Commands, and the fields each may have.
const COMMANDS: [(&str, &[&str]); 16] = [
    // APIs, "Query and write operations"; the options of `find` are in "Cursor methods".
    ("find", &["filter", "sort", "projection", "limit", "skip", "batchSize", "singleBatch", "hint", "maxTimeMS"]),
    ("getMore", &["collection", "batchSize", "maxTimeMS"]),
    ("insert", &["documents", "ordered"]),
    ("update", &["updates", "ordered"]),
    ("delete", &["deletes", "ordered"]),
    ("findAndModify", &["query", "update", "remove", "sort", "fields", "new", "upsert"]),
    // APIs, "Aggregation".
    ("aggregate", &["pipeline", "cursor"]),
    // APIs, "Administrative commands".
    ("createIndexes", &["indexes"]),
    ("listCollections", &["nameOnly", "cursor"]),
    ("killCursors", &["cursors"]),
    ("dropDatabase", &[]),
    // Of the protocol: every driver greets, signs in and asks for a sign of life with them (APIs, "Authentication", has
    // them together as `authenticate`).
    ("hello", &["helloOk"]),
    ("ping", &[]),
    ("saslStart", &["mechanism", "payload", "options", "autoAuthorize"]),
    ("saslContinue", &["conversationId", "payload"]),
    // Not documented: a driver that goes says so, and asks for no answer.
    ("endSessions", &[]),
];

/// What any command may have. `lsid` names a session (APIs, "Sessions commands": `startSession`), and `$clusterTime` is
/// said to a server that said one itself. The concerns and the preference are in APIs, "Cursor methods", and Differences,
/// "Retryable writes"; `txnNumber` is refused there.
const ANY_COMMAND: [&str; 6] = ["$db", "lsid", "$clusterTime", "$readPreference", "readConcern", "writeConcern"];

/// APIs, "Query and projection operators": comparison, logical, element, array, and of evaluation what needs no other
/// query.
const QUERY: [&str; 18] = [
    "$eq",
    "$gt",
    "$gte",
    "$in",
    "$lt",
    "$lte",
    "$ne",
    "$nin",
    "$and",
    "$nor",
    "$not",
    "$or",
    "$exists",
    "$type",
    "$all",
    "$elemMatch",
    "$size",
    "$regex",
];

/// APIs, "Update operators": field and array.
const UPDATE: [&str; 13] = [
    "$currentDate",
    "$inc",
    "$max",
    "$min",
    "$mul",
    "$rename",
    "$set",
    "$setOnInsert",
    "$unset",
    "$addToSet",
    "$pop",
    "$pull",
    "$push",
];

/// APIs, "Update operators": modifiers.
const MODIFIERS: [&str; 4] = ["$each", "$position", "$slice", "$sort"];

/// What is taken out by `$pull`: APIs has the operator, and says nothing of conditions that are more than a comparison.
const PULL: [&str; 8] = ["$eq", "$gt", "$gte", "$in", "$lt", "$lte", "$ne", "$nin"];

/// APIs, "Aggregation pipeline operators": stages.
const STAGES: [&str; 7] = ["$match", "$project", "$group", "$sort", "$limit", "$skip", "$unwind"];

/// APIs, "Aggregation pipeline operators": accumulators.
const ACCUMULATORS: [&str; 7] = ["$addToSet", "$avg", "$first", "$last", "$max", "$min", "$sum"];

/// Indexes, "Supported index properties" for each type; `partialFilterExpression` has rules of its own and is left out.
const INDEX_OPTIONS: [&str; 5] = ["key", "name", "unique", "sparse", "expireAfterSeconds"];

/// What a command asks that is not documented, in words.
pub(super) fn undocumented(command: &Document) -> Vec<String> {
    let mut judge = Judge::default();
    judge.command(command);
    judge.0
}

#[derive(Default)]
struct Judge(Vec<String>);

impl Judge {
    fn refuse(&mut self, what: &str, name: &str) {
        self.0.push(format!("{what} {name}"));
    }

    fn command(&mut self, command: &Document) {
        let Some(name) = command.keys().next() else { return };
        let Some((_, fields)) = COMMANDS.iter().find(|(known, _)| known == name) else {
            return self.refuse("command", name);
        };
        for (field, value) in command.iter().skip(1) {
            if !fields.contains(&field.as_str()) && !ANY_COMMAND.contains(&field.as_str()) {
                self.refuse("option", &format!("{field} of {name}"));
            }
            match field.as_str() {
                "filter" | "query" => self.operators(value, &QUERY, "query operator"),
                "sort" | "projection" | "fields" => self.operators(value, &[], "operator in a sort or projection"),
                "update" => self.update(value),
                "documents" => self.contents(value),
                "updates" | "deletes" => self.each(value, Self::statement),
                "pipeline" => self.each(value, Self::stage),
                "indexes" => self.each(value, Self::index),
                _ => {}
            }
        }
    }

    fn each(&mut self, list: &Bson, judge: fn(&mut Self, &Document)) {
        for document in list.as_array().into_iter().flatten().filter_map(Bson::as_document) {
            judge(self, document);
        }
    }

    /// One of the updates or deletes of a command.
    fn statement(&mut self, statement: &Document) {
        for (field, value) in statement {
            match field.as_str() {
                "q" => self.operators(value, &QUERY, "query operator"),
                "u" => self.update(value),
                "multi" | "upsert" | "limit" => {}
                other => self.refuse("option of an update or delete:", other),
            }
        }
    }

    /// What becomes of a document: operators, or another in its place.
    fn update(&mut self, update: &Bson) {
        let Some(update) = update.as_document() else { return self.refuse("update by", "pipeline") };
        if !update.keys().any(|key| key.starts_with('$')) {
            return self.contents(&Bson::Document(update.clone()));
        }
        for (operator, change) in update {
            match operator.as_str() {
                operator if !UPDATE.contains(&operator) => self.refuse("update operator", operator),
                "$pull" => self.operators(change, &PULL, "condition of $pull"),
                "$push" | "$addToSet" => self.operators(change, &MODIFIERS, "update modifier"),
                _ => self.contents(change),
            }
        }
    }

    fn stage(&mut self, stage: &Document) {
        for (name, value) in stage {
            match name.as_str() {
                name if !STAGES.contains(&name) => self.refuse("stage", name),
                "$match" => self.operators(value, &QUERY, "query operator"),
                "$group" => self.operators(value, &ACCUMULATORS, "accumulator"),
                _ => self.operators(value, &[], "expression"),
            }
        }
    }

    fn index(&mut self, index: &Document) {
        for (option, value) in index {
            if !INDEX_OPTIONS.contains(&option.as_str()) {
                self.refuse("index option", option);
            }
            let keys = (option == "key").then(|| value.as_document()).flatten();
            for (field, direction) in keys.into_iter().flatten() {
                if field.contains('$') || !matches!(direction, Bson::Int32(1 | -1)) {
                    self.refuse("kind of index on", field);
                }
            }
        }
    }

    /// Every operator in there, however deep, and the values it is about.
    fn operators(&mut self, value: &Bson, known: &[&str], what: &str) {
        match value {
            Bson::Document(document) => {
                for (key, value) in document {
                    if key.starts_with('$') && !known.contains(&key.as_str()) {
                        self.refuse(what, key);
                    }
                    self.operators(value, known, what);
                }
            }
            Bson::Array(values) => values.iter().for_each(|value| self.operators(value, known, what)),
            value => self.contents(value),
        }
    }

    /// A value as it is kept: no operator, and of a kind there is (APIs, "Data types").
    fn contents(&mut self, value: &Bson) {
        match value {
            Bson::Document(document) => {
                for (key, value) in document {
                    if key.contains('$') {
                        self.refuse("name of a field:", key);
                    }
                    self.contents(value);
                }
            }
            Bson::Array(values) => values.iter().for_each(|value| self.contents(value)),
            Bson::JavaScriptCode(_)
            | Bson::JavaScriptCodeWithScope(_)
            | Bson::Symbol(_)
            | Bson::DbPointer(_)
            | Bson::Undefined => self.refuse("kind of value:", &format!("{:?}", value.element_type())),
            _ => {}
        }
    }
}

#[test]
fn what_documentdb_does_not_document_is_noticed() {
    use mongodb::bson::doc;
    for (command, complaint) in [
        (doc! { "mapReduce": "users" }, "command mapReduce"),
        (doc! { "refreshSessions": [] }, "command refreshSessions"),
        (doc! { "insert": "users", "documents": [], "txnNumber": 1_i64 }, "option txnNumber of insert"),
        (doc! { "find": "users", "filter": {}, "collation": { "locale": "en" } }, "option collation of find"),
        (doc! { "find": "users", "filter": { "$and": [{ "a": { "$bitsAllSet": 1 } }] } }, "query operator $bitsAllSet"),
        (doc! { "find": "users", "filter": { "$where": "1" } }, "query operator $where"),
        (doc! { "find": "users", "sort": { "a": { "$meta": "x" } } }, "operator in a sort or projection $meta"),
        (doc! { "update": "users", "updates": [{ "q": {}, "u": [{ "$set": { "a": 1 } }] }] }, "update by pipeline"),
        (doc! { "update": "users", "updates": [{ "q": {}, "u": { "$bit": { "a": 1 } } }] }, "update operator $bit"),
        (
            doc! { "update": "users", "updates": [{ "q": {}, "u": {}, "arrayFilters": [] }] },
            "option of an update or delete: arrayFilters",
        ),
        (doc! { "delete": "users", "deletes": [{ "q": { "$expr": 1 } }] }, "query operator $expr"),
        (doc! { "findAndModify": "users", "update": { "$pull": { "a": { "$or": [] } } } }, "condition of $pull $or"),
        (doc! { "aggregate": "users", "pipeline": [{ "$facet": {} }] }, "stage $facet"),
        (
            doc! { "aggregate": "users", "pipeline": [{ "$group": { "_id": null, "n": { "$count": {} } } }] },
            "accumulator $count",
        ),
        (doc! { "createIndexes": "users", "indexes": [{ "collation": {} }] }, "index option collation"),
        (doc! { "createIndexes": "users", "indexes": [{ "key": { "a": "hashed" } }] }, "kind of index on a"),
        (doc! { "insert": "users", "documents": [{ "a": Bson::Undefined }] }, "kind of value: Undefined"),
    ] {
        assert_eq!(undocumented(&command), [complaint], "{command}");
    }
}
