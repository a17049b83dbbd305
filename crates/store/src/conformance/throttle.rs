//! Counters of failed sign-ins.

use doorward_identity::throttle::{Admission, Schedule, Throttle, ThrottleKey};
use jiff::Timestamp;

use super::Stand;
use super::stand::at_once;

fn key(name: &str) -> ThrottleKey {
    ThrottleKey { name: name.to_owned(), known: true, schedule: Schedule::Attempts }
}

async fn admits(stand: &Stand, name: &str, now: Timestamp) -> bool {
    matches!(stand.store.admit_attempt(&key(name), now).await.unwrap(), Admission::Admitted(_))
}

pub(crate) async fn of_attempts_at_once_exactly_five_are_admitted(stand: &Stand) {
    let now = stand.now();
    let tasks = (0..30).map(|number| {
        let store = stand.node(number);
        async move { store.admit_attempt(&key("account"), now).await.unwrap() }
    });
    let mut counts: Vec<u32> = at_once(tasks.collect())
        .await
        .into_iter()
        .filter_map(|admission| match admission {
            Admission::Admitted(throttle) => Some(throttle.attempts),
            Admission::Blocked { .. } => None,
        })
        .collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, 2, 3, 4, 5]);
}

pub(super) async fn a_blocked_attempt_counts_for_nothing(stand: &Stand) {
    let now = stand.now();
    for _ in 0..5 {
        assert!(admits(stand, "account", now).await);
    }
    let Admission::Blocked { until } = stand.store.admit_attempt(&key("account"), now).await.unwrap() else {
        panic!("the sixth has to wait");
    };
    for _ in 0..20 {
        assert!(!admits(stand, "account", now).await);
    }
    let next = stand.other.admit_attempt(&key("account"), until).await.unwrap();
    assert!(matches!(next, Admission::Admitted(throttle) if throttle.attempts == 6));
}

pub(super) async fn a_forgiven_counter_is_unused(stand: &Stand) {
    let now = stand.now();
    for _ in 0..5 {
        assert!(admits(stand, "account", now).await);
    }
    assert!(!admits(stand, "account", now).await);
    stand.other.forgive_attempts(&key("account")).await.unwrap();
    let next = stand.store.admit_attempt(&key("account"), now).await.unwrap();
    assert!(matches!(next, Admission::Admitted(throttle) if throttle.attempts == 1));
    stand.store.forgive_attempts(&key("never used")).await.unwrap();
}

async fn counted(stand: &Stand, now: Timestamp) -> Throttle {
    match stand.store.admit_attempt(&key("account"), now).await.unwrap() {
        Admission::Admitted(counted) => counted,
        Admission::Blocked { until } => panic!("blocked until {until}"),
    }
}

pub(super) async fn a_returned_attempt_was_never_made(stand: &Stand) {
    let now = stand.now();
    for _ in 0..20 {
        let counted = counted(stand, now).await;
        stand.other.return_attempt(&key("account"), counted).await.unwrap();
    }
    for _ in 0..5 {
        assert!(admits(stand, "account", now).await);
    }
    let Admission::Blocked { until } = stand.store.admit_attempt(&key("account"), now).await.unwrap() else {
        panic!("the sixth has to wait");
    };
    // One that had to wait leaves no wait behind, and the attempts before it count on.
    for _ in 0..20 {
        let counted = counted(stand, until).await;
        assert!(!admits(stand, "account", until).await);
        stand.other.return_attempt(&key("account"), counted).await.unwrap();
    }
    assert_eq!(counted(stand, until).await.attempts, 6);
    assert!(!admits(stand, "account", until).await);
}

pub(super) async fn a_returned_attempt_leaves_the_wait_after_those_that_came_later(stand: &Stand) {
    let now = stand.now();
    let first = counted(stand, now).await;
    for _ in 0..4 {
        counted(stand, now).await;
    }
    stand.other.return_attempt(&key("account"), first).await.unwrap();
    assert_eq!(counted(stand, now).await.attempts, 5);
    assert!(!admits(stand, "account", now).await);
    // What was forgiven meanwhile is not forgiven twice.
    stand.store.forgive_attempts(&key("account")).await.unwrap();
    stand.store.return_attempt(&key("account"), first).await.unwrap();
    assert_eq!(counted(stand, now).await.attempts, 1);
}

pub(crate) async fn of_attempts_at_once_that_are_returned_no_more_than_five_are_kept(stand: &Stand) {
    let now = stand.now();
    let tasks = (0..40).map(|number| {
        let store = stand.node(number);
        async move {
            let Admission::Admitted(counted) = store.admit_attempt(&key("account"), now).await.unwrap() else {
                return false;
            };
            let is_judged = number % 2 == 1;
            if !is_judged {
                store.return_attempt(&key("account"), counted).await.unwrap();
            }
            is_judged
        }
    });
    let mut kept = at_once(tasks.collect()).await.into_iter().filter(|is_judged| *is_judged).count();
    while admits(stand, "account", now).await {
        kept += 1;
    }
    assert_eq!(kept, 5);
}

pub(super) async fn counters_do_not_mix(stand: &Stand) {
    let now = stand.now();
    for _ in 0..5 {
        assert!(admits(stand, "one", now).await);
    }
    assert!(!admits(stand, "one", now).await);
    assert!(admits(stand, "One", now).await);
    assert!(admits(stand, "other", now).await);
}
