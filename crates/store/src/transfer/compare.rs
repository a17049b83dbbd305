//! Checksums: for each kind, SHA-256 over the JSON of its records, a line each, in the order of their keys. The same
//! records have the same checksum in every engine.

use std::collections::VecDeque;

use aws_lc_rs::digest::{Context, SHA256};
use doorward_identity::StoreError;
use jiff::Timestamp;

use super::page::Line;
use super::{End, Key, Kind, PAGE, Progress, Stage, count_all};

/// What a store has of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sum {
    /// The kind.
    pub kind: Kind,
    /// How many records.
    pub count: u64,
    /// SHA-256 of them, in hexadecimal digits.
    pub checksum: String,
}

/// Where two stores first differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// In this kind.
    pub kind: Kind,
    /// In this record.
    pub key: Key,
}

/// What two stores have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// What each has of each kind.
    pub sums: Vec<(Sum, Sum)>,
    /// Where they first differ; `None` when they have the same.
    pub difference: Option<Difference>,
}

/// What a store has, but for what is over at that moment.
pub async fn checksums(end: &End, as_of: Timestamp, watch: &mut dyn FnMut(Progress)) -> Result<Vec<Sum>, StoreError> {
    let (mut sums, mut done, total) = (Vec::new(), 0, count_all(end).await?);
    for kind in Kind::ALL {
        let mut reading = Reading::new(end, kind, as_of);
        loop {
            watch(Progress { stage: Stage::Comparing, kind, done: done + reading.read, total });
            reading.fill().await?;
            if reading.ahead.is_empty() {
                break;
            }
            reading.ahead.clear();
        }
        done += reading.read;
        sums.push(reading.sum());
    }
    Ok(sums)
}

/// Reads two stores and compares them record by record, but for what is over at that moment.
pub async fn compare(
    one: &End,
    other: &End,
    as_of: Timestamp,
    watch: &mut dyn FnMut(Progress),
) -> Result<Comparison, StoreError> {
    let mut comparison = Comparison { sums: Vec::new(), difference: None };
    other.0.prepare().await?;
    let (mut done, total) = (0, count_all(one).await?);
    for kind in Kind::ALL {
        let (mut left, mut right) = (Reading::new(one, kind, as_of), Reading::new(other, kind, as_of));
        loop {
            watch(Progress { stage: Stage::Comparing, kind, done: done + left.read, total });
            tokio::try_join!(left.fill(), right.fill())?;
            if left.ahead.is_empty() && right.ahead.is_empty() {
                break;
            }
            let parting = parting_key(&mut left.ahead, &mut right.ahead);
            if comparison.difference.is_none() {
                comparison.difference = parting.map(|key| Difference { kind, key });
            }
        }
        done += left.read;
        comparison.sums.push((left.sum(), right.sum()));
    }
    Ok(comparison)
}

/// Takes off the records that both have, up to the end of one of the two. Answers the key at which they part, if they
/// do: in one of them the record is another, or missing; then both are emptied.
fn parting_key(left: &mut VecDeque<Line>, right: &mut VecDeque<Line>) -> Option<Key> {
    // If only one has anything, the other is at its end.
    let is_over = left.is_empty() || right.is_empty();
    while let (Some(one), Some(other)) = (left.front(), right.front())
        && one == other
    {
        left.pop_front();
        right.pop_front();
    }
    if !is_over && (left.is_empty() || right.is_empty()) {
        return None;
    }
    let parting = [left.front(), right.front()].into_iter().flatten().map(|line| line.key.clone()).min();
    left.clear();
    right.clear();
    parting
}

/// The records of a kind, read page by page and summed up.
struct Reading<'a> {
    end: &'a End,
    kind: Kind,
    as_of: Timestamp,
    after: Option<Key>,
    is_over: bool,
    /// What is read and not yet looked at.
    ahead: VecDeque<Line>,
    /// How many records are read, those that do not count included.
    read: u64,
    count: u64,
    digest: Context,
}

impl<'a> Reading<'a> {
    fn new(end: &'a End, kind: Kind, as_of: Timestamp) -> Self {
        let digest = Context::new(&SHA256);
        Self { end, kind, as_of, after: None, is_over: false, ahead: VecDeque::new(), read: 0, count: 0, digest }
    }

    /// Reads on where nothing is ahead; afterwards nothing is ahead only at the end.
    async fn fill(&mut self) -> Result<(), StoreError> {
        while self.ahead.is_empty() && !self.is_over {
            let page = self.end.0.read_page(self.kind, self.after.as_ref(), PAGE).await?;
            self.is_over = page.len() < PAGE as usize;
            self.after = page.last_key();
            self.read += page.len() as u64;
            for line in page.without_what_is_over(self.as_of).lines()? {
                self.count += 1;
                self.digest.update(&line.bytes);
                // JSON has no bare line feed, so no two lists of records read alike.
                self.digest.update(b"\n");
                self.ahead.push_back(line);
            }
        }
        Ok(())
    }

    fn sum(self) -> Sum {
        let checksum = Key::Hash(self.digest.finish().as_ref().to_vec()).to_string();
        Sum { kind: self.kind, count: self.count, checksum }
    }
}
