//! What is done again and again while the process lives.

use std::sync::Arc;
use std::time::Duration;

use doorward_identity::Identity;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::secrets::Rounds;

/// How often the change log is read: the bound on how late a revocation reaches another node.
const CHANGES_EVERY: Duration = Duration::from_secs(1);
/// How often providers' tokens that are due are renewed.
const RENEWALS_EVERY: Duration = Duration::from_secs(15);
/// How often the outbox is looked into without being told of new mail: retries fall due, other nodes put mail in.
const MAIL_EVERY: Duration = Duration::from_secs(1);
/// How long mail waits after the call that caused it: its work must not show in the time of that call's answer, which
/// would tell whether there was mail to send.
const AFTER_THE_CALL: Duration = Duration::from_millis(100);
/// How often the outbox is counted, for the figures.
const MAIL_COUNTS_EVERY: Duration = Duration::from_secs(5);
/// How often old rows are thrown away.
const SWEEP_EVERY: Duration = Duration::from_hours(1);

/// Starts all of it. What must not be cut short is answered.
pub(crate) fn start(identity: &Arc<Identity>, secrets: Option<Rounds>) -> MailRounds {
    if let Some(secrets) = secrets {
        tokio::spawn(secrets.run(Arc::clone(identity)));
    }
    tokio::spawn(follow_changes(Arc::clone(identity)));
    tokio::spawn(renew_provider_tokens(Arc::clone(identity)));
    tokio::spawn(count_mail(Arc::clone(identity)));
    tokio::spawn(sweep(Arc::clone(identity)));
    let (stop, stopped) = watch::channel(());
    MailRounds { stop, task: tokio::spawn(send_mail(Arc::clone(identity), stopped)) }
}

/// Mail leaving, round after round.
pub(crate) struct MailRounds {
    stop: watch::Sender<()>,
    task: JoinHandle<()>,
}

impl MailRounds {
    /// Takes no further letter and ends when the one in hand has left.
    pub(crate) async fn finish(self) {
        drop(self.stop);
        // It ends in no other way than by itself.
        let _ = self.task.await;
    }
}

/// What keeps mail from leaving.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Obstacle {
    None,
    Outbox,
    Server,
}

/// Says once when mail cannot leave, and once when it can again.
async fn send_mail(identity: Arc<Identity>, mut stopped: watch::Receiver<()>) {
    let mut every = interval(MAIL_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before = Obstacle::None;
    loop {
        tokio::select! {
            _ = stopped.changed() => return,
            _ = every.tick() => {}
            () = identity.mail_waiting() => sleep(AFTER_THE_CALL).await,
        }
        let round = identity.deliver_mail(|| stopped.has_changed().is_ok()).await;
        let now = match &round {
            Err(_) => Obstacle::Outbox,
            Ok(round) if round.failed > 0 => Obstacle::Server,
            // Nothing was due, so the server was not tried.
            Ok(round) if round.sent == 0 && before == Obstacle::Server => Obstacle::Server,
            Ok(_) => Obstacle::None,
        };
        match (&round, now) {
            _ if now == before => {}
            (Err(error), _) => tracing::error!(%error, "the outbox cannot be read; mail waits until it can"),
            (Ok(_), Obstacle::None) => tracing::info!("mail can be sent again"),
            (Ok(_), _) => {
                tracing::error!("mail cannot be sent; `doorward mail list` says why, `doorward doctor` what to do");
            }
        }
        before = now;
    }
}

/// Reads on in the change log. Says once when it cannot, and once when it can again.
async fn follow_changes(identity: Arc<Identity>) {
    let mut every = interval(CHANGES_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut well = true;
    loop {
        every.tick().await;
        let read = identity.follow_changes().await;
        match &read {
            Err(error) if well => tracing::error!(%error, "the change log cannot be read; revocations may come late"),
            Ok(()) if !well => tracing::info!("the change log can be read again"),
            Ok(()) | Err(_) => {}
        }
        well = read.is_ok();
    }
}

async fn renew_provider_tokens(identity: Arc<Identity>) {
    let mut every = interval(RENEWALS_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        match identity.renew_provider_tokens().await {
            Ok(0) => {}
            Ok(renewed) => tracing::debug!(renewed, "tokens of providers renewed"),
            Err(error) => tracing::warn!(%error, "tokens of providers not renewed; the next round tries again"),
        }
    }
}

/// On its own: a mail server that hangs is when the figures matter.
async fn count_mail(identity: Arc<Identity>) {
    let mut every = interval(MAIL_COUNTS_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        if let Err(error) = identity.count_mail().await {
            tracing::debug!(%error, "the outbox cannot be counted");
        }
    }
}

async fn sweep(identity: Arc<Identity>) {
    let mut every = interval(SWEEP_EVERY);
    loop {
        every.tick().await;
        match identity.sweep().await {
            Ok(rows) => tracing::debug!(rows, "old rows thrown away"),
            Err(error) => tracing::warn!(%error, "old rows not thrown away; the next hour tries again"),
        }
    }
}
