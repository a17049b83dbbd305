//! One call: measured, counted, and judged when it fails.

use std::error::Error;
use std::future::Future;
use std::time::Instant;

use aws_sdk_cognitoidentityprovider::config::http::HttpResponse;
use aws_sdk_cognitoidentityprovider::error::{ProvideErrorMetadata, SdkError};
use doorward_identity::user_pool::PoolError;

use super::operation::Operation;
use super::{CognitoPool, errors};

impl CognitoPool {
    /// Waits for what was sent.
    pub(super) async fn call<T, E>(
        &self,
        operation: Operation,
        sent: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, PoolError>
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let begun = Instant::now();
        let judged = sent.await.map_err(|failure| {
            let error = errors::judge(operation, &failure);
            tell(operation, failure.code(), &error);
            error
        });
        if judged.as_ref().is_err_and(errors::is_about_the_secret)
            && let Some(source) = &self.settings.client_secret
        {
            // The client may have another by now: the next call presents it.
            let _ = source.after_refusal(&source.current()).await;
        }
        let outcome = judged.as_ref().map_or_else(errors::name, |_| "ok");
        self.observer.pool_call(operation.as_str(), begun.elapsed(), outcome);
        judged
    }

    /// Several calls in the time of one.
    pub(super) async fn within_budget<T>(
        &self,
        calls: impl Future<Output = Result<T, PoolError>>,
    ) -> Result<T, PoolError> {
        let done = tokio::time::timeout(self.budget.whole, calls).await;
        done.unwrap_or_else(|_| Err(PoolError::Unavailable(errors::TOO_SLOW.to_owned())))
    }
}

/// Tells the operator what nobody else will: these are answers to a person, but the remedy is in the pool.
fn tell(operation: Operation, code: Option<&str>, error: &PoolError) {
    if matches!(error, PoolError::Refused | PoolError::NotDelivered | PoolError::Throttled { .. }) {
        let exception = errors::printable(code.unwrap_or("none"));
        tracing::warn!(operation = operation.as_str(), exception, reason = %error, "the user pool did not do what it was asked");
    }
}
