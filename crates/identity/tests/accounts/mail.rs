//! The outbox and its worker: nothing lost, nothing twice, nothing that says what is no longer true.

use std::collections::HashSet;
use std::sync::Arc;

use doorward_identity::Identity;
use doorward_identity::audit::{AuditAction, AuditQuery};
use doorward_identity::code::CodePurpose;
use doorward_identity::mail::{LetterKind, MailQuery, MailRound, MailState};
use doorward_identity::user::PasswordChangeWish;

use crate::post::Mood;
use crate::stage::Stage;
use crate::world::{PASSWORD, admin, from};

const VERIFICATION: CodePurpose = CodePurpose::EmailVerification;

impl Stage {
    /// Puts a notice, which is true for days, into the outbox of each of so many people.
    async fn notices(&self, count: usize) {
        for number in 0..count {
            let email = format!("person{number}@example.com");
            self.account(&email).await;
            let caller = self.caller(&email).await;
            let new = &"another good one".into();
            let wish = PasswordChangeWish { current: &PASSWORD.into(), new, origin: from("192.0.2.1") };
            self.node.change_own_password(&caller, wish).await.unwrap();
            // So that their order is known.
            self.world.advance(1);
        }
    }

    /// Another node with the same store and the same postman.
    async fn another_worker(&self) -> Arc<Identity> {
        Arc::new(self.world.node_of(|parts| parts.postman = self.post.clone()).await)
    }

    async fn listed(&self, state: MailState) -> Vec<doorward_identity::mail::MailEntry> {
        let query = MailQuery { state: Some(state), after: None, limit: 100 };
        self.node.mail(&admin(), &query).await.unwrap()
    }

    /// Has the worker work every ten seconds for so long. Answers how many mails were sent.
    async fn work_for(&self, seconds: i64) -> u32 {
        let mut sent = 0;
        for _ in 0..seconds / 10 {
            self.world.advance(10);
            sent += self.deliver().await;
        }
        sent
    }
}

#[tokio::test]
async fn a_quarter_of_an_hour_without_a_mail_server_loses_nothing_and_is_made_up_in_two_minutes() {
    let stage = Stage::new().await;
    stage.post.turns(Mood::Down);
    stage.notices(20).await;
    assert_eq!(stage.node.deliver_mail(|| true).await.unwrap(), MailRound { sent: 0, failed: 20 });
    assert_eq!(stage.work_for(15 * 60).await, 0);
    stage.post.turns(Mood::Takes);
    assert_eq!(stage.work_for(2 * 60).await, 20);
    let reached: HashSet<String> = stage.post.arrived().into_iter().map(|letter| letter.to).collect();
    assert_eq!((reached.len(), stage.post.arrived().len()), (20, 20));
    assert_eq!(stage.node.count_mail().await.unwrap().waiting, 0);
}

#[tokio::test]
async fn a_worker_killed_while_it_sends_doubles_at_most_the_one_mail() {
    for (mood, expected) in [(Mood::HangsAfterTaking, 4), (Mood::Hangs, 3)] {
        let stage = Stage::new().await;
        stage.notices(3).await;
        stage.post.turns(mood);
        tokio::select! {
            round = stage.node.deliver_mail(|| true) => panic!("{round:?}"),
            () = stage.post.hanging.notified() => {}
        }
        stage.post.turns(Mood::Takes);
        // Nobody touches what the dead worker held until its lease is over.
        assert_eq!(stage.deliver().await, 2);
        stage.world.advance(59);
        assert_eq!(stage.deliver().await, 0);
        stage.world.advance(1);
        assert_eq!(stage.deliver().await, 1);
        let arrived = stage.post.arrived();
        let mails: HashSet<String> = arrived.iter().map(|letter| letter.id.to_string()).collect();
        assert_eq!((mails.len(), arrived.len()), (3, expected), "{mood:?}");
    }
}

#[tokio::test]
async fn a_code_that_is_over_is_not_sent() {
    let stage = Stage::new().await;
    stage.account("ada@example.com").await;
    stage.post.turns(Mood::Down);
    stage.request("ada@example.com", VERIFICATION).await.unwrap();
    stage.deliver().await;
    stage.world.advance(600);
    stage.post.turns(Mood::Takes);
    assert_eq!(stage.deliver().await, 0);
    assert!(stage.post.arrived().is_empty());
    let outcomes = stage.tally.mail.lock().unwrap().clone();
    assert_eq!(outcomes, [(LetterKind::ConfirmEmail, "retry"), (LetterKind::ConfirmEmail, "expired")]);
    let counts = stage.node.count_mail().await.unwrap();
    assert_eq!((counts.waiting, counts.abandoned, counts.expired), (0, 0, 1));
    assert_eq!(*stage.tally.outbox.lock().unwrap(), Some(counts));
}

#[tokio::test]
async fn only_the_newest_code_is_sent() {
    let stage = Stage::new().await;
    stage.account("ada@example.com").await;
    stage.request("ada@example.com", VERIFICATION).await.unwrap();
    stage.world.advance(60);
    stage.request("ada@example.com", VERIFICATION).await.unwrap();
    assert_eq!(stage.deliver().await, 1);
    let code = stage.post.last_code_to("ada@example.com").unwrap();
    stage.verify("ada@example.com", &code).await.unwrap();
}

#[tokio::test]
async fn what_is_refused_for_good_is_given_up_listed_and_sent_when_an_operator_says_so() {
    let stage = Stage::new().await;
    stage.notices(2).await;
    stage.post.turns(Mood::Refuses);
    assert_eq!(stage.node.deliver_mail(|| true).await.unwrap(), MailRound { sent: 0, failed: 2 });
    assert_eq!(stage.work_for(600).await, 0);
    assert_eq!(stage.post.calls(), 2, "what was given up is left alone");
    let given_up = stage.listed(MailState::Abandoned).await;
    assert_eq!(given_up.len(), 2);
    assert_eq!(given_up[0].recipient.as_str(), "person0@example.com");
    assert_eq!(given_up[0].kind, LetterKind::PasswordChanged);
    assert_eq!(given_up[0].reason.as_deref(), Some("mail.example: 550 no such mailbox"));
    stage.post.turns(Mood::Takes);
    assert_eq!(stage.node.retry_mail(&admin(), Some(given_up[1].id)).await.unwrap(), 1);
    assert_eq!(stage.deliver().await, 1);
    assert_eq!(stage.node.retry_mail(&admin(), None).await.unwrap(), 1);
    assert_eq!(stage.deliver().await, 1);
    assert_eq!(stage.node.retry_mail(&admin(), None).await.unwrap(), 0);
    assert_eq!(stage.post.arrived()[0].to, "person1@example.com");
    let query = AuditQuery { action: Some(AuditAction::MailRetried), limit: 9, ..AuditQuery::default() };
    assert_eq!(stage.node.audit_events(&admin(), &query).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_day_in_vain_is_enough() {
    let stage = Stage::new().await;
    stage.notices(1).await;
    stage.post.turns(Mood::Down);
    for _ in 0..30 {
        stage.deliver().await;
        stage.world.advance(3600);
    }
    let given_up = stage.listed(MailState::Abandoned).await;
    assert_eq!(given_up.len(), 1);
    assert_eq!(given_up[0].reason.as_deref(), Some("mail.example: connection refused"));
    let outcomes = stage.tally.mail.lock().unwrap().clone();
    assert_eq!(outcomes.last(), Some(&(LetterKind::PasswordChanged, "abandoned")));
}

#[tokio::test]
async fn workers_at_once_send_each_mail_once() {
    let stage = Stage::new().await;
    stage.notices(15).await;
    let nodes: [Arc<Identity>; 3] =
        [Arc::clone(&stage.node), stage.another_worker().await, stage.another_worker().await];
    let workers = nodes.map(|node| tokio::spawn(async move { node.deliver_mail(|| true).await.unwrap().sent }));
    let mut sent = 0;
    for worker in workers {
        sent += worker.await.unwrap();
    }
    let mails: HashSet<String> = stage.post.arrived().iter().map(|letter| letter.id.to_string()).collect();
    assert_eq!((sent, mails.len(), stage.post.arrived().len()), (15, 15, 15));
}

#[tokio::test]
async fn a_letter_that_cannot_be_opened_is_given_up_and_holds_up_no_other() {
    let stage = Stage::new().await;
    stage.notices(1).await;
    let mut parts = stage.world.parts("the key of another installation").await;
    parts.postman = stage.post.clone();
    let stranger = Identity::without_keys(parts).await.unwrap();
    assert_eq!(stranger.deliver_mail(|| true).await.unwrap(), MailRound { sent: 0, failed: 1 });
    assert_eq!(stranger.deliver_mail(|| true).await.unwrap(), MailRound::default());
    assert_eq!(stage.post.calls(), 0);
    assert_eq!(stage.listed(MailState::Abandoned).await.len(), 1);
    // With the right key it leaves after all.
    stage.node.retry_mail(&admin(), None).await.unwrap();
    assert_eq!(stage.deliver().await, 1);
}

#[tokio::test]
async fn mail_put_by_this_process_wakes_its_worker() {
    let stage = Stage::new().await;
    stage.account("ada@example.com").await;
    let waiting = tokio::spawn({
        let node = Arc::clone(&stage.node);
        async move { node.mail_waiting().await }
    });
    stage.request("ada@example.com", VERIFICATION).await.unwrap();
    waiting.await.unwrap();
    // Also mail that was put before anybody waited.
    stage.request("bob@example.com", VERIFICATION).await.unwrap();
    stage.node.mail_waiting().await;
}
