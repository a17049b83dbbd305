//! The change log, the sweep and the sign of life.

use doorward_identity::audit::AuditAction;
use doorward_identity::change::ChangeSubject;
use doorward_identity::keyring::StoredKey;
use doorward_identity::session::EndReason;
use doorward_identity::throttle::{Admission, Schedule, ThrottleKey};
use doorward_identity::user::{Role, UserStatus};
use doorward_protocol::algorithm::Algorithm;
use jiff::SignedDuration;

use super::Stand;

pub(super) async fn every_change_is_announced(stand: &Stand) {
    let (store, event) = (&stand.store, stand.event(AuditAction::UserUpdated));
    let event =
        || doorward_identity::audit::AuditEvent { id: stand.event(AuditAction::UserUpdated).id, ..event.clone() };
    let mut user = stand.user("a@example.com").await;
    let (session, _) = stand.session(user.id).await;
    let key = StoredKey {
        kid: "k".to_owned(),
        ordinal: 1,
        algorithm: Algorithm::EdDSA,
        public_jwk: "{}".to_owned(),
        sealed_private: Vec::new(),
        created_at: stand.now(),
        activates_at: stand.now(),
    };
    let before = store.latest_change().await.unwrap();
    let (team, domain) = (stand.team("Team").await, stand.domain("domain", None).await);
    assert!(store.set_team_member(team.id, user.id, &Role::member(), &event()).await.unwrap());
    assert!(store.remove_team_member(team.id, user.id, &event()).await.unwrap());
    assert!(store.assign_domain(domain.id, user.id, &event()).await.unwrap());
    assert!(store.unassign_domain(domain.id, user.id, &event()).await.unwrap());
    let _ = store.save_team(&team, &event()).await.unwrap();
    let _ = store.save_domain(&domain, &event()).await.unwrap();
    assert!(store.end_session(session.id, EndReason::SignedOut, stand.now(), &event()).await.unwrap());
    store.end_user_sessions(user.id, EndReason::SignedOutEverywhere, stand.now(), &event()).await.unwrap();
    user.status = UserStatus::Disabled;
    let _ = store.save_user(&user, &event()).await.unwrap();
    let _ = store.insert_key(&key, &event()).await.unwrap();
    assert!(store.delete_key("k", &event()).await.unwrap());
    assert!(store.delete_user(user.id, None, &event()).await.unwrap());
    let of_user = ChangeSubject::User(user.id);
    let directory = ChangeSubject::Directory;
    let expected = [
        directory,
        directory,
        of_user,
        of_user,
        of_user,
        of_user,
        directory,
        directory,
        ChangeSubject::Session(session.id),
        of_user,
        of_user,
        ChangeSubject::Keys,
        ChangeSubject::Keys,
        of_user,
    ];
    assert_eq!(stand.announced_after(before).await, expected);
}

pub(super) async fn what_is_refused_is_not_announced(stand: &Stand) {
    let mut user = stand.user("a@example.com").await;
    let mut team = stand.team("Team").await;
    let mut domain = stand.domain("domain", None).await;
    let before = stand.store.latest_change().await.unwrap();
    (user.version, team.version, domain.version) = (9, 9, 9);
    let event = || stand.event(AuditAction::UserUpdated);
    let _ = stand.store.save_user(&user, &event()).await.unwrap();
    let _ = stand.store.save_team(&team, &event()).await.unwrap();
    let _ = stand.store.save_domain(&domain, &event()).await.unwrap();
    let _ = stand.store.insert_team(&stand.new_team("Team"), &event()).await.unwrap();
    let _ = stand.store.insert_domain(&stand.new_domain("domain", None), &event()).await.unwrap();
    assert!(!stand.store.remove_team_member(team.id, user.id, &event()).await.unwrap());
    assert!(!stand.store.unassign_domain(domain.id, user.id, &event()).await.unwrap());
    assert!(!stand.store.delete_key("none", &event()).await.unwrap());
    stand.user("quiet@example.com").await;
    stand.session(user.id).await;
    assert_eq!(stand.announced_after(before).await, []);
    assert_eq!(stand.audited(AuditAction::UserUpdated).await, 0);
}

pub(super) async fn changes_are_read_on_from_a_position(stand: &Stand) {
    assert_eq!(stand.store.latest_change().await.unwrap(), 0);
    for name in ["a", "b", "c", "d"] {
        stand.team(name).await;
    }
    let all = stand.store.changes_after(0, 100).await.unwrap();
    assert_eq!(all.len(), 4);
    assert!(all.is_sorted_by(|one, next| one.seq < next.seq));
    assert_eq!(stand.other.latest_change().await.unwrap(), all[3].seq);
    assert_eq!(stand.store.changes_after(all[0].seq, 2).await.unwrap(), all[1..3]);
    assert_eq!(stand.store.changes_after(all[3].seq, 2).await.unwrap(), []);
}

pub(super) async fn a_sweep_takes_only_what_is_old(stand: &Stand) {
    let user = stand.user("a@example.com").await;
    let counter = |name: &str, known| ThrottleKey { name: name.to_owned(), known, schedule: Schedule::Attempts };
    let (expired, _) = stand.session(user.id).await;
    let (ended, _) = stand.session(user.id).await;
    let event = stand.event(AuditAction::SessionEnded);
    assert!(stand.store.end_session(ended.id, EndReason::SignedOut, event.at, &event).await.unwrap());
    for (name, known) in [("unknown", false), ("known", true)] {
        let _ = stand.store.admit_attempt(&counter(name, known), stand.now()).await.unwrap();
    }
    let early = stand.now();
    stand.wait(48 * 3600);
    let (open, _) = stand.session(user.id).await;
    stand.team("late").await;
    let _ = stand.store.admit_attempt(&counter("late", false), stand.now()).await.unwrap();

    let long_ago = early - SignedDuration::from_hours(1);
    assert_eq!(stand.store.sweep(long_ago, long_ago).await.unwrap(), 0);
    let recently = stand.now() - SignedDuration::from_hours(1);
    // The change line, the counter of an unknown address, the ended session and the expired one.
    assert_eq!(stand.store.sweep(recently, recently).await.unwrap(), 4);
    assert_eq!(stand.announced_after(0).await, [ChangeSubject::Directory]);
    for (session, stays) in [(expired, false), (ended, false), (open, true)] {
        assert_eq!(stand.other.find_live_session(session.id).await.unwrap().is_some(), stays);
    }
    for (name, known, attempts) in [("unknown", false, 1), ("known", true, 2), ("late", false, 2)] {
        let admission = stand.other.admit_attempt(&counter(name, known), stand.now()).await.unwrap();
        assert!(matches!(admission, Admission::Admitted(throttle) if throttle.attempts == attempts), "{name}");
    }
}

pub(super) async fn a_store_gives_a_sign_of_life(stand: &Stand) {
    stand.store.ping().await.unwrap();
    stand.other.ping().await.unwrap();
}
