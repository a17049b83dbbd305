//! Changes of password, and what proves that one may be made.

use doorward_identity::UserId;
use doorward_identity::audit::AuditAction;
use doorward_identity::change::ChangeSubject;
use doorward_identity::code::{CodeEffect, CodeGuess, CodePurpose, Redemption};
use doorward_identity::credential::PasswordHash;
use doorward_identity::mail::{LetterKind, NewMail};
use doorward_identity::session::{NewSession, Started};
use doorward_identity::store::Saved;
use doorward_identity::user::{PasswordChange, PasswordProof, User, UserStatus};
use doorward_protocol::opaque::SecretHash;
use jiff::SignedDuration;

use super::Stand;
use super::code::{code, granted, guess, outbox_ids, try_code};
use super::stand::at_once;

fn hash(text: &str) -> PasswordHash {
    PasswordHash::from_stored(text.to_owned())
}

fn notice(stand: &Stand, user: UserId) -> NewMail {
    stand.new_mail(user, LetterKind::PasswordChanged)
}

/// Changes the password to `new`; keeps no session.
async fn change(stand: &Stand, user: UserId, proof: PasswordProof<'_>, new: &str) -> bool {
    let (new, notice) = (hash(new), notice(stand, user));
    let change = PasswordChange { user, proof, new_hash: Some(&new), keep: None, notice: &notice };
    stand.store.change_password(&change, &stand.event(AuditAction::PasswordChanged)).await.unwrap()
}

/// Confirms the address with the code 123456.
async fn confirm(stand: &Stand, user: UserId) -> Redemption {
    let guess = guess(user, CodePurpose::EmailVerification, "123456");
    let guess = CodeGuess { effect: CodeEffect::VerifyEmail, ..guess };
    stand.store.redeem_code(&guess, &stand.event(AuditAction::EmailVerified)).await.unwrap()
}

fn password(user: &User) -> Option<&str> {
    user.password_hash.as_ref().map(PasswordHash::expose)
}

pub(super) async fn a_changed_password_takes_with_it_what_was_built_on_the_former(stand: &Stand) {
    let (user, bystander) = (stand.user("a@example.com").await, stand.user("b@example.com").await);
    let grant = granted(stand, &user, "grant").await;
    for purpose in CodePurpose::ALL {
        code(stand, &user, purpose, "123456").await;
    }
    let theirs = code(stand, &bystander, CodePurpose::PasswordReset, "123456").await;
    let (kept, other, of_bystander) =
        (stand.session(user.id).await.0, stand.session(user.id).await.0, stand.session(bystander.id).await.0);
    let (new, notice, before) = (hash("new"), notice(stand, user.id), stand.store.latest_change().await.unwrap());
    let change = PasswordChange {
        user: user.id,
        proof: PasswordProof::Current(&hash("hash")),
        new_hash: Some(&new),
        keep: Some(kept.id),
        notice: &notice,
    };
    let event = stand.event(AuditAction::PasswordChanged);
    assert!(stand.store.change_password(&change, &event).await.unwrap());
    let stored = stand.stored(user.id).await;
    assert_eq!((password(&stored), stored.version), (Some("new"), user.version + 1));
    assert_eq!((stored.signed_out_at, stored.email_verified_at), (None, None));
    for (session, ended_at) in [(kept.id, None), (other.id, Some(event.at)), (of_bystander.id, None)] {
        assert_eq!(stand.other.find_live_session(session).await.unwrap().unwrap().ended_at, ended_at);
    }
    for purpose in CodePurpose::ALL {
        assert_eq!(try_code(stand, user.id, purpose, "123456").await, Redemption::Wrong);
    }
    assert!(!self::change(stand, user.id, PasswordProof::Grant(&grant), "late").await);
    assert_eq!(outbox_ids(stand).await, [theirs.mail.id, notice.id]);
    assert_eq!(stand.announced_after(before).await, [ChangeSubject::User(user.id)]);
    assert_eq!(stand.audited(AuditAction::PasswordChanged).await, 1);
    assert_eq!(password(&stand.stored(bystander.id).await), Some("hash"));
}

pub(super) async fn no_session_begins_with_a_password_that_was_changed_meanwhile(stand: &Stand) {
    let user = stand.user("a@example.com").await;
    let (judged_by_former, _) = stand.new_session(user.id, None);
    let event = stand.event(AuditAction::SessionStarted);
    assert!(change(stand, user.id, PasswordProof::Current(&hash("hash")), "new").await);
    let started = stand.other.start_session(&judged_by_former, &event).await.unwrap();
    assert_eq!(started, Started::UserNotActive);
    assert_eq!(stand.store.list_sessions(user.id, stand.now()).await.unwrap(), []);

    let password_changed_at = stand.stored(user.id).await.password_changed_at;
    assert!(password_changed_at.is_some());
    let (judged_by_new, _) = stand.new_session(user.id, None);
    let judged_by_new = NewSession { password_changed_at, ..judged_by_new };
    assert_eq!(stand.store.start_session(&judged_by_new, &event).await.unwrap(), Started::Started);
}

pub(super) async fn a_stale_proof_changes_nothing(stand: &Stand) {
    let (user, other) = (stand.user("a@example.com").await, stand.user("b@example.com").await);
    let grant = granted(stand, &other, "grant").await;
    let (session, _) = stand.session(user.id).await;
    let before = stand.store.latest_change().await.unwrap();
    for proof in [
        PasswordProof::Current(&hash("Hash")),
        PasswordProof::Grant(&grant),
        PasswordProof::Grant(&SecretHash::of("none")),
    ] {
        assert!(!change(stand, user.id, proof, "new").await, "{proof:?}");
    }
    let stored = stand.stored(user.id).await;
    assert_eq!((password(&stored), stored.version, stored.signed_out_at), (Some("hash"), user.version, None));
    assert_eq!(stand.store.find_live_session(session.id).await.unwrap().unwrap().ended_at, None);
    assert_eq!(outbox_ids(stand).await, []);
    assert_eq!(stand.announced_after(before).await, []);
    assert_eq!(stand.audited(AuditAction::PasswordChanged).await, 0);

    let mut bare = stand.new_user("bare@example.com");
    bare.user.password_hash = None;
    stand.insert(&bare).await;
    assert!(!change(stand, bare.user.id, PasswordProof::Current(&hash("")), "new").await);
}

pub(super) async fn a_grant_sets_one_password_and_proves_the_address(stand: &Stand) {
    let user = stand.user("a@example.com").await;
    let (session, _) = stand.session(user.id).await;
    let grant = granted(stand, &user, "grant").await;
    assert!(change(stand, user.id, PasswordProof::Grant(&grant), "new").await);
    let stored = stand.stored(user.id).await;
    assert_eq!(password(&stored), Some("new"));
    assert!(stored.email_verified_at.is_some());
    assert_eq!(stored.signed_out_at, stand.store.find_live_session(session.id).await.unwrap().unwrap().ended_at);
    assert!(stored.signed_out_at.is_some());
    assert!(!change(stand, user.id, PasswordProof::Grant(&grant), "again").await);
    let at = stand.now();
    assert!(!stand.store.claim_grant(user.id, &grant, at, at + SignedDuration::from_secs(30)).await.unwrap());

    let late = granted(stand, &user, "late").await;
    stand.wait(601);
    assert!(!change(stand, user.id, PasswordProof::Grant(&late), "late").await);
    assert_eq!(password(&stand.stored(user.id).await), Some("new"));
}

pub(super) async fn a_grant_claimed_in_time_counts_as_long_as_it_is_claimed(stand: &Stand) {
    let user = stand.user("a@example.com").await;
    for (waited, changed) in [(29, true), (31, false)] {
        let grant = granted(stand, &user, "grant").await;
        stand.wait(595);
        let at = stand.now();
        assert!(stand.store.claim_grant(user.id, &grant, at, at + SignedDuration::from_secs(30)).await.unwrap());
        stand.wait(waited);
        assert_eq!(change(stand, user.id, PasswordProof::Grant(&grant), "new").await, changed, "{waited}");
    }
}

pub(crate) async fn of_fifty_uses_of_a_grant_one_sets_the_password(stand: &Stand) {
    let user = stand.user("a@example.com").await;
    for round in 1..4 {
        let grant = granted(stand, &user, &round.to_string()).await;
        let changes = (0..50).map(|number| {
            let (store, event) = (stand.node(number), stand.event(AuditAction::PasswordReset));
            let (new, notice, user) = (hash(&number.to_string()), notice(stand, user.id), user.id);
            async move {
                let proof = PasswordProof::Grant(&grant);
                let change = PasswordChange { user, proof, new_hash: Some(&new), keep: None, notice: &notice };
                store.change_password(&change, &event).await.unwrap()
            }
        });
        let results = at_once(changes.collect()).await;
        let winner = results.iter().position(|changed| *changed).unwrap();
        assert_eq!(results.iter().filter(|changed| **changed).count(), 1);
        assert_eq!(password(&stand.stored(user.id).await), Some(winner.to_string().as_str()));
        assert_eq!(stand.audited(AuditAction::PasswordReset).await, round);
    }
}

pub(super) async fn a_password_kept_elsewhere_leaves_no_hash_here(stand: &Stand) {
    let user = stand.user("a@example.com").await;
    let (session, _) = stand.session(user.id).await;
    let notice = notice(stand, user.id);
    let change =
        PasswordChange { user: user.id, proof: PasswordProof::Pool, new_hash: None, keep: None, notice: &notice };
    let event = stand.event(AuditAction::PasswordChanged);
    assert!(stand.store.change_password(&change, &event).await.unwrap());
    let stored = stand.stored(user.id).await;
    assert_eq!((password(&stored), stored.signed_out_at), (None, Some(event.at)));
    assert_eq!(stored.email_verified_at, None, "no mail was read");
    assert!(stand.store.find_live_session(session.id).await.unwrap().unwrap().ended_at.is_some());
}

pub(super) async fn only_an_active_account_changes_its_password(stand: &Stand) {
    let mut user = stand.user("a@example.com").await;
    let grant = granted(stand, &user, "grant").await;
    user.status = UserStatus::Disabled;
    let event = stand.event(AuditAction::UserDisabled);
    assert_eq!(stand.store.save_user(&user, &event).await.unwrap(), Saved::Saved);
    for user in [user.id, stand.new_user("b@example.com").user.id] {
        for proof in [PasswordProof::Current(&hash("hash")), PasswordProof::Grant(&grant), PasswordProof::Pool] {
            assert!(!change(stand, user, proof, "new").await, "{proof:?}");
        }
    }
    assert_eq!(outbox_ids(stand).await, []);
}

pub(super) async fn a_contested_address_is_confirmed_without_the_password_of_anybody(stand: &Stand) {
    for contested in [false, true] {
        let user = stand.user(&format!("contested-{contested}@example.com")).await;
        if contested {
            stand.store.contest_sign_up(user.id).await.unwrap();
            let current = PasswordProof::Current(&hash("hash"));
            assert!(change(stand, user.id, current, "hash").await, "a password may still be changed");
        }
        let password_changed_at = stand.stored(user.id).await.password_changed_at;
        let (session, _) = stand.new_session(user.id, None);
        let session = NewSession { password_changed_at, ..session };
        let event = stand.event(AuditAction::SessionStarted);
        assert_eq!(stand.store.start_session(&session, &event).await.unwrap(), Started::Started);
        code(stand, &user, CodePurpose::EmailVerification, "123456").await;
        assert_eq!(confirm(stand, user.id).await, Redemption::Redeemed { new_email: None });
        let stored = stand.stored(user.id).await;
        assert!(stored.email_verified_at.is_some());
        assert_eq!(password(&stored), (!contested).then_some("hash"));
        let live = stand.store.find_live_session(session.id).await.unwrap().unwrap();
        assert_eq!(live.ended_at.is_some(), contested);
        assert_eq!(stored.password_changed_at != password_changed_at, contested);
    }
}

pub(super) async fn what_is_confirmed_is_contested_no_more(stand: &Stand) {
    let (verified, reset) = (stand.user("verified@example.com").await, stand.user("reset@example.com").await);
    code(stand, &verified, CodePurpose::EmailVerification, "123456").await;
    assert_eq!(confirm(stand, verified.id).await, Redemption::Redeemed { new_email: None });
    stand.store.contest_sign_up(verified.id).await.unwrap();
    code(stand, &verified, CodePurpose::EmailVerification, "123456").await;
    assert_eq!(confirm(stand, verified.id).await, Redemption::Redeemed { new_email: None });
    assert_eq!(password(&stand.stored(verified.id).await), Some("hash"));

    stand.store.contest_sign_up(reset.id).await.unwrap();
    let grant = granted(stand, &reset, "grant").await;
    assert!(change(stand, reset.id, PasswordProof::Grant(&grant), "chosen").await);
    code(stand, &reset, CodePurpose::EmailVerification, "123456").await;
    assert_eq!(confirm(stand, reset.id).await, Redemption::Redeemed { new_email: None });
    assert_eq!(password(&stand.stored(reset.id).await), Some("chosen"));
}

pub(super) async fn an_address_that_a_pool_verifies_has_one_owner(stand: &Stand) {
    let (user, other) = (stand.user("a@example.com").await, stand.user("b@example.com").await);
    let (session, _) = stand.session(user.id).await;
    let before = stand.store.latest_change().await.unwrap();
    let event = stand.event(AuditAction::EmailVerified);
    assert!(!stand.store.verify_email(user.id, other.email.key(), &event).await.unwrap());
    assert_eq!(stand.announced_after(before).await, []);
    assert!(stand.store.verify_email(user.id, user.email.key(), &event).await.unwrap());
    let stored = stand.stored(user.id).await;
    assert_eq!((password(&stored), stored.email_verified_at), (None, Some(event.at)));
    assert_eq!(stand.other.find_live_session(session.id).await.unwrap().unwrap().ended_at, Some(event.at));
    assert_eq!(stand.announced_after(before).await, [ChangeSubject::User(user.id)]);
    assert_eq!(stand.audited(AuditAction::EmailVerified).await, 1);
}

pub(super) async fn a_pool_verifies_no_address_that_is_verified(stand: &Stand) {
    let (by_pool, by_code) = (stand.user("a@example.com").await, stand.user("b@example.com").await);
    let verify = async |user: &User| {
        let event = stand.event(AuditAction::EmailVerified);
        stand.other.verify_email(user.id, user.email.key(), &event).await.unwrap()
    };
    assert!(verify(&by_pool).await);
    code(stand, &by_code, CodePurpose::EmailVerification, "123456").await;
    assert_eq!(confirm(stand, by_code.id).await, Redemption::Redeemed { new_email: None });
    for user in [by_pool, by_code] {
        let password_changed_at = stand.stored(user.id).await.password_changed_at;
        let session = NewSession { password_changed_at, ..stand.new_session(user.id, None).0 };
        let event = stand.event(AuditAction::SessionStarted);
        assert_eq!(stand.store.start_session(&session, &event).await.unwrap(), Started::Started);
        let (stored, before) = (stand.stored(user.id).await, stand.store.latest_change().await.unwrap());
        assert!(!verify(&user).await);
        let now = stand.stored(user.id).await;
        assert_eq!((format!("{now:?}"), password(&now)), (format!("{stored:?}"), password(&stored)));
        assert_eq!(stand.other.find_live_session(session.id).await.unwrap().unwrap().ended_at, None);
        assert_eq!(stand.announced_after(before).await, []);
    }
    assert_eq!(stand.audited(AuditAction::EmailVerified).await, 2);
}

pub(crate) async fn of_ten_proofs_of_an_address_at_once_one_counts(stand: &Stand) {
    let user = stand.user("a@example.com").await;
    let proofs = (0..10).map(|number| {
        let (store, event) = (stand.node(number), stand.event(AuditAction::EmailVerified));
        let (user, email) = (user.id, user.email.clone());
        async move { (event.at, store.verify_email(user, email.key(), &event).await.unwrap()) }
    });
    let proofs = at_once(proofs.collect()).await;
    let counted: Vec<_> = proofs.into_iter().filter_map(|(at, counts)| counts.then_some(at)).collect();
    let stored = stand.stored(user.id).await;
    assert_eq!(stored.email_verified_at.into_iter().collect::<Vec<_>>(), counted);
    assert_eq!((stored.password_changed_at, stored.version), (stored.email_verified_at, user.version + 1));
    assert_eq!(stand.audited(AuditAction::EmailVerified).await, 1);
}

pub(super) async fn no_session_begins_with_a_password_that_was_taken_away_meanwhile(stand: &Stand) {
    let user = stand.user("a@example.com").await;
    let (judged_by_former, _) = stand.new_session(user.id, None);
    let event = stand.event(AuditAction::EmailVerified);
    assert!(stand.store.verify_email(user.id, user.email.key(), &event).await.unwrap());
    let start = stand.event(AuditAction::SessionStarted);
    let started = stand.other.start_session(&judged_by_former, &start).await.unwrap();
    assert_eq!(started, Started::UserNotActive);
    assert_eq!(stand.store.list_sessions(user.id, stand.now()).await.unwrap(), []);

    assert_eq!(stand.stored(user.id).await.password_changed_at, Some(event.at));
    let (of_the_owner, _) = stand.new_session(user.id, None);
    let of_the_owner = NewSession { password_changed_at: Some(event.at), ..of_the_owner };
    assert_eq!(stand.store.start_session(&of_the_owner, &start).await.unwrap(), Started::Started);
}
