//! Work that no request does: what a server does again and again while it lives, done once and told.

use std::sync::Arc;
use std::time::Duration;

use doorward_identity::Identity;
use doorward_identity::mail::MailRound;
use doorward_identity::observer::Unobserved;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::config::Config;
use crate::open_store::OpenStore;

/// How long a letter may take, and what is written of it.
const LONGEST_LETTER: Duration = Duration::from_secs(12);

/// Sends mail that is due, renews tokens, throws away what is old. All of it is tried; answers what was done, or what
/// of it went wrong.
pub(super) async fn chores(identity: &Identity, until: Instant) -> Result<Value, String> {
    let mut told = Map::from_iter([("doorward".to_owned(), json!("chores"))]);
    let mut wrong = Vec::new();
    let mut tell = |name: &str, done: Result<Value, String>| match done {
        Ok(done) => drop(told.insert(name.to_owned(), done)),
        Err(error) => wrong.push(format!("{name}: {error}")),
    };
    tell("settled", identity.settle_leftovers().await.map(Value::from).map_err(explained));
    tell("renewed", identity.renew_provider_tokens().await.map(Value::from).map_err(explained));
    tell("swept", identity.sweep().await.map(Value::from).map_err(explained));
    // Last, and no letter is begun that could not end in time: a mail server that hangs holds up nothing else.
    let last_letter = until.checked_sub(LONGEST_LETTER).unwrap_or(until);
    tell("mail", mail(identity, last_letter).await.map(|sum| json!({"sent": sum.sent, "failed": sum.failed})));
    tell("outbox", identity.count_mail().await.map(|counts| json!(counts.waiting)).map_err(explained));
    let (told, wrong) = (Value::from(told), wrong.join("; "));
    if wrong.is_empty() {
        tracing::info!(done = %told, "chores done");
        Ok(told)
    } else {
        tracing::error!(done = %told, wrong, "chores not done");
        Err(wrong)
    }
}

/// Sends round after round, as long as there is something to send.
async fn mail(identity: &Identity, until: Instant) -> Result<MailRound, String> {
    let mut sum = MailRound::default();
    loop {
        let round = identity.deliver_mail(|| Instant::now() < until).await.map_err(explained)?;
        sum.sent += round.sent;
        sum.failed += round.failed;
        if round == MailRound::default() {
            return Ok(sum);
        }
    }
}

/// Brings the store up to date.
pub(super) async fn migrate(config: &Config) -> Result<Value, String> {
    let store = OpenStore::open(config, Arc::new(Unobserved)).await.map_err(explained)?;
    let applied = store.migrate().await.map_err(explained)?;
    tracing::info!(applied, "store brought up to date");
    Ok(json!({"doorward": "migrate", "applied": applied}))
}

/// Whether the store answers.
pub(super) async fn health(identity: &Identity) -> Result<Value, String> {
    identity.ping().await.map_err(explained)?;
    Ok(json!({"doorward": "health", "store": "well"}))
}

/// With its causes.
pub(super) fn explained(error: impl std::error::Error + Send + Sync + 'static) -> String {
    crate::cli::explain(&error.into())
}
