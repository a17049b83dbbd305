//! The image and what Compose makes of it. No engine is needed: the root file system is put together as the image does it,
//! and the binary runs in it.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::process::Command;

use doorward_tests::deadline::{PATIENCE, until};
use doorward_tests::deployment::{deployed, documents, outcome, place, run, text, tool, version};
use doorward_tests::part::{self, Part};
use doorward_tests::scratch::Scratch;
use doorward_tests::store::{Store, with};
use doorward_tests::{Client, instance, ports};
use serde_json::Value;

/// What an image may weigh as it is published, with zstd; a higher level makes it a little less.
const LIMIT: usize = 20_000_000;

#[test]
fn hadolint_finds_nothing_wrong() {
    part::with(&["python"], || {
        run(tool("hadolint").arg(place("deploy/docker/Dockerfile")), "");
    });
}

#[test]
fn every_file_names_this_version_and_this_toolchain() {
    let version = version();
    for (file, line) in [
        ("deploy/docker/Dockerfile", format!("ARG VERSION={version}\n")),
        ("compose.yaml", format!("image: doorward:{version}\n")),
        ("deploy/helm/doorward/Chart.yaml", format!("\nversion: {version}\nappVersion: {version}\n")),
        ("deploy/ecs/task-definition.json", format!("/doorward:{version}\"")),
    ] {
        assert!(text(file).contains(&line), "{file} does not say {line}");
    }
    let toolchain: toml::Table = text("rust-toolchain.toml").parse().expect("a toolchain");
    let channel = toolchain["toolchain"]["channel"].as_str().expect("a channel");
    assert!(text("deploy/docker/Dockerfile").contains(&format!("ARG RUST={channel}\n")));
}

#[test]
fn what_the_image_is_built_from_is_all_that_cargo_asks_for() {
    let folder = Scratch::new();
    let sent = text(".dockerignore");
    let sent: Vec<_> = sent.lines().filter_map(|line| line.strip_prefix('!')).collect();
    for name in sent.iter().filter(|name| !name.contains(['*', '/'])) {
        symlink(place(name).canonicalize().expect("a path"), folder.path().join(name)).expect("a link");
    }
    let mut cargo = Command::new("cargo");
    cargo.args(["metadata", "--no-deps", "--offline", "--locked", "--format-version=1"]).current_dir(folder.path());
    run(&mut cargo, "");
    for source in ["LICENSE*", "deploy/docker/rootfs.sh"] {
        assert!(sent.contains(&source), "the Dockerfile takes {source}");
    }
}

/// The image's root file system, of the binary under test.
fn root() -> Scratch {
    let root = Scratch::new();
    run(Command::new(place("deploy/docker/rootfs.sh")).arg(instance::binary()).arg(root.path()), "");
    root
}

#[test]
fn the_image_has_one_program_and_no_shell() {
    let root = root();
    let files = run(Command::new("find").arg(root.path()).args(["-type", "f", "-perm", "/111", "-printf", "%f\n"]), "");
    let programs: Vec<_> = files.lines().filter(|name| !name.contains(".so")).collect();
    assert_eq!(programs, ["doorward"]);
}

#[test]
fn the_image_of_a_release_is_small() {
    if !instance::binary().to_string_lossy().contains("release") {
        eprintln!("skipped: this is no release");
        return;
    }
    part::with(&["zstd"], || {
        let root = root();
        let layer = "tar --create --directory \"$1\" . | zstd --quiet -9 | wc -c";
        let size = run(Command::new("sh").args(["-c", layer, "sh"]).arg(root.path()), "");
        let size: usize = size.trim().parse().expect("a number");
        assert!((LIMIT / 4..LIMIT).contains(&size), "{size} bytes");
    });
}

#[test]
fn the_binary_runs_in_the_image_as_nobody_in_particular() {
    if fs::metadata("/proc/self").expect("this process").uid() != 0 {
        eprintln!("skipped: only root may change the root folder");
        return;
    }
    let root = root();
    // Whatever runs the container makes this one.
    root.write("etc/hosts", "127.0.0.1 localhost\n");
    let data = root.path().join("data");
    std::os::unix::fs::chown(&data, Some(65532), Some(65532)).expect("root may");
    let [clients, operators] = [ports::free(), ports::free()];
    let inside = |arguments: &[&str]| {
        let mut command = part::command("chroot");
        command.args(["--userspec=65532:65532", "--groups="]).arg(root.path());
        command.arg("/usr/local/bin/doorward").args(arguments).env_clear();
        command.env("DOORWARD__STORE__URL", "sqlite:/data/doorward.db");
        command.env("DOORWARD__SERVER__ADMIN_LISTEN", operators.to_string());
        command
    };
    let _server = Part::listening(&mut inside(&["serve", "--listen", &clients.to_string()]), clients);
    until("the image is healthy", PATIENCE, || outcome(&mut inside(&["health"]), "").0.then_some(()));
    // Names are looked up without any library but libc's own.
    run(&mut inside(&["health", "--live", "--at", &format!("localhost:{}", clients.port())]), "");
    Client::new(clients).get("/health").send().expect(200);
    assert_eq!(fs::metadata(data.join("doorward.db")).expect("the database").uid(), 65532);
    let (healthy, said) = outcome(&mut inside(&["health", "--at", "127.0.0.1:1"]), "");
    assert!(!healthy && said.contains("nobody answers at 127.0.0.1:1"), "{said}");
}

fn compose() -> Value {
    documents(&text("compose.yaml")).remove(0)
}

#[test]
fn the_compose_file_is_one_and_written_plainly() {
    part::with(&["python"], || {
        run(tool("check-jsonschema").args(["--builtin-schema", "vendor.compose-spec"]).arg(place("compose.yaml")), "");
        let rules = "{extends: default, rules: {line-length: disable, document-start: disable, braces: disable}}";
        let files = ["compose.yaml", "deploy/helm/doorward/Chart.yaml", "deploy/helm/doorward/values.yaml"].map(place);
        run(tool("yamllint").args(["--strict", "-d", rules]).args(files), "");
    });
}

#[test]
fn compose_shows_the_world_clients_address_alone() {
    part::with(&["python"], || {
        let compose = compose();
        let services = compose["services"].as_object().expect("services");
        for (name, service) in services {
            let outside = service["networks"].to_string().contains("outside");
            assert_eq!(outside, name == "doorward", "{name}");
            let image = service["image"].as_str().expect("an image");
            assert!(image.contains(':') && !image.ends_with(":latest"), "{image}");
            assert!(
                !service["environment"].to_string().contains("PASSWORD\":"),
                "{name} has a password in its variables"
            );
        }
        let doorward = &services["doorward"];
        assert_eq!(doorward["ports"], serde_json::json!(["127.0.0.1:8000:8000"]));
        assert_eq!((&doorward["read_only"], &doorward["cap_drop"][0]), (&true.into(), &"ALL".into()));
        assert_eq!(doorward["depends_on"]["database"]["condition"], "service_healthy");
        assert_eq!(compose["networks"]["inside"]["internal"], true);
        for (name, secret) in compose["secrets"].as_object().expect("secrets") {
            assert_eq!(secret["file"], format!("secrets/{name}"));
        }
    });
}

#[test]
fn the_secrets_of_compose_are_made_once_and_fit_together() {
    let folder = Scratch::new();
    let make = || {
        let mut script = Command::new(place("deploy/docker/make-secrets.sh"));
        script.current_dir(folder.path());
        script
    };
    run(&mut make(), "");
    let secret = |name: &str| fs::read_to_string(folder.path().join("secrets").join(name)).expect("a secret");
    let (password, key) = (secret("database-password"), secret("encryption-key"));
    assert!(password.len() == 64 && key.len() == 64 && password != key);
    let mode = |path: &str| fs::metadata(folder.path().join(path)).expect("metadata").mode() & 0o777;
    assert_eq!((mode("secrets"), mode("secrets/database-password")), (0o700, 0o644));
    let (again, said) = outcome(&mut make(), "");
    assert!(!again && said.contains("nothing was changed"), "{said}");
    assert_eq!(secret("encryption-key"), key);
    assert!(text(".gitignore").lines().any(|line| line == "/secrets"));
}

#[test]
fn doorward_starts_as_compose_starts_it() {
    with(Store::Postgres, |_| {
        let settings = text("deploy/docker/doorward.toml");
        let address = "postgres://doorward@database/doorward";
        assert!(settings.contains(address), "{settings}");
        // The test's database instead; the file makes its address.
        let settings = settings.replace(address, "file:///run/secrets/url");
        let doorward = deployed(&[], &settings, "/run/secrets").start();
        let explained = doorward.setup().run(&["explain", "GET", "/sample/x"], "");
        let explained = String::from_utf8_lossy(&explained.stdout).into_owned();
        assert!(explained.contains("sample"), "{explained}");
    });
}
