//! Doorward on ECS and on one machine with systemd: what these take, what they must not allow, and that Doorward starts
//! with it. And that no file for any place names a setting that is not there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use doorward_tests::deployment::{deployed, outcome, place, run, text, variables};
use doorward_tests::instance;
use doorward_tests::part;
use doorward_tests::python::client;
use doorward_tests::scratch::Scratch;
use doorward_tests::store::{Store, with};
use serde_json::{Value, json};

const UNIT: &str = "deploy/systemd/doorward.service";
/// Of 10; the rest is that it has a network at all.
const EXPOSURE: f64 = 1.5;

#[test]
fn every_setting_that_a_file_names_is_there() {
    let mut files = vec![place("compose.yaml"), place("docs/deploy.md")];
    for folder in ["docker", "ecs", "helm", "systemd"] {
        collect(&place("deploy").join(folder), &mut files);
    }
    let reference = text("docs/configuration.md");
    let mut names = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("text");
        let found = text.split("DOORWARD__").skip(1);
        names.extend(found.map(|rest| {
            rest.split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'))
                .next()
                .unwrap_or_default()
                .to_owned()
        }));
    }
    // The chart makes names of settings.
    names.remove("");
    assert!(names.len() > 10, "{names:?}");
    for name in names {
        let key = name.to_lowercase().replace("__", ".");
        assert!(reference.contains(&format!("| `{key}` |")), "there is no setting {key}");
    }
}

fn collect(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}

fn task() -> Value {
    serde_json::from_str(&text("deploy/ecs/task-definition.json")).expect("JSON")
}

#[test]
fn ecs_takes_the_task_and_the_service() {
    part::with(&["python"], || {
        let files = ["deploy/ecs/task-definition.json", "deploy/ecs/service.json"].map(place);
        run(client("ecs_definitions.py", &[]).args(files), "");
    });
}

#[test]
fn the_task_may_not_do_more_than_it_needs_and_holds_no_secret() {
    let container = &task()["containerDefinitions"][0];
    assert_eq!(container["user"], "65532:65532");
    assert_eq!(container["readonlyRootFilesystem"], true);
    assert_eq!(container["linuxParameters"]["capabilities"]["drop"], json!(["ALL"]));
    assert!(container.get("privileged").is_none());
    let ports = container["portMappings"].as_array().expect("ports");
    assert!(ports.iter().all(|port| port["containerPort"] == 8000), "metrics and probes are not published");
    let secrets = container["secrets"].as_array().expect("secrets");
    for name in ["DOORWARD__STORE__URL", "DOORWARD__TOKENS__ENCRYPTION_KEY"] {
        let secret = secrets.iter().find(|secret| secret["name"] == name).expect("a reference");
        assert!(secret["valueFrom"].as_str().is_some_and(|arn| arn.starts_with("arn:aws:secretsmanager:")));
        assert!(variables(&container["environment"]).iter().all(|(variable, _)| variable != name));
    }
    // The process alone: another task mends no store that is away. Traffic follows the load balancer's own checks.
    assert_eq!(container["healthCheck"]["command"], json!(["CMD", "/usr/local/bin/doorward", "health", "--live"]));
    let shutdown = ("DOORWARD__SERVER__LIMITS__SHUTDOWN_TIMEOUT".to_owned(), "60s".to_owned());
    assert!(variables(&container["environment"]).contains(&shutdown));
    assert!(container["stopTimeout"].as_u64().is_some_and(|time| time > 60 && time <= 120));
}

#[test]
fn doorward_starts_as_the_task_starts_it() {
    with(Store::Postgres, |_| {
        let container = &task()["containerDefinitions"][0];
        let mut given = variables(&container["environment"]);
        // What the agent makes of the references, and what it sets for every task.
        let secrets = container["secrets"].as_array().expect("secrets").iter();
        given.extend(secrets.map(|secret| {
            let file = if secret["name"] == "DOORWARD__STORE__URL" { "url" } else { "key" };
            (secret["name"].as_str().expect("a name").to_owned(), format!("file:///secrets/{file}"))
        }));
        given.push(("AWS_REGION".to_owned(), "eu-west-1".to_owned()));
        given.push(("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI".to_owned(), "/v2/credentials/x".to_owned()));
        let doorward = deployed(&given, "", "/secrets").start();
        assert_eq!(doorward.get("/health").send().expect(200).json()["environment"], "production");
        let place = doorward.address().to_string();
        doorward.setup().run_ok(&["health", "--live", "--at", &place], "");
    });
}

/// The unit in a folder of its own, with the binary where it is here.
fn units() -> Scratch {
    let folder = Scratch::new();
    let binary = fs::canonicalize(instance::binary()).expect("the binary");
    let unit = text(UNIT).replace("/usr/local/bin/doorward", &binary.display().to_string());
    folder.write("doorward.service", unit);
    folder.write("doorward.socket", text("deploy/systemd/doorward.socket"));
    fs::create_dir(folder.path().join("doorward.service.d")).expect("a folder");
    folder.write("doorward.service.d/postgresql.conf", text("deploy/systemd/postgresql.conf"));
    folder
}

#[test]
fn systemd_takes_the_units_and_finds_them_closed() {
    part::with(&["systemd-analyze"], || {
        let folder = units();
        let said = run(
            Command::new("systemd-analyze")
                .args(["verify", "--man=no", "./doorward.service", "./doorward.socket"])
                .current_dir(folder.path()),
            "",
        );
        let ours: Vec<_> = said.lines().filter(|line| line.contains("doorward")).collect();
        assert!(ours.is_empty(), "{ours:?}");
        let judge = |threshold: f64| {
            let threshold = format!("--threshold={}", threshold * 10.0);
            let mut analyze = Command::new("systemd-analyze");
            analyze.args(["security", "--offline=true", "--no-pager", &threshold, "doorward.service"]);
            outcome(analyze.current_dir(folder.path()), "")
        };
        let (closed, said) = judge(EXPOSURE);
        assert!(closed, "{said}");
        assert!(!judge(0.1).0, "the judge can say no");
    });
}

/// The values of a directive of the unit.
fn directive(unit: &str, name: &str) -> Vec<String> {
    unit.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned).collect()
}

#[test]
fn doorward_starts_as_systemd_starts_it() {
    with(Store::Postgres, |_| {
        let (unit, drop_in) = (text(UNIT), text("deploy/systemd/postgresql.conf"));
        let variables = |text: &str| -> Vec<(String, String)> {
            let set = directive(text, "Environment").into_iter();
            set.map(|pair| {
                pair.split_once('=').map(|(name, value)| (name.to_owned(), value.replace("%d", "/credentials")))
            })
            .collect::<Option<_>>()
            .expect("variables")
        };
        let file = text("deploy/systemd/doorward.toml");
        for (_, reference) in variables(&unit).iter().chain(&variables(&drop_in)) {
            let name = reference.strip_prefix("file:///credentials/").expect("a credential");
            let loaded = format!("LoadCredential={name}:/etc/doorward/secrets/{name}");
            assert!(unit.contains(&loaded) || drop_in.contains(&loaded), "{name} is not loaded");
        }
        // As it is, on SQLite; its folder is another here.
        let setup = deployed(&variables(&unit), "", "/credentials");
        let folder = setup.folder().display().to_string();
        let doorward = setup.file(&file.replace("/var/lib/doorward", &folder)).start();
        let shown = doorward.setup().run_ok(&["config", "show"], "");
        assert!(shown.contains("sqlite:") && doorward.setup().folder().join("doorward.db").exists(), "{shown}");
        // With the drop-in.
        let both = [variables(&unit), variables(&drop_in)].concat();
        let doorward = deployed(&both, &file, "/credentials").start();
        let shown = doorward.setup().run_ok(&["config", "show"], "");
        assert!(shown.contains("secrets/database-url") && !shown.contains("sqlite:"), "{shown}");
        assert_eq!(doorward.stop().code(), Some(0));
    });
}

#[test]
fn the_socket_is_one_that_the_settings_claim() {
    let [address] = &directive(&text("deploy/systemd/doorward.socket"), "ListenStream")[..] else {
        panic!("one address")
    };
    let settings: toml::Table = text("deploy/systemd/doorward.toml").parse().expect("settings");
    assert_eq!(settings["server"]["listen"].as_str(), Some(&**address));
}
