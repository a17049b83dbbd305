//! Sessions that began through providers, and what counts once.

use doorward_identity::audit::AuditAction;
use doorward_identity::change::ChangeSubject;
use doorward_identity::provider::{NewProviderSession, ProviderSession, RenewalLease, StateUse, Subject};
use doorward_identity::session::{EndReason, SignInMethod, Started};
use doorward_identity::user::UserStatus;
use doorward_identity::{SessionId, UserId};
use doorward_protocol::opaque::{Kind, OpaqueToken, SecretHash};
use jiff::{SignedDuration, Timestamp};

use super::Stand;
use super::stand::at_once;

/// A session through the provider `corp`, not yet stored, and its handle. It lasts a day, an hour of it unused.
fn new_session(stand: &Stand, user: UserId, subject: &str) -> (NewProviderSession, OpaqueToken) {
    let (mut session, _) = stand.new_session(user, None);
    let handle = OpaqueToken::new(Kind::Session, *session.id.as_uuid().as_bytes(), [7; 32]);
    session.method = SignInMethod::Provider;
    session.credential_hash = handle.hash();
    session.credential_expires_at = session.created_at + SignedDuration::from_hours(1);
    let new = NewProviderSession {
        provider: "corp".to_owned(),
        subject: subject.to_owned(),
        provider_session: Some(format!("{subject}'s browser")),
        sealed_tokens: vec![0, 1, 255],
        renew_at: Some(session.created_at + SignedDuration::from_mins(5)),
        session,
    };
    (new, handle)
}

async fn begin(stand: &Stand, new: &NewProviderSession) {
    let event = stand.event(AuditAction::SessionStarted);
    assert_eq!(stand.store.start_provider_session(new, &event).await.unwrap(), Started::Started);
}

/// A stored session through the provider `corp`.
pub(crate) async fn session(stand: &Stand, user: UserId, subject: &str) -> NewProviderSession {
    let (new, _) = new_session(stand, user, subject);
    begin(stand, &new).await;
    new
}

/// What is found of it.
fn share(new: &NewProviderSession) -> ProviderSession {
    ProviderSession {
        session: new.session.id,
        user_id: new.session.user_id,
        provider: new.provider.clone(),
        subject: new.subject.clone(),
        sealed_tokens: new.sealed_tokens.clone(),
    }
}

async fn end(stand: &Stand, session: SessionId) {
    let event = stand.event(AuditAction::SessionEnded);
    assert!(stand.store.end_session(session, EndReason::SignedOut, event.at, &event).await.unwrap());
}

fn value(number: u8) -> SecretHash {
    OpaqueToken::new(Kind::Session, [number; 16], [number; 32]).hash()
}

pub(crate) fn lease(at: Timestamp) -> RenewalLease {
    RenewalLease { due_at: at, until: at + SignedDuration::from_mins(1), limit: 100 }
}

pub(crate) async fn of_fifty_uses_of_one_value_one_is_the_first(stand: &Stand) {
    let expires_at = stand.now() + SignedDuration::from_mins(10);
    for round in 0..3 {
        let uses = (0..50).map(|number| {
            let store = stand.node(number);
            async move { store.use_once(&value(round), expires_at).await.unwrap() }
        });
        let results = at_once(uses.collect()).await;
        assert_eq!(results.iter().filter(|result| **result == StateUse::First).count(), 1);
    }
    assert_eq!(stand.other.use_once(&value(0), expires_at).await.unwrap(), StateUse::Again);
}

pub(super) async fn a_used_value_is_forgotten_once_it_is_over(stand: &Stand) {
    let now = stand.now();
    let later = now + SignedDuration::from_hours(1);
    for (number, expires_at) in [(1, now), (2, later)] {
        assert_eq!(stand.store.use_once(&value(number), expires_at).await.unwrap(), StateUse::First);
    }
    assert_eq!(stand.store.sweep(now, now).await.unwrap(), 0);
    assert_eq!(stand.store.sweep(later, later).await.unwrap(), 1);
    assert_eq!(stand.store.use_once(&value(1), later).await.unwrap(), StateUse::First);
    assert_eq!(stand.store.use_once(&value(2), later).await.unwrap(), StateUse::Again);
}

pub(super) async fn a_provider_session_comes_back_as_it_began(stand: &Stand) {
    let user = stand.user("a@example.com").await;
    let new = session(stand, user.id, "s").await;
    assert_eq!(stand.other.find_provider_session(new.session.id).await.unwrap(), Some(share(&new)));
    let listed = stand.other.list_sessions(user.id, stand.now()).await.unwrap();
    assert_eq!((listed[0].id, listed[0].method), (new.session.id, SignInMethod::Provider));
    assert_eq!(stand.stored(user.id).await.last_signin_at, Some(new.session.created_at));
    assert_eq!(stand.audited(AuditAction::SessionStarted).await, 1);
    end(stand, new.session.id).await;
    assert_eq!(stand.other.find_provider_session(new.session.id).await.unwrap(), None);

    let (plain, _) = stand.session(user.id).await;
    assert_eq!(stand.other.find_provider_session(plain.id).await.unwrap(), None);
}

pub(super) async fn a_provider_session_begins_for_an_active_user_only(stand: &Stand) {
    let mut disabled = stand.new_user("a@example.com");
    disabled.user.status = UserStatus::Disabled;
    stand.insert(&disabled).await;
    let (new, _) = new_session(stand, disabled.user.id, "s");
    let event = stand.event(AuditAction::SessionStarted);
    assert_eq!(stand.store.start_provider_session(&new, &event).await.unwrap(), Started::UserNotActive);
    assert_eq!(stand.store.find_live_session(new.session.id).await.unwrap(), None);
    assert_eq!(stand.audited(AuditAction::SessionStarted).await, 0);
}

pub(super) async fn a_handle_is_no_refresh_token_and_finds_its_session_only(stand: &Stand) {
    let user = stand.user("a@example.com").await;
    let (new, handle) = new_session(stand, user.id, "s");
    begin(stand, &new).await;
    let found = stand.other.find_session_by_handle(new.session.id, &handle.hash()).await.unwrap().unwrap();
    assert_eq!((found.user_id, found.authenticated_at), (user.id, new.session.authenticated_at));
    assert_eq!(found.credential_expires_at, new.session.credential_expires_at);

    // The same bytes as a refresh token: the prefix is part of what is hashed.
    let twin = OpaqueToken::new(Kind::Refresh, handle.id(), [7; 32]);
    assert!(stand.store.find_session_by_refresh(new.session.id, &twin.hash()).await.unwrap().is_none());
    assert!(stand.store.find_session_by_handle(new.session.id, &twin.hash()).await.unwrap().is_none());
    let other = session(stand, user.id, "s").await;
    assert!(stand.store.find_session_by_handle(other.session.id, &value(1)).await.unwrap().is_none());

    end(stand, new.session.id).await;
    let found = stand.other.find_session_by_handle(new.session.id, &handle.hash()).await.unwrap();
    assert!(found.unwrap().ended_at.is_some(), "an ended session is found as ended");
}

pub(super) async fn a_session_in_use_lasts_on_but_not_beyond_its_end(stand: &Stand) {
    let user = stand.user("a@example.com").await;
    let NewProviderSession { session, .. } = session(stand, user.id, "s").await;
    let touch = async |until| stand.store.touch_session(session.id, stand.now(), until).await.unwrap();
    let before = stand.store.latest_change().await.unwrap();
    let later = session.credential_expires_at + SignedDuration::from_mins(1);
    assert_eq!(touch(later).await, Some(later));
    assert_eq!(touch(session.credential_expires_at).await, Some(later), "the end only moves away");
    let live = stand.other.find_live_session(session.id).await.unwrap().unwrap();
    assert_eq!((live.credential_expires_at, live.expires_at), (later, session.expires_at));
    assert!(stand.other.list_sessions(user.id, stand.now()).await.unwrap()[0].last_seen_at > session.created_at);
    assert_eq!(touch(Timestamp::MAX).await, Some(session.expires_at));
    assert_eq!(stand.announced_after(before).await, []);
    stand.wait(24 * 3600);
    assert_eq!(touch(Timestamp::MAX).await, None);
}

pub(super) async fn a_session_left_unused_is_over_for_good(stand: &Stand) {
    let user = stand.user("a@example.com").await;
    let NewProviderSession { session, .. } = session(stand, user.id, "s").await;
    stand.wait(3600);
    assert_eq!(stand.store.touch_session(session.id, stand.now(), Timestamp::MAX).await.unwrap(), None);
    let live = stand.other.find_live_session(session.id).await.unwrap().unwrap();
    assert_eq!(live.credential_expires_at, session.credential_expires_at);
    assert_eq!(stand.other.list_sessions(user.id, stand.now()).await.unwrap(), []);
}

pub(crate) async fn a_session_used_and_ended_at_once_is_over(stand: &Stand) {
    let user = stand.user("a@example.com").await;
    for _ in 0..3 {
        let NewProviderSession { session, .. } = session(stand, user.id, "s").await;
        let event = stand.event(AuditAction::SessionEnded);
        let calls = (0..20).map(|number| {
            let (store, event, at) = (stand.node(number), event.clone(), stand.now());
            async move {
                if number == 10 {
                    assert!(store.end_session(session.id, EndReason::SignedOut, event.at, &event).await.unwrap());
                } else {
                    store.touch_session(session.id, at, Timestamp::MAX).await.unwrap();
                }
            }
        });
        at_once(calls.collect()).await;
        assert_eq!(stand.store.touch_session(session.id, stand.now(), Timestamp::MAX).await.unwrap(), None);
        assert_eq!(stand.other.find_live_session(session.id).await.unwrap().unwrap().ended_at, Some(event.at));
    }
}

pub(super) async fn renewals_are_handed_out_when_due_and_again_when_their_lease_is_over(stand: &Stand) {
    let user = stand.user("a@example.com").await;
    let (mut never, _) = new_session(stand, user.id, "s");
    never.renew_at = None;
    begin(stand, &never).await;
    let (due, ended) = (session(stand, user.id, "s").await, session(stand, user.id, "s").await);
    end(stand, ended.session.id).await;
    let leased = async |at| stand.store.lease_renewals(&lease(at)).await.unwrap();
    assert_eq!(leased(due.session.created_at).await, []);
    stand.wait(300);
    let at = stand.now();
    assert_eq!(leased(at).await, [share(&due)]);
    assert_eq!(leased(at + SignedDuration::from_secs(59)).await, []);
    let at = at + SignedDuration::from_mins(1);
    assert_eq!(leased(at).await, [share(&due)], "whoever had it is gone");

    let next = at + SignedDuration::from_mins(5);
    assert!(stand.store.save_provider_tokens(due.session.id, b"new", Some(next)).await.unwrap());
    assert_eq!(leased(next - SignedDuration::from_secs(1)).await, []);
    assert_eq!(leased(next).await, [ProviderSession { sealed_tokens: b"new".to_vec(), ..share(&due) }]);
    assert_eq!(leased(due.session.credential_expires_at).await, [], "a session left unused is not kept alive");
}

pub(super) async fn renewals_that_waited_longest_come_first(stand: &Stand) {
    let user = stand.user("a@example.com").await;
    let mut sessions = Vec::new();
    for _ in 0..5 {
        sessions.push(session(stand, user.id, "s").await.session.id);
    }
    stand.wait(300);
    let few = RenewalLease { limit: 2, ..lease(stand.now()) };
    for expected in [&sessions[..2], &sessions[2..4], &sessions[4..], &[]] {
        let leased = stand.store.lease_renewals(&few).await.unwrap();
        let mut leased: Vec<SessionId> = leased.into_iter().map(|session| session.session).collect();
        leased.sort();
        assert_eq!(leased, expected);
    }
}

pub(crate) async fn no_renewal_is_handed_to_two(stand: &Stand) {
    let user = stand.user("a@example.com").await;
    for _ in 0..3 {
        let mut expected = Vec::new();
        for _ in 0..30 {
            expected.push(session(stand, user.id, "s").await.session.id);
        }
        stand.wait(300);
        let few = RenewalLease { limit: 4, ..lease(stand.now()) };
        let callers = (0..50).map(|number| {
            let store = stand.node(number);
            async move { store.lease_renewals(&few).await.unwrap() }
        });
        let mut leased: Vec<ProviderSession> = at_once(callers.collect()).await.into_iter().flatten().collect();
        leased.extend(stand.store.lease_renewals(&RenewalLease { limit: 100, ..few }).await.unwrap());
        let mut leased: Vec<SessionId> = leased.into_iter().map(|session| session.session).collect();
        leased.sort();
        assert_eq!(leased, expected);
        for session in expected {
            assert!(stand.store.save_provider_tokens(session, b"new", None).await.unwrap());
        }
    }
}

pub(super) async fn tokens_of_an_ended_session_are_not_kept(stand: &Stand) {
    let user = stand.user("a@example.com").await;
    let new = session(stand, user.id, "s").await;
    end(stand, new.session.id).await;
    assert!(!stand.store.save_provider_tokens(new.session.id, b"new", None).await.unwrap());
    let (plain, _) = stand.session(user.id).await;
    assert!(!stand.store.save_provider_tokens(plain.id, b"new", None).await.unwrap());
}

pub(super) async fn a_provider_ends_one_session_or_all_of_a_person(stand: &Stand) {
    let user = stand.user("a@example.com").await;
    let (mut elsewhere, _) = new_session(stand, user.id, "s");
    elsewhere.provider = "other".to_owned();
    begin(stand, &elsewhere).await;
    let mut sessions = Vec::new();
    for (subject, browser) in [("s", "b1"), ("s", "b2"), ("s", "b3"), ("another", "b4")] {
        let (mut new, _) = new_session(stand, user.id, subject);
        new.provider_session = Some(browser.to_owned());
        begin(stand, &new).await;
        sessions.push(new.session.id);
    }
    let before = stand.store.latest_change().await.unwrap();
    let end = async |subject: Subject| {
        let event = stand.event(AuditAction::SessionsEnded);
        let mut ended =
            stand.store.end_provider_sessions("corp", &subject, EndReason::ProviderEnded, &event).await.unwrap();
        ended.sort();
        ended
    };
    assert_eq!(end(Subject::Session("b2".to_owned())).await, [sessions[1]]);
    assert_eq!(end(Subject::Person("s".to_owned())).await, [sessions[0], sessions[2]]);
    for nobody in ["s", "S", "b1", "s\0", ""] {
        assert_eq!(end(Subject::Person(nobody.to_owned())).await, [], "{nobody:?}");
        assert_eq!(end(Subject::Session(nobody.to_owned())).await, [], "{nobody:?}");
    }
    let mut announced = stand.announced_after(before).await;
    announced[1..].sort_by_key(|subject| format!("{subject:?}"));
    let mut expected = [sessions[1], sessions[0], sessions[2]].map(ChangeSubject::Session);
    expected[1..].sort_by_key(|subject| format!("{subject:?}"));
    assert_eq!(announced, expected);
    assert_eq!(stand.audited(AuditAction::SessionsEnded).await, 2, "what ended nothing is no event");
    let open = stand.other.list_sessions(user.id, stand.now()).await.unwrap();
    assert_eq!(open.iter().map(|session| session.id).collect::<Vec<_>>(), [sessions[3], elsewhere.session.id]);
}

pub(super) async fn what_a_provider_session_leaves_goes_with_it(stand: &Stand) {
    let user = stand.user("a@example.com").await;
    let kept = session(stand, user.id, "s").await;
    let gone = session(stand, user.id, "s").await;
    end(stand, gone.session.id).await;
    let later = stand.now();
    let long_ago = kept.session.created_at;
    assert_eq!(stand.store.sweep(later, long_ago).await.unwrap(), 2, "the change line and the provider's tokens");
    assert!(stand.store.find_live_session(gone.session.id).await.unwrap().is_some());
    assert_eq!(stand.store.sweep(later, later).await.unwrap(), 1, "the session itself");
    assert_eq!(stand.store.find_live_session(gone.session.id).await.unwrap(), None);
    assert_eq!(stand.store.find_provider_session(kept.session.id).await.unwrap(), Some(share(&kept)));
    let unused = kept.session.credential_expires_at + SignedDuration::from_secs(1);
    assert_eq!(stand.store.sweep(unused, long_ago).await.unwrap(), 1, "the tokens of a session left unused");
    assert_eq!(stand.store.find_provider_session(kept.session.id).await.unwrap(), None);

    let deleted = session(stand, user.id, "s").await;
    assert!(stand.store.delete_user(user.id, None, &stand.event(AuditAction::UserDeleted)).await.unwrap());
    assert_eq!(stand.store.find_provider_session(deleted.session.id).await.unwrap(), None);
}
