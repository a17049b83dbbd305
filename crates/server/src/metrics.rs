//! What Doorward counts, in Prometheus' text format. Labels are a fixed set of words: nothing a client sends can
//! make a new series.

mod mail;
mod requests;
mod upstreams;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use doorward_identity::Surface;
use doorward_identity::code::CodePurpose;
use doorward_identity::mail::{LetterKind, MailCounts};
use doorward_identity::observer::{Observer, SignInOutcome};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use jiff::Timestamp;

use crate::run::Tally;
use mail::Mail;
use requests::Requests;
use upstreams::Upstreams;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    surface: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StoreCall {
    operation: &'static str,
    ok: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Operation {
    operation: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Code {
    purpose: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PoolCall {
    operation: &'static str,
    outcome: &'static str,
}

/// Every figure of the process.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Requests,
    sign_ins: Family<Outcome, Counter>,
    sign_ups: Family<Outcome, Counter>,
    codes: Family<Code, Counter>,
    tokens: Family<Reason, Counter>,
    token_duration: Histogram,
    hash_wait: Histogram,
    hash_work: Histogram,
    hash_queue: Gauge,
    store_calls: Family<StoreCall, Counter>,
    store_duration: Family<Operation, Histogram, fn() -> Histogram>,
    pool_calls: Family<PoolCall, Histogram, fn() -> Histogram>,
    mail: Mail,
    change_log_failures: Counter<u64, AtomicU64>,
    upstreams: Arc<Upstreams>,
    connections: Connections,
}

/// What the listener counts itself ([`Tally`]); taken over whenever the figures are read.
#[derive(Default)]
struct Connections {
    open: Gauge,
    accepted: Counter<u64, AtomicU64>,
    turned_away: Counter<u64, AtomicU64>,
    timed_out: Counter<u64, AtomicU64>,
    panicked: Counter<u64, AtomicU64>,
}

/// From a tenth of a millisecond to a minute.
fn request_buckets() -> Histogram {
    Histogram::new([0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0])
}

/// From a microsecond to ten milliseconds: what is remembered costs less than one, a fresh signature a hundred.
fn token_buckets() -> Histogram {
    Histogram::new([0.000_001, 0.000_005, 0.000_025, 0.000_1, 0.000_5, 0.002_5, 0.01, 0.1, 1.0])
}

impl Metrics {
    /// All figures at nought.
    pub(crate) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("doorward"),
            requests: Requests::new(request_buckets),
            sign_ins: Family::default(),
            sign_ups: Family::default(),
            codes: Family::default(),
            tokens: Family::default(),
            token_duration: token_buckets(),
            hash_wait: request_buckets(),
            hash_work: request_buckets(),
            hash_queue: Gauge::default(),
            store_calls: Family::default(),
            store_duration: Family::new_with_constructor(request_buckets),
            pool_calls: Family::new_with_constructor(request_buckets),
            mail: Mail::default(),
            change_log_failures: Counter::default(),
            upstreams: Arc::new(Upstreams::new(request_buckets)),
            connections: Connections::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let r = &mut self.registry;
        self.requests.register(r);
        r.register("sign_ins", "Sign-ins decided, by surface and outcome", self.sign_ins.clone());
        r.register("sign_ups", "Sign-ups decided, by surface and outcome", self.sign_ups.clone());
        r.register("codes", "One-time codes asked for and tried, by purpose and outcome", self.codes.clone());
        r.register("tokens_validated", "Tokens judged, by verdict", self.tokens.clone());
        r.register_with_unit("token_validation", "Time to judge a token", Unit::Seconds, self.token_duration.clone());
        r.register_with_unit("password_hash_wait", "Time a password waited", Unit::Seconds, self.hash_wait.clone());
        r.register_with_unit("password_hash_work", "Time a hash took", Unit::Seconds, self.hash_work.clone());
        r.register("password_hash_queue", "Passwords waiting to be hashed", self.hash_queue.clone());
        r.register("store_calls", "Calls to the store, by operation", self.store_calls.clone());
        r.register_with_unit("store_call_duration", "Time the store took", Unit::Seconds, self.store_duration.clone());
        r.register_with_unit("user_pool_call", "Time the user pool took", Unit::Seconds, self.pool_calls.clone());
        self.mail.register(r);
        r.register(
            "change_log_failures",
            "Readings of the change log that failed; while they do, revocations reach this node late",
            self.change_log_failures.clone(),
        );
        self.upstreams.register(r);
        let c = &self.connections;
        r.register("connections_open", "Connections open now", c.open.clone());
        r.register("connections_accepted", "Connections accepted", c.accepted.clone());
        r.register("connections_turned_away", "Connections refused: there were too many", c.turned_away.clone());
        r.register("connections_timed_out", "Connections closed: the client kept us waiting", c.timed_out.clone());
        r.register("connections_panicked", "Connections lost to a fault of Doorward's", c.panicked.clone());
    }

    /// A request was answered; `route` and `method` are of a bounded set.
    pub(crate) fn answered(&self, route: &str, method: &'static str, status: u16, elapsed: Duration) {
        self.requests.answered(route, method, status, elapsed);
    }

    /// Where the gateway counts.
    pub(crate) fn upstreams(&self) -> Arc<Upstreams> {
        Arc::clone(&self.upstreams)
    }

    /// The figures as Prometheus reads them.
    pub(crate) fn text(&self, tally: &Tally, now: Timestamp) -> Result<String, fmt::Error> {
        self.mail.grow_older(now);
        let Connections { open, accepted, turned_away, timed_out, panicked } = &self.connections;
        open.set(i64::try_from(tally.open()).unwrap_or(i64::MAX));
        accepted.inner().store(tally.accepted(), Ordering::Relaxed);
        turned_away.inner().store(tally.turned_away(), Ordering::Relaxed);
        timed_out.inner().store(tally.timed_out(), Ordering::Relaxed);
        panicked.inner().store(tally.panicked(), Ordering::Relaxed);
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl Observer for Metrics {
    fn sign_in(&self, surface: Surface, outcome: SignInOutcome) {
        let labels = Outcome { surface: surface.as_str(), outcome: outcome.as_str() };
        self.sign_ins.get_or_create(&labels).inc();
    }

    fn sign_up(&self, surface: Surface, outcome: &'static str) {
        self.sign_ups.get_or_create(&Outcome { surface: surface.as_str(), outcome }).inc();
    }

    fn token(&self, reason: &'static str, elapsed: Duration) {
        self.tokens.get_or_create(&Reason { reason }).inc();
        self.token_duration.observe(elapsed.as_secs_f64());
    }

    fn hashed(&self, waited: Duration, worked: Duration) {
        self.hash_wait.observe(waited.as_secs_f64());
        self.hash_work.observe(worked.as_secs_f64());
    }

    fn hash_queue(&self, length: usize) {
        self.hash_queue.set(i64::try_from(length).unwrap_or(i64::MAX));
    }

    fn store_call(&self, operation: &'static str, elapsed: Duration, ok: bool) {
        let ok = if ok { "true" } else { "false" };
        self.store_calls.get_or_create(&StoreCall { operation, ok }).inc();
        self.store_duration.get_or_create(&Operation { operation }).observe(elapsed.as_secs_f64());
    }

    fn code(&self, purpose: CodePurpose, outcome: &'static str) {
        self.codes.get_or_create(&Code { purpose: purpose.as_str(), outcome }).inc();
    }

    fn mail(&self, kind: LetterKind, outcome: &'static str) {
        self.mail.attempted(kind, outcome);
    }

    fn outbox(&self, counts: &MailCounts) {
        self.mail.counted(counts);
    }

    fn pool_call(&self, operation: &'static str, elapsed: Duration, outcome: &'static str) {
        self.pool_calls.get_or_create(&PoolCall { operation, outcome }).observe(elapsed.as_secs_f64());
    }

    fn changes_read(&self, ok: bool) {
        if !ok {
            self.change_log_failures.inc();
        }
    }
}
