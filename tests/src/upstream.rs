//! A service behind the gateway that remembers the very bytes it was sent.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::deadline::PATIENCE;

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    /// Request line and header lines, with their line ends.
    pub head: String,
    /// The body without its framing.
    pub body: Vec<u8>,
}

impl Received {
    /// Method, target and version.
    pub fn request_line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    /// The target as it came.
    pub fn target(&self) -> &str {
        self.request_line().split(' ').nth(1).unwrap_or_default()
    }

    /// Every value of a header, whatever the case of its name; `_` in the name counts as `-`, as some servers read it.
    pub fn headers(&self, name: &str) -> Vec<&str> {
        let canonical = |name: &str| name.to_ascii_lowercase().replace('_', "-");
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let matching = lines.filter(|(candidate, _)| canonical(candidate) == canonical(name));
        matching.map(|(_, value)| value.trim()).collect()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// What an upstream does with a request: writes an answer, part of one, or nothing.
pub type Answer = dyn Fn(&Received, &mut TcpStream) + Send + Sync;

/// A listening upstream; its threads end with the test process.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    received: Mutex<Receiver<Received>>,
}

impl Upstream {
    /// Answers every request with 200 and a small JSON document.
    pub fn echo() -> Self {
        Self::answering(|received, stream| {
            respond(stream, "200 OK", "application/json", &format!(r#"{{"got":{}}}"#, received.body.len()));
        })
    }

    /// Answers as `answer` says.
    pub fn answering(answer: impl Fn(&Received, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port for the upstream");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (sender, received) = channel();
        let answer: Arc<Answer> = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (sender, answer) = (sender.clone(), Arc::clone(&answer));
                thread::spawn(move || {
                    serve(stream, |received, stream| {
                        // The test may be over; then nobody listens.
                        let _ = sender.send(received.clone());
                        answer(received, stream);
                    });
                });
            }
        });
        Self { address, received: Mutex::new(received) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its address as a URL without a trailing slash.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next request that arrived, waiting for it.
    pub fn next(&self) -> Received {
        let received = self.received.lock().expect("the upstream's queue");
        match received.recv_timeout(PATIENCE) {
            Ok(received) => received,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                panic!("nothing reached the upstream")
            }
        }
    }

    /// What has arrived and was not yet looked at. Only sound after the gateway has answered.
    pub fn pending(&self) -> Vec<Received> {
        self.received.lock().expect("the upstream's queue").try_iter().collect()
    }
}

/// Writes a whole answer.
pub fn respond(stream: &mut TcpStream, status: &str, media_type: &str, body: &str) {
    let length = body.len();
    let answer = format!("HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\n\r\n{body}");
    // A gateway that went away shows in the test.
    let _ = stream.write_all(answer.as_bytes());
}

fn serve(stream: TcpStream, mut answer: impl FnMut(&Received, &mut TcpStream)) {
    let Ok(mut writer) = stream.try_clone() else {
        return;
    };
    let mut reader = BufReader::new(stream);
    while let Some(received) = receive(&mut reader) {
        answer(&received, &mut writer);
    }
}

fn receive(reader: &mut BufReader<TcpStream>) -> Option<Received> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let mut received = Received { head, body: Vec::new() };
    if let Some(length) = received.headers("content-length").first() {
        received.body = vec![0; length.parse().ok()?];
        reader.read_exact(&mut received.body).ok()?;
    } else if !received.headers("transfer-encoding").is_empty() {
        received.body = chunked(reader).ok()?;
    }
    Some(received)
}

fn chunked(reader: &mut BufReader<TcpStream>) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let size = usize::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
        let mut data = vec![0; size + 2];
        reader.read_exact(&mut data)?;
        body.extend_from_slice(&data[..size]);
        if size == 0 {
            return Ok(body);
        }
    }
}
