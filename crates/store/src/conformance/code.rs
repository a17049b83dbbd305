//! One-time codes, and the grants they give.

use doorward_identity::UserId;
use doorward_identity::audit::{AuditAction, AuditEvent};
use doorward_identity::change::ChangeSubject;
use doorward_identity::code::{CodeEffect, CodeGuess, CodePurpose, NewCode, Redemption};
use doorward_identity::mail::{LetterKind, MailEntry, MailId, MailQuery, NewMail};
use doorward_identity::store::{Inserted, Saved};
use doorward_identity::user::{User, UserStatus};
use doorward_protocol::opaque::SecretHash;
use jiff::{SignedDuration, Timestamp};

use super::Stand;
use super::stand::at_once;

use CodePurpose::{EmailChange, EmailVerification, PasswordReset};

const REDEEMED: Redemption = Redemption::Redeemed { new_email: None };

fn letter(purpose: CodePurpose) -> LetterKind {
    match purpose {
        EmailVerification => LetterKind::ConfirmEmail,
        PasswordReset => LetterKind::ResetPassword,
        EmailChange => LetterKind::ConfirmNewEmail,
    }
}

/// A code not yet issued: five guesses, ten minutes.
pub(crate) fn new_code(stand: &Stand, user: &User, purpose: CodePurpose, digits: &str) -> NewCode {
    let mail = NewMail { recipient: user.email.clone(), ..stand.new_mail(user.id, letter(purpose)) };
    NewCode {
        user: user.id,
        purpose,
        digest: SecretHash::of(digits),
        new_email: None,
        attempts: 5,
        expires_at: mail.expires_at,
        mail,
    }
}

pub(crate) async fn issue(stand: &Stand, code: &NewCode) {
    assert!(stand.store.issue_code(code, &stand.event(AuditAction::CodeIssued)).await.unwrap());
}

/// A stored code.
pub(crate) async fn code(stand: &Stand, user: &User, purpose: CodePurpose, digits: &str) -> NewCode {
    let code = new_code(stand, user, purpose, digits);
    issue(stand, &code).await;
    code
}

pub(crate) fn guess(user: UserId, purpose: CodePurpose, digits: &str) -> CodeGuess {
    CodeGuess { user, purpose, digest: SecretHash::of(digits), effect: CodeEffect::UseUp }
}

pub(super) async fn redeem(stand: &Stand, guess: &CodeGuess) -> Redemption {
    stand.other.redeem_code(guess, &stand.event(AuditAction::CodeRedeemed)).await.unwrap()
}

/// Tries a code that does nothing more.
pub(super) async fn try_code(stand: &Stand, user: UserId, purpose: CodePurpose, digits: &str) -> Redemption {
    redeem(stand, &guess(user, purpose, digits)).await
}

/// Redeems a code for a grant of ten minutes.
pub(crate) async fn granted(stand: &Stand, user: &User, name: &str) -> SecretHash {
    code(stand, user, PasswordReset, "123456").await;
    let grant = SecretHash::of(name);
    let until = stand.now() + SignedDuration::from_mins(10);
    let effect = CodeEffect::Grant { grant, until };
    assert_eq!(redeem(stand, &CodeGuess { effect, ..guess(user.id, PasswordReset, "123456") }).await, REDEEMED);
    grant
}

/// What is in the outbox.
pub(super) async fn outbox(stand: &Stand) -> Vec<MailEntry> {
    stand.other.list_mail(&MailQuery { limit: 1000, ..MailQuery::default() }).await.unwrap()
}

pub(super) async fn outbox_ids(stand: &Stand) -> Vec<MailId> {
    outbox(stand).await.into_iter().map(|entry| entry.id).collect()
}

pub(super) async fn a_right_code_is_redeemed_once(stand: &Stand) {
    let user = stand.user("a@example.com").await;
    let code = code(stand, &user, EmailVerification, "123456").await;
    assert_eq!(outbox_ids(stand).await, [code.mail.id]);
    let before = stand.store.latest_change().await.unwrap();
    let right = CodeGuess { effect: CodeEffect::VerifyEmail, ..guess(user.id, EmailVerification, "123456") };
    assert_eq!(redeem(stand, &right).await, REDEEMED);
    let stored = stand.stored(user.id).await;
    assert!(stored.email_verified_at.is_some());
    assert_eq!(stored.version, user.version + 1);
    assert_eq!(stand.announced_after(before).await, [ChangeSubject::User(user.id)]);
    assert_eq!(outbox(stand).await, [], "its letter has nothing to bring any more");

    for _ in 0..3 {
        assert_eq!(redeem(stand, &right).await, Redemption::Wrong);
    }
    assert_eq!(stand.audited(AuditAction::CodeIssued).await, 1);
    assert_eq!(stand.audited(AuditAction::CodeRedeemed).await, 1);
    assert_eq!(stand.stored(user.id).await.email_verified_at, stored.email_verified_at);
}

pub(crate) async fn of_fifty_right_guesses_one_is_redeemed(stand: &Stand) {
    for round in 0..3 {
        let user = stand.user(&format!("user{round}@example.com")).await;
        let mut code = new_code(stand, &user, EmailVerification, "123456");
        code.attempts = 50;
        issue(stand, &code).await;
        let right = CodeGuess { effect: CodeEffect::VerifyEmail, ..guess(user.id, EmailVerification, "123456") };
        let guesses = (0..50).map(|number| {
            let (store, guess, event) = (stand.node(number), right.clone(), stand.event(AuditAction::CodeRedeemed));
            async move { store.redeem_code(&guess, &event).await.unwrap() }
        });
        let results = at_once(guesses.collect()).await;
        assert_eq!(results.iter().filter(|result| **result == REDEEMED).count(), 1);
        assert!(results.iter().all(|result| *result == REDEEMED || *result == Redemption::Wrong));
        assert_eq!(stand.stored(user.id).await.version, user.version + 1);
        assert_eq!(stand.audited(AuditAction::CodeRedeemed).await, round + 1);
    }
}

pub(crate) async fn a_code_under_fire_is_compared_no_more_often_than_it_may_be(stand: &Stand) {
    // Every guess is right but late, so each that is compared says so.
    let user = stand.user("a@example.com").await;
    for _ in 0..3 {
        code(stand, &user, PasswordReset, "123456").await;
        stand.wait(3600);
        let guesses = (0..50).map(|number| {
            let (store, event) = (stand.node(number), stand.event(AuditAction::CodeRedeemed));
            async move { store.redeem_code(&guess(user.id, PasswordReset, "123456"), &event).await.unwrap() }
        });
        let results = at_once(guesses.collect()).await;
        assert_eq!(results.iter().filter(|result| **result == Redemption::Late).count(), 5);
        assert_eq!(results.iter().filter(|result| **result == Redemption::Wrong).count(), 45);
    }
}

pub(super) async fn a_code_guessed_at_too_often_is_dead(stand: &Stand) {
    let (user, other) = (stand.user("a@example.com").await, stand.user("b@example.com").await);
    for victim in [&user, &other] {
        code(stand, victim, PasswordReset, "123456").await;
    }
    for number in 0..5 {
        assert_eq!(try_code(stand, user.id, PasswordReset, &format!("00000{number}")).await, Redemption::Wrong);
    }
    assert_eq!(try_code(stand, user.id, PasswordReset, "123456").await, Redemption::Wrong);
    assert_eq!(try_code(stand, other.id, PasswordReset, "123456").await, REDEEMED, "each code has its own count");

    code(stand, &user, PasswordReset, "123456").await;
    for _ in 0..4 {
        assert_eq!(try_code(stand, user.id, PasswordReset, "000000").await, Redemption::Wrong);
    }
    assert_eq!(try_code(stand, user.id, PasswordReset, "123456").await, REDEEMED, "the fifth guess counts");
}

pub(super) async fn a_late_code_is_told_from_a_wrong_one(stand: &Stand) {
    let user = stand.user("a@example.com").await;
    let code = code(stand, &user, PasswordReset, "123456").await;
    let at = async |at: Timestamp, digits: &str| {
        let event = AuditEvent { at, ..stand.event(AuditAction::CodeRedeemed) };
        stand.store.redeem_code(&guess(user.id, PasswordReset, digits), &event).await.unwrap()
    };
    assert_eq!(at(code.expires_at, "123456").await, Redemption::Late);
    assert_eq!(at(code.expires_at, "000000").await, Redemption::Wrong);
    assert_eq!(stand.audited(AuditAction::CodeRedeemed).await, 0);
    let just_in_time = code.expires_at - SignedDuration::from_millis(1);
    assert_eq!(at(just_in_time, "123456").await, REDEEMED);
    assert_eq!(at(code.expires_at, "123456").await, Redemption::Wrong, "a used code is not late");
}

pub(super) async fn codes_of_purposes_and_users_do_not_mix(stand: &Stand) {
    let (user, other) = (stand.user("a@example.com").await, stand.user("b@example.com").await);
    code(stand, &user, EmailVerification, "111111").await;
    code(stand, &user, PasswordReset, "222222").await;
    code(stand, &other, PasswordReset, "333333").await;
    for (user, purpose, digits) in [
        (user.id, EmailVerification, "222222"),
        (user.id, PasswordReset, "111111"),
        (user.id, PasswordReset, "333333"),
        (other.id, PasswordReset, "222222"),
        (user.id, EmailChange, "111111"),
    ] {
        assert_eq!(try_code(stand, user, purpose, digits).await, Redemption::Wrong, "{purpose:?} {digits}");
    }
    for (user, purpose, digits) in [
        (user.id, EmailVerification, "111111"),
        (user.id, PasswordReset, "222222"),
        (other.id, PasswordReset, "333333"),
    ] {
        assert_eq!(try_code(stand, user, purpose, digits).await, REDEEMED, "{purpose:?} {digits}");
    }
}

pub(super) async fn a_new_code_ends_the_former_and_drops_its_mail(stand: &Stand) {
    let user = stand.user("a@example.com").await;
    let verification = code(stand, &user, EmailVerification, "999999").await;
    code(stand, &user, PasswordReset, "111111").await;
    for _ in 0..5 {
        assert_eq!(try_code(stand, user.id, PasswordReset, "000000").await, Redemption::Wrong);
    }
    let latest = code(stand, &user, PasswordReset, "222222").await;
    assert_eq!(outbox_ids(stand).await, [verification.mail.id, latest.mail.id]);
    assert_eq!(try_code(stand, user.id, PasswordReset, "111111").await, Redemption::Wrong);
    assert_eq!(try_code(stand, user.id, PasswordReset, "222222").await, REDEEMED);
    assert_eq!(try_code(stand, user.id, EmailVerification, "999999").await, REDEEMED);
}

pub(crate) async fn of_codes_issued_at_once_one_counts_and_one_letter_leaves(stand: &Stand) {
    let user = stand.user("a@example.com").await;
    let issues = (0..20).map(|number| {
        let (store, event) = (stand.node(number), stand.event(AuditAction::CodeIssued));
        let code = new_code(stand, &user, PasswordReset, &number.to_string());
        async move { (code.mail.id, store.issue_code(&code, &event).await.unwrap()) }
    });
    let results = at_once(issues.collect()).await;
    assert!(results.iter().all(|(_, issued)| *issued));
    let left = outbox_ids(stand).await;
    assert_eq!(left.len(), 1);
    let winner = results.iter().position(|(id, _)| *id == left[0]).unwrap();
    assert_eq!(try_code(stand, user.id, PasswordReset, &winner.to_string()).await, REDEEMED);
}

pub(super) async fn nobody_and_the_disabled_get_no_code_and_have_none(stand: &Stand) {
    let mut user = stand.user("a@example.com").await;
    code(stand, &user, PasswordReset, "123456").await;
    let grant = granted(stand, &user, "grant").await;
    code(stand, &user, PasswordReset, "123456").await;
    user = stand.stored(user.id).await;
    user.status = UserStatus::Disabled;
    let event = stand.event(AuditAction::UserDisabled);
    assert_eq!(stand.store.save_user(&user, &event).await.unwrap(), Saved::Saved);
    let (issued, mails) = (stand.audited(AuditAction::CodeIssued).await, outbox_ids(stand).await);
    let mut nobody = stand.new_user("b@example.com").user;
    nobody.id = UserId::from_uuid(uuid::Uuid::nil());
    for absent in [user, stand.new_user("c@example.com").user, nobody] {
        let code = new_code(stand, &absent, PasswordReset, "123456");
        let absent = absent.id;
        assert!(!stand.store.issue_code(&code, &stand.event(AuditAction::CodeIssued)).await.unwrap());
        assert_eq!(try_code(stand, absent, PasswordReset, "123456").await, Redemption::Wrong);
        let (at, until) = (stand.now(), stand.now());
        assert!(!stand.store.claim_grant(absent, &grant, at, until).await.unwrap());
    }
    assert_eq!(stand.audited(AuditAction::CodeIssued).await, issued);
    assert_eq!(outbox_ids(stand).await, mails);
}

pub(super) async fn a_code_moves_an_account_to_the_address_it_went_to(stand: &Stand) {
    let mut new = stand.new_user("old@example.com");
    new.user.name = Some("Ada".to_owned());
    stand.insert(&new).await;
    let user = new.user;
    code(stand, &user, PasswordReset, "654321").await;
    let mut change = new_code(stand, &user, EmailChange, "123456");
    change.new_email = Some("New@example.com".parse().unwrap());
    issue(stand, &change).await;
    let notice = stand.new_mail(user.id, LetterKind::EmailChanged);
    let effect = CodeEffect::ChangeEmail { notice: notice.clone() };
    let right = CodeGuess { effect, ..guess(user.id, EmailChange, "123456") };
    let before = stand.store.latest_change().await.unwrap();
    assert_eq!(redeem(stand, &right).await, Redemption::Redeemed { new_email: change.new_email.clone() });
    let stored = stand.other.find_user_by_email(change.new_email.unwrap().key()).await.unwrap().unwrap();
    assert_eq!((stored.id, stored.email.as_str(), stored.version), (user.id, "New@example.com", user.version + 1));
    assert!(stored.email_verified_at.is_some());
    assert!(stand.other.find_user_by_email(user.email.key()).await.unwrap().is_none());
    assert_eq!(stand.announced_after(before).await, [ChangeSubject::User(user.id)]);
    assert_eq!(outbox_ids(stand).await, [notice.id]);
    assert_eq!(try_code(stand, user.id, PasswordReset, "654321").await, Redemption::Wrong, "it went elsewhere");
    for (text, found) in [("new@example.com", 1), ("ada", 1), ("old@", 0)] {
        assert_eq!(stand.store.list_users(&super::user::search(text)).await.unwrap().len(), found, "{text}");
    }
}

pub(super) async fn a_code_moves_no_account_onto_anothers_address(stand: &Stand) {
    let (user, owner) = (stand.user("old@example.com").await, stand.user("taken@example.com").await);
    let mut change = new_code(stand, &user, EmailChange, "123456");
    change.new_email = Some("TAKEN@example.com".parse().unwrap());
    issue(stand, &change).await;
    let effect = CodeEffect::ChangeEmail { notice: stand.new_mail(user.id, LetterKind::EmailChanged) };
    let right = CodeGuess { effect, ..guess(user.id, EmailChange, "123456") };
    let before = stand.store.latest_change().await.unwrap();
    assert_eq!(redeem(stand, &right).await, Redemption::Taken);
    assert_eq!(redeem(stand, &right).await, Redemption::Wrong, "it is used up");
    assert_eq!(stand.stored(user.id).await.email.as_str(), "old@example.com");
    assert_eq!(stand.stored(user.id).await.version, user.version);
    assert_eq!(stand.stored(owner.id).await.email.as_str(), "taken@example.com");
    assert_eq!(outbox(stand).await, []);
    assert_eq!(stand.announced_after(before).await, []);
    assert_eq!(stand.audited(AuditAction::CodeRedeemed).await, 0);
}

pub(crate) async fn of_ten_moves_to_one_address_one_is_made(stand: &Stand) {
    let mut movers = Vec::new();
    for number in 0..10 {
        let user = stand.user(&format!("user{number}@example.com")).await;
        let mut change = new_code(stand, &user, EmailChange, "123456");
        change.new_email = Some("wanted@example.com".parse().unwrap());
        issue(stand, &change).await;
        movers.push(user.id);
    }
    let guesses = movers.into_iter().enumerate().map(|(number, user)| {
        let effect = CodeEffect::ChangeEmail { notice: stand.new_mail(user, LetterKind::EmailChanged) };
        let (store, event) = (stand.node(number), stand.event(AuditAction::CodeRedeemed));
        let guess = CodeGuess { effect, ..guess(user, EmailChange, "123456") };
        async move { store.redeem_code(&guess, &event).await.unwrap() }
    });
    let results = at_once(guesses.collect()).await;
    assert_eq!(results.iter().filter(|result| matches!(result, Redemption::Redeemed { .. })).count(), 1);
    assert_eq!(results.iter().filter(|result| **result == Redemption::Taken).count(), 9);
}

pub(super) async fn another_address_ends_every_code(stand: &Stand) {
    let user = stand.user("a@example.com").await;
    for purpose in CodePurpose::ALL {
        code(stand, &user, purpose, "123456").await;
    }
    let save = async |email: &str| {
        let mut user = stand.stored(user.id).await;
        user.email = email.parse().unwrap();
        let event = stand.event(AuditAction::UserUpdated);
        assert_eq!(stand.store.save_user(&user, &event).await.unwrap(), Saved::Saved);
    };
    save("A@Example.com").await;
    assert_eq!(try_code(stand, user.id, EmailVerification, "123456").await, REDEEMED, "the same address");
    code(stand, &user, EmailVerification, "123456").await;
    save("b@example.com").await;
    for purpose in CodePurpose::ALL {
        assert_eq!(try_code(stand, user.id, purpose, "123456").await, Redemption::Wrong, "{purpose:?}");
    }
    assert_eq!(outbox(stand).await, []);
}

pub(super) async fn no_code_goes_to_an_address_the_account_has_left(stand: &Stand) {
    let user = stand.user("b@example.com").await;
    let late = new_code(stand, &user, PasswordReset, "123456");
    let mut change = new_code(stand, &user, EmailChange, "123456");
    (change.new_email, change.mail.recipient) =
        (Some("c@example.com".parse().unwrap()), "c@example.com".parse().unwrap());
    let mut moved = user.clone();
    moved.email = "a@example.com".parse().unwrap();
    let event = stand.event(AuditAction::UserUpdated);
    assert_eq!(stand.store.save_user(&moved, &event).await.unwrap(), Saved::Saved);
    assert!(!stand.store.issue_code(&late, &stand.event(AuditAction::CodeIssued)).await.unwrap());
    assert_eq!(try_code(stand, user.id, PasswordReset, "123456").await, Redemption::Wrong);
    assert_eq!(outbox(stand).await, []);
    issue(stand, &change).await;
    moved.email = "A@Example.com".parse().unwrap();
    code(stand, &moved, PasswordReset, "123456").await;
}

pub(super) async fn an_account_is_made_with_its_code_or_not_at_all(stand: &Stand) {
    let mut new = stand.new_user("a@example.com");
    let code = new_code(stand, &new.user, EmailVerification, "123456");
    new.code = Some(code.clone());
    stand.insert(&new).await;
    assert_eq!(outbox_ids(stand).await, [code.mail.id]);
    let mut twin = stand.new_user("A@example.com");
    twin.code = Some(new_code(stand, &twin.user, EmailVerification, "123456"));
    let inserted = stand.store.insert_user(&twin, &stand.event(AuditAction::UserSignedUp)).await.unwrap();
    assert_eq!(inserted, Inserted::Taken);
    assert_eq!(outbox_ids(stand).await, [code.mail.id]);
    assert_eq!(stand.audited(AuditAction::UserSignedUp).await, 1);
    assert_eq!(try_code(stand, new.user.id, EmailVerification, "123456").await, REDEEMED);
}

pub(super) async fn an_account_whose_mail_cannot_be_put_in_is_not_made(stand: &Stand) {
    let mail = code(stand, &stand.user("a@example.com").await, EmailVerification, "123456").await.mail;
    let mut clash = stand.new_user("b@example.com");
    clash.code = Some(NewCode { mail, ..new_code(stand, &clash.user, EmailVerification, "123456") });
    let event = stand.event(AuditAction::UserProvisioned);
    assert!(stand.store.insert_user(&clash, &event).await.is_err());
    assert!(stand.other.find_user(clash.user.id).await.unwrap().is_none());
    assert_eq!(stand.audited(AuditAction::UserProvisioned).await, 0);
}
