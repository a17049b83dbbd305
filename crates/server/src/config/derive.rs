//! What follows from other settings, or from the machine, where nobody says anything.
//!
//! Derived values are put among the given ones before they are read, so that `config show` tells what holds.

use std::num::NonZeroUsize;

use super::sources::Origin;
use super::values::{Value, Values};
use super::{cognito, services};

/// Hashing jobs that may wait for each thread.
const QUEUE_PER_THREAD: usize = 8;

/// A setting and what it is by default.
type Rule = (&'static str, fn(&Values) -> String);

/// In this order: a later rule may build on an earlier one.
const RULES: [Rule; 8] = [
    ("tokens.algorithm", algorithm),
    ("log.format", log_format),
    ("store.max_connections", |_| "10".to_owned()),
    ("session.cookie_secure", cookie_secure),
    ("session.cookie_name", cookie_name),
    ("password.threads", threads),
    ("password.queue", queue),
    ("user_pool.kind", |_| "local".to_owned()),
];

/// What holds instead on AWS Lambda, which gives a process one request at a time and its log to a machine.
const ON_LAMBDA: [Rule; 3] = [
    ("log.format", |_| "json".to_owned()),
    ("store.max_connections", |_| "1".to_owned()),
    ("password.threads", |_| "1".to_owned()),
];

/// Derives everything that was not said.
pub(super) fn derive(values: &mut Values, with_aws: bool, on_lambda: bool) {
    cognito::derive(values, with_aws);
    services::append_routes(values);
    let on_lambda = ON_LAMBDA.into_iter().filter(|_| on_lambda);
    for (key, rule) in on_lambda.chain(RULES) {
        if values.text(key).is_none() {
            let value = Value::new(vec![rule(values)], Origin::Default);
            values.insert(key.to_owned(), value);
        }
    }
}

/// Whoever shares a secret with other services expects them to verify with it.
fn algorithm(values: &Values) -> String {
    if values.text("tokens.secret").is_some() { "HS256" } else { "EdDSA" }.to_owned()
}

fn in_development(values: &Values) -> bool {
    values.text("environment") == Some("development")
}

fn log_format(values: &Values) -> String {
    if in_development(values) { "text" } else { "json" }.to_owned()
}

fn cookie_secure(values: &Values) -> String {
    let https = values.text("server.public_url").is_some_and(|url| url.starts_with("https:"));
    (https || !in_development(values)).to_string()
}

/// Where it can be, the name that browsers take from this host alone.
fn cookie_name(values: &Values) -> String {
    if values.text("session.cookie_secure") == Some("true") { "__Host-access_token" } else { "access_token" }.to_owned()
}

fn threads(_: &Values) -> String {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get).to_string()
}

fn queue(values: &Values) -> String {
    let threads = values.text("password.threads").and_then(|threads| threads.parse().ok()).unwrap_or(1);
    QUEUE_PER_THREAD.saturating_mul(threads).to_string()
}
