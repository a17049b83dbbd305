//! The outbox.

use doorward_identity::UserId;
use doorward_identity::audit::{AuditAction, AuditEvent};
use doorward_identity::code::CodePurpose;
use doorward_identity::mail::{
    LeasedMail, LetterKind, MailCounts, MailId, MailLease, MailQuery, MailState, NewMail, QueuedMail, Settlement,
};
use jiff::{SignedDuration, Timestamp};

use super::Stand;
use super::code::{code, outbox, outbox_ids};
use super::stand::at_once;

/// A lease of a minute.
fn lease(at: Timestamp, limit: u32) -> MailLease {
    MailLease { at, until: at + SignedDuration::from_mins(1), limit }
}

/// A stored mail of the user nobody, good for ten minutes.
async fn mail(stand: &Stand) -> NewMail {
    let mail = stand.new_mail(UserId::from_uuid(uuid::Uuid::nil()), LetterKind::PasswordChanged);
    stand.store.put_mail(&mail).await.unwrap();
    mail
}

async fn leased(stand: &Stand, at: Timestamp) -> LeasedMail {
    stand.other.lease_mail(&lease(at, 100)).await.unwrap()
}

/// Which mail is due, and which attempt it is.
fn attempts(leased: &[QueuedMail]) -> Vec<(MailId, u32)> {
    let mut attempts: Vec<_> = leased.iter().map(|mail| (mail.id, mail.attempt)).collect();
    attempts.sort();
    attempts
}

fn abandoned() -> Settlement {
    Settlement::Abandoned { reason: "550 no such\0 mailbox".to_owned() }
}

pub(super) async fn a_mail_comes_back_as_it_was_put_in_and_leaves_when_sent(stand: &Stand) {
    let mail = mail(stand).await;
    let due = leased(stand, mail.created_at).await.due;
    let [queued] = due.as_slice() else { panic!("{due:?}") };
    assert_eq!((queued.id, queued.kind, queued.attempt), (mail.id, mail.kind, 1));
    assert_eq!((queued.recipient.as_str(), queued.sealed_letter.as_slice()), ("a@example.com", [0, 1, 255].as_slice()));
    assert_eq!((queued.created_at, queued.expires_at), (mail.created_at, mail.expires_at));
    assert!(stand.store.settle_mail(mail.id, 1, &Settlement::Sent).await.unwrap());
    assert!(!stand.store.settle_mail(mail.id, 1, &Settlement::Sent).await.unwrap());
    assert_eq!(outbox(stand).await, []);
}

pub(crate) async fn no_mail_is_handed_to_two(stand: &Stand) {
    for _ in 0..3 {
        let mut expected = Vec::new();
        for _ in 0..30 {
            expected.push((mail(stand).await.id, 1));
        }
        let few = lease(stand.now(), 4);
        let workers = (0..50).map(|number| {
            let store = stand.node(number);
            async move { store.lease_mail(&few).await.unwrap().due }
        });
        let taken = at_once(workers.collect()).await;
        assert!(taken.iter().all(|due| due.len() <= 4));
        let mut taken: Vec<QueuedMail> = taken.into_iter().flatten().collect();
        taken.extend(leased(stand, few.at).await.due);
        assert_eq!(attempts(&taken), expected);
        for (id, attempt) in expected {
            assert!(stand.store.settle_mail(id, attempt, &Settlement::Sent).await.unwrap());
        }
    }
}

pub(super) async fn the_longest_due_is_taken_first(stand: &Stand) {
    let mut mails = Vec::new();
    for _ in 0..5 {
        mails.push(mail(stand).await.id);
    }
    let at = stand.now();
    for expected in [&mails[..2], &mails[2..4], &mails[4..], &[]] {
        let due = stand.store.lease_mail(&lease(at, 2)).await.unwrap().due;
        assert_eq!(due.iter().map(|mail| mail.id).collect::<Vec<_>>(), expected);
    }
}

pub(super) async fn a_lost_attempt_is_followed_by_the_next_and_settles_nothing(stand: &Stand) {
    let mail = mail(stand).await;
    let first = stand.now();
    assert_eq!(attempts(&leased(stand, first).await.due), [(mail.id, 1)]);
    let second = first + SignedDuration::from_mins(1);
    assert_eq!(attempts(&leased(stand, second - SignedDuration::from_millis(1)).await.due), []);
    assert_eq!(attempts(&leased(stand, second).await.due), [(mail.id, 2)], "whoever had it is gone");
    let retry = Settlement::Retry { at: first, reason: "late".to_owned() };
    for late in [&Settlement::Sent, &retry, &abandoned()] {
        assert!(!stand.store.settle_mail(mail.id, 1, late).await.unwrap(), "{late:?}");
    }
    assert_eq!(attempts(&leased(stand, second).await.due), []);
    assert!(stand.store.settle_mail(mail.id, 2, &Settlement::Sent).await.unwrap());
}

pub(super) async fn a_mail_is_tried_again_when_it_was_told_to(stand: &Stand) {
    let mail = mail(stand).await;
    leased(stand, stand.now()).await;
    let at = stand.now() + SignedDuration::from_secs(30);
    let retry = Settlement::Retry { at, reason: "451 try\0 later".to_owned() };
    assert!(stand.store.settle_mail(mail.id, 1, &retry).await.unwrap());
    let [entry] = outbox(stand).await.try_into().unwrap();
    assert_eq!((entry.state, entry.attempts, entry.due_at), (MailState::Waiting, 1, at));
    assert_eq!(entry.reason.as_deref(), Some("451 try later"));
    assert_eq!(attempts(&leased(stand, at - SignedDuration::from_millis(1)).await.due), []);
    assert_eq!(attempts(&leased(stand, at).await.due), [(mail.id, 2)]);
}

pub(super) async fn an_abandoned_mail_waits_again_when_an_operator_says_so(stand: &Stand) {
    let (one, two, three) = (mail(stand).await, mail(stand).await, mail(stand).await);
    leased(stand, stand.now()).await;
    let waiting = mail(stand).await;
    for mail in [&one, &two, &three] {
        assert!(stand.store.settle_mail(mail.id, 1, &abandoned()).await.unwrap());
        assert!(!stand.store.settle_mail(mail.id, 1, &abandoned()).await.unwrap());
    }
    let entry = &outbox(stand).await[0];
    assert_eq!((entry.state, entry.reason.as_deref()), (MailState::Abandoned, Some("550 no such mailbox")));
    let later = stand.now() + SignedDuration::from_mins(5);
    assert_eq!(attempts(&leased(stand, later).await.due), [(waiting.id, 1)]);
    let retry = async |id, at| {
        let event = AuditEvent { at, ..stand.event(AuditAction::MailRetried) };
        stand.other.retry_mail(id, &event).await.unwrap()
    };
    assert_eq!(retry(Some(waiting.id), later).await, 0);
    assert_eq!(retry(Some(one.id), later).await, 1);
    assert_eq!(retry(Some(one.id), later).await, 0);
    assert_eq!(attempts(&leased(stand, later).await.due), [(one.id, 2)]);
    assert_eq!(retry(None, two.expires_at).await, 1, "one is over by then, the other is not");
    assert_eq!(attempts(&leased(stand, two.expires_at).await.due), [(three.id, 2), (waiting.id, 2)]);
    assert_eq!(retry(None, later).await, 1);
    assert_eq!(retry(None, later).await, 0);
    assert_eq!(stand.audited(AuditAction::MailRetried).await, 3, "what retried nothing is no event");
}

pub(super) async fn a_mail_that_is_over_is_not_sent_and_its_letter_is_thrown_away(stand: &Stand) {
    let (mail, given_up) = (mail(stand).await, mail(stand).await);
    leased(stand, stand.now()).await;
    assert!(stand.store.settle_mail(given_up.id, 1, &abandoned()).await.unwrap());
    let given = leased(stand, mail.expires_at).await;
    assert_eq!((attempts(&given.due), given.expired), (Vec::new(), vec![mail.kind]));
    assert_eq!(leased(stand, mail.expires_at).await.expired, [], "that is told once");
    let retry = Settlement::Retry { at: mail.expires_at, reason: String::new() };
    for late in [&retry, &abandoned()] {
        assert!(!stand.store.settle_mail(mail.id, 1, late).await.unwrap());
    }
    assert_eq!(outbox(stand).await[0].state, MailState::Expired);
    assert_eq!(outbox(stand).await[1].state, MailState::Abandoned);
}

pub(crate) async fn a_mail_expires_once(stand: &Stand) {
    let mut over = Timestamp::MIN;
    for _ in 0..20 {
        over = mail(stand).await.expires_at;
    }
    let workers = (0..20).map(|number| {
        let store = stand.node(number);
        async move { store.lease_mail(&lease(over, 10)).await.unwrap().expired.len() }
    });
    let expired: usize = at_once(workers.collect()).await.into_iter().sum();
    assert_eq!(expired, 20);
}

pub(super) async fn mail_is_counted_by_state_and_listed_page_by_page(stand: &Stand) {
    assert_eq!(stand.store.count_mail().await.unwrap(), MailCounts::default());
    let over = mail(stand).await;
    stand.wait(300);
    let given_up = mail(stand).await;
    leased(stand, stand.now()).await;
    assert!(stand.store.settle_mail(given_up.id, 1, &abandoned()).await.unwrap());
    stand.wait(300);
    leased(stand, over.expires_at).await;
    let (oldest, newest) = (mail(stand).await, mail(stand).await);
    let counts = MailCounts { waiting: 2, abandoned: 1, expired: 1, oldest_waiting: Some(oldest.created_at) };
    assert_eq!(stand.other.count_mail().await.unwrap(), counts);

    let list = async |state, after, limit| {
        let entries = stand.other.list_mail(&MailQuery { state, after, limit }).await.unwrap();
        entries.into_iter().map(|entry| entry.id).collect::<Vec<_>>()
    };
    let all = [over.id, given_up.id, oldest.id, newest.id];
    assert_eq!(list(None, None, 3).await, all[..3]);
    assert_eq!(list(None, Some(all[2]), 3).await, all[3..]);
    assert_eq!(list(None, Some(all[3]), 3).await, []);
    assert_eq!(list(Some(MailState::Waiting), None, 3).await, all[2..]);
    assert_eq!(list(Some(MailState::Waiting), Some(all[2]), 3).await, all[3..]);
    assert_eq!(list(Some(MailState::Abandoned), None, 3).await, all[1..2]);
    assert_eq!(list(Some(MailState::Expired), None, 3).await, all[..1]);
}

pub(super) async fn the_last_letter_outlives_its_account_and_codes_do_not(stand: &Stand) {
    let (user, other) = (stand.user("a@example.com").await, stand.user("b@example.com").await);
    code(stand, &user, CodePurpose::PasswordReset, "123456").await;
    let theirs = code(stand, &other, CodePurpose::PasswordReset, "123456").await;
    let farewell = stand.new_mail(user.id, LetterKind::AccountDeleted);
    for (gone, left) in [(true, vec![theirs.mail.id, farewell.id]), (false, vec![theirs.mail.id, farewell.id])] {
        let event = stand.event(AuditAction::UserLeft);
        assert_eq!(stand.store.delete_user(user.id, Some(&farewell), &event).await.unwrap(), gone);
        assert_eq!(outbox_ids(stand).await, left);
    }
    assert_eq!(stand.audited(AuditAction::UserLeft).await, 1);
}

pub(super) async fn a_sweep_takes_codes_and_mail_long_over(stand: &Stand) {
    let user = stand.user("a@example.com").await;
    let over = code(stand, &user, CodePurpose::EmailVerification, "123456").await;
    let given_up = mail(stand).await;
    leased(stand, given_up.created_at).await;
    assert!(stand.store.settle_mail(given_up.id, 1, &abandoned()).await.unwrap());
    leased(stand, over.expires_at).await;
    let early = stand.now();
    stand.wait(3600);
    let waiting = code(stand, &user, CodePurpose::PasswordReset, "123456").await;
    let late = stand.now();
    let long_ago = user.created_at;
    assert_eq!(stand.store.sweep(long_ago, long_ago).await.unwrap(), 0);
    // One code is over; two mails were given up or came too late.
    assert_eq!(stand.store.sweep(late, long_ago).await.unwrap(), 1);
    assert_eq!(outbox_ids(stand).await, [over.mail.id, given_up.id, waiting.mail.id]);
    assert_eq!(stand.store.sweep(late, early).await.unwrap(), 2);
    assert_eq!(outbox_ids(stand).await, [waiting.mail.id]);
    let found = super::code::try_code(stand, user.id, CodePurpose::PasswordReset, "123456").await;
    assert!(matches!(found, doorward_identity::code::Redemption::Redeemed { .. }));
}
