//! The README's two-minute tour, pasted line by line.

use std::path::{Path, PathBuf};
use std::process::Command;

use doorward_tests::{Setup, instance};

/// Where the tour's commands expect Doorward.
const DEFAULT: &str = "8000";

#[test]
fn the_two_minute_tour_works_as_it_is_written() {
    let readme = std::fs::read_to_string(repository().join("README.md")).expect("a README");
    let tour = blocks(&readme, "Two-minute tour");
    assert!(!tour.is_empty(), "the README has a section \"Two-minute tour\" with blocks of shell");
    let doorward = Setup::bare().start();
    let port = doorward.address().port().to_string();
    let script = tour.join("\n").replace(&format!(":{DEFAULT}"), &format!(":{port}"));
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script])
        .current_dir(doorward.setup().folder())
        .env("PATH", path_with_the_binary())
        .output()
        .expect("bash can be started");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

/// The fenced `sh` blocks below a heading, up to the next heading of any level above it.
fn blocks(text: &str, heading: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let (mut inside, mut block) = (false, None::<String>);
    for line in text.lines() {
        match (&mut block, line) {
            (Some(_), "```") => blocks.extend(block.take()),
            (Some(block), line) => *block += &[line, "\n"].concat(),
            (None, "```sh") if inside => block = Some(String::new()),
            (None, line) if line.starts_with("## ") => inside = line.contains(heading),
            _ => {}
        }
    }
    blocks
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn path_with_the_binary() -> String {
    let folder = instance::binary().parent().map(Path::to_path_buf).unwrap_or_default();
    format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default())
}
