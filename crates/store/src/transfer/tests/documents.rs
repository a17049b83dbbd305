//! Moving into documents and out of them.

use std::sync::Arc;

use mongodb::bson::{Document, doc};

use super::fixture::{everything, fill, now};
use super::interruption::{Last, cut_off_everywhere};
use super::{copied, copied_whole, postgres, records, sqlite};
use crate::conformance::{Backend, Folder, MongoBackend, PostgresBackend};
use crate::transfer::{CopyError, End, Kind, checksums};

async fn documents(backend: &MongoBackend) -> End {
    let store = backend.store().await;
    store.migrate().await.unwrap();
    End::from(Arc::new(store))
}

#[tokio::test]
async fn everything_comes_back_from_documents() {
    let Some(backend) = MongoBackend::prepare().await else { return };
    let (first, last) = (Folder::new(), Folder::new());
    let (first, between, last) = (sqlite(&first).await, documents(&backend).await, sqlite(&last).await);
    fill(&first, &everything()).await.unwrap();
    copied_whole(&first, &between).await;
    copied_whole(&between, &last).await;
    assert_eq!(records(&last).await, everything());
    drop(between);
    backend.clear().await;
}

#[tokio::test]
async fn rows_of_a_server_come_out_of_documents_with_the_same_checksums() {
    let Some(documents_backend) = MongoBackend::prepare().await else { return };
    let Some(rows_backend) = PostgresBackend::prepare().await else { return };
    let (rows, between) = (postgres(&rows_backend).await, documents(&documents_backend).await);
    fill(&rows, &everything()).await.unwrap();
    copied_whole(&rows, &between).await;
    let sums = async |end: &End| checksums(end, now(), &mut |_| {}).await.unwrap();
    assert_eq!(sums(&rows).await, sums(&between).await);
    drop((rows, between));
    rows_backend.clear().await;
    documents_backend.clear().await;
}

#[tokio::test]
async fn a_copy_into_documents_goes_on_wherever_it_was_cut_off() {
    let Some(backend) = MongoBackend::prepare().await else { return };
    let folder = Folder::new();
    let (from, to) = (sqlite(&folder).await, documents(&backend).await);
    fill(&from, &everything()).await.unwrap();
    cut_off_everywhere(&from, &to, &[Last::Lost, Last::Half]).await;
    drop(to);
    backend.clear().await;
}

#[tokio::test]
async fn documents_in_use_are_no_target() {
    let Some(backend) = MongoBackend::prepare().await else { return };
    let folder = Folder::new();
    let (from, to) = (sqlite(&folder).await, documents(&backend).await);
    for (at, part) in everything().iter().enumerate() {
        if part.0 == Kind::Users || part.0 == Kind::Sessions {
            continue;
        }
        fill(&to, &everything()[at..=at]).await.unwrap();
        let refused = copied(&from, &to, true).await.unwrap_err();
        assert!(matches!(&refused, CopyError::NotEmpty { kind, .. } if *kind == part.0), "{refused}");
    }
    drop(to);
    backend.clear().await;
}

#[tokio::test]
async fn what_documents_owe_is_done_before_they_move() {
    let Some(backend) = MongoBackend::prepare().await else { return };
    let folder = Folder::new();
    let (from, to) = (documents(&backend).await, sqlite(&folder).await);
    fill(&from, &everything()).await.unwrap();
    let users = backend.database().await.collection::<Document>("users");
    // The writer of this account's removal died before it was done.
    let leaving = doc! { "$set": { "ledger.leaving": true, "ledger.owing": true } };
    users.update_one(doc! { "email": "user3@example.com" }, leaving).await.unwrap();
    assert_eq!(copied(&from, &to, false).await.unwrap().difference, None);
    let users = &records(&to).await[5];
    assert_eq!((users.0, users.1.len()), (Kind::Users, 6));
    drop(from);
    backend.clear().await;
}

#[tokio::test]
async fn documents_of_a_newer_version_are_refused() {
    let Some(backend) = MongoBackend::prepare().await else { return };
    let folder = Folder::new();
    let (from, to) = (documents(&backend).await, sqlite(&folder).await);
    fill(&from, &everything()).await.unwrap();
    let users = backend.database().await.collection::<Document>("users");
    users.update_one(doc! {}, doc! { "$set": { "ledger.format": 99 } }).await.unwrap();
    let refused = copied(&from, &to, false).await.unwrap_err();
    assert!(matches!(refused, CopyError::Read { kind: Kind::Users, .. }), "{refused}");
    drop(from);
    backend.clear().await;
}
