//! Checksums: for each kind, SHA-256 over the JSON of its records, a line each, in the order of their keys. The same
//! records have the same checksum in every engine.

use aws_lc_rs::digest::{Context, SHA256};
use doorward_identity::StoreError;

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

/// What a store has.
pub async fn checksums(end: &End, watch: &mut dyn FnMut(Progress)) -> Result<Vec<Sum>, StoreError> {
    let (mut sums, mut done, total) = (Vec::new(), 0, count_all(end).await?);
    for kind in Kind::ALL {
        let mut reading = Reading::new(end, kind);
        loop {
            watch(Progress { stage: Stage::Comparing, kind, done, total });
            let lines = reading.next().await?;
            if lines.is_empty() {
                break;
            }
            done += lines.len() as u64;
        }
        sums.push(reading.sum());
    }
    Ok(sums)
}

/// Reads two stores and compares them record by record.
pub async fn compare(one: &End, other: &End, watch: &mut dyn FnMut(Progress)) -> Result<Comparison, StoreError> {
    let mut comparison = Comparison { sums: Vec::new(), difference: None };
    let (mut done, total) = (0, count_all(one).await?);
    for kind in Kind::ALL {
        let (mut left, mut right) = (Reading::new(one, kind), Reading::new(other, kind));
        loop {
            watch(Progress { stage: Stage::Comparing, kind, done, total });
            let (here, there) = tokio::try_join!(left.next(), right.next())?;
            if here.is_empty() && there.is_empty() {
                break;
            }
            done += here.len() as u64;
            if comparison.difference.is_none() {
                comparison.difference = first_difference(&here, &there).map(|key| Difference { kind, key });
            }
        }
        comparison.sums.push((left.sum(), right.sum()));
    }
    Ok(comparison)
}

/// The key at which two pages part: in one of them the record is another, or missing.
fn first_difference(here: &[Line], there: &[Line]) -> Option<Key> {
    let same = here.iter().zip(there).take_while(|(one, other)| one == other).count();
    let parting = [here.get(same), there.get(same)];
    parting.into_iter().flatten().map(|line| line.key.clone()).min()
}

/// The records of a kind, read page by page and summed up.
struct Reading<'a> {
    end: &'a End,
    kind: Kind,
    after: Option<Key>,
    is_over: bool,
    count: u64,
    digest: Context,
}

impl<'a> Reading<'a> {
    fn new(end: &'a End, kind: Kind) -> Self {
        Self { end, kind, after: None, is_over: false, count: 0, digest: Context::new(&SHA256) }
    }

    /// The next records; none when there are no more.
    async fn next(&mut self) -> Result<Vec<Line>, StoreError> {
        if self.is_over {
            return Ok(Vec::new());
        }
        let page = self.end.0.read_page(self.kind, self.after.as_ref(), PAGE).await?;
        self.is_over = page.len() < PAGE as usize;
        self.after = page.last_key();
        let lines = page.lines()?;
        self.count += lines.len() as u64;
        for line in &lines {
            self.digest.update(&line.bytes);
            // JSON has no bare line feed, so no two lists of records read alike.
            self.digest.update(b"\n");
        }
        Ok(lines)
    }

    fn sum(self) -> Sum {
        let digest = self.digest.finish();
        let checksum = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        Sum { kind: self.kind, count: self.count, checksum }
    }
}
