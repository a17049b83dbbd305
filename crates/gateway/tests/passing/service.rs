//! A service behind the gateway that remembers the very bytes it was sent and answers as a test says.

use std::future::Future;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

/// How long a test waits for what must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

pub(crate) type Connection = BufReader<TcpStream>;

/// A request as it arrived.
pub(crate) struct Received {
    pub(crate) head: String,
    /// Without its framing.
    pub(crate) body: Vec<u8>,
    /// What followed it, line by line.
    pub(crate) trailers: Vec<String>,
    /// Whether the body arrived whole.
    pub(crate) complete: bool,
}

impl Received {
    pub(crate) fn request_line(&self) -> &str {
        self.head.lines().next().unwrap()
    }

    /// Every value of a header.
    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.filter(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
    }

    /// The name of every header, as it came, sorted.
    pub(crate) fn header_names(&self) -> Vec<String> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let mut names: Vec<String> = lines.map(|(name, _)| name.to_ascii_lowercase()).collect();
        names.sort();
        names
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// The service. It ends with the test's runtime.
pub(crate) struct Service {
    pub(crate) url: String,
    pub(crate) authority: String,
    received: UnboundedReceiver<Received>,
    opened: UnboundedReceiver<()>,
}

impl Service {
    /// Answers every request with a small 200.
    pub(crate) async fn start() -> Self {
        Self::answering(OK).await
    }

    /// Answers every request with these bytes.
    pub(crate) async fn answering(answer: &'static str) -> Self {
        Self::connected(move |mut connection, received| async move {
            while let Some(request) = receive(&mut connection).await {
                let whole = request.complete;
                let _ = received.send(request);
                if !whole || connection.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
        })
        .await
    }

    /// Does with each connection as it is told.
    pub(crate) async fn connected<F>(
        serve: impl Fn(Connection, UnboundedSender<Received>) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let (send_received, received) = unbounded_channel();
        let (send_opened, opened) = unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = send_opened.send(());
                tokio::spawn(serve(BufReader::new(stream), send_received.clone()));
            }
        });
        Self { url: format!("http://{authority}"), authority, received, opened }
    }

    /// The next request that arrived, waiting for it.
    pub(crate) async fn next(&mut self) -> Received {
        timeout(PATIENCE, self.received.recv()).await.unwrap().unwrap()
    }

    /// How many connections were opened since the last look.
    pub(crate) fn opened(&mut self) -> usize {
        std::iter::from_fn(|| self.opened.try_recv().ok()).count()
    }
}

/// Reads one request; `None` at the end of the connection.
pub(crate) async fn receive(connection: &mut Connection) -> Option<Received> {
    let head = head(connection).await?;
    let mut received = Received { head, body: Vec::new(), trailers: Vec::new(), complete: true };
    let length = received.header("content-length").first().map(|length| length.parse().unwrap());
    if let Some(length) = length {
        let mut body = vec![0; length];
        received.complete = connection.read_exact(&mut body).await.is_ok();
        received.body = body;
    } else if !received.header("transfer-encoding").is_empty() {
        received.complete = chunks(connection, &mut received).await.is_ok();
    }
    Some(received)
}

/// Reads the head of a request; `None` at the end of the connection.
pub(crate) async fn head(connection: &mut Connection) -> Option<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if connection.read_line(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    Some(head)
}

async fn chunks(connection: &mut Connection, received: &mut Received) -> std::io::Result<()> {
    loop {
        let mut line = String::new();
        connection.read_line(&mut line).await?;
        let size = usize::from_str_radix(line.trim(), 16).map_err(std::io::Error::other)?;
        if size == 0 {
            return trailers(connection, &mut received.trailers).await;
        }
        let mut data = vec![0; size + 2];
        connection.read_exact(&mut data).await?;
        received.body.extend_from_slice(&data[..size]);
    }
}

async fn trailers(connection: &mut Connection, trailers: &mut Vec<String>) -> std::io::Result<()> {
    loop {
        let mut line = String::new();
        if connection.read_line(&mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line == "\r\n" {
            return Ok(());
        }
        trailers.push(line.trim_end().to_owned());
    }
}

/// Whether the other side hangs up.
pub(crate) async fn hangs_up(connection: &mut Connection) -> bool {
    timeout(PATIENCE, connection.read(&mut [0; 64])).await.is_ok_and(|read| matches!(read, Ok(0) | Err(_)))
}
