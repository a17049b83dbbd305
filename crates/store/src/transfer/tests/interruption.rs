//! Copies that are cut off, and gone on with.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use doorward_identity::StoreError;

use super::fixture::{everything, fill, id};
use super::{copied, copied_whole, records, sqlite};
use crate::conformance::Folder;
use crate::transfer::{CopyError, End, Key, Kind, Mark, Page, Transfer};

/// What becomes of the write that is cut off.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    /// Nothing.
    Lost,
    /// It is written, and nobody is told.
    Written,
    /// Its records are written, and how far the copy is is not: what is left where a page is not one transaction.
    Half,
}

/// A store whose writes fail after so many.
pub(super) struct CutOff {
    store: Arc<dyn Transfer>,
    writes_left: AtomicUsize,
    last: Last,
}

impl CutOff {
    fn after(end: &End, writes: usize, last: Last) -> Arc<Self> {
        Arc::new(Self { store: Arc::clone(&end.0), writes_left: writes.into(), last })
    }
}

#[async_trait]
impl Transfer for CutOff {
    async fn count(&self, kind: Kind) -> Result<u64, StoreError> {
        self.store.count(kind).await
    }

    async fn read_page(&self, kind: Kind, after: Option<&Key>, limit: u32) -> Result<Page, StoreError> {
        self.store.read_page(kind, after, limit).await
    }

    async fn write_page(&self, page: &Page, mark: &Mark) -> Result<(), StoreError> {
        if self.writes_left.fetch_sub(1, Ordering::Relaxed) > 0 {
            return self.store.write_page(page, mark).await;
        }
        match (self.last, self.store.find_mark().await?) {
            (Last::Written, _) => self.store.write_page(page, mark).await?,
            (Last::Half, Some(former)) => self.store.write_page(page, &former).await?,
            _ => {}
        }
        Err(StoreError::Unavailable("cut off".into()))
    }

    async fn find_mark(&self) -> Result<Option<Mark>, StoreError> {
        self.store.find_mark().await
    }

    async fn begin_copy(&self, mark: &Mark) -> Result<(), StoreError> {
        self.store.begin_copy(mark).await
    }

    async fn end_copy(&self) -> Result<(), StoreError> {
        self.store.end_copy().await
    }
}

#[tokio::test]
async fn a_copy_goes_on_wherever_it_was_cut_off() {
    let (one, other) = (Folder::new(), Folder::new());
    let (from, to) = (sqlite(&one).await, sqlite(&other).await);
    fill(&from, &everything()).await.unwrap();
    cut_off_everywhere(&from, &to, &[Last::Lost, Last::Written]).await;
}

/// Cuts a copy off after each of its writes, in each of those ways, and goes on.
pub(super) async fn cut_off_everywhere(from: &End, to: &End, ways: &[Last]) {
    for last in ways {
        let mut cuts = 0;
        loop {
            let cut_off = CutOff::after(to, cuts, *last);
            match copied(from, &End(cut_off), cuts > 0).await {
                Err(CopyError::Write { .. }) => {}
                Ok(_) => break,
                Err(other) => panic!("{other}"),
            }
            assert_eq!(to.unfinished_copy().await.unwrap().as_deref(), Some("a"), "nothing may be served");
            copied_whole(from, to).await;
            assert_eq!(records(to).await, everything());
            // Half a copy again, for the next cut.
            to.0.begin_copy(&mark("a")).await.unwrap();
            cuts += 1;
        }
        assert!(cuts > 15, "only {cuts} pages");
        to.0.begin_copy(&mark("a")).await.unwrap();
        to.0.end_copy().await.unwrap();
    }
}

fn mark(source: &str) -> Mark {
    let position = crate::transfer::Position { kind: None, after: None, done: 0 };
    Mark { source: source.to_owned(), position }
}

#[tokio::test]
async fn a_copy_that_is_gone_on_with_writes_nothing_twice() {
    let (one, other) = (Folder::new(), Folder::new());
    let (from, to) = (sqlite(&one).await, sqlite(&other).await);
    fill(&from, &everything()).await.unwrap();
    let (first, rest) = (CutOff::after(&to, 9, Last::Lost), CutOff::after(&to, 1000, Last::Lost));
    copied(&from, &End(first), false).await.unwrap_err();
    copied_whole(&from, &End(Arc::clone(&rest) as Arc<dyn Transfer>)).await;
    let whole = CutOff::after(&to, 1000, Last::Lost);
    to.0.begin_copy(&mark("b")).await.unwrap();
    copied(&from, &End(Arc::clone(&whole) as Arc<dyn Transfer>), true).await.unwrap();
    let written = |store: &CutOff| 1000 - store.writes_left.load(Ordering::Relaxed);
    assert_eq!(written(&rest) + 9, written(&whole));
}

#[tokio::test]
async fn the_rest_of_another_copy_is_refused_until_it_is_thrown_away() {
    let (one, other) = (Folder::new(), Folder::new());
    let (from, to) = (sqlite(&one).await, sqlite(&other).await);
    fill(&from, &everything()).await.unwrap();
    fill(&to, &everything()[..2]).await.unwrap();
    to.0.write_page(&Page::Seeds(Vec::new()), &mark("b")).await.unwrap();
    let refused = copied(&from, &to, false).await.unwrap_err();
    assert!(matches!(&refused, CopyError::AnotherCopy(source) if source == "b"), "{refused}");
    let comparison = copied(&from, &to, true).await.unwrap();
    assert_eq!(comparison.difference, None);
    assert_eq!(records(&to).await, everything());
}

#[tokio::test]
async fn half_a_store_is_no_source() {
    let (one, other) = (Folder::new(), Folder::new());
    let (from, to) = (sqlite(&one).await, sqlite(&other).await);
    from.0.begin_copy(&mark("b")).await.unwrap();
    let refused = copied(&from, &to, false).await.unwrap_err();
    assert!(matches!(&refused, CopyError::SourceUnfinished(source) if source == "b"), "{refused}");
}

#[tokio::test]
async fn a_source_that_changes_behind_the_copy_is_found_out() {
    let (one, other) = (Folder::new(), Folder::new());
    let (from, to) = (sqlite(&one).await, sqlite(&other).await);
    let mut all = everything();
    fill(&from, &all).await.unwrap();
    copied(&from, &End(CutOff::after(&to, 14, Last::Lost)), false).await.unwrap_err();
    let users = &mut all.iter_mut().find(|(kind, _)| *kind == Kind::Users).unwrap().1;
    users[0]["name"] = "Somebody Else".into();
    fill(&from, &all).await.unwrap();

    for _ in 0..2 {
        let comparison = copied(&from, &to, false).await.unwrap();
        let difference = comparison.difference.unwrap();
        assert_eq!((difference.kind, difference.key.to_string()), (Kind::Users, id('4', 1)));
        assert_eq!(to.unfinished_copy().await.unwrap().as_deref(), Some("a"), "what differs is not served");
    }
    assert_eq!(copied(&from, &to, true).await.unwrap().difference, None);
}
