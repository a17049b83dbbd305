//! Sessions.

use std::net::IpAddr;

use doorward_identity::audit::AuditAction;
use doorward_identity::session::{EndReason, LiveSession, Session, Started};
use doorward_identity::user::UserStatus;
use doorward_protocol::opaque::SecretHash;

use super::Stand;

pub(super) async fn a_session_begins_and_notes_the_sign_in(stand: &Stand) {
    let user = stand.user("a@example.com").await;
    let address: IpAddr = "2001:db8::1".parse().unwrap();
    let (session, _) = stand.new_session(user.id, Some(address));
    let event = stand.event(AuditAction::SessionStarted);
    assert_eq!(stand.store.start_session(&session, &event).await.unwrap(), Started::Started);
    let live = LiveSession {
        user_id: user.id,
        authenticated_at: session.authenticated_at,
        expires_at: session.expires_at,
        credential_expires_at: session.credential_expires_at,
        ended_at: None,
    };
    assert_eq!(stand.other.find_live_session(session.id).await.unwrap(), Some(live));
    let listed = Session {
        id: session.id,
        user_id: user.id,
        surface: session.surface,
        method: session.method,
        created_at: session.created_at,
        last_seen_at: session.created_at,
        expires_at: session.expires_at,
        address: Some(address),
        user_agent: session.user_agent.clone(),
    };
    assert_eq!(stand.other.list_sessions(user.id, stand.now()).await.unwrap(), [listed]);
    let stored = stand.stored(user.id).await;
    assert_eq!((stored.last_signin_at, stored.version), (Some(session.created_at), user.version));
}

pub(super) async fn a_session_begins_for_an_active_user_only(stand: &Stand) {
    let mut disabled = stand.new_user("a@example.com");
    disabled.user.status = UserStatus::Disabled;
    stand.insert(&disabled).await;
    let nobody = stand.new_user("b@example.com");
    for user in [disabled.user.id, nobody.user.id] {
        let (session, _) = stand.new_session(user, None);
        let event = stand.event(AuditAction::SessionStarted);
        assert_eq!(stand.store.start_session(&session, &event).await.unwrap(), Started::UserNotActive);
        assert_eq!(stand.store.find_live_session(session.id).await.unwrap(), None);
    }
    assert_eq!(stand.stored(disabled.user.id).await.last_signin_at, None);
    assert_eq!(stand.audited(AuditAction::SessionStarted).await, 0);
}

pub(super) async fn a_session_ends_once(stand: &Stand) {
    let user = stand.user("a@example.com").await;
    let (session, _) = stand.session(user.id).await;
    let event = stand.event(AuditAction::SessionEnded);
    assert!(stand.store.end_session(session.id, EndReason::SignedOut, event.at, &event).await.unwrap());
    let again = stand.event(AuditAction::SessionEnded);
    assert!(!stand.other.end_session(session.id, EndReason::SignedOut, again.at, &again).await.unwrap());
    let live = stand.other.find_live_session(session.id).await.unwrap().unwrap();
    assert_eq!(live.ended_at, Some(event.at));

    let (expired, _) = stand.session(user.id).await;
    stand.wait(25 * 3600);
    let late = stand.event(AuditAction::SessionEnded);
    assert!(!stand.store.end_session(expired.id, EndReason::SignedOut, late.at, &late).await.unwrap());
    assert_eq!(stand.audited(AuditAction::SessionEnded).await, 1);
}

pub(super) async fn all_sessions_of_one_user_end(stand: &Stand) {
    let (user, bystander) = (stand.user("a@example.com").await, stand.user("b@example.com").await);
    let mut sessions = Vec::new();
    for _ in 0..3 {
        sessions.push(stand.session(user.id).await.0);
    }
    let (theirs, _) = stand.session(bystander.id).await;
    let event = stand.event(AuditAction::SessionEnded);
    assert!(stand.store.end_session(sessions[0].id, EndReason::SignedOut, event.at, &event).await.unwrap());
    for expected in [2, 0] {
        let event = stand.event(AuditAction::SessionsEnded);
        let ended =
            stand.store.end_user_sessions(user.id, EndReason::SignedOutEverywhere, event.at, &event).await.unwrap();
        assert_eq!(ended, expected);
        assert_eq!(stand.stored(user.id).await.signed_out_at, Some(event.at));
    }
    assert_eq!(stand.stored(bystander.id).await.signed_out_at, None);
    assert!(stand.other.list_sessions(user.id, stand.now()).await.unwrap().is_empty());
    let first = stand.other.find_live_session(sessions[0].id).await.unwrap().unwrap();
    assert_eq!(first.ended_at, Some(event.at), "what had ended keeps its end");
    assert_eq!(stand.other.find_live_session(theirs.id).await.unwrap().unwrap().ended_at, None);
}

pub(super) async fn open_sessions_are_listed_newest_first(stand: &Stand) {
    let user = stand.user("a@example.com").await;
    let (old, _) = stand.session(user.id).await;
    stand.wait(23 * 3600);
    let (ended, _) = stand.session(user.id).await;
    let (newer, _) = stand.session(user.id).await;
    let (newest, _) = stand.session(user.id).await;
    let event = stand.event(AuditAction::SessionEnded);
    assert!(stand.store.end_session(ended.id, EndReason::SignedOut, event.at, &event).await.unwrap());
    let ids = async |stand: &Stand| {
        let sessions = stand.other.list_sessions(user.id, stand.now()).await.unwrap();
        sessions.iter().map(|session| session.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(stand).await, [newest.id, newer.id, old.id]);
    stand.wait(2 * 3600);
    assert_eq!(ids(stand).await, [newest.id, newer.id]);
}

pub(super) async fn an_address_is_known_once_used(stand: &Stand) {
    let (user, other) = (stand.user("a@example.com").await, stand.user("b@example.com").await);
    let (home, away): (IpAddr, IpAddr) = ("192.0.2.7".parse().unwrap(), "2001:db8:1:2::".parse().unwrap());
    assert!(!stand.store.knows_address(user.id, home).await.unwrap());
    let (session, _) = stand.new_session(user.id, Some(home));
    let event = stand.event(AuditAction::SessionStarted);
    let _ = stand.store.start_session(&session, &event).await.unwrap();
    let event = stand.event(AuditAction::SessionEnded);
    assert!(stand.store.end_session(session.id, EndReason::SignedOut, event.at, &event).await.unwrap());
    assert!(stand.other.knows_address(user.id, home).await.unwrap());
    assert!(!stand.other.knows_address(user.id, away).await.unwrap());
    assert!(!stand.other.knows_address(other.id, home).await.unwrap());
}

pub(super) async fn a_session_is_found_by_its_credential_alone(stand: &Stand) {
    let user = stand.user("a@example.com").await;
    let (session, token) = stand.session(user.id).await;
    stand.session(user.id).await;
    let find = async || stand.other.find_session_by_credential(&token.hash()).await.unwrap();
    let (id, live) = find().await.unwrap();
    assert_eq!((id, live.user_id, live.ended_at), (session.id, user.id, None));
    let unknown = SecretHash::of("unknown");
    assert_eq!(stand.other.find_session_by_credential(&unknown).await.unwrap(), None);
    let event = stand.event(AuditAction::SessionEnded);
    assert!(stand.store.end_session(session.id, EndReason::SignedOut, event.at, &event).await.unwrap());
    assert_eq!(find().await.unwrap().1.ended_at, Some(event.at), "an ended session is found as ended");
}
