//! Running the clients written in Python, with the interpreter that has their packages.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The interpreter named by `TEST_PYTHON`, else the one of `target/test-venv`, else `python3`.
pub fn interpreter() -> PathBuf {
    if let Some(python) = std::env::var_os("TEST_PYTHON") {
        return python.into();
    }
    let made = crate::instance::target_folder().join("test-venv/bin/python");
    if made.exists() { made } else { "python3".into() }
}

/// Runs `tests/clients/<script>` with arguments and asserts that it succeeds; gives what it printed.
#[track_caller]
pub fn run_client(script: &str, arguments: &[&str]) -> String {
    let output = client(script, arguments).output().expect("python can be started");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script} failed:\n{printed}\n{errors}");
    printed
}

/// The command that runs `tests/clients/<script>`.
pub fn client(script: &str, arguments: &[&str]) -> Command {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(script);
    let mut command = Command::new(interpreter());
    command.arg(path).args(arguments).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}
