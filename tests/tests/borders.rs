//! The borders of the architecture: which of our crates may depend on which, and on what from outside.
//!
//! `deny.toml` states the outside ones for cargo-deny; this test reads the same rows, so that they hold on a machine
//! without that tool.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Our crates and which of ours each may depend on.
const OURS: [(&str, &[&str]); 8] = [
    ("doorward-protocol", &[]),
    ("doorward-identity", &["doorward-protocol"]),
    ("doorward-federation", &["doorward-identity", "doorward-protocol"]),
    ("doorward-gateway", &["doorward-identity", "doorward-protocol"]),
    ("doorward-mail", &["doorward-identity"]),
    ("doorward-store", &["doorward-identity", "doorward-protocol"]),
    ("doorward-web", &["doorward-identity", "doorward-protocol"]),
    (
        "doorward",
        &[
            "doorward-federation",
            "doorward-gateway",
            "doorward-identity",
            "doorward-mail",
            "doorward-protocol",
            "doorward-store",
            "doorward-web",
        ],
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> toml::Table {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The direct dependencies of each of our crates, those of tests left out.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let folders = std::fs::read_dir(root().join("crates")).expect("the crates");
    let manifests = folders.map(|folder| folder.expect("a folder").path().join("Cargo.toml"));
    manifests
        .map(|path| {
            let manifest = read(&path);
            let name = manifest["package"]["name"].as_str().expect("a name").to_owned();
            let direct = manifest.get("dependencies").and_then(toml::Value::as_table);
            (name, direct.into_iter().flat_map(|table| table.keys().cloned()).collect())
        })
        .collect()
}

#[test]
fn our_crates_depend_only_downwards() {
    let found = dependencies();
    let known: BTreeSet<&str> = OURS.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        found.keys().map(String::as_str).collect::<BTreeSet<_>>(),
        known,
        "a new crate needs a reason and a row"
    );
    for (name, allowed) in OURS {
        for used in found[name].iter().filter(|used| known.contains(used.as_str())) {
            assert!(allowed.contains(&used.as_str()), "{name} must not depend on {used}");
        }
    }
}

#[test]
fn what_has_one_home_is_used_only_there() {
    let found = dependencies();
    let deny = read(&root().join("deny.toml"));
    let rows = deny["bans"]["deny"].as_array().expect("rows");
    assert!(rows.len() > 5);
    for row in rows {
        let banned = row["crate"].as_str().expect("a crate");
        let homes = row.get("wrappers").and_then(toml::Value::as_array);
        let homes: Vec<&str> = homes.into_iter().flatten().filter_map(toml::Value::as_str).collect();
        for (name, direct) in &found {
            let reason = &row["reason"];
            assert!(!direct.contains(banned) || homes.contains(&name.as_str()), "{name} uses {banned}: {reason}");
        }
    }
}

#[test]
fn what_is_banned_everywhere_is_not_built() {
    let tree = "tree --locked --offline --package doorward --features full --prefix none --edges normal,build";
    let output = std::process::Command::new("cargo").args(tree.split(' ')).current_dir(root()).output().expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    let built: BTreeSet<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(built.contains("rustls"));
    for banned in ["openssl", "native-tls", "ring", "rsa"] {
        assert!(!built.contains(banned), "{banned} is built");
    }
}

#[test]
fn files_and_their_names_keep_the_rules_of_the_house() {
    let mut folders = vec![root().join("crates"), root().join("tests/src"), root().join("tests/tests")];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("a source file");
                let code = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default();
                let (lines, shown) = (code.lines().count(), path.display());
                assert!(lines <= 400, "{shown} has {lines} lines");
                assert!(text.starts_with("//!"), "{shown} does not say what it owns");
                let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
                assert!(!["utils", "util", "common_code", "helpers", "misc"].contains(&stem), "{shown} is a drawer");
                seen += 1;
            }
        }
    }
    assert!(seen > 50);
}
