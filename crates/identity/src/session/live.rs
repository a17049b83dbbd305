//! What this node remembers to judge tokens without asking the store, and how it learns that it must forget.
//!
//! Verified tokens and cookies lead to sessions, sessions to people. A session's entry counts only together with the
//! very entry of its person it was made with, so forgetting a person forgets all of their sessions. Entries are made
//! from store reads; a read that began before something was forgotten is used once but not remembered (`generation`).
//!
//! The change log is read about once a second ([`Identity::follow_changes`]). A line may become visible after
//! one with a higher position, so each reading goes back over the lines of the last [`OVERLAP`]. Whoever has not read it for
//! long, in an outage or because the process was frozen, believes nothing and begins anew.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use quick_cache::sync::Cache;

use super::Caller;
use super::cookie::CookieSession;
use crate::change::{Change, ChangeSubject};
use crate::clock::Moment;
use crate::user::UserContext;
use crate::{Clock, Identity, SessionId, StoreError, UserId};

/// Verified tokens remembered at once.
const TOKENS: usize = 100_000;
/// Sessions, and people, remembered at once.
const SESSIONS: usize = 100_000;
/// The longest a line may take from its position in the log to being visible: no store may be given that long for a call
/// (`store.timeout`).
const OVERLAP: Duration = Duration::from_secs(10);
/// Lines before the end of the log that a starting node reads again, for the same reason.
const OVERLAP_AT_START: i64 = 1000;
/// Lines read at once.
const PAGE: u32 = 1000;
/// Without a successful reading for so long, nothing remembered counts any more. The time of a freeze is part of it.
const LONGEST_SILENCE: Duration = Duration::from_mins(1);

/// A token whose signature and claims were found good.
#[derive(Clone)]
pub(super) struct Remembered {
    /// When it ends.
    pub(super) expires_at: Timestamp,
    /// Whose it is.
    pub(super) holder: Holder,
}

/// Whose a verified token is.
#[derive(Clone)]
pub(super) enum Holder {
    /// One of our sessions.
    Session(SessionId, UserId),
    /// A person of a trusted issuer; verified anew after a while, because that issuer's keys may change.
    Outside(Arc<Caller>),
}

/// The node's memory.
pub struct LiveState {
    tokens: Cache<Box<str>, Remembered>,
    /// What is known of cookies. It tells whose a cookie is and how long it may go unused; whether the session is
    /// open stands in `sessions` alone.
    cookies: Cache<SessionId, Arc<CookieSession>>,
    sessions: Cache<SessionId, Arc<Caller>>,
    people: Cache<UserId, Arc<UserContext>>,
    /// Rises whenever something is forgotten.
    generation: AtomicU64,
    /// Held while something is remembered or forgotten.
    changing: Mutex<()>,
    clock: Arc<dyn Clock>,
    log: Mutex<LogPosition>,
    /// What others left undone could not be done at the last look.
    cannot_settle: AtomicBool,
}

/// How far the change log was acted on.
struct LogPosition {
    /// Nothing at or before this position can appear any more.
    floor: i64,
    /// The highest position of each reading within the overlap, and when it was: by a clock that stands still with the
    /// process, since to read lines again does no harm and to read too few does.
    readings: VecDeque<(Instant, i64)>,
    /// Lines after the floor that were already acted on.
    seen: HashSet<i64>,
    /// The signing keys changed, or may have, and were not read since.
    keys_are_due: bool,
    last_success: Moment,
}

impl LiveState {
    /// An empty memory of a node that starts when the log's highest position is `latest`.
    pub(crate) fn starting_after(latest: i64, clock: Arc<dyn Clock>) -> Self {
        Self {
            tokens: Cache::new(TOKENS),
            cookies: Cache::new(SESSIONS),
            sessions: Cache::new(SESSIONS),
            people: Cache::new(SESSIONS),
            generation: AtomicU64::new(0),
            changing: Mutex::new(()),
            log: Mutex::new(LogPosition {
                floor: (latest - OVERLAP_AT_START).max(0),
                readings: VecDeque::new(),
                seen: HashSet::new(),
                keys_are_due: false,
                last_success: Moment::now(&*clock),
            }),
            clock,
            cannot_settle: AtomicBool::new(false),
        }
    }

    pub(super) fn token(&self, token: &str) -> Option<Remembered> {
        self.tokens.get(token)
    }

    pub(super) fn remember_token(&self, token: &str, remembered: Remembered) {
        self.tokens.insert(token.into(), remembered);
    }

    pub(super) fn cookie(&self, session: SessionId) -> Option<Arc<CookieSession>> {
        self.cookies.get(&session)
    }

    pub(super) fn remember_cookie(&self, session: SessionId, cookie: Arc<CookieSession>) {
        self.cookies.insert(session, cookie);
    }

    /// The caller of a session, if both the session and its person are still remembered.
    pub(super) fn caller(&self, session: SessionId, user: UserId) -> Option<Arc<Caller>> {
        let caller = self.sessions.get(&session)?;
        (caller.context.user.id == user && self.is_current(&caller.context)).then_some(caller)
    }

    /// Whether this is what is remembered of the person right now.
    pub(super) fn is_current(&self, context: &Arc<UserContext>) -> bool {
        !self.is_deaf() && self.people.get(&context.user.id).is_some_and(|known| Arc::ptr_eq(&known, context))
    }

    /// What is remembered of a person.
    pub(super) fn person(&self, user: UserId) -> Option<Arc<UserContext>> {
        if self.is_deaf() { None } else { self.people.get(&user) }
    }

    /// To be asked before a store read whose result shall be remembered.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Remembers a person as read since `generation`, unless something was forgotten meanwhile.
    pub(super) fn remember_person(&self, context: &Arc<UserContext>, generation: u64) {
        let _changing = lock(&self.changing);
        if self.generation() == generation {
            self.people.insert(context.user.id, Arc::clone(context));
        }
    }

    /// Remembers a session's caller, likewise.
    pub(super) fn remember_caller(&self, session: SessionId, caller: &Arc<Caller>, generation: u64) {
        let _changing = lock(&self.changing);
        if self.generation() == generation {
            self.sessions.insert(session, Arc::clone(caller));
        }
    }

    /// Forgets what a change touches.
    pub(crate) fn apply(&self, subject: ChangeSubject) {
        let _changing = lock(&self.changing);
        match subject {
            ChangeSubject::Session(session) => {
                self.sessions.remove(&session);
            }
            ChangeSubject::User(user) => {
                self.people.remove(&user);
            }
            ChangeSubject::Directory => self.people.clear(),
            ChangeSubject::Keys => self.tokens.clear(),
        }
        // After the forgetting: whoever sees it risen finds nothing of what was forgotten.
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// Forgets everything, and listens from now on, as a node does that starts: the log does not keep its lines for ever, so
    /// what it still says may not be all that was missed, and none of it is needed any more.
    fn begin_anew(&self, latest: i64) {
        let _changing = lock(&self.changing);
        let mut log = lock(&self.log);
        log.floor = log.floor.max(latest - OVERLAP_AT_START);
        log.readings.clear();
        log.seen.clear();
        log.keys_are_due = true;
        self.tokens.clear();
        self.cookies.clear();
        self.sessions.clear();
        self.people.clear();
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// Forgets what lines of the log touch, and takes note of them: nothing comes in between, so that no line counts as heard
    /// that was not acted on. Keys are left to be read.
    fn act_on(&self, lines: &[Change], highest: i64) {
        let unseen: Vec<Change> = {
            let log = lock(&self.log);
            lines.iter().filter(|line| !log.seen.contains(&line.seq)).copied().collect()
        };
        let keys = |line: &&Change| line.subject == ChangeSubject::Keys;
        unseen.iter().filter(|line| !keys(line)).for_each(|line| self.apply(line.subject));
        let mut log = lock(&self.log);
        log.keys_are_due |= unseen.iter().any(|line| keys(&line));
        log.seen.extend(unseen.iter().map(|line| line.seq));
        log.advance(&*self.clock, highest);
    }

    fn are_keys_due(&self) -> bool {
        lock(&self.log).keys_are_due
    }

    /// Forgets what former keys verified.
    fn keys_are_here(&self) {
        lock(&self.log).keys_are_due = false;
        self.apply(ChangeSubject::Keys);
    }

    /// Whether the log could not be read for so long that what is remembered may be wrong.
    pub(super) fn is_deaf(&self) -> bool {
        lock(&self.log).last_success.elapsed(&*self.clock) > LONGEST_SILENCE
    }
}

impl LogPosition {
    /// Takes note of a reading that reached `highest`.
    fn advance(&mut self, clock: &dyn Clock, highest: i64) {
        self.last_success = Moment::now(clock);
        let now = Instant::now();
        self.readings.push_back((now, highest));
        while let Some(&(at, position)) = self.readings.front()
            && now.duration_since(at) >= OVERLAP
        {
            self.floor = self.floor.max(position);
            self.readings.pop_front();
        }
        let floor = self.floor;
        self.seen.retain(|&seq| seq > floor);
    }
}

impl Identity {
    /// Rises whenever this node forgot something: what was judged before should be judged again.
    pub fn change_generation(&self) -> u64 {
        self.live.generation()
    }

    /// Reads on in the change log and forgets what it names. The server calls this about once a second.
    pub async fn follow_changes(&self) -> Result<(), StoreError> {
        // Their lines may be among what is read.
        self.finish_for_others().await;
        let were_due = self.live.are_keys_due();
        let read = self.read_changes().await;
        self.observer.changes_read(read.is_ok());
        let (lines, highest) = read?;
        self.live.act_on(&lines, highest);
        if self.live.are_keys_due() {
            match self.load_keys().await {
                // Only once the new keys are here, so that no token of a new key is refused.
                Ok(()) => self.live.keys_are_here(),
                Err(error) if were_due => tracing::debug!(%error, "the changed signing keys still cannot be read"),
                Err(error) => {
                    tracing::error!(%error, "the changed signing keys cannot be read; going on with the old ones, trying again");
                }
            }
        }
        Ok(())
    }

    /// Does what dead nodes left undone. What cannot be done is told once, and keeps nobody from hearing of changes.
    async fn finish_for_others(&self) {
        let settled = self.settle_leftovers().await;
        let could_not = self.live.cannot_settle.swap(settled.is_err(), Ordering::Relaxed);
        match settled {
            Err(error) if !could_not => tracing::warn!(%error, "what is left of others' changes cannot be finished"),
            Ok(()) if could_not => tracing::info!("what was left of others' changes is finished"),
            _ => {}
        }
    }

    /// The lines since the last reading and of the overlap before it, and the highest position.
    async fn read_changes(&self) -> Result<(Vec<Change>, i64), StoreError> {
        if self.live.is_deaf() {
            self.live.begin_anew(self.store.latest_change().await?);
        }
        let mut after = lock(&self.live.log).floor;
        let mut lines = Vec::new();
        loop {
            let page = self.store.changes_after(after, PAGE).await?;
            let is_last = page.len() < PAGE as usize;
            after = page.iter().fold(after, |highest, line| highest.max(line.seq));
            lines.extend(page);
            if is_last {
                return Ok((lines, after));
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::*;
    use crate::clock::ManualClock;

    fn live(latest: i64) -> (Arc<ManualClock>, LiveState) {
        let clock = Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH));
        (clock.clone(), LiveState::starting_after(latest, clock))
    }

    fn line(seq: i64, subject: ChangeSubject) -> Change {
        Change { seq, subject }
    }

    #[test]
    fn a_line_counts_once_and_one_that_comes_late_counts_too() {
        let (_, live) = live(0);
        let (first, third) = (line(1, ChangeSubject::Directory), line(3, ChangeSubject::Directory));
        live.act_on(&[first, third], 3);
        let generation = live.generation();
        live.act_on(&[first, third], 3);
        assert_eq!(live.generation(), generation);
        live.act_on(&[first, line(2, ChangeSubject::Directory), third], 3);
        assert_eq!(live.generation(), generation + 1);
    }

    #[test]
    fn keys_stay_due_until_they_are_here() {
        let (_, live) = live(0);
        live.act_on(&[line(1, ChangeSubject::Keys)], 1);
        live.act_on(&[line(1, ChangeSubject::Keys)], 1);
        assert!(live.are_keys_due());
        live.keys_are_here();
        live.act_on(&[line(1, ChangeSubject::Keys)], 1);
        assert!(!live.are_keys_due());
    }

    #[test]
    fn whoever_was_deaf_passes_over_what_it_has_forgotten_anyway() {
        let (clock, live) = live(0);
        live.act_on(&[line(1, ChangeSubject::Directory)], 1);
        clock.advance(SignedDuration::from_hours(1));
        assert!(live.is_deaf());
        live.begin_anew(1_000_000);
        assert!(live.is_deaf() && live.are_keys_due(), "until the log was read");
        assert_eq!(lock(&live.log).floor, 1_000_000 - OVERLAP_AT_START);
        live.act_on(&[], 1_000_000);
        assert!(!live.is_deaf());
        live.begin_anew(5);
        assert_eq!(lock(&live.log).floor, 1_000_000 - OVERLAP_AT_START, "never back");
    }
}
