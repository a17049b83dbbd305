//! Sending what lies in the outbox, one mail at a time: leased, handed over, settled. A process killed in between has
//! sent at most one mail that will be sent again. Several workers, here and elsewhere, do not disturb each other.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{LetterKind, MailLease, PostError, QueuedMail, Settlement};
use crate::{Identity, StoreError};

/// How long a mail is left to one worker.
const LEASE: SignedDuration = SignedDuration::from_secs(60);
/// How long handing over may take: less than the lease, or another would send the mail too.
const DEADLINE: Duration = Duration::from_secs(50);
/// Mails sent in one round at most.
const ROUND: u32 = 100;
/// The least wait before another attempt.
const LEAST_WAIT: SignedDuration = SignedDuration::from_secs(30);
/// Waits grow to this part of a mail's age. What waits for a quarter of an hour is so tried again within two minutes.
const PART_OF_AGE: i32 = 8;
/// Mail of this age is given up.
const LONGEST_TRY: SignedDuration = SignedDuration::from_hours(24);

/// What one round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MailRound {
    /// Mails handed over.
    pub sent: u32,
    /// Attempts that failed.
    pub failed: u32,
}

impl Identity {
    /// Comes when this process has put mail into the outbox since it last came.
    pub async fn mail_waiting(&self) {
        self.outbox.notified().await;
    }

    /// Wakes whoever waits to send mail.
    pub(crate) fn mail_was_put(&self) {
        self.outbox.notify_one();
    }

    /// Sends the mail whose turn it is, as long as `goes_on` says so before each. Whatever is dropped half-way is taken
    /// up later, here or elsewhere.
    pub async fn deliver_mail(&self, goes_on: impl Fn() -> bool + Send + Sync) -> Result<MailRound, StoreError> {
        let mut round = MailRound::default();
        while round.sent + round.failed < ROUND && goes_on() {
            let now = self.clock.now();
            let until = now.checked_add(LEASE).unwrap_or(Timestamp::MAX);
            let leased = self.store.lease_mail(&MailLease { at: now, until, limit: 1 }).await?;
            for kind in leased.expired {
                self.observer.mail(kind, "expired");
                tracing::warn!(kind = kind.as_str(), "mail expired before it could be sent");
            }
            let Some(mail) = leased.due.into_iter().next() else { break };
            if self.deliver(&mail).await? {
                round.sent += 1;
            } else {
                round.failed += 1;
            }
        }
        Ok(round)
    }

    /// Makes one attempt and notes what became of it. False when the mail was not handed over.
    async fn deliver(&self, mail: &QueuedMail) -> Result<bool, StoreError> {
        let settlement = match self.hand_over(mail).await {
            Ok(()) => Settlement::Sent,
            Err(PostError::Never(reason)) => Settlement::Abandoned { reason },
            Err(PostError::Later(reason)) => after_failure(mail.created_at, self.clock.now(), reason),
        };
        self.note_attempt(mail, &settlement);
        if !self.store.settle_mail(mail.id, mail.attempt, &settlement).await? {
            tracing::warn!(mail.id = %mail.id, "mail was dropped, or its lease ran out, while it was sent");
        }
        Ok(matches!(settlement, Settlement::Sent))
    }

    async fn hand_over(&self, mail: &QueuedMail) -> Result<(), PostError> {
        let letter = self.open_letter(mail).map_err(|_| {
            PostError::Never("the letter cannot be opened: it was sealed with another encryption key".to_owned())
        })?;
        let sending = self.postman.send(mail.id, &mail.recipient, &letter);
        let late = |_| Err(PostError::Later("the mail server gave no answer in time".to_owned()));
        tokio::time::timeout(DEADLINE, sending).await.unwrap_or_else(late)
    }

    /// Counts and logs an attempt. Why it failed is kept with the mail and not logged: servers repeat addresses.
    fn note_attempt(&self, mail: &QueuedMail, settlement: &Settlement) {
        let (id, kind, attempt) = (mail.id, mail.kind, mail.attempt);
        let note = |outcome| self.observer.mail(kind, outcome);
        let kind = LetterKind::as_str(kind);
        match settlement {
            Settlement::Sent => {
                note("sent");
                tracing::info!(mail.id = %id, kind, attempt, "mail sent");
            }
            Settlement::Retry { at, .. } => {
                note("retry");
                tracing::warn!(mail.id = %id, kind, attempt, retry_at = %at, "mail not sent; tried again later");
            }
            Settlement::Abandoned { .. } => {
                note("abandoned");
                tracing::error!(mail.id = %id, kind, attempt, "mail given up; `doorward mail list` tells why");
            }
        }
    }
}

/// When to try again a mail that failed now, if at all.
fn after_failure(created_at: Timestamp, now: Timestamp, reason: String) -> Settlement {
    let age = now.duration_since(created_at);
    if age >= LONGEST_TRY {
        return Settlement::Abandoned { reason };
    }
    let wait = (age / PART_OF_AGE).max(LEAST_WAIT);
    Settlement::Retry { at: now.checked_add(wait).unwrap_or(Timestamp::MAX), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When a mail whose every attempt fails is tried, in seconds of its age, until it is given up.
    fn attempts() -> Vec<i64> {
        let (mut now, mut made) = (Timestamp::UNIX_EPOCH, vec![0]);
        while let Settlement::Retry { at, .. } = after_failure(Timestamp::UNIX_EPOCH, now, String::new()) {
            now = at;
            made.push(now.as_second());
        }
        made
    }

    #[test]
    fn what_failed_is_tried_ever_less_often_for_a_day() {
        let made = attempts();
        let waits: Vec<i64> = made.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(waits[..8], [30; 8]);
        assert!(waits.windows(2).all(|pair| pair[0] <= pair[1]), "{waits:?}");
        assert!(made.last().is_some_and(|last| (86_400..100_000).contains(last)), "{made:?}");
        assert!(made.len() < 70, "{} attempts", made.len());
    }

    #[test]
    fn a_quarter_of_an_hour_without_a_server_is_made_up_within_two_minutes() {
        let made = attempts();
        let gap = made.windows(2).find(|pair| pair[1] > 900).map(|pair| pair[1] - pair[0]);
        assert!(gap.is_some_and(|gap| gap <= 120), "{gap:?}");
    }

    #[test]
    fn a_clock_that_went_back_makes_nothing_wait_longer() {
        let future = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1);
        let settled = after_failure(future, Timestamp::UNIX_EPOCH, String::new());
        assert!(matches!(settled, Settlement::Retry { at, .. } if at == Timestamp::UNIX_EPOCH + LEAST_WAIT));
    }
}
