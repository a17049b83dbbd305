//! How Amazon is asked: for how long, how often, and how much of an answer is read.
//!
//! A caller waits for [`Budget::whole`] at most, whatever happens below: look-ups, connections, tries and rests between
//! them. What may be done twice without a difference that anybody sees is tried up to [`TRIES`] times; the rest once, since
//! no answer does not mean that nothing was done.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_cognitoidentityprovider::Client;
use aws_sdk_cognitoidentityprovider::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_cognitoidentityprovider::config::retry::RetryConfig;
use aws_sdk_cognitoidentityprovider::config::timeout::TimeoutConfig;
use aws_sdk_cognitoidentityprovider::config::{
    BehaviorVersion, Builder, ConfigBag, IdentityCache, Intercept, Region, RuntimeComponents,
    StalledStreamProtectionConfig,
};
use aws_sdk_cognitoidentityprovider::error::BoxError;
use aws_smithy_types::body::SdkBody;
use http_body_util::Limited;

use super::CognitoSettings;

/// Most tries of what may be repeated.
const TRIES: u32 = 3;
/// Largest answer: a page of accounts is far smaller.
const MOST_BYTES: usize = 1024 * 1024;

/// How long is waited.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    /// For a connection, and for credentials: less than for a try, so that it shows which of them did not come.
    pub(super) connect: Duration,
    /// For one try.
    pub(super) attempt: Duration,
    /// For everything.
    pub(super) whole: Duration,
    /// Before the second try, at most; twice that before the third.
    pub(super) rest: Duration,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            attempt: Duration::from_secs(3),
            whole: Duration::from_secs(8),
            rest: Duration::from_millis(200),
        }
    }
}

/// The clients, which share their connections.
pub(super) struct Clients {
    /// For what may be done twice.
    pub(super) repeating: Client,
    /// For what may not: each try would send a mail, use a code up, or meet what the one before it made.
    pub(super) once: Client,
}

impl Clients {
    pub(super) fn new(sdk: &SdkConfig, settings: &CognitoSettings, budget: &Budget) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(budget.connect)
            .operation_attempt_timeout(budget.attempt)
            .operation_timeout(budget.whole)
            .build();
        let retries = RetryConfig::standard()
            .with_max_attempts(TRIES)
            .with_initial_backoff(budget.rest)
            .with_max_backoff(budget.rest.saturating_mul(2));
        let mut shared = Builder::from(sdk)
            // Pinned: what the SDK does by itself changes with it, and is part of the budget.
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(settings.region.clone()))
            .timeout_config(timeouts)
            .identity_cache(IdentityCache::lazy().load_timeout(budget.connect).build())
            // The time-out of a try already covers an answer that trickles.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .interceptor(BoundedAnswers);
        if let Some(endpoint_url) = &settings.endpoint_url {
            shared = shared.endpoint_url(endpoint_url);
        }
        let once = shared.clone().retry_config(RetryConfig::disabled());
        let client = |config: Builder| Client::from_conf(config.build());
        Self { repeating: client(shared.retry_config(retries)), once: client(once) }
    }
}

/// Reads no more of an answer than anybody needs: the SDK itself would read on.
#[derive(Debug)]
struct BoundedAnswers;

impl Intercept for BoundedAnswers {
    fn name(&self) -> &'static str {
        "BoundedAnswers"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response_mut().body_mut();
        let whole = std::mem::replace(body, SdkBody::taken());
        *body = SdkBody::from_body_1_x(Limited::new(whole, MOST_BYTES));
        Ok(())
    }
}
