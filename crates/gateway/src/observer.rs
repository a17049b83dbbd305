//! What the gateway tells whoever counts: answers by route and service, retries, and the health of services.

use std::time::Duration;

/// How an exchange with a service went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It answered with this status.
    Answered(u16),
    /// No connection to it.
    Unreachable,
    /// It gave no complete answer.
    Broken,
    /// It did not answer in time.
    Silent,
}

/// Whether a service is given requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It is.
    Well,
    /// It failed too often and is left alone for a while.
    Ejected,
    /// It does not answer when asked for its health.
    Ill,
}

/// Counts what the gateway does. Every label is a word of the configuration, never of a client.
pub trait GatewayObserver: Send + Sync {
    /// A service was asked and answered, or did not; `elapsed` until the head of its answer.
    fn upstream(&self, _route: &str, _upstream: &str, _outcome: Outcome, _elapsed: Duration) {}
    /// A request is sent once more after `upstream` failed it.
    fn retried(&self, _route: &str, _upstream: &str) {}
    /// The health of a service changed.
    fn health(&self, _upstream: &str, _health: Health) {}
}

/// Counts nothing.
#[derive(Clone, Copy, Debug)]
pub struct Unobserved;

impl GatewayObserver for Unobserved {}
