//! A server of MongoDB's protocol that wants a name and a password, over TLS if asked for: for what the server every test
//! shares cannot show.

use std::net::SocketAddr;
use std::process::{Command, Stdio};

use crate::certificate::Certificate;
use crate::part::{self, Part};
use crate::scratch::Scratch;
use crate::{ports, python};

/// The user whose name and password Doorward is given.
pub const USER: &str = "app";
/// Administers the others.
const ROOT: (&str, &str) = ("root", "root-1234567890");

/// A running server.
#[derive(Debug)]
pub struct MongoServer {
    _process: Part,
    _folder: Scratch,
    address: SocketAddr,
    certificate: Option<Certificate>,
}

impl MongoServer {
    /// One that lets `USER` in with that password.
    #[track_caller]
    pub fn start(password: &str) -> Self {
        Self::start_with(password, None)
    }

    /// The same over TLS, by a certificate for `localhost`.
    #[track_caller]
    pub fn start_with_tls(password: &str) -> Self {
        Self::start_with(password, Some(Certificate::make()))
    }

    #[track_caller]
    fn start_with(password: &str, certificate: Option<Certificate>) -> Self {
        let folder = Scratch::new();
        let before = ports::free();
        // Nobody has a name yet: the first two are made while all are let in.
        let mut open = Part::listening(&mut secantus(&folder, before), before);
        let url = format!("mongodb://{before}/?directConnection=true");
        // All that the documents ask for Doorward's own.
        for (name, password, role) in
            [(ROOT.0, ROOT.1, "'root'"), (USER, password, "{'role': 'readWrite', 'db': 'doorward'}")]
        {
            let script = &format!("client.admin.command('createUser', sys.argv[2], pwd=sys.argv[3], roles=[{role}])");
            administer(&url, script, &[name, password]);
        }
        open.kill();
        let address = ports::free();
        let mut command = secantus(&folder, address);
        command.arg("--auth");
        if let Some(certificate) = &certificate {
            command.arg("--tls-cert-file").arg(certificate.certificate());
            command.arg("--tls-key-file").arg(certificate.key());
        }
        let process = Part::listening(&mut command, address);
        Self { _process: process, _folder: folder, address, certificate }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its certificate and the authority behind it.
    #[track_caller]
    pub fn certificate(&self) -> &Certificate {
        self.certificate.as_ref().expect("a server with TLS")
    }

    /// An address of a database, without name and password.
    pub fn url(&self) -> String {
        let tls = if self.certificate.is_some() { "&tls=true" } else { "" };
        format!("mongodb://localhost:{}/doorward?directConnection=true&authSource=admin{tls}", self.address.port())
    }

    /// The same with the user's name and that password.
    pub fn url_with(&self, password: &str) -> String {
        self.url().replacen("mongodb://", &format!("mongodb://{USER}:{password}@"), 1)
    }

    /// Lets the user in with another password, and no more with the one before. Connections that are open go on.
    pub fn change_password(&self, password: &str) {
        let url = self.url().replacen("mongodb://", &format!("mongodb://{}:{}@", ROOT.0, ROOT.1), 1);
        let trust = self.certificate.as_ref();
        let trust = trust.map(|certificate| format!("&tlsCAFile={}", certificate.authority().display()));
        let script = "client.admin.command('updateUser', sys.argv[2], pwd=sys.argv[3])";
        administer(&(url + &trust.unwrap_or_default()), script, &[USER, password]);
    }
}

fn secantus(folder: &Scratch, address: SocketAddr) -> Command {
    let mut command = part::command("secantusd-py");
    command.args(["--host", "127.0.0.1", "--port", &address.port().to_string()]);
    command.arg("--storage-path").arg(folder.path().join("data"));
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Runs a line of Python over a `client`.
#[track_caller]
fn administer(url: &str, line: &str, arguments: &[&str]) {
    let script = format!("import pymongo, sys\nclient = pymongo.MongoClient(sys.argv[1])\n{line}");
    let output = Command::new(python::interpreter()).args(["-c", &script, url]).args(arguments).output();
    let output = output.expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
