//! When a service that fails is left alone, and when it is tried again. Knows neither requests nor connections.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// So many failures in a row open the breaker,
const IN_A_ROW: u32 = 5;
/// or half of at least so many requests
const ENOUGH: u32 = 20;
/// within this time.
const WINDOW: Duration = Duration::from_secs(10);
/// How long it is open at first; twice as long after each trial that fails,
const FIRST_REST: Duration = Duration::from_millis(500);
/// but no longer.
const LONGEST_REST: Duration = Duration::from_secs(10);

/// The breaker of one service, shared by all workers.
#[derive(Debug)]
pub(crate) struct Breaker {
    /// Whether there is anything to look up under the lock; in good times there is not.
    marred: AtomicBool,
    answered: AtomicU32,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    in_a_row: u32,
    window_began: Instant,
    failed: u32,
    rest: Option<Rest>,
}

/// The time in which nothing is sent, until a trial succeeds.
#[derive(Debug)]
struct Rest {
    until: Instant,
    length: Duration,
    on_trial: bool,
}

/// How a request was let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// As any.
    Normal,
    /// As the one that finds out whether the service is back.
    Trial,
}

/// What a report changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    None,
    /// The first failure in a row.
    Failing,
    Opened,
    Closed,
}

impl Breaker {
    pub(crate) fn new(now: Instant) -> Self {
        let state = State { in_a_row: 0, window_began: now, failed: 0, rest: None };
        Self { marred: AtomicBool::new(false), answered: AtomicU32::new(0), state: Mutex::new(state) }
    }

    /// Lets a request through, or says how long it is worth waiting.
    pub(crate) fn admit(&self, now: Instant) -> Result<Admission, Duration> {
        if !self.marred.load(Ordering::Relaxed) {
            return Ok(Admission::Normal);
        }
        match &mut self.state().rest {
            None => Ok(Admission::Normal),
            Some(rest) if now < rest.until => Err(rest.until - now),
            Some(rest) if rest.on_trial => Err(rest.length),
            Some(rest) => {
                rest.on_trial = true;
                Ok(Admission::Trial)
            }
        }
    }

    /// Whether requests are let through as ever.
    pub(crate) fn is_closed(&self) -> bool {
        !self.marred.load(Ordering::Relaxed) || self.state().rest.is_none()
    }

    /// The service answered.
    pub(crate) fn succeeded(&self, admission: Admission) -> Change {
        self.answered.fetch_add(1, Ordering::Relaxed);
        if !self.marred.load(Ordering::Relaxed) {
            return Change::None;
        }
        let mut state = self.state();
        state.in_a_row = 0;
        match (&state.rest, admission) {
            (Some(_), Admission::Trial) => {
                state.rest = None;
                state.failed = 0;
                self.answered.store(0, Ordering::Relaxed);
                self.marred.store(false, Ordering::Relaxed);
                Change::Closed
            }
            _ => Change::None,
        }
    }

    /// The service did not answer, or not wholly.
    pub(crate) fn failed(&self, admission: Admission, now: Instant) -> Change {
        let mut state = self.state();
        self.marred.store(true, Ordering::Relaxed);
        if let Some(rest) = &mut state.rest {
            if admission == Admission::Trial {
                rest.on_trial = false;
                rest.length = (rest.length * 2).min(LONGEST_REST);
                rest.until = now + rest.length;
            }
            return Change::None;
        }
        if now.duration_since(state.window_began) > WINDOW {
            state.window_began = now;
            state.failed = 0;
            self.answered.store(0, Ordering::Relaxed);
        }
        state.in_a_row += 1;
        state.failed += 1;
        let asked = state.failed + self.answered.load(Ordering::Relaxed);
        if state.in_a_row < IN_A_ROW && (asked < ENOUGH || state.failed * 2 < asked) {
            return if state.in_a_row == 1 { Change::Failing } else { Change::None };
        }
        state.in_a_row = 0;
        state.rest = Some(Rest { until: now + FIRST_REST, length: FIRST_REST, on_trial: false });
        Change::Opened
    }

    /// A request ended without saying anything about the service: another may be the trial.
    pub(crate) fn abandoned(&self, admission: Admission) {
        if admission == Admission::Trial
            && let Some(rest) = &mut self.state().rest
        {
            rest.on_trial = false;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(now: Instant) -> Breaker {
        let breaker = Breaker::new(now);
        for failure in 1..=IN_A_ROW {
            let expected = match failure {
                1 => Change::Failing,
                IN_A_ROW => Change::Opened,
                _ => Change::None,
            };
            assert_eq!(breaker.failed(Admission::Normal, now), expected);
        }
        breaker
    }

    #[test]
    fn failures_in_a_row_open_it_and_one_success_between_does_not() {
        let now = Instant::now();
        assert!(!open(now).is_closed());
        let breaker = Breaker::new(now);
        for _ in 0..IN_A_ROW * 3 {
            assert_eq!(breaker.failed(Admission::Normal, now), Change::Failing);
            breaker.succeeded(Admission::Normal);
            breaker.succeeded(Admission::Normal);
        }
        assert!(breaker.is_closed());
    }

    #[test]
    fn half_of_many_requests_failing_opens_it() {
        let now = Instant::now();
        let breaker = Breaker::new(now);
        let opened = (0..ENOUGH).any(|_| {
            breaker.succeeded(Admission::Normal);
            breaker.failed(Admission::Normal, now) == Change::Opened
        });
        assert!(opened);
    }

    #[test]
    fn failures_long_ago_do_not_count() {
        let now = Instant::now();
        let breaker = Breaker::new(now);
        for failure in 0..ENOUGH * 2 {
            breaker.succeeded(Admission::Normal);
            assert_eq!(breaker.failed(Admission::Normal, now + WINDOW * 2 * failure), Change::Failing);
        }
    }

    #[test]
    fn one_request_is_the_trial_and_its_success_closes_it() {
        let now = Instant::now();
        let breaker = open(now);
        assert_eq!(breaker.admit(now), Err(FIRST_REST));
        let later = now + FIRST_REST;
        assert_eq!(breaker.admit(later), Ok(Admission::Trial));
        assert!(breaker.admit(later).is_err());
        assert_eq!(breaker.succeeded(Admission::Normal), Change::None, "an answer to an earlier request is no trial");
        assert_eq!(breaker.succeeded(Admission::Trial), Change::Closed);
        assert_eq!(breaker.admit(later), Ok(Admission::Normal));
    }

    #[test]
    fn a_trial_that_fails_makes_the_rest_longer_up_to_a_limit() {
        let mut now = Instant::now();
        let breaker = open(now);
        let mut rest = FIRST_REST;
        for _ in 0..8 {
            now += rest;
            assert_eq!(breaker.admit(now), Ok(Admission::Trial));
            breaker.failed(Admission::Trial, now);
            rest = (rest * 2).min(LONGEST_REST);
            assert_eq!(breaker.admit(now), Err(rest));
        }
    }

    #[test]
    fn a_trial_that_is_abandoned_leaves_room_for_another() {
        let now = Instant::now();
        let breaker = open(now);
        let later = now + FIRST_REST;
        assert_eq!(breaker.admit(later), Ok(Admission::Trial));
        breaker.abandoned(Admission::Trial);
        assert_eq!(breaker.admit(later), Ok(Admission::Trial));
    }
}
