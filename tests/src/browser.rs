//! A real browser: scripts in `tests/node` drive Chromium, JSON goes in and comes out.

use std::fs;

use serde_json::Value;

use crate::instance::target_folder;
use crate::part;
use crate::scratch::unique_name;

/// What a script needs of this machine.
pub const PARTS: &[&str] = &["node", "chromium"];

/// Runs `tests/node/<script>` to its end with `settings`; gives what it found out.
#[track_caller]
pub fn run(script: &str, mut settings: Value) -> Value {
    let pictures = target_folder().join("test-screenshots");
    fs::create_dir_all(&pictures).expect("a folder for pictures");
    let picture = pictures.join(format!("{script}-{}", unique_name()));
    settings["chromium"] = part::find("chromium").expect("chromium is installed").to_string_lossy().into();
    settings["screenshots"] = picture.to_string_lossy().into();
    let output = part::node(script, &[&settings.to_string()]).output().expect("node can be started");
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script} failed; pictures at {}*:\n{printed}\n{errors}", picture.display());
    let last = printed.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {printed}\n{errors}"))
}
