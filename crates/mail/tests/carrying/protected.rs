//! A server with TLS and passwords, in a process of its own: `tests/clients/smtp.py`, which the black-box tests use.
//! Needs Python with its packages; without them (scripts/test installs them) these tests say so and claim nothing.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

const USER: &str = "door@example.com";
const PASSWORD: &str = "p@ss/w\u{f6}rd";
const LOGIN: &str = "door%40example.com:p%40ss%2Fw%C3%B6rd@";

struct Server {
    process: Child,
    printed: BufReader<ChildStdout>,
    port: u64,
    certificates: TempDir,
}

impl Server {
    /// A server that speaks TLS from the start (`implicit`) or after STARTTLS (`starttls`).
    fn start(tls: &str) -> Option<Self> {
        let Some(python) = python() else {
            eprintln!("skipped: no Python with the packages of the tests here (scripts/test installs it)");
            return None;
        };
        let certificates = certificates();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let options = json!({
            "port": port, "tls": tls, "user": USER, "password": PASSWORD,
            "cert": certificates.path().join("server.pem"), "key": certificates.path().join("server.key"),
        });
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients/smtp.py");
        let mut command = Command::new(python);
        command.arg(script).arg(options.to_string()).env("PYTHONDONTWRITEBYTECODE", "1");
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let printed = BufReader::new(process.stdout.take().unwrap());
        let mut server = Self { process, printed, port: 0, certificates };
        server.port = server.next()["listening"].as_u64().unwrap();
        Some(server)
    }

    /// The next thing it tells of.
    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.printed.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    fn settings(&self, scheme: &str, login: &str) -> PostSettings {
        let extra_ca = std::fs::read(self.certificates.path().join("ca.pem")).unwrap();
        let url = format!("{scheme}://{login}localhost:{}", self.port);
        PostSettings { extra_ca: Some(extra_ca), ..settings(&url) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "tests are told by the environment what is installed")]
fn python() -> Option<PathBuf> {
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/test-venv/bin/python");
    let python = std::env::var_os("TEST_PYTHON").map_or(made, PathBuf::from);
    let has_packages = Command::new(&python).args(["-c", "import aiosmtpd"]).stderr(Stdio::null()).status();
    has_packages.is_ok_and(|status| status.success()).then_some(python)
}

/// An authority and a certificate by it for `localhost`.
fn certificates() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("names"), "subjectAltName=DNS:localhost\n").unwrap();
    for arguments in [
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=authority \
         -addext basicConstraints=critical,CA:TRUE -keyout ca.key -out ca.pem",
        "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout server.key -out wish.pem",
        "x509 -req -in wish.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.pem",
    ] {
        let mut openssl = Command::new("openssl");
        let made = openssl.current_dir(folder.path()).args(arguments.split_whitespace()).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
    folder
}

#[tokio::test]
async fn a_letter_arrives_over_tls_as_it_was_written() {
    for (tls, scheme) in [("starttls", "smtp"), ("implicit", "smtps")] {
        let Some(mut server) = Server::start(tls) else { return };
        let templates = tempfile::tempdir().unwrap();
        std::fs::write(templates.path().join("confirm_email.txt"), ".\r\n..\r\n.hidden {{ code }} caf\u{e9}\n")
            .unwrap();
        let own = Some(templates.path().to_owned());
        let office = office(PostSettings { templates: own, ..server.settings(scheme, LOGIN) });
        assert_eq!(
            office.probe().await,
            Ok(format!("localhost:{} answers over TLS, and took the sign-in", server.port))
        );
        assert_eq!(send(&office, "ann@example.com").await, Ok(()));

        let mail = server.next();
        assert_eq!(mail["encrypted"], true);
        assert_eq!(mail["user"], USER);
        assert_eq!((&mail["sender"], &mail["recipients"]), (&json!("door@example.com"), &json!(["ann@example.com"])));
        assert_eq!(mail["defects"], json!([]));
        assert_eq!(mail["text"], ".\r\n..\r\n.hidden 271828 caf\u{e9}");
        assert!(mail["html"].as_str().unwrap().contains("<p class=\"code\">271828</p>"));
        let header = |name: &str| {
            let headers = mail["headers"].as_array().unwrap().iter();
            headers.filter(|pair| pair[0] == name).map(|pair| pair[1].as_str().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(header("From"), ["Harbour & Sons <door@example.com>"]);
        assert_eq!(header("To"), ["ann@example.com"]);
        assert_eq!(header("Reply-To"), ["help@example.com"]);
        assert_eq!(header("Auto-Submitted"), ["auto-generated"]);
        assert_eq!(header("Message-ID"), ["<00000000-0000-0000-0000-000000000000@example.com>"]);
    }
}

#[tokio::test]
async fn a_wrong_password_is_told_without_the_password_and_the_letter_waits() {
    let Some(server) = Server::start("starttls") else { return };
    let office = office(server.settings("smtp", "door%40example.com:s3cret-pass@"));
    let reason = later(send(&office, "ann@example.com").await);
    let told = format!("localhost:{} refused the user or password of mail.url: 535 5.7.8", server.port);
    assert_eq!(reason, told);
    assert_eq!(office.probe().await, Err(PostError::Later(told)));
}

#[tokio::test]
async fn a_sender_who_should_have_signed_in_waits_for_the_operator() {
    let Some(server) = Server::start("starttls") else { return };
    let reason = later(send(&office(server.settings("smtp", "")), "ann@example.com").await);
    assert!(reason.contains("530"), "{reason}");
}

#[tokio::test]
async fn nothing_is_told_to_a_server_whose_certificate_nobody_vouches_for() {
    for (tls, scheme) in [("starttls", "smtp"), ("implicit", "smtps")] {
        let Some(server) = Server::start(tls) else { return };
        let stranger = PostSettings { extra_ca: None, ..server.settings(scheme, LOGIN) };
        let reason = later(send(&office(stranger), "ann@example.com").await);
        assert!(reason.contains("invalid peer certificate: UnknownIssuer"), "{reason}");

        let other_name = format!("{scheme}://{LOGIN}127.0.0.1:{}", server.port);
        let carrier = Carrier::Smtp(SmtpSettings::parse(&other_name).unwrap());
        let misnamed = PostSettings { carrier, ..server.settings(scheme, LOGIN) };
        let reason = later(send(&office(misnamed), "ann@example.com").await);
        assert!(reason.contains("invalid peer certificate") && reason.contains("127.0.0.1"), "{reason}");
    }
}
