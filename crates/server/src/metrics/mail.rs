//! Figures of mail: what became of attempts, and what the outbox holds. That the oldest grows older is seen whenever the
//! figures are read, also while nothing is sent.

use std::sync::{Mutex, PoisonError};

use doorward_identity::mail::{LetterKind, MailCounts, MailState};
use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Attempt {
    kind: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct State {
    state: &'static str,
}

/// How mail does.
#[derive(Default)]
pub(super) struct Mail {
    attempts: Family<Attempt, Counter>,
    outbox: Family<State, Gauge>,
    oldest_age: Gauge,
    oldest: Mutex<Option<Timestamp>>,
}

impl Mail {
    pub(super) fn register(&self, registry: &mut Registry) {
        let attempts = self.attempts.clone();
        registry.register("mail", "Attempts to send a mail, by letter and outcome", attempts);
        registry.register("mail_outbox", "Mail in the outbox, by state", self.outbox.clone());
        let oldest = self.oldest_age.clone();
        registry.register_with_unit("mail_oldest_waiting", "Age of the oldest mail that waits", Unit::Seconds, oldest);
    }

    pub(super) fn attempted(&self, kind: LetterKind, outcome: &'static str) {
        self.attempts.get_or_create(&Attempt { kind: kind.as_str(), outcome }).inc();
    }

    pub(super) fn counted(&self, counts: &MailCounts) {
        let states = [
            (MailState::Waiting, counts.waiting),
            (MailState::Abandoned, counts.abandoned),
            (MailState::Expired, counts.expired),
        ];
        for (state, count) in states {
            let labels = State { state: state.as_str() };
            self.outbox.get_or_create(&labels).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        *self.oldest.lock().unwrap_or_else(PoisonError::into_inner) = counts.oldest_waiting;
    }

    pub(super) fn grow_older(&self, now: Timestamp) {
        let oldest = *self.oldest.lock().unwrap_or_else(PoisonError::into_inner);
        self.oldest_age.set(oldest.map_or(0, |since| now.duration_since(since).as_secs().max(0)));
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use prometheus_client::encoding::text::encode;

    use super::*;

    #[test]
    fn the_outbox_is_told_by_state_and_its_oldest_mail_grows_older() {
        let (mail, mut registry) = (Mail::default(), Registry::default());
        mail.register(&mut registry);
        let text = |now: &str| {
            mail.grow_older(now.parse().unwrap());
            let mut text = String::new();
            encode(&mut text, &registry).unwrap();
            text
        };
        assert!(text("2026-01-01T00:00:00Z").contains("mail_oldest_waiting_seconds 0\n"));
        mail.attempted(LetterKind::ConfirmEmail, "retry");
        let oldest_waiting = "2026-01-01T00:00:00Z".parse().ok();
        mail.counted(&MailCounts { waiting: 2, abandoned: 1, expired: 0, oldest_waiting });
        let told = text("2026-01-01T00:01:30Z");
        for line in [
            "mail_total{kind=\"confirm_email\",outcome=\"retry\"} 1",
            "mail_outbox{state=\"waiting\"} 2",
            "mail_outbox{state=\"abandoned\"} 1",
            "mail_outbox{state=\"expired\"} 0",
            "mail_oldest_waiting_seconds 90",
        ] {
            assert!(told.lines().any(|found| found == line), "{line}\nis not in\n{told}");
        }
        assert!(text("2026-01-01T01:00:00Z").contains("mail_oldest_waiting_seconds 3600\n"));
    }
}
