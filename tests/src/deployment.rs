//! The files that put Doorward on machines, clusters and clouds: read as data, judged by the tools made for them, and the
//! binary started with what they say.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::instance::SECRET;
use crate::{Setup, Store, python};

/// A file or folder of the repository.
pub fn place(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// The text of a file of the repository.
#[track_caller]
pub fn text(path: &str) -> String {
    fs::read_to_string(place(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The version of the workspace.
pub fn version() -> String {
    let manifest: toml::Table = text("Cargo.toml").parse().expect("a manifest");
    manifest["workspace"]["package"]["version"].as_str().expect("a version").to_owned()
}

/// A program that comes with the Python packages of the tests.
pub fn tool(program: &str) -> Command {
    Command::new(python::interpreter().with_file_name(program))
}

/// Runs a program to its end: whether it succeeded, and all that it printed.
#[track_caller]
pub fn outcome(command: &mut Command, input: &str) -> (bool, String) {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.as_mut().unwrap_or_else(|error| panic!("{command:?}: {error}; scripts/test installs it"));
    // One that reads no input may be gone already.
    let _ = child.stdin.take().expect("a piped input").write_all(input.as_bytes());
    let mut printed = String::new();
    for pipe in
        [&mut child.stdout.take().expect("a pipe") as &mut dyn std::io::Read, &mut child.stderr.take().expect("a pipe")]
    {
        pipe.read_to_string(&mut printed).expect("text");
    }
    (child.wait().expect("an end").success(), printed)
}

/// Runs a program that must succeed; gives what it printed.
#[track_caller]
pub fn run(command: &mut Command, input: &str) -> String {
    let (succeeded, printed) = outcome(command, input);
    assert!(succeeded, "{command:?}: {printed}");
    printed
}

/// The documents of a text in YAML.
#[track_caller]
pub fn documents(yaml: &str) -> Vec<Value> {
    let script = "import json, sys, yaml; print(json.dumps([d for d in yaml.safe_load_all(sys.stdin) if d]))";
    let json = run(Command::new(python::interpreter()).args(["-c", script]), yaml);
    serde_json::from_str(&json).expect("JSON")
}

/// The variables of a container, which a list of `name` and `value` makes.
pub fn variables(list: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    list.as_array().expect("a list").iter().map(|entry| (text(&entry["name"]), text(&entry["value"]))).collect()
}

/// What a deployment starts: its variables and its `doorward.toml`. The secrets it refers to below the folder `secrets`
/// are made, the addresses of databases among them lead to the test's own.
pub fn deployed(variables: &[(String, String)], file: &str, secrets: &str) -> Setup {
    // Production refuses cheaper hashes.
    let mut setup = Setup::on(Store::Postgres).unset("store.url").set("password.bcrypt_cost", "10");
    let folder = setup.folder().join("secrets");
    fs::create_dir_all(&folder).expect("a folder");
    let database = setup.database().url.clone();
    let with_secrets = |text: &str| {
        let prefix = format!("file://{secrets}/");
        for name in text.split(&prefix).skip(1).filter_map(|rest| rest.split(['"', '\n']).next()) {
            let secret = if name.ends_with("url") { &database } else { SECRET };
            fs::write(folder.join(name), secret).expect("a file");
        }
        text.replace(&prefix, &format!("file://{}/", folder.display()))
    };
    for (name, value) in variables {
        setup = setup.env(name, &with_secrets(value));
    }
    setup.file(&with_secrets(file))
}
