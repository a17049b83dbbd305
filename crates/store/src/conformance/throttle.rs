//! Counters of failed sign-ins.

use doorward_identity::throttle::{Admission, Schedule, ThrottleKey};
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

pub(super) async fn counters_do_not_mix(stand: &Stand) {
    let now = stand.now();
    for _ in 0..5 {
        assert!(admits(stand, "one", now).await);
    }
    assert!(!admits(stand, "one", now).await);
    assert!(admits(stand, "One", now).await);
    assert!(admits(stand, "other", now).await);
}
