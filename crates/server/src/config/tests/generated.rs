//! What is made of the tables is checked in and up to date, and every example of a file loads.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::super::{reference, schema};
use super::{Document, refused};
use crate::config::Sources;

const SECRET: &str = "k7Qw2ZtB9xVn4LmRf8sYc3HdJp6GaTe1";
const DATABASE: &str = "postgres://u:p@db/d";
const MAIL: &str = "smtps://u:p@mail.example";

fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// `UPDATE_GENERATED=1` writes the file instead of comparing it.
fn assert_current(path: &str, text: &str) {
    let path = in_repository(path);
    if std::env::vars_os().any(|(name, value)| name == "UPDATE_GENERATED" && value == "1") {
        fs::write(&path, text).unwrap();
    }
    let checked_in = fs::read_to_string(&path).unwrap_or_default();
    assert!(checked_in == text, "{} is out of date; run the tests with UPDATE_GENERATED=1", path.display());
}

#[test]
fn the_reference_is_current() {
    assert_current("docs/configuration.md", &reference());
}

#[test]
fn the_schema_is_current() {
    assert_current("docs/doorward.schema.json", &schema());
}

#[test]
fn the_schema_knows_what_the_examples_use() {
    let schema: Value = serde_json::from_str(&schema()).unwrap();
    for (path, text) in examples() {
        let example: Value = toml::from_str(&text).unwrap();
        assert_known(&schema, &example, &path.display().to_string());
    }
}

/// Every member of `value` has a place in `schema`.
fn assert_known(schema: &Value, value: &Value, at: &str) {
    match value {
        Value::Object(members) if schema["type"] == "object" => {
            for (name, member) in members {
                let inner =
                    schema["properties"].get(name).unwrap_or_else(|| panic!("{at}.{name} is not in the schema"));
                assert_known(inner, member, &format!("{at}.{name}"));
            }
        }
        Value::Array(entries) if schema["type"] == "array" => {
            for entry in entries {
                assert_known(&schema["items"], entry, at);
            }
        }
        _ => {}
    }
}

#[test]
fn every_example_is_sound() {
    for (path, text) in examples() {
        // Secrets in files stand in variables of the same names here.
        let text = text.replace("file:///run/secrets/", "env:");
        let names = text.split("\"env:").skip(1).filter_map(|rest| rest.split('"').next());
        let secret = |name: &str| match name.to_lowercase() {
            name if name.contains("mail") => MAIL,
            name if name.contains("url") => DATABASE,
            _ => SECRET,
        };
        let env = names.map(|name| (name.to_owned(), secret(name).to_owned())).collect();
        let file = Some(Document { path: path.clone(), text });
        let sources = Sources { file, env, with_aws: true, ..Sources::default() };
        assert_eq!(refused(&sources), [""; 0], "{}", path.display());
    }
}

#[test]
fn every_example_of_a_dotenv_is_sound() {
    for (path, text) in example_files("env") {
        let dotenv = Some(Document { path: path.clone(), text });
        assert_eq!(refused(&Sources { dotenv, with_aws: true, ..Sources::default() }), [""; 0], "{}", path.display());
    }
}

/// The files in `deploy/examples` with that ending.
fn example_files(ending: &str) -> Vec<(PathBuf, String)> {
    let entries = fs::read_dir(in_repository("deploy/examples")).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.extension().is_some_and(|extension| extension == ending));
    let files: Vec<_> = files.map(|path| (path.clone(), fs::read_to_string(&path).unwrap())).collect();
    assert!(!files.is_empty());
    files
}

/// The TOML in `deploy/examples` and in the README.
fn examples() -> Vec<(PathBuf, String)> {
    let files = example_files("toml");
    let readme = fs::read_to_string(in_repository("README.md")).unwrap();
    let blocks = readme.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let blocks: Vec<_> = blocks.map(|block| (PathBuf::from("README.md"), block.to_owned())).collect();
    assert!(!blocks.is_empty());
    [files, blocks].concat()
}
