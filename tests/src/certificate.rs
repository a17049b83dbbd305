//! Certificates of an authority of ours, made by `openssl` when a test needs one.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::scratch::Scratch;

/// An authority, and a certificate by it for `localhost` and `service.localhost`.
#[derive(Debug)]
pub struct Certificate(Scratch);

impl Certificate {
    /// Makes both.
    pub fn make() -> Self {
        let made = Self(Scratch::new());
        openssl(
            made.0.path(),
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=authority \
            -addext basicConstraints=critical,CA:TRUE -keyout ca.key -out ca.pem",
        );
        made.renew();
        made
    }

    /// Replaces key and certificate by new ones of the same authority.
    pub fn renew(&self) {
        let folder = self.0.path();
        let names = "subjectAltName=DNS:localhost,DNS:service.localhost,IP:127.0.0.1\n";
        self.0.write("names", names);
        openssl(
            folder,
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout new.key -out request.pem",
        );
        openssl(
            folder,
            "x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out new.pem",
        );
        for (new, name) in [("new.key", "server.key"), ("new.pem", "server.pem")] {
            std::fs::rename(folder.join(new), folder.join(name)).expect("a file that openssl wrote");
        }
    }

    /// The file with the private key.
    pub fn key(&self) -> PathBuf {
        self.0.path().join("server.key")
    }

    /// The file with the certificate.
    pub fn certificate(&self) -> PathBuf {
        self.0.path().join("server.pem")
    }

    /// The file with the authority's own certificate, which clients trust.
    pub fn authority(&self) -> PathBuf {
        self.0.path().join("ca.pem")
    }
}

fn openssl(folder: &Path, arguments: &str) {
    let output = Command::new("openssl").current_dir(folder).args(arguments.split_whitespace()).output();
    let output = output.expect("openssl can be started");
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}
