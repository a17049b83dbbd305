//! What is late: lines that took long, what the dead left behind, and documents of a Doorward that is newer.

use std::time::Duration;

use doorward_identity::audit::{AuditAction, AuditEvent, AuditQuery, AuditStore as _};
use doorward_identity::change::{ChangeStore as _, ChangeSubject};
use doorward_identity::clock::SystemClock;
use doorward_identity::code::CodePurpose;
use doorward_identity::entropy::SystemEntropy;
use doorward_identity::provider::ProviderStore as _;
use doorward_identity::session::{EndReason, SessionStore as _};
use doorward_identity::user::{UserQuery, UserStore as _};
use doorward_identity::{Clock as _, StoreError, UserId};
use jiff::SignedDuration;
use mongodb::bson::{Document, doc};

use super::crash::tired;
use super::wire::Wire;
use crate::Options;
use crate::conformance::{Backend as _, MongoBackend, Stand, code, options, provider};
use crate::mongo::MongoStore;
use crate::mongo::change::Announcement;
use crate::mongo::values::moment;
use crate::transfer::{Kind, Transfer as _};

fn line() -> (ChangeSubject, Announcement) {
    let now = SystemClock.now();
    let subject = ChangeSubject::User(UserId::new(now, &SystemEntropy));
    (subject, Announcement::of(subject, now))
}

/// How often something is in the audit log.
async fn audited(store: &MongoStore, event: &AuditEvent) -> usize {
    let query = AuditQuery { action: Some(event.action), limit: 10, ..AuditQuery::default() };
    store.list_audit(&query).await.unwrap().into_iter().filter(|line| line.id == event.id).count()
}

#[tokio::test]
async fn what_a_dead_node_left_is_done_at_anybodys_first_look() {
    let Some(backend) = MongoBackend::prepare().await else { return };
    let stand = Stand::of(&backend).await;
    let user = stand.user("a@example.com").await;
    let (session, _) = stand.session(user.id).await;
    let event = stand.event(AuditAction::SessionEnded);
    let (node, wire) = tired(&backend, options()).await;
    wire.bear(1);
    tokio::select! {
        biased;
        () = wire.held() => {}
        ended = node.end_session(session.id, EndReason::SignedOut, event.at, &event) => panic!("{ended:?} without leave"),
    }
    for (waited, done) in [(1999, 0), (2000, 1)] {
        let newcomer = MongoStore::connect(&backend.url(), options()).await.unwrap();
        newcomer.settle_leftovers(event.at + SignedDuration::from_millis(waited)).await.unwrap();
        assert_eq!(audited(&newcomer, &event).await, done, "{waited} ms later");
    }
    backend.clear().await;
}

/// A node that does not wait long.
async fn hasty(backend: &MongoBackend) -> (MongoStore, Wire) {
    tired(backend, Options { timeout: Duration::from_secs(4), ..options() }).await
}

#[tokio::test]
async fn a_change_is_answered_though_its_lines_are_late() {
    let Some(backend) = MongoBackend::prepare().await else { return };
    let stand = Stand::of(&backend).await;
    let user = stand.user("a@example.com").await;
    let (session, _) = stand.session(user.id).await;
    let (event, before) = (stand.event(AuditAction::SessionEnded), stand.store.latest_change().await.unwrap());
    let (node, wire) = hasty(&backend).await;
    wire.bear(1);
    assert!(node.end_session(session.id, EndReason::SignedOut, event.at, &event).await.unwrap());
    let store = backend.store().await;
    assert_eq!((audited(&store, &event).await, stand.announced_after(before).await), (0, vec![]));
    store.settle_leftovers(event.at + SignedDuration::from_secs(2)).await.unwrap();
    assert_eq!(audited(&store, &event).await, 1);
    assert_eq!(stand.announced_after(before).await, [ChangeSubject::Session(session.id)]);
    backend.clear().await;
}

#[tokio::test]
async fn a_sign_in_is_not_answered_before_its_session_is_there() {
    let Some(backend) = MongoBackend::prepare().await else { return };
    let stand = Stand::of(&backend).await;
    let user = stand.user("a@example.com").await;
    let (session, _) = stand.new_session(user.id, None);
    let (node, wire) = hasty(&backend).await;
    wire.bear(1);
    let started = node.start_session(&session, &stand.event(AuditAction::SessionStarted)).await;
    assert!(matches!(started, Err(StoreError::Unavailable(_))), "{started:?}");
    backend.clear().await;
}

#[tokio::test]
async fn a_document_of_a_newer_form_is_refused_by_all_who_read_it() {
    let Some(backend) = MongoBackend::prepare().await else { return };
    let (stand, store) = (Stand::of(&backend).await, backend.store().await);
    let user = stand.user("a@example.com").await;
    let (session, _) = stand.session(user.id).await;
    let users = backend.database().await.collection::<Document>("users");
    let newer = doc! { "$set": { "ledger.format": 2, "ledger.owing": true, "of_later": 1 } };
    users.update_one(doc! {}, newer).await.unwrap();
    let written = users.find_one(doc! {}).await.unwrap();
    let (event, now) = (stand.event(AuditAction::SessionEnded), stand.now());
    let key = user.email.key();
    for (refused, what) in [
        (store.find_user(user.id).await.map(drop), "found"),
        (store.find_user_by_email(key).await.map(drop), "found by its address"),
        (store.list_users(&UserQuery { limit: 1, ..UserQuery::default() }).await.map(drop), "listed"),
        (store.find_context(user.id).await.map(drop), "found with its teams"),
        (store.verify_email(user.id, key, &event).await.map(drop), "changed"),
        (store.read_page(Kind::Users, None, 1).await.map(drop), "copied"),
        (store.settle_leftovers(now + SignedDuration::from_secs(2)).await, "settled"),
    ] {
        let told = match refused {
            Err(StoreError::Broken(told)) => told.to_string(),
            other => panic!("{what}: {other:?}"),
        };
        assert!(told.contains("newer Doorward wrote a document of users in the form 2"), "{what}: {told}");
    }
    assert_eq!(users.find_one(doc! {}).await.unwrap(), written);
    assert!(store.find_live_session(session.id).await.unwrap().is_some());
    backend.clear().await;
}

#[tokio::test]
async fn a_session_that_waits_to_go_is_there_for_nobody() {
    let Some(backend) = MongoBackend::prepare().await else { return };
    let stand = Stand::of(&backend).await;
    let user = stand.user("a@example.com").await;
    let (session, _) = stand.session(user.id).await;
    assert_eq!(stand.store.list_sessions(user.id, stand.now()).await.unwrap().len(), 1);
    let leave = doc! { "$set": { "ledger.leaving": true, "ledger.owing": true } };
    backend.database().await.collection::<Document>("sessions").update_one(doc! {}, leave).await.unwrap();
    assert!(stand.store.find_live_session(session.id).await.unwrap().is_none());
    assert_eq!(stand.store.list_sessions(user.id, stand.now()).await.unwrap(), []);
    backend.clear().await;
}

#[tokio::test]
async fn a_session_that_waits_to_go_is_no_providers() {
    let Some(backend) = MongoBackend::prepare().await else { return };
    let (stand, store) = (Stand::of(&backend).await, backend.store().await);
    let user = stand.user("a@example.com").await;
    let session = provider::session(&stand, user.id, "s").await.session.id;
    let due = stand.now() + SignedDuration::from_mins(10);
    for is_there in [true, false] {
        assert_eq!(store.find_provider_session(session).await.unwrap().is_some(), is_there);
        assert_eq!(store.lease_renewals(&provider::lease(due)).await.unwrap().len(), usize::from(is_there));
        assert_eq!(store.save_provider_tokens(session, b"new", Some(due)).await.unwrap(), is_there);
        let leave = doc! { "$set": { "ledger.leaving": true, "ledger.owing": true } };
        backend.database().await.collection::<Document>("sessions").update_one(doc! {}, leave).await.unwrap();
    }
    backend.clear().await;
}

#[tokio::test]
async fn codes_are_forgotten_page_by_page_but_those_of_accounts_that_cannot_be_read() {
    let Some(backend) = MongoBackend::prepare().await else { return };
    let (stand, store) = (Stand::of(&backend).await, backend.store().await);
    for name in ["a", "b", "c", "d", "e"] {
        let user = stand.user(&format!("{name}@example.com")).await;
        for purpose in [CodePurpose::EmailVerification, CodePurpose::PasswordReset] {
            code::code(&stand, &user, purpose, "123456").await;
        }
    }
    let users = backend.database().await.collection::<Document>("users");
    let newer = doc! { "$set": { "ledger.format": 2 } };
    users.update_many(doc! { "email_key": { "$in": ["a@example.com", "b@example.com"] } }, newer).await.unwrap();
    stand.wait(3600);
    let over = moment(stand.now());
    // The page of those two, that of the next, the last one, and from the first again.
    for forgotten in [0, 4, 2, 0] {
        assert_eq!(store.forget_codes(over, 2).await.unwrap(), forgotten);
    }
    assert_eq!(users.count_documents(doc! { "codes.expires_at": { "$lt": over } }).await.unwrap(), 2);
    // What cannot be read keeps a sweep from nothing.
    assert_eq!(store.sweep(stand.now(), stand.now()).await.unwrap(), 0);
    backend.clear().await;
}

#[tokio::test]
async fn a_line_that_took_long_is_said_again_where_others_still_look() {
    let Some(backend) = MongoBackend::prepare().await else { return };
    let store = backend.store().await;
    store.migrate().await.unwrap();
    let (node, wire) = tired(&backend, options()).await;
    let ((slow, announcement), (_, of_others)) = (line(), line());
    // Its position is taken, and there it waits.
    wire.bear(1);
    let mut announcing = Box::pin(node.announce(&announcement));
    let waits = async {
        wire.held().await;
        store.announce(&of_others).await.unwrap();
        let read = store.latest_change().await.unwrap();
        // It has given up its place and asks for another.
        wire.held().await;
        read
    };
    let read = tokio::select! {
        read = waits => read,
        announced = &mut announcing => panic!("{announced:?} without leave"),
    };
    wire.mend();
    announcing.await.unwrap();
    let after = store.changes_after(read, 10).await.unwrap();
    assert!(after.iter().any(|change| change.subject == slow), "{after:?}");
    backend.clear().await;
}
