//! A node that stands still in the middle of an intent, before any of the intent's writes. While it does, which may be
//! for ever, others find the intent done whole, each line, mail and ended session once, or not begun; and when it goes
//! on, it does nothing a second time.

use std::collections::BTreeMap;

use doorward_identity::audit::{AuditAction, AuditEvent};
use doorward_identity::change::ChangeStore as _;
use doorward_identity::code::{CodeEffect, CodeGuess, CodePurpose, Redemption};
use doorward_identity::credential::PasswordHash;
use doorward_identity::mail::LetterKind;
use doorward_identity::session::{EndReason, Rotation, Started};
use doorward_identity::store::{Inserted, Saved};
use doorward_identity::user::{
    ExternalIdentity, PasswordChange, PasswordProof, User, UserQuery, UserStatus, UserStore as _,
};
use doorward_identity::{Store, StoreError};
use doorward_protocol::opaque::SecretHash;
use jiff::{SignedDuration, Timestamp};
use mongodb::Database;
use mongodb::bson::{Document, doc};
use mongodb::options::ServerAddress;

use super::wire::Wire;
use crate::Options;
use crate::conformance::{Backend as _, MongoBackend, Stand, code, options};
use crate::mongo::aggregate::{Aggregate, Decision};
use crate::mongo::change::{COLLECTION as CHANGES, COUNTERS};
use crate::mongo::session_document::SessionDocument;
use crate::mongo::user_document::UserDocument;
use crate::mongo::{MongoStore, address, audit, mail};

/// Where the intents write.
const WRITTEN: [&str; 6] =
    [UserDocument::COLLECTION, SessionDocument::COLLECTION, mail::COLLECTION, audit::COLLECTION, CHANGES, COUNTERS];

/// What is in a database, by collection.
#[derive(Clone, PartialEq)]
struct Contents(BTreeMap<&'static str, Vec<Document>>);

impl Contents {
    async fn of(database: &Database) -> Self {
        let mut contents = BTreeMap::new();
        for name in WRITTEN {
            let mut cursor = database.collection(name).find(doc! {}).sort(doc! { "_id": 1 }).await.unwrap();
            let mut documents: Vec<Document> = Vec::new();
            while cursor.advance().await.unwrap() {
                documents.push(cursor.deserialize_current().unwrap());
            }
            contents.insert(name, documents);
        }
        Self(contents)
    }

    /// Puts it in the place of what is there.
    async fn restore(&self, database: &Database, there: &Self) {
        for (name, documents) in self.0.iter().filter(|(name, documents)| there.0.get(*name) != Some(documents)) {
            let collection = database.collection::<Document>(name);
            collection.delete_many(doc! {}).await.unwrap();
            if !documents.is_empty() {
                collection.insert_many(documents).await.unwrap();
            }
        }
    }

    /// What counts of it: a change may be announced twice, and in any order.
    fn essence(mut self) -> Self {
        self.0.remove(COUNTERS);
        if let Some(changes) = self.0.get_mut(CHANGES) {
            for line in &mut *changes {
                line.remove("_id");
            }
            changes.sort_by_key(ToString::to_string);
            changes.dedup();
        }
        self
    }

    fn assert_is(&self, expected: &Self, what: &str) {
        for (name, documents) in &expected.0 {
            assert_eq!(self.0.get(name), Some(documents), "{name} {what}");
        }
    }
}

/// What others do while a node stands still.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Others {
    /// They look for what was left two seconds ago.
    Look,
    /// Their clocks are behind, and they look twice.
    LookTwice,
    /// They are about to change the same documents.
    Change,
    /// They delete every account.
    Delete,
}

impl Others {
    async fn go_on(self, store: &MongoStore, deletion: &AuditEvent) {
        match self {
            Self::Look => store.settle_leftovers(deletion.at + SignedDuration::from_secs(2)).await.unwrap(),
            Self::LookTwice => look_twice(store).await,
            Self::Change => {
                touch_all::<UserDocument>(store).await;
                touch_all::<SessionDocument>(store).await;
            }
            Self::Delete => {
                delete_all(store, deletion).await;
                look_twice(store).await;
            }
        }
    }
}

/// Looks for what a dead node left, by a clock that is far behind.
async fn look_twice(store: &MongoStore) {
    for _ in 0..2 {
        store.settle_leftovers(Timestamp::UNIX_EPOCH).await.unwrap();
    }
}

/// Comes to every document of a kind as whoever changes it does, and leaves it.
async fn touch_all<D: Aggregate>(store: &MongoStore) {
    for document in store.all(store.collection::<Document>(D::COLLECTION).find(doc! {})).await.unwrap() {
        let id = document.get("_id").cloned().unwrap();
        store.change::<D, _>(id, |_| Ok(Decision::Leave(()))).await.unwrap();
    }
}

/// Deletes every account.
async fn delete_all(store: &MongoStore, event: &AuditEvent) {
    for user in store.list_users(&UserQuery { limit: 100, ..UserQuery::default() }).await.unwrap() {
        assert!(store.delete_user(user.id, None, event).await.unwrap());
    }
}

/// A node that stands still when its wire does.
pub(super) async fn tired(backend: &MongoBackend, options: Options) -> (MongoStore, Wire) {
    let mut address = address::parse(&backend.url(), &options).await.unwrap();
    let wire = Wire::to(address.options.hosts[0].to_string()).await;
    address.options.hosts =
        vec![ServerAddress::Tcp { host: wire.address.ip().to_string(), port: Some(wire.address.port()) }];
    address.options.direct_connection = Some(true);
    (MongoStore::open(address, options).await.unwrap(), wire)
}

/// Has nodes stand still before each write of an intent. `vain` of its writes are refused before the one that counts.
async fn holds<P>(
    vain: usize,
    prepare: impl AsyncFn(&Stand) -> P,
    act: impl AsyncFn(&dyn Store, &P) -> Result<bool, StoreError>,
) {
    let Some(backend) = MongoBackend::prepare().await else { return };
    let (stand, database) = (Stand::of(&backend).await, backend.database().await);
    let (prepared, deletion) = (prepare(&stand).await, stand.event(AuditAction::UserDeleted));
    let before = Contents::of(&database).await;
    let store = MongoStore::connect(&backend.url(), options()).await.unwrap();
    assert!(act(&store, &prepared).await.unwrap());
    let done = Contents::of(&database).await.essence();
    delete_all(&store, &deletion).await;
    let mut there = Contents::of(&database).await;
    let deserted = there.clone().essence();
    let not_begun = before.clone().essence();
    let (node, wire) = tired(&backend, options()).await;
    for others in [Others::Look, Others::LookTwice, Others::Change, Others::Delete] {
        // Nothing is left of an intent on an account that was deleted before it began.
        for writes in if others == Others::Delete { vain + 1 } else { 0 }.. {
            before.restore(&database, &there).await;
            wire.bear(writes);
            let mut acting = Box::pin(act(&node, &prepared));
            let outlasted = tokio::select! {
                biased;
                () = wire.held() => false,
                acted = &mut acting => acted.unwrap(),
            };
            if outlasted {
                assert!(writes > vain + 1, "nothing is owed");
                break;
            }
            let end = if others == Others::Delete { &deserted } else { &done };
            others.go_on(&store, &deletion).await;
            let what = format!("before write {writes}, when others {others:?}");
            Contents::of(&database).await.essence().assert_is(if writes <= vain { &not_begun } else { end }, &what);
            wire.mend();
            assert!(acting.await.unwrap());
            there = Contents::of(&database).await;
            there.clone().essence().assert_is(end, &format!("{what}, and the node goes on"));
        }
    }
    backend.clear().await;
}

/// A stored account with two codes, a grant and two sessions, whose address another wanted too.
async fn person(stand: &Stand) -> User {
    let user = stand.user("a@example.com").await;
    code::granted(stand, &user, "grant").await;
    for purpose in [CodePurpose::EmailVerification, CodePurpose::PasswordReset] {
        code::code(stand, &user, purpose, "123456").await;
    }
    for _ in 0..2 {
        stand.session(user.id).await;
    }
    stand.store.contest_sign_up(user.id).await.unwrap();
    stand.stored(user.id).await
}

fn identity(subject: &str) -> ExternalIdentity {
    ExternalIdentity { issuer: "https://idp.example.com".to_owned(), subject: subject.to_owned() }
}

#[tokio::test]
async fn a_sign_up_is_whole() {
    let prepare = async |stand: &Stand| {
        let mut new = stand.new_user("a@example.com");
        new.code = Some(code::new_code(stand, &new.user, CodePurpose::EmailVerification, "123456"));
        (new, stand.event(AuditAction::UserSignedUp))
    };
    holds(0, prepare, async |node, (new, event)| Ok(node.insert_user(new, event).await? == Inserted::Inserted)).await;
}

#[tokio::test]
async fn a_linked_identity_is_audited() {
    let prepare = async |stand: &Stand| (person(stand).await, stand.event(AuditAction::IdentityLinked));
    holds(0, prepare, async |node, (user, event)| {
        Ok(node.link_identity(user.id, &identity("1"), event).await? == Inserted::Inserted)
    })
    .await;
}

#[tokio::test]
async fn an_unlinked_identity_is_audited() {
    let prepare = async |stand: &Stand| {
        let user = person(stand).await;
        let linked = stand.event(AuditAction::IdentityLinked);
        assert_eq!(stand.store.link_identity(user.id, &identity("1"), &linked).await.unwrap(), Inserted::Inserted);
        (user, stand.event(AuditAction::IdentityUnlinked))
    };
    holds(0, prepare, async |node, (user, event)| node.unlink_identity(user.id, &identity("1"), event).await).await;
}

#[tokio::test]
async fn a_disabled_account_with_another_address_has_no_session_and_no_code() {
    let prepare = async |stand: &Stand| {
        let mut user = person(stand).await;
        (user.status, user.email) = (UserStatus::Disabled, "b@example.com".parse().unwrap());
        (user, stand.event(AuditAction::UserDisabled))
    };
    holds(0, prepare, async |node, (user, event)| Ok(node.save_user(user, event).await? == Saved::Saved)).await;
}

#[tokio::test]
async fn a_changed_password_ends_what_was_built_on_the_former() {
    let prepare = async |stand: &Stand| {
        let user = person(stand).await;
        let notice = stand.new_mail(user.id, LetterKind::PasswordChanged);
        let (kept, _) = stand.session(user.id).await;
        (user, kept, notice, stand.event(AuditAction::PasswordChanged))
    };
    holds(0, prepare, async |node, (user, kept, notice, event)| {
        let (user, keep) = (user.id, Some(kept.id));
        let (new, grant) = (PasswordHash::from_stored("new".to_owned()), SecretHash::of("grant"));
        let proof = PasswordProof::Grant(&grant);
        let change = PasswordChange { user, proof, new_hash: Some(&new), keep, notice };
        node.change_password(&change, event).await
    })
    .await;
}

#[tokio::test]
async fn an_address_that_a_pool_verifies_leaves_no_session() {
    let prepare = async |stand: &Stand| (person(stand).await, stand.event(AuditAction::EmailVerified));
    holds(0, prepare, async |node, (user, event)| node.verify_email(user.id, user.email.key(), event).await).await;
}

#[tokio::test]
async fn a_deleted_account_leaves_its_farewell_only() {
    let prepare = async |stand: &Stand| {
        let user = person(stand).await;
        let farewell = stand.new_mail(user.id, LetterKind::AccountDeleted);
        (user, farewell, stand.event(AuditAction::UserLeft))
    };
    holds(0, prepare, async |node, (user, farewell, event)| node.delete_user(user.id, Some(farewell), event).await)
        .await;
}

#[tokio::test]
async fn a_code_is_issued_with_its_mail_and_the_formers_is_dropped() {
    let prepare = async |stand: &Stand| {
        let user = person(stand).await;
        let code = code::new_code(stand, &user, CodePurpose::PasswordReset, "654321");
        (code, stand.event(AuditAction::CodeIssued))
    };
    holds(0, prepare, async |node, (code, event)| node.issue_code(code, event).await).await;
}

/// Redeems a code of a person.
async fn redemption_holds(
    vain: usize,
    purpose: CodePurpose,
    effect: impl AsyncFn(&Stand, &User) -> CodeEffect,
    expected: impl Fn(&Redemption) -> bool,
) {
    let prepare = async |stand: &Stand| {
        let user = person(stand).await;
        let mut change = code::new_code(stand, &user, CodePurpose::EmailChange, "123456");
        change.new_email = Some("b@example.com".parse().unwrap());
        code::issue(stand, &change).await;
        let guess = code::guess(user.id, purpose, "123456");
        let guess = CodeGuess { effect: effect(stand, &user).await, ..guess };
        (guess, stand.event(AuditAction::CodeRedeemed))
    };
    holds(vain, prepare, async |node, (guess, event)| Ok(expected(&node.redeem_code(guess, event).await?))).await;
}

fn is_redeemed(redemption: &Redemption) -> bool {
    matches!(redemption, Redemption::Redeemed { .. })
}

#[tokio::test]
async fn a_code_that_verifies_a_contested_address_ends_every_session() {
    let effect = async |_: &Stand, _: &User| CodeEffect::VerifyEmail;
    redemption_holds(0, CodePurpose::EmailVerification, effect, is_redeemed).await;
}

#[tokio::test]
async fn a_code_gives_its_grant_and_its_letter_is_dropped() {
    let effect = async |stand: &Stand, _: &User| CodeEffect::Grant { grant: SecretHash::of("new"), until: stand.now() };
    redemption_holds(0, CodePurpose::PasswordReset, effect, is_redeemed).await;
}

#[tokio::test]
async fn a_code_moves_an_account_and_the_former_address_hears_of_it() {
    let effect = async |stand: &Stand, user: &User| CodeEffect::ChangeEmail {
        notice: stand.new_mail(user.id, LetterKind::EmailChanged),
    };
    redemption_holds(0, CodePurpose::EmailChange, effect, is_redeemed).await;
}

#[tokio::test]
async fn a_code_for_an_address_taken_meanwhile_is_used_up() {
    let effect = async |stand: &Stand, user: &User| {
        stand.user("B@example.com").await;
        CodeEffect::ChangeEmail { notice: stand.new_mail(user.id, LetterKind::EmailChanged) }
    };
    // The move itself is refused.
    redemption_holds(1, CodePurpose::EmailChange, effect, |redemption| *redemption == Redemption::Taken).await;
}

#[tokio::test]
async fn a_session_begins_with_its_sign_in() {
    let prepare = async |stand: &Stand| {
        let user = person(stand).await;
        (stand.new_session(user.id, None).0, stand.event(AuditAction::SessionStarted))
    };
    holds(0, prepare, async |node, (session, event)| Ok(node.start_session(session, event).await? == Started::Started))
        .await;
}

#[tokio::test]
async fn a_session_ends_with_its_line() {
    let prepare = async |stand: &Stand| {
        let user = person(stand).await;
        (stand.session(user.id).await.0, stand.event(AuditAction::SessionEnded))
    };
    holds(0, prepare, async |node, (session, event)| {
        node.end_session(session.id, EndReason::SignedOut, event.at, event).await
    })
    .await;
}

#[tokio::test]
async fn every_session_of_a_user_ends() {
    let prepare = async |stand: &Stand| (person(stand).await, stand.event(AuditAction::SessionEnded));
    holds(0, prepare, async |node, (user, event)| {
        Ok(node.end_user_sessions(user.id, EndReason::SignedOut, event.at, event).await? == 2)
    })
    .await;
}

#[tokio::test]
async fn a_token_used_again_ends_its_session() {
    let prepare = async |stand: &Stand| {
        let user = person(stand).await;
        let (session, token) = stand.session(user.id).await;
        let turn = stand.turn(&session, &token, 1);
        let reuse = stand.event(AuditAction::SessionEnded);
        assert!(matches!(stand.store.rotate_refresh(&turn, &reuse).await.unwrap(), Rotation::Rotated { .. }));
        stand.wait(3600);
        (stand.turn(&session, &token, 2), stand.event(AuditAction::SessionEnded))
    };
    holds(0, prepare, async |node, (turn, event)| {
        Ok(matches!(node.rotate_refresh(turn, event).await?, Rotation::Reused { .. }))
    })
    .await;
}
