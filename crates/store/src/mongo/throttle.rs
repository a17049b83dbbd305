//! The counters of failed sign-ins.

use async_trait::async_trait;
use doorward_identity::StoreError;
use doorward_identity::throttle::{Admission, Throttle, ThrottleKey, ThrottleStore};
use jiff::Timestamp;
use mongodb::bson::{DateTime, doc};
use serde::{Deserialize, Serialize};

use super::MongoStore;
use super::aggregate::{Decision, Ledger, aggregate};
use super::values::{count, moment, timestamp};
use crate::fault::Fault;

/// Where the counters are.
pub(super) const COLLECTION: &str = "signin_throttles";

/// A counter.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, remote = "Self")]
pub(super) struct ThrottleDocument {
    /// Whose.
    #[serde(rename = "_id")]
    pub(super) id: String,
    /// Whether an account stands behind it; it is kept then.
    pub(super) known: bool,
    pub(super) attempts: i64,
    pub(super) blocked_until: DateTime,
    pub(super) updated_at: DateTime,
    /// Absent where it is kept: the index that forgets counters passes over them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) forget_at: Option<DateTime>,
    pub(super) ledger: Ledger,
}
aggregate!(ThrottleDocument, "signin_throttles");

impl ThrottleDocument {
    /// A counter that begins with an attempt.
    fn of(key: &ThrottleKey, throttle: Throttle, now: Timestamp) -> Self {
        Self {
            id: key.name.clone(),
            known: key.known,
            attempts: throttle.attempts.into(),
            blocked_until: moment(throttle.blocked_until),
            updated_at: moment(now),
            forget_at: (!key.known).then_some(moment(now)),
            ledger: Ledger::first(Vec::new()),
        }
    }

    fn throttle(&self) -> Result<Throttle, Fault> {
        let attempts = count(self.attempts, "count of attempts")?;
        Ok(Throttle { attempts, blocked_until: timestamp(self.blocked_until)? })
    }

    fn set(&mut self, throttle: Throttle) {
        self.attempts = throttle.attempts.into();
        self.blocked_until = moment(throttle.blocked_until);
    }

    /// Counts an attempt at a moment.
    fn note(&mut self, counted: Throttle, now: Timestamp) {
        self.set(counted);
        self.updated_at = moment(now);
        self.forget_at = (!self.known).then_some(self.updated_at);
    }
}

impl MongoStore {
    /// Counts the first attempt on a counter that was not there. Fails with [`Fault::LostRace`] when by now it is.
    async fn admit_first(&self, key: &ThrottleKey, now: Timestamp) -> Result<Admission, Fault> {
        let admission = Throttle::unused().attempt(key.schedule, now);
        if let Admission::Admitted(counted) = admission
            && !self.insert(&ThrottleDocument::of(key, counted, now)).await?
        {
            return Err(Fault::LostRace);
        }
        Ok(admission)
    }
}

#[async_trait]
impl ThrottleStore for MongoStore {
    async fn admit_attempt(&self, key: &ThrottleKey, now: Timestamp) -> Result<Admission, StoreError> {
        self.calls
            .run("admit_attempt", move || async move {
                let admission = self
                    .change::<ThrottleDocument, _>(key.name.as_str(), |draft| {
                        let admission = draft.throttle()?.attempt(key.schedule, now);
                        let Admission::Admitted(counted) = admission else { return Ok(Decision::Leave(admission)) };
                        draft.note(counted, now);
                        Ok(Decision::Write(admission))
                    })
                    .await?;
                match admission {
                    Some(admission) => Ok(admission),
                    None => self.admit_first(key, now).await,
                }
            })
            .await
    }

    async fn return_attempt(&self, key: &ThrottleKey, counted: Throttle) -> Result<(), StoreError> {
        self.calls
            .run("return_attempt", move || async move {
                self.change::<ThrottleDocument, _>(key.name.as_str(), |draft| {
                    let left = draft.throttle()?.without(counted, key.schedule);
                    draft.set(left);
                    Ok(Decision::Write(()))
                })
                .await?;
                Ok::<_, Fault>(())
            })
            .await
    }

    async fn forgive_attempts(&self, key: &ThrottleKey) -> Result<(), StoreError> {
        self.calls
            .run("forgive_attempts", move || async move {
                self.documents::<ThrottleDocument>().delete_one(doc! { "_id": &key.name }).await?;
                Ok::<_, Fault>(())
            })
            .await
    }
}
