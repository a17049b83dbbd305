//! Doorward as a function of AWS Lambda: the same binary, started as AWS starts it beside an emulator of its APIs, which
//! turns requests into events.

use std::cell::Cell;
use std::net::SocketAddr;
use std::process::Command;

use serde_json::Value;

use crate::http::{Client, Response};
use crate::part::{self, Part};
use crate::scratch::Scratch;
use crate::store::{self, Store};

/// The emulator's program.
const PART: &str = "cargo-lambda";
/// It wants to stand in a package.
const PACKAGE: &str = "[package]\nname = \"function\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[[bin]]\nname = \"function\"\npath = \"main.rs\"\n[workspace]\n";
/// Where it takes events as they are.
const INVOCATIONS: &str = "/2015-03-31/functions/_/invocations";

thread_local! {
    static ON_LAMBDA: Cell<bool> = const { Cell::new(false) };
}

/// Runs `claim` with every Doorward it starts being a function, on the store that `TEST_LAMBDA_STORE` names: PostgreSQL
/// unless it says otherwise, or SQLite where there is none.
pub fn with(claim: impl FnOnce(Store)) {
    part::with(&[PART], || {
        ON_LAMBDA.set(true);
        store::with(store(), claim);
    });
}

/// Whether this test's instances are functions.
pub(crate) fn is_asked_for() -> bool {
    ON_LAMBDA.get()
}

fn store() -> Store {
    match std::env::var("TEST_LAMBDA_STORE").as_deref() {
        Ok("sqlite") => Store::Sqlite,
        Ok("postgres") => Store::Postgres,
        Ok(other) => panic!("TEST_LAMBDA_STORE names {other}"),
        Err(_) if store::postgres_url().is_some() => Store::Postgres,
        Err(_) => Store::Sqlite,
    }
}

/// A running emulator.
#[derive(Debug)]
pub struct Emulator {
    _part: Part,
    _package: Scratch,
    address: SocketAddr,
}

impl Emulator {
    /// Starts one that takes requests at `address`.
    #[track_caller]
    pub fn start(address: SocketAddr) -> Self {
        let package = Scratch::new();
        package.write("Cargo.toml", PACKAGE);
        package.write("main.rs", "fn main() {}");
        let mut command = part::command(PART);
        command.current_dir(package.path()).args([
            "lambda",
            "watch",
            "--only-lambda-apis",
            "--disable-cors",
            "--quiet",
        ]);
        let (ip, port) = (address.ip().to_string(), address.port().to_string());
        command.args(["--invoke-address", &ip, "--invoke-port", &port]);
        Self { _part: Part::listening(&mut command, address), _package: package, address }
    }

    /// What AWS tells a function with so much memory: the command that starts one.
    pub fn function(&self, mut command: Command, megabytes: u32) -> Command {
        command.env("AWS_LAMBDA_RUNTIME_API", format!("http://{}/.rt", self.address));
        command.env("AWS_LAMBDA_FUNCTION_NAME", "_").env("AWS_LAMBDA_FUNCTION_VERSION", "1");
        command.env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", megabytes.to_string());
        command
    }

    /// Calls the function with an event and gives what it answered.
    pub fn invoke(&self, event: &Value) -> Response {
        invoke(self.address, event.to_string())
    }
}

/// The same of the emulator at `address`, whatever the event is.
pub fn invoke(address: SocketAddr, event: impl Into<Vec<u8>>) -> Response {
    Client::new(address).post(INVOCATIONS).body(event).send()
}
