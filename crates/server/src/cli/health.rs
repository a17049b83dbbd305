//! `doorward health`: whether a running server is well, for whatever starts and stops it. Knows no store: the server is
//! asked.

use std::io::Write;

use anyhow::Context as _;
use clap::Args;

use super::probe;
use crate::config::Server;

/// Flags of `doorward health`.
#[derive(Args, Clone, Debug)]
pub(crate) struct HealthArgs {
    /// Only whether the process answers, however its store is
    #[arg(long)]
    live: bool,
    /// Where to ask [default: the admin listener]
    #[arg(long, value_name = "HOST:PORT")]
    at: Option<String>,
}

/// Asks, and fails unless the answer is that all is well.
pub(super) async fn run(server: &Server, arguments: HealthArgs, out: &mut impl Write) -> anyhow::Result<()> {
    let place = match (arguments.at, server.admin_listen) {
        (Some(place), _) => place,
        (None, Some(address)) => probe::from_here(address).to_string(),
        (None, None) => anyhow::bail!("server.admin_listen is off; set it, or say where to ask with --at HOST:PORT"),
    };
    let (host, port) = place.rsplit_once(':').context("--at takes HOST:PORT")?;
    let port = port.parse().context("--at takes HOST:PORT")?;
    let stream = probe::connect(host, port).await.with_context(|| {
        format!("nobody answers at {place}; is `doorward serve` running, with this server.admin_listen?")
    })?;
    let path = if arguments.live { "/livez" } else { "/readyz" };
    let answer =
        probe::ask(stream, "GET", &place, path).await.with_context(|| format!("no answer from {place}{path}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.lines().next().unwrap_or_default();
    anyhow::ensure!(status.split(' ').nth(1) == Some("200"), "{place}{path} answers {status:?}: {}", body.trim());
    write!(out, "{body}")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::config::{Flag, Sources, load_server};

    /// What is said where the admin listener is at `address`, and how it ends.
    async fn asked(address: &str, live: bool) -> Result<String, String> {
        let setting =
            |key: &str, value: &str| Flag { name: String::new(), key: key.to_owned(), value: value.to_owned() };
        // A secret that cannot be had is none of this command's business.
        let flags = vec![setting("server.admin_listen", address), setting("tokens.secret", "file:///no/such/file")];
        let server = load_server(&Sources { flags, ..Sources::default() }).unwrap();
        let mut out = Vec::new();
        let end = run(&server, HealthArgs { live, at: None }, &mut out).await;
        end.map(|()| String::from_utf8(out).unwrap()).map_err(|error| crate::cli::explain(&error))
    }

    /// Answers one request with `answer`; gives where, and in the end what was asked for.
    async fn answering(answer: &'static str) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let request = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = vec![0; 1024];
            let length = stream.read(&mut head).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8_lossy(&head[..length]).into_owned()
        });
        (address, request)
    }

    #[tokio::test]
    async fn a_server_that_is_well_is_asked_what_was_meant() {
        for (live, path) in [(false, "GET /readyz "), (true, "GET /livez ")] {
            let (address, request) = answering("HTTP/1.1 200 OK\r\n\r\nready\n").await;
            assert_eq!(asked(&address, live).await.unwrap(), "ready\n");
            assert!(request.await.unwrap().starts_with(path));
        }
    }

    #[tokio::test]
    async fn one_that_is_not_says_why() {
        let (address, _request) = answering("HTTP/1.1 503 Service Unavailable\r\n\r\nnot ready: no store\n").await;
        let said = asked(&address, false).await.unwrap_err();
        assert!(said.contains("503") && said.ends_with("not ready: no store"), "{said}");
    }

    #[tokio::test]
    async fn one_that_is_not_there_is_named_with_its_setting() {
        let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
        let said = asked(&address, true).await.unwrap_err();
        assert!(said.contains(&address) && said.contains("server.admin_listen"), "{said}");
        assert!(asked("", true).await.unwrap_err().contains("server.admin_listen is off"));
    }
}
