//! Running the clients written in Python, with the interpreter that has their packages.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

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

/// A script of `tests/clients/` that stays up; it ends with this value.
#[derive(Debug)]
pub struct Running {
    process: Child,
    /// The first line it printed.
    pub line: String,
}

impl Running {
    /// Starts the script and waits for its first line.
    #[track_caller]
    pub fn start(script: &str, arguments: &[&str]) -> Self {
        let mut command = client(script, arguments);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python can be started");
        let mut line = String::new();
        let output = process.stdout.take().expect("a piped output");
        BufReader::new(output).read_line(&mut line).expect("a line of text");
        assert!(!line.is_empty(), "{script} ended without a line");
        Self { process, line }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The end of its input tells it to stop.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

fn client(script: &str, arguments: &[&str]) -> Command {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(script);
    let mut command = Command::new(interpreter());
    command.arg(path).args(arguments).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}
