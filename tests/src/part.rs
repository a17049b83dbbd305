//! Real parts that tests start: programs that stay up until they are dropped, and whether a part is there at all.

use std::io::{BufRead, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::deadline::{PATIENCE, until};
use crate::instance::target_folder;

/// Runs `claim` if every named part is here; skips it with a line on standard error if one is missing and
/// `REQUIRE_PARTS` does not name it. `node` and `python` stand for their packages as well.
pub fn with(parts: &[&str], claim: impl FnOnce()) {
    for part in parts {
        if find(part).is_none() {
            let required = std::env::var("REQUIRE_PARTS").unwrap_or_default();
            assert!(!required.split(',').any(|name| name.trim() == *part), "{part} is required but not installed");
            eprintln!("skipped: no {part} here (scripts/test installs it)");
            return;
        }
    }
    claim();
}

/// Where a part's program is.
pub fn find(part: &str) -> Option<PathBuf> {
    let program = match part {
        "node" if !node_folder().join("node_modules").exists() => return None,
        "python" => return Some(crate::python::interpreter()).filter(|python| python.is_absolute()),
        "cdk" if !cdk_folder().join("node_modules").exists() => return None,
        "cdk" => "npm",
        // Wheels bring them along with the other Python packages.
        "cargo-lambda" | "cfn-lint" | "envoy" | "secantusd-py" => {
            return Some(crate::python::interpreter().with_file_name(part)).filter(|path| path.exists());
        }
        part => part,
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    folders.map(|folder| folder.join(program)).find(|candidate| candidate.is_file())
}

/// The command of a part that is there.
#[track_caller]
pub fn command(part: &str) -> Command {
    Command::new(find(part).unwrap_or_else(|| panic!("{part} is not installed: scripts/test installs it")))
}

/// `tests/node/<script>` with its packages in reach, and the documentation's examples.
pub fn node(script: &str, arguments: &[&str]) -> Command {
    let mut node = command("node");
    // The folder links to the scripts; packages are looked for beside the link.
    node.args(["--preserve-symlinks", "--preserve-symlinks-main"]);
    node.arg(node_folder().join("scripts").join(script)).args(arguments);
    node
}

/// A program that a package of Node brings.
pub fn package(script: &str) -> Command {
    let mut node = command("node");
    node.arg(node_folder().join("node_modules").join(script));
    node
}

/// Where the packages of `deploy/aws-cdk` are installed, below a copy of what it refers to.
pub fn cdk_folder() -> PathBuf {
    target_folder().join("test-cdk/deploy/aws-cdk")
}

fn node_folder() -> PathBuf {
    target_folder().join("test-node")
}

/// A program that stays up; it ends with this value.
#[derive(Debug)]
pub struct Part {
    process: Child,
    output: Option<BufReader<ChildStdout>>,
}

impl Part {
    /// Starts a program that says when it is ready; gives the line it said.
    #[track_caller]
    pub fn announced(command: &mut Command) -> (Self, String) {
        let mut part = Self::start(command.stdout(Stdio::piped()));
        let line = part.line();
        (part, line)
    }

    /// Starts a server and waits until it accepts connections.
    #[track_caller]
    pub fn listening(command: &mut Command, address: SocketAddr) -> Self {
        let mut part = Self::start(command);
        until("the part listens", PATIENCE, || {
            let ended = part.process.try_wait().expect("the process can be asked");
            assert!(ended.is_none(), "{command:?} ended: {ended:?}");
            TcpStream::connect(address).ok()
        });
        part
    }

    #[track_caller]
    fn start(command: &mut Command) -> Self {
        let mut process = command.stdin(Stdio::piped()).spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let output = process.stdout.take().map(BufReader::new);
        Self { process, output }
    }

    /// The next line it prints.
    #[track_caller]
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        let output = self.output.as_mut().expect("an announced part has a piped output");
        output.read_line(&mut line).expect("a line of text");
        assert!(!line.is_empty(), "the part ended without a line");
        line
    }

    /// What it prints from now on, for whoever reads all of it.
    #[track_caller]
    pub fn output(&mut self) -> BufReader<ChildStdout> {
        self.output.take().expect("an announced part has a piped output")
    }

    /// Writes a line to its input.
    pub fn tell(&mut self, line: &str) {
        let input = self.process.stdin.as_mut().expect("a piped input");
        writeln!(input, "{line}").expect("the part reads its input");
    }

    /// Kills it without warning.
    pub fn kill(&mut self) {
        self.process.kill().expect("the part still runs");
        self.process.wait().expect("a killed process ends");
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // A script ends with its input, and what it started with it; a server is asked.
        drop(self.process.stdin.take());
        if self.output.is_none() && matches!(self.process.try_wait(), Ok(None)) {
            let asked = Command::new("kill").arg(self.pid().to_string()).status();
            assert!(asked.is_ok() || std::thread::panicking(), "kill: {asked:?}");
        }
        // It has ended in any case.
        let _ = self.process.wait();
    }
}
