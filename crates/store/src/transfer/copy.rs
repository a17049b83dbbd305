//! Copying: into an empty store, or on from where the same copy stopped.

use doorward_identity::StoreError;
use jiff::Timestamp;

use super::record::Domain;
use super::{Comparison, End, Kind, Mark, PAGE, Page, Position, Progress, Stage, compare, count_all};

/// A store cannot be copied. The message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The source is itself the target of a copy that did not end.
    #[error("the source holds an unfinished copy of {0}: finish that first")]
    SourceUnfinished(String),
    /// The target has records that no copy wrote.
    #[error(
        "the target is not empty (it has {count} {kind}); nothing was changed: give a database that Doorward has not used yet"
    )]
    NotEmpty {
        /// Which there are.
        kind: Kind,
        /// How many.
        count: u64,
    },
    /// The target is that of another copy.
    #[error(
        "the target holds an unfinished copy of {0}; nothing was changed: finish that with the same command, or throw \
         it away and begin anew with --restart"
    )]
    AnotherCopy(String),
    /// Reading failed.
    #[error("{kind} cannot be read from the source")]
    Read {
        /// What was read.
        kind: Kind,
        /// Why.
        source: StoreError,
    },
    /// Writing failed.
    #[error(
        "{kind} cannot be written to the target; if the source changed meanwhile (is Doorward stopped?), begin anew \
         with --restart, else the same command goes on from here"
    )]
    Write {
        /// What was written.
        kind: Kind,
        /// Why.
        source: StoreError,
    },
    /// One of the two gives no answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is copied where.
pub struct Order<'a> {
    /// The store that is read. Nothing is changed in it.
    pub from: &'a End,
    /// The store that is written.
    pub to: &'a End,
    /// What the source is called in the target's mark: the same at every try, and without secrets.
    pub source: &'a str,
    /// What is over at that moment is left behind.
    pub as_of: Timestamp,
    /// Whether what an unfinished copy left is thrown away first.
    pub restart: bool,
}

/// Copies everything, or what is left of it, and compares. Only after that, if nothing differs, does the target count
/// as whole.
pub async fn copy(order: &Order<'_>, watch: &mut dyn FnMut(Progress)) -> Result<Comparison, CopyError> {
    if let Some(source) = order.from.unfinished_copy().await? {
        return Err(CopyError::SourceUnfinished(source));
    }
    let mut mark = begin(order).await?;
    let total = count_all(order.from).await?;
    while let Some(kind) = mark.position.kind {
        let mut report = |done| watch(Progress { stage: Stage::Copying, kind, done, total });
        report(mark.position.done);
        if kind == Kind::Domains {
            copy_domains(order, &mut mark).await?;
        } else {
            copy_kind(order, kind, &mut mark, &mut report).await?;
        }
        report(mark.position.done);
    }
    let comparison = compare(order.from, order.to, order.as_of, watch).await?;
    if comparison.difference.is_none() {
        order.to.0.end_copy().await?;
    }
    Ok(comparison)
}

/// Where the copy begins or goes on.
async fn begin(order: &Order<'_>) -> Result<Mark, CopyError> {
    let position = Position { kind: Kind::ALL.first().copied(), after: None, done: 0 };
    let fresh = Mark { source: order.source.to_owned(), position };
    match order.to.0.find_mark().await? {
        Some(mark) if mark.source == order.source && !order.restart => return Ok(mark),
        Some(mark) if !order.restart => return Err(CopyError::AnotherCopy(mark.source)),
        Some(_) => {}
        None => {
            for kind in Kind::ALL {
                let count = order.to.0.count(kind).await?;
                if count > 0 {
                    return Err(CopyError::NotEmpty { kind, count });
                }
            }
        }
    }
    order.to.0.begin_copy(&fresh).await?;
    Ok(fresh)
}

async fn copy_kind(
    order: &Order<'_>,
    kind: Kind,
    mark: &mut Mark,
    report: &mut impl FnMut(u64),
) -> Result<(), CopyError> {
    loop {
        let page = read(order, kind, mark.position.after.as_ref()).await?;
        let is_last = page.len() < PAGE as usize;
        let done = mark.position.done + page.len() as u64;
        mark.position = match page.last_key() {
            Some(after) if !is_last => Position { kind: Some(kind), after: Some(after), done },
            _ => Position { kind: following(kind), after: None, done },
        };
        write(order, kind, &page.without_what_is_over(order.as_of), mark).await?;
        report(done);
        if is_last {
            return Ok(());
        }
    }
}

/// Domains refer to each other, so they are written as one page, each after what it lies below.
async fn copy_domains(order: &Order<'_>, mark: &mut Mark) -> Result<(), CopyError> {
    let mut waiting: Vec<Domain> = Vec::new();
    let mut after = None;
    loop {
        let page = read(order, Kind::Domains, after.as_ref()).await?;
        after = page.last_key();
        let is_last = page.len() < PAGE as usize;
        if let Page::Domains(domains) = page {
            waiting.extend(domains);
        }
        if is_last {
            break;
        }
    }
    let domains = parents_first(waiting);
    let done = mark.position.done + domains.len() as u64;
    mark.position = Position { kind: following(Kind::Domains), after: None, done };
    write(order, Kind::Domains, &Page::Domains(domains), mark).await
}

/// Each domain after the one it lies below; level by level.
fn parents_first(mut waiting: Vec<Domain>) -> Vec<Domain> {
    let mut placed = std::collections::HashSet::new();
    let mut ordered = Vec::with_capacity(waiting.len());
    loop {
        let (ready, rest): (Vec<_>, Vec<_>) = waiting
            .into_iter()
            .partition(|domain| domain.parent_domain_id.is_none_or(|parent| placed.contains(&parent)));
        placed.extend(ready.iter().map(|domain| domain.id));
        let is_over = ready.is_empty();
        ordered.extend(ready);
        waiting = rest;
        if is_over {
            // Nothing lies in a circle or below what is not there; if it did, the target's constraints would say so.
            ordered.extend(waiting);
            return ordered;
        }
    }
}

fn following(kind: Kind) -> Option<Kind> {
    Kind::ALL.into_iter().find(|next| *next > kind)
}

async fn read(order: &Order<'_>, kind: Kind, after: Option<&super::Key>) -> Result<Page, CopyError> {
    order.from.0.read_page(kind, after, PAGE).await.map_err(|source| CopyError::Read { kind, source })
}

async fn write(order: &Order<'_>, kind: Kind, page: &Page, mark: &Mark) -> Result<(), CopyError> {
    order.to.0.write_page(page, mark).await.map_err(|source| CopyError::Write { kind, source })
}
