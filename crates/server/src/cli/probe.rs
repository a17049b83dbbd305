//! One plain HTTP question over one connection: enough to tell who answers at an address.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long a connection, and then an answer, may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// As much of an answer as is looked at.
const ENOUGH: u64 = 64 * 1024;

/// Where a program of this machine finds what listens on `address`.
pub(super) fn from_here(address: SocketAddr) -> SocketAddr {
    let host = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(host, address.port())
}

/// Connects.
pub(super) async fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    in_time(TcpStream::connect((host, port))).await
}

/// What is answered there, head and all, as far as it came in time.
pub(super) async fn ask(mut stream: TcpStream, method: &str, host: &str, path: &str) -> io::Result<String> {
    let request =
        format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: doorward\r\nConnection: close\r\n\r\n");
    let mut answer = Vec::new();
    let exchange = async {
        stream.write_all(request.as_bytes()).await?;
        stream.take(ENOUGH).read_to_end(&mut answer).await
    };
    let ended = in_time(exchange).await;
    if answer.is_empty() {
        ended?;
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

async fn in_time<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// The `Date` of an answer.
pub(super) fn date(answer: &str) -> Option<Timestamp> {
    let head = answer.split("\r\n\r\n").next()?;
    let date =
        head.lines().filter_map(|line| line.split_once(':')).find(|(name, _)| name.eq_ignore_ascii_case("date"))?.1;
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_is_read_from_the_head_only() {
        let answer = "HTTP/1.1 404 Not Found\r\nDATE: Sat, 01 Jan 2000 00:00:00 GMT\r\n\r\nbody";
        assert_eq!(date(answer).map(|at| at.to_string()).as_deref(), Some("2000-01-01T00:00:00Z"));
        assert_eq!(date("HTTP/1.1 200 OK\r\n\r\nDate: Sat, 01 Jan 2000 00:00:00 GMT\r\n"), None);
        assert_eq!(date("HTTP/1.1 200 OK\r\nDate: tomorrow\r\n\r\n"), None);
    }
}
