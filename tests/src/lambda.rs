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

/// Runs `claim` with every Doorward it starts being a function, on the store that `TEST_LAMBDA_STORE` names; else on the
/// first that is there of MongoDB, PostgreSQL and SQLite.
pub fn with(claim: impl FnOnce(Store)) {
    part::with(&[PART], || {
        ON_LAMBDA.set(true);
        store::with(store(), claim);
    });
}

/// Lets the instances that this test starts from now on listen themselves.
pub fn no_longer() {
    ON_LAMBDA.set(false);
}

/// Whether this test's instances are functions.
pub(crate) fn is_asked_for() -> bool {
    ON_LAMBDA.get()
}

fn store() -> Store {
    let all = [Store::Mongo, Store::Postgres, Store::Sqlite];
    match std::env::var("TEST_LAMBDA_STORE") {
        Ok(name) => all.into_iter().find(|store| store.name() == name).expect("the name of a store"),
        Err(_) => all.into_iter().find(|store| store.is_available()).expect("SQLite is always there"),
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

    /// Calls the function with an event and gives what came of it: 200 with what it answered, or 500 with an error.
    pub fn invoke(&self, event: &Value) -> Response {
        Client::new(self.address).post(INVOCATIONS).body(event.to_string()).send()
    }

    /// The same with an event that stands for a request: gives the answer as the trigger reads it.
    #[track_caller]
    pub fn answer(&self, event: &Value) -> Value {
        self.invoke(event).expect(200).json()
    }
}
