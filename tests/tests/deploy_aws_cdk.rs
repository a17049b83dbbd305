//! What puts Doorward on AWS: the stacks keep their promises, and the asset is what they take.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use doorward_tests::scratch::Scratch;
use doorward_tests::{Doorward, lambda, part};
use serde_json::Value;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Copies the sources to their packages, so that nothing is installed or written among them.
fn copy_sources() {
    let folder = part::cdk_folder();
    for stale in ["lib", "test"] {
        let _ = fs::remove_dir_all(folder.join(stale));
    }
    let docs = folder.join("../../docs");
    fs::create_dir_all(&docs).expect("a folder below the target folder");
    fs::copy(repository().join("docs/aws.md"), docs.join("aws.md")).expect("docs/aws.md");
    for entry in fs::read_dir(repository().join("deploy/aws-cdk")).expect("the sources of the stacks") {
        let entry = entry.expect("an entry");
        if !["node_modules", "cdk.out"].iter().any(|made| entry.file_name() == *made) {
            ended_well(Command::new("cp").arg("-R").arg(entry.path()).arg(&folder));
        }
    }
}

#[track_caller]
fn ended_well(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}:\n{}", printed(&output));
    printed(&output)
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn the_stacks_keep_their_promises_and_cloudformation_takes_them() {
    part::with(&["cdk", "cfn-lint"], || {
        copy_sources();
        let folder = part::cdk_folder();
        ended_well(part::command("cdk").arg("test").current_dir(&folder));
        // What `npm test` synthesised. The linter is silent about what is well.
        let mut lint = part::command("cfn-lint");
        lint.args(["--regions", "eu-west-1", "--template"]).current_dir(&folder);
        for output in ["cdk.out", "cdk.out/most"] {
            lint.args(["Database", "Api"].map(|stack| format!("{output}/AuthService{stack}.template.json")));
        }
        assert_eq!(ended_well(&mut lint), "");
    });
}

#[test]
fn the_alarms_watch_what_a_function_writes_into_its_log() {
    let alarms = fs::read_to_string(repository().join("deploy/aws-cdk/lib/alarms.ts")).expect("the alarms");
    lambda::with(|store| {
        let function = Doorward::start(store);
        let log = function.log();
        for member in ["open_ms", "store_connect_ms"] {
            let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            assert!(lines.into_iter().any(|line| line[member].is_u64()), "{member}: {log}");
            assert!(alarms.contains(&format!("'{member}'")), "{member}");
        }
    });
}

const CERTIFICATES: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

/// `scripts/lambda-asset` with a small program in place of Doorward, which takes long to pack.
fn lambda_asset(folder: &Path, certificates: &str, arguments: &[&str]) -> Output {
    let ca = folder.join("ca.pem");
    fs::write(&ca, certificates).expect("a file");
    let mut script = Command::new(repository().join("scripts/lambda-asset"));
    script.arg("--ca").arg(&ca).args(["--binary", "/bin/true"]).args(arguments);
    script.output().expect("the script can be started")
}

#[test]
fn the_asset_is_the_same_whenever_and_wherever_it_is_packed() {
    let folder = Scratch::new();
    let pack = |name: &str| {
        let output = folder.path().join(name);
        let config = repository().join("deploy/examples/production.toml");
        let arguments =
            ["--add", config.to_str().expect("a path of text"), "--output", output.to_str().expect("the same")];
        let ended = lambda_asset(folder.path(), CERTIFICATES, &arguments);
        assert!(ended.status.success(), "{}", printed(&ended));
        fs::read(output).expect("an asset")
    };
    let first = pack("first.zip");
    assert_eq!(first, pack("elsewhere/second.zip"));
    for member in ["bootstrap", "global-bundle.pem", "production.toml"] {
        assert!(first.windows(member.len()).any(|bytes| bytes == member.as_bytes()), "{member} is inside");
    }
}

/// A folder of programs that has nothing of the machine's but those, and scripts that say the rest.
fn programs(folder: &Path, scripts: &[(&str, &str)]) {
    for name in ["bash", "dirname", "objdump", "python3", "sed", "mktemp", "rm", "uname"] {
        let found =
            ["/bin", "/usr/bin"].map(|place| Path::new(place).join(name)).into_iter().find(|path| path.exists());
        symlink(found.unwrap_or_else(|| panic!("{name} is missing")), folder.join(name)).expect("a link");
    }
    for (name, says) in scripts {
        let path = folder.join(name);
        let _ = fs::remove_file(&path);
        fs::write(&path, format!("#!/bin/bash\n{says}\n")).expect("a script");
        fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("rights");
    }
}

#[test]
fn a_machine_that_cannot_build_for_another_says_what_is_missing() {
    let rustc = |host: &str, libraries: &str| {
        format!("case $1 in -vV) echo 'host: {host}-unknown-linux-gnu' ;; --print) echo {libraries} ;; esac")
    };
    for (arch, scripts, reason) in [
        ("arm64", ("rustc", rustc("x86_64", "/nowhere")), "run 'rustup target add aarch64-unknown-linux-gnu'"),
        ("arm64", ("rustc", rustc("x86_64", "/")), "aarch64-linux-gnu-gcc is missing (Debian: gcc-aarch64-linux-gnu)"),
        ("x86_64", ("rustc", rustc("aarch64", "/")), "x86_64-linux-gnu-gcc is missing (Debian: gcc-x86-64-linux-gnu)"),
        ("arm64", ("uname", "echo Darwin".to_owned()), "is built on Linux"),
    ] {
        let (folder, certificates) = (Scratch::new(), Scratch::new());
        programs(folder.path(), &[(scripts.0, &scripts.1)]);
        let ca = certificates.write("ca.pem", CERTIFICATES);
        let mut script = Command::new(repository().join("scripts/lambda-asset"));
        script.env("PATH", folder.path()).args(["--arch", arch, "--ca"]).arg(ca);
        let ended = script.output().expect("the script can be started");
        assert_eq!(ended.status.code(), Some(1), "{reason}: {}", printed(&ended));
        assert!(printed(&ended).contains(reason), "{reason}: {}", printed(&ended));
    }
}

#[test]
fn an_asset_that_would_not_start_is_not_made() {
    let folder = Scratch::new();
    let other = if cfg!(target_arch = "aarch64") { "x86_64" } else { "arm64" };
    let output = folder.path().join("bootstrap.zip");
    let output = ["--output", output.to_str().expect("a path of text")];
    let private = format!("{CERTIFICATES}-----BEGIN PRIVATE KEY-----\n");
    for (certificates, arguments, reason) in [
        (CERTIFICATES, vec!["--arch", other], "/bin/true is elf64-"),
        (CERTIFICATES, vec!["--arch", "riscv64"], "Lambda has x86_64 and arm64"),
        (CERTIFICATES, vec!["--binary", file!()], "cannot be read"),
        (CERTIFICATES, vec!["--binary", "/dev/null"], "is no program for Linux"),
        (CERTIFICATES, vec!["--add", "nothing"], "--add nothing is not there"),
        (CERTIFICATES, vec!["--fast"], "--fast is no option"),
        ("<html>", vec![], "has no certificates in it"),
        (&private, vec![], "has a private key in it"),
    ] {
        let ended = lambda_asset(folder.path(), certificates, &[&output[..], &arguments].concat());
        assert_eq!(ended.status.code(), Some(1), "{reason}: {}", printed(&ended));
        assert!(printed(&ended).contains(reason), "{reason}: {}", printed(&ended));
    }
    assert!(!folder.path().join("bootstrap.zip").exists());
}
