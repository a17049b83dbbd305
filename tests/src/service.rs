//! A service behind the gateway in a process of its own: it can be killed, and it speaks HTTP/2, TLS and WebSocket.

use std::net::{Ipv4Addr, SocketAddr};

use serde_json::{Value, json};

use crate::certificate::Certificate;
use crate::part::{self, Part};

/// A running service, on Node: it answers every request with what it received, as JSON.
#[derive(Debug)]
pub struct Service {
    process: Part,
    address: SocketAddr,
    scheme: &'static str,
}

/// What a service speaks.
#[derive(Clone, Copy, Debug)]
pub enum Speaks<'c> {
    /// HTTP/1.1, and WebSocket at `/ws`.
    Http,
    /// The same over TLS.
    Https(&'c Certificate),
    /// HTTP/2 alone, in clear text.
    H2c,
    /// HTTP/2 over TLS.
    H2(&'c Certificate),
}

impl Service {
    /// Starts it on any port.
    #[track_caller]
    pub fn start(speaks: Speaks<'_>) -> Self {
        Self::start_at(speaks, 0)
    }

    /// Starts it on one port, as after a crash.
    #[track_caller]
    pub fn start_at(speaks: Speaks<'_>, port: u16) -> Self {
        let (protocol, scheme, certificate) = match speaks {
            Speaks::Http => ("http", "http", None),
            Speaks::Https(certificate) => ("https", "https", Some(certificate)),
            Speaks::H2c => ("h2c", "http", None),
            Speaks::H2(certificate) => ("h2", "https", Some(certificate)),
        };
        let mut options = json!({"port": port, "protocol": protocol});
        if let Some(certificate) = certificate {
            options["key"] = certificate.key().to_string_lossy().into();
            options["cert"] = certificate.certificate().to_string_lossy().into();
        }
        let (process, line) = Part::announced(&mut part::node("upstream.mjs", &[&options.to_string()]));
        let said: Value = serde_json::from_str(&line).expect("a line of JSON");
        let port = said["port"].as_u64().and_then(|port| port.try_into().ok()).expect("a port");
        Self { process, address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)), scheme }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base URL; over TLS under the name that its certificate has.
    pub fn url(&self) -> String {
        let host = if self.scheme == "https" { "localhost" } else { "127.0.0.1" };
        format!("{}://{host}:{}", self.scheme, self.address.port())
    }

    /// What it says next: that a WebSocket `opened` (with its headers) or `closed` (with its code).
    #[track_caller]
    pub fn says(&mut self) -> Value {
        serde_json::from_str(&self.process.line()).expect("a line of JSON")
    }

    /// Kills it without warning; gives its port.
    pub fn kill(mut self) -> u16 {
        self.process.kill();
        self.address.port()
    }
}
