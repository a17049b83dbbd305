//! Where Doorward listens, and whether that is where clients are told to go.

use std::io;
use std::net::{SocketAddr, TcpListener};

use url::{Host, Url};

use super::finding::Finding;
use crate::cli::probe;
use crate::config::{Config, Server};
use crate::run::Tls;

pub(super) async fn examine(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(certificate(&config.server).await);
    for address in &config.server.listen {
        if config.server.tls().is_some() && TcpListener::bind(address).is_err() {
            findings
                .push(Finding::skipped(format!("port {address}"), "taken; by whom is not asked where TLS is spoken"));
            continue;
        }
        findings.push(port(*address, "server.listen (or --listen)", "/health", "\"service\":\"doorward\"").await);
    }
    if let Some(address) = config.server.admin_listen {
        findings.push(port(address, "server.admin_listen", "/metrics", "doorward_").await);
    }
    findings.push(public_url(&config.server.public_url, &config.server.listen));
    findings
}

/// Whether the certificate fits its key.
async fn certificate(server: &Server) -> Option<Finding> {
    let files = server.tls()?;
    let (name, path) = ("server.tls", files.certificate.display().to_string());
    Some(match Tls::open(files).await {
        Ok(_) => Finding::good(name, format!("the certificate in {path} fits its key")),
        Err(error) => Finding::bad(name, error.to_string(), "see that both files are PEM and belong together"),
    })
}

/// Free, or taken by a running Doorward, which is known by `sign` at `path`.
async fn port(address: SocketAddr, setting: &str, path: &str, sign: &str) -> Finding {
    let name = format!("port {address}");
    match TcpListener::bind(address) {
        Ok(_) => Finding::good(name, "free"),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            if answers(address, path, sign).await {
                Finding::good(name, "Doorward is running there")
            } else {
                let remedy = format!("stop the other program, or choose another port with {setting}");
                Finding::bad(name, "another program listens there", remedy)
            }
        }
        Err(error) => Finding::bad(name, error.to_string(), format!("choose another address with {setting}")),
    }
}

async fn answers(address: SocketAddr, path: &str, sign: &str) -> bool {
    let address = probe::from_here(address);
    let Ok(stream) = probe::connect(&address.ip().to_string(), address.port()).await else { return false };
    probe::ask(stream, "GET", &address.to_string(), path).await.is_ok_and(|answer| answer.contains(sign))
}

/// A public URL on this very machine must name a port that is listened on; any other leads through somebody's proxy.
fn public_url(public: &str, listen: &[SocketAddr]) -> Finding {
    let name = "server.public_url";
    let Ok(url) = public.parse::<Url>() else {
        return Finding::bad(name, "is no URL", "write it as https://id.example.com");
    };
    let port = url.port_or_known_default();
    let local = listen.iter().all(|address| address.ip().is_loopback());
    match (is_loopback(&url), listen.iter().any(|address| Some(address.port()) == port)) {
        (true, false) => {
            let what = format!("{public} names a port on this machine that Doorward does not listen on");
            Finding::bad(name, what, "give it the port of server.listen")
        }
        (true, true) if !local => Finding::skipped(
            name,
            format!("{public} means nothing to other machines, though Doorward listens for them"),
        ),
        (false, _) if url.path() != "/" => {
            Finding::skipped(name, format!("{public} has a path: the proxy in front has to take it off"))
        }
        (true, true) => Finding::good(name, format!("{public} is where Doorward listens")),
        (false, _) => Finding::good(name, format!("{public} leads to Doorward through what stands in front of it")),
    }
}

pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::super::finding::Verdict;
    use super::*;

    fn judged(public: &str, listen: &str) -> Verdict {
        public_url(public, &[listen.parse().unwrap()]).verdict
    }

    #[test]
    fn a_public_url_on_this_machine_names_a_port_that_is_listened_on() {
        assert_eq!(judged("http://localhost:8000", "127.0.0.1:8000"), Verdict::Good);
        assert_eq!(judged("http://localhost:8000", "127.0.0.1:9999"), Verdict::Bad);
        assert_eq!(judged("http://localhost", "127.0.0.1:8000"), Verdict::Bad);
        assert_eq!(judged("http://localhost:8000", "0.0.0.0:8000"), Verdict::Skipped);
        assert_eq!(judged("https://id.example.com", "127.0.0.1:8000"), Verdict::Good);
        assert_eq!(judged("https://example.com/id", "127.0.0.1:8000"), Verdict::Skipped);
    }

    #[tokio::test]
    async fn a_port_is_free_or_taken_and_by_whom() {
        let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = taken.local_addr().unwrap();
        let speak = async {
            for body in ["{\"service\":\"doorward\"}", "somebody else"] {
                let (mut stream, _) = taken.accept().await.unwrap();
                let answer = format!("HTTP/1.1 200 OK\r\n\r\n{body}");
                tokio::io::AsyncWriteExt::write_all(&mut stream, answer.as_bytes()).await.unwrap();
            }
        };
        let ask = || port(address, "--listen", "/health", "\"service\":\"doorward\"");
        let (ours, theirs, ()) = tokio::join!(ask(), ask(), speak);
        assert_eq!((ours.verdict, theirs.verdict), (Verdict::Good, Verdict::Bad));
        drop(taken);
        assert_eq!(ask().await.what, "free");
    }
}
