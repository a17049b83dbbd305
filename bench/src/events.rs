//! A service of streams: `events ADDRESS` answers every request with one event at once, and then never another.

use std::net::SocketAddr;

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n\
    Transfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n";

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let address: SocketAddr = std::env::args().nth(1).context("events ADDRESS")?.parse()?;
    let listener = TcpListener::bind(address).await?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            let mut head = [0; 4096];
            // One read is one request here: its head is small. The next read ends with the connection.
            if matches!(stream.read(&mut head).await, Ok(1..)) && stream.write_all(ANSWER).await.is_ok() {
                let _ = stream.read(&mut head).await;
            }
        });
    }
}
