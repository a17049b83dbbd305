//! The README's two-minute tour, pasted line by line.

use std::path::Path;
use std::process::Command;

use doorward_tests::{Setup, instance, ports};

#[test]
fn the_two_minute_tour_works_as_it_is_written() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let readme = std::fs::read_to_string(repository.join("README.md")).expect("a README");
    let tour = blocks(&readme, "Two-minute tour");
    assert!(!tour.is_empty(), "the README has a section \"Two-minute tour\" with blocks of shell");
    let doorward = Setup::bare().start();
    let folder = doorward.setup().folder();
    std::fs::create_dir_all(folder.join("target/release")).expect("a folder");
    std::os::unix::fs::symlink(instance::binary(), folder.join("target/release/doorward")).expect("a link");
    // The tour's own ports may be taken on the machine that runs the tests.
    let [service, gateway] = [ports::free(), ports::free()].map(|address| address.port().to_string());
    let script = tour.join("\n").replace(":8000", &format!(":{}", doorward.address().port()));
    let script = script.replace("8001", &service).replace("8080", &gateway);
    // Beside other tests the machine is slower than the tour's pauses allow for.
    let script = format!("sleep() {{ command sleep \"$(($1 * 5))\"; }}\n{script}");
    let output = Command::new("bash").args(["-uo", "pipefail", "-c", &script]).current_dir(folder).output();
    let output = output.expect("bash can be started");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let failures = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}{failures}");
    for part in [
        r#""email":"ada@example.com""#,
        r#""valid":true"#,
        r#""keys""#,
        "Signup complete",
        r#""id_token""#,
        "Research",
        r#""topic":"tides""#,
        "401",
        r#""valid":false"#,
    ] {
        assert!(said.contains(part), "{part} is not in: {said}{failures}");
    }
    assert!(!said.contains("somebody else"), "{said}");
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

#[test]
fn every_place_that_the_documents_name_is_there() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let decisions = std::fs::read_dir(repository.join("docs/adr")).expect("the decisions");
    let decisions = decisions.map(|entry| entry.expect("an entry").path());
    let documents = [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "docs/gateway.md",
        "docs/accounts.md",
        "docs/deploy.md",
        "docs/mail.md",
    ]
    .map(|name| repository.join(name));
    for document in documents.into_iter().chain(decisions) {
        let text = std::fs::read_to_string(&document).expect("a document");
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let links = links.filter(|link| !link.contains("://") && !link.starts_with('#'));
        let folder = document.parent().expect("a folder");
        for link in links {
            let file = link.split('#').next().unwrap_or_default();
            assert!(folder.join(file).exists(), "{} links to {link}", document.display());
        }
        // Placeholders (`NNNN`, `<concept>`) and patterns name no one place.
        let code = text.split('`').skip(1).step_by(2).filter(|code| !code.contains(['<', '{', ' ', '…']));
        for path in code.filter(|code| code.starts_with("crates/") || code.starts_with("docs/")) {
            assert!(repository.join(path).exists(), "{} names {path}", document.display());
        }
    }
}
