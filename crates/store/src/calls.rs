//! What every call to a store goes through: a deadline, a second try after a lost race, and a stopwatch.

use std::sync::Arc;
use std::time::{Duration, Instant};

use doorward_identity::StoreError;
use doorward_identity::observer::Observer;

use crate::Options;
use crate::fault::{CodeVerdict, Fault, Verdict};

/// A transaction that lost a race is tried so often in all: about two seconds of pauses.
const ATTEMPTS: u32 = 25;
/// The pause after the first lost race; doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// Runs calls.
pub(crate) struct Calls {
    timeout: Duration,
    observer: Arc<dyn Observer>,
    code_verdict: CodeVerdict,
}

impl Calls {
    pub(crate) fn new(options: &Options, code_verdict: CodeVerdict) -> Self {
        Self { timeout: options.timeout, observer: Arc::clone(&options.observer), code_verdict }
    }

    /// Runs one call: `attempt` is a whole transaction (or a single statement) and may be run more than once.
    ///
    /// A call that hits its deadline is dropped, which rolls back what was not committed.
    pub(crate) async fn run<T, F>(&self, operation: &'static str, attempt: impl Fn() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        self.run_within(self.timeout, operation, attempt).await
    }

    /// The same with another deadline.
    pub(crate) async fn run_within<T, F>(
        &self,
        timeout: Duration,
        operation: &'static str,
        attempt: impl Fn() -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        let begun = Instant::now();
        let result = match tokio::time::timeout(timeout, self.persist(attempt)).await {
            Ok(result) => result,
            Err(_) => Err(Fault::Deadline),
        };
        self.observer.store_call(operation, begun.elapsed(), result.is_ok());
        result.map_err(|fault| fault.into_store_error(self.code_verdict))
    }

    /// Tries until it works, fails for good or has lost too many races.
    pub(crate) async fn persist<T, F>(&self, attempt: impl Fn() -> F) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        let mut lost = 0;
        loop {
            match attempt().await {
                Err(fault) if lost + 1 < ATTEMPTS && fault.verdict(self.code_verdict) == Verdict::Retry => {
                    tokio::time::sleep(FIRST_PAUSE.saturating_mul(1 << lost).min(LONGEST_PAUSE)).await;
                    lost += 1;
                }
                result => return result,
            }
        }
    }
}
