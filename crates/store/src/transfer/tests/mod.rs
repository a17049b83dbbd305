//! Moving, tried between stores of every kind that there is here.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[cfg(feature = "mongodb")]
mod documents;
mod fixture;
mod interruption;
mod mutation;

use std::sync::Arc;

use serde_json::Value;

use self::fixture::{everything, fill, now};
use super::{Comparison, CopyError, End, Kind, Order, checksums, compare, copy};
use crate::conformance::{Backend, Folder, PostgresBackend, options};
use crate::{PostgresStore, SqliteStore};

/// An empty store in a folder.
async fn sqlite(folder: &Folder) -> End {
    End::from(sqlite_store(folder).await)
}

async fn sqlite_store(folder: &Folder) -> Arc<SqliteStore> {
    let store = SqliteStore::open(&folder.0.join("doorward.db"), options()).await.unwrap();
    store.migrate().await.unwrap();
    Arc::new(store)
}

async fn postgres(backend: &PostgresBackend) -> End {
    let store = PostgresStore::connect(&backend.url(), options()).await.unwrap();
    store.migrate().await.unwrap();
    End::from(Arc::new(store))
}

/// Copies, as if on a command line.
async fn copied(from: &End, to: &End, restart: bool) -> Result<Comparison, CopyError> {
    copy(&Order { from, to, source: "a", as_of: now(), restart }, &mut |_| {}).await
}

/// Copies what must come out the same.
async fn copied_whole(from: &End, to: &End) {
    let comparison = copied(from, to, false).await.unwrap();
    assert_eq!(comparison.difference, None);
    assert!(comparison.sums.iter().all(|(one, other)| one == other && one.count > 0), "{comparison:?}");
    assert_eq!(to.unfinished_copy().await.unwrap(), None);
}

/// Every record of a store, as JSON.
async fn records(end: &End) -> Vec<(Kind, Vec<Value>)> {
    let mut all = Vec::new();
    for kind in Kind::ALL {
        let lines = end.0.read_page(kind, None, 1000).await.unwrap().lines().unwrap();
        all.push((kind, lines.iter().map(|line| serde_json::from_slice(&line.bytes).unwrap()).collect()));
    }
    all
}

#[tokio::test]
async fn everything_comes_out_as_it_went_in() {
    let (one, other) = (Folder::new(), Folder::new());
    let (one, other) = (sqlite(&one).await, sqlite(&other).await);
    fill(&one, &everything()).await.unwrap();
    assert_eq!(records(&one).await, everything());
    copied_whole(&one, &other).await;
    assert_eq!(records(&other).await, everything());
}

#[tokio::test]
async fn everything_comes_back_from_another_engine() {
    let Some(backend) = PostgresBackend::prepare().await else { return };
    let (first, last) = (Folder::new(), Folder::new());
    let (first, between, last) = (sqlite(&first).await, postgres(&backend).await, sqlite(&last).await);
    fill(&first, &everything()).await.unwrap();
    copied_whole(&first, &between).await;
    copied_whole(&between, &last).await;
    assert_eq!(records(&last).await, everything());
    drop(between);
    backend.clear().await;
}

#[tokio::test]
async fn moments_finer_than_a_millisecond_are_cut_in_both() {
    let Some(backend) = PostgresBackend::prepare().await else { return };
    let folder = Folder::new();
    let (from, to) = (postgres(&backend).await, sqlite(&folder).await);
    fill(&from, &everything()).await.unwrap();
    backend
        .run(format!("update {}.users set updated_at = updated_at + interval '345 microseconds'", backend.schema()))
        .await;
    copied_whole(&from, &to).await;
    drop(from);
    backend.clear().await;
}

#[tokio::test]
async fn a_store_in_use_is_no_target() {
    let (one, other) = (Folder::new(), Folder::new());
    let (from, to) = (sqlite(&one).await, sqlite(&other).await);
    fill(&from, &everything()).await.unwrap();
    fill(&to, &everything()[..1]).await.unwrap();
    let before = records(&to).await;
    for restart in [false, true] {
        let refused = copied(&from, &to, restart).await.unwrap_err();
        assert!(matches!(refused, CopyError::NotEmpty { kind: Kind::Teams, count: 7 }), "{refused}");
    }
    assert_eq!(records(&to).await, before);
}

#[tokio::test]
async fn what_is_over_stays_behind() {
    let (one, other) = (Folder::new(), Folder::new());
    let (from, to) = (sqlite(&one).await, sqlite(&other).await);
    fill(&from, &everything()).await.unwrap();
    let later = now() + jiff::SignedDuration::from_hours(31 * 24);
    let order = Order { from: &from, to: &to, source: "a", as_of: later, restart: false };
    assert_eq!(copy(&order, &mut |_| {}).await.unwrap().difference, None);
    let sums = checksums(&to, later, &mut |_| {}).await.unwrap();
    let count = |kind: Kind| sums.iter().find(|sum| sum.kind == kind).unwrap().count;
    assert_eq!([Kind::Users, Kind::Sessions, Kind::Throttles, Kind::UsedValues].map(count), [7, 0, 2, 0]);
    assert_eq!(sums, checksums(&from, later, &mut |_| {}).await.unwrap());
}

#[tokio::test]
async fn an_empty_store_is_copied_too() {
    let (one, other) = (Folder::new(), Folder::new());
    let (from, to) = (sqlite(&one).await, sqlite(&other).await);
    assert_eq!(copied(&from, &to, false).await.unwrap().difference, None);
    assert_eq!(to.unfinished_copy().await.unwrap(), None);
}

#[tokio::test]
async fn what_one_store_lacks_is_named() {
    let (one, other) = (Folder::new(), Folder::new());
    let (one, other) = (sqlite(&one).await, sqlite(&other).await);
    let all = everything();
    fill(&one, &all).await.unwrap();
    for (at, (kind, values)) in all.iter().enumerate().filter(|(_, (kind, _))| *kind >= Kind::Sessions) {
        for missing in 0..values.len() {
            let mut fewer = all.clone();
            let gone = fewer[at].1.remove(missing);
            fill(&other, &fewer).await.unwrap();
            let key = fixture::page(*kind, &[gone]).last_key().unwrap();
            for (left, right) in [(&one, &other), (&other, &one)] {
                let comparison = compare(left, right, now(), &mut |_| {}).await.unwrap();
                let difference = comparison.difference.unwrap();
                assert_eq!((difference.kind, &difference.key), (*kind, &key));
            }
        }
    }
}
