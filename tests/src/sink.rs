//! A service behind that takes any amount and keeps next to nothing of it: a digest, a count, and both ends.

use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use aws_lc_rs::digest::{Context, SHA256};

use crate::deadline::PATIENCE;

/// How much is kept of each end of a body.
const KEPT: usize = 4096;

/// A body that went by.
#[derive(Clone, Debug, Default)]
pub struct Sunk {
    /// Request line and headers.
    pub head: String,
    /// How many bytes.
    pub bytes: u64,
    /// SHA-256 of them all.
    pub digest: Vec<u8>,
    /// The first few thousand.
    pub first: Vec<u8>,
    /// The last few thousand.
    pub last: Vec<u8>,
    /// Whether it came to its end.
    pub whole: bool,
}

/// A listening sink.
#[derive(Debug)]
pub struct Sink {
    address: SocketAddr,
    sunk: Mutex<Receiver<Sunk>>,
}

impl Sink {
    /// Starts it.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port for the sink");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (sender, sunk) = channel();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let sender = sender.clone();
                thread::spawn(move || serve(stream, &sender));
            }
        });
        Self { address, sunk: Mutex::new(sunk) }
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next body that ended, well or not.
    pub fn next(&self) -> Sunk {
        self.sunk.lock().expect("the sink's queue").recv_timeout(PATIENCE * 4).expect("a body reaches the sink")
    }
}

fn serve(mut stream: TcpStream, sender: &Sender<Sunk>) {
    let Ok(reader) = stream.try_clone() else { return };
    let mut reader = BufReader::with_capacity(256 * 1024, reader);
    loop {
        let mut sunk = Sunk::default();
        while !sunk.head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut sunk.head).unwrap_or(0) == 0 {
                return;
            }
        }
        let mut digest = Context::new(&SHA256);
        sunk.whole = body(&mut reader, &mut sunk, &mut digest).is_ok();
        sunk.digest = digest.finish().as_ref().to_vec();
        let whole = sunk.whole;
        // The test may be over; then nobody listens.
        let _ = sender.send(sunk);
        let answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
        if !whole || stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn body(reader: &mut impl BufRead, sunk: &mut Sunk, digest: &mut Context) -> io::Result<()> {
    let head = sunk.head.to_ascii_lowercase();
    if let Some((_, rest)) = head.split_once("\r\ncontent-length:") {
        let length = rest.lines().next().unwrap_or_default().trim().parse().map_err(io::Error::other)?;
        return swallow(reader, length, sunk, digest);
    }
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let size = u64::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
        swallow(reader, size, sunk, digest)?;
        reader.read_line(&mut line)?;
        if size == 0 {
            return Ok(());
        }
    }
}

fn swallow(reader: &mut impl Read, mut length: u64, sunk: &mut Sunk, digest: &mut Context) -> io::Result<()> {
    let mut buffer = vec![0; 256 * 1024];
    while length > 0 {
        let most = usize::try_from(length).unwrap_or(usize::MAX).min(buffer.len());
        let count = reader.read(&mut buffer[..most])?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let bytes = &buffer[..count];
        digest.update(bytes);
        let room = KEPT - sunk.first.len();
        sunk.first.extend_from_slice(&bytes[..count.min(room)]);
        sunk.last.extend_from_slice(&bytes[count.saturating_sub(KEPT)..]);
        sunk.last.drain(..sunk.last.len().saturating_sub(KEPT));
        sunk.bytes += count as u64;
        length -= count as u64;
    }
    Ok(())
}
