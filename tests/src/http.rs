//! A small HTTP/1.1 client: comfortable for JSON, and raw where a test needs hostile bytes.
//!
//! Written here because a library would refuse to send what the tests must send, and hide what they must see.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// How long a read may take before the test fails.
const READ_LIMIT: Duration = Duration::from_secs(40);

/// Speaks to one address; every request has its own connection.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    address: SocketAddr,
}

impl Client {
    /// A client of `address`.
    pub fn new(address: SocketAddr) -> Self {
        Self { address }
    }

    /// Starts a request; nothing is sent before [`Request::send`].
    pub fn request(&self, method: &str, target: &str) -> Request {
        Request {
            address: self.address,
            method: method.to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: None,
        }
    }

    /// `GET target`.
    pub fn get(&self, target: &str) -> Request {
        self.request("GET", target)
    }

    /// `POST target`, still without a body.
    pub fn post(&self, target: &str) -> Request {
        self.request("POST", target)
    }

    /// A connection to write any bytes to.
    pub fn connect(&self) -> Wire {
        Wire::connect(self.address).unwrap_or_else(|error| panic!("connect to {}: {error}", self.address))
    }

    /// Sends `bytes` as they are and reads one answer.
    pub fn raw(&self, bytes: impl AsRef<[u8]>) -> Response {
        let mut wire = self.connect();
        wire.send(bytes);
        wire.response()
    }
}

/// A request being put together.
#[derive(Clone, Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct Request {
    address: SocketAddr,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Request {
    /// Adds a header line.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds `Authorization: Bearer …`.
    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    /// Sets a JSON body and its media type.
    pub fn json(self, body: &Value) -> Self {
        self.text("application/json", &body.to_string())
    }

    /// Sets a body of any media type.
    pub fn text(self, media_type: &str, body: &str) -> Self {
        self.header("Content-Type", media_type).body(body.as_bytes().to_vec())
    }

    /// Sets the body alone.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Sends it and reads the whole answer.
    pub fn send(self) -> Response {
        self.try_send().unwrap_or_else(|error| panic!("{} {}: {error}", self.method, self.target))
    }

    /// Sends it; an error where the server is not there or hangs up.
    pub fn try_send(&self) -> io::Result<Response> {
        let mut wire = Wire::connect(self.address)?;
        wire.try_send(self.bytes())?;
        wire.try_response(self.method == "HEAD")
    }

    /// Sends it and gives the connection, for answers read piece by piece.
    pub fn open(&self) -> Wire {
        let mut wire = Wire::connect(self.address).expect("the server accepts");
        wire.send(self.bytes());
        wire
    }

    fn bytes(&self) -> Vec<u8> {
        let mut lines = vec![format!("{} {} HTTP/1.1", self.method, self.target)];
        let names_host = |(name, _): &(String, String)| name.eq_ignore_ascii_case("host");
        if !self.headers.iter().any(names_host) {
            lines.push(format!("Host: {}", self.address));
        }
        lines.extend(self.headers.iter().map(|(name, value)| format!("{name}: {value}")));
        let body = self.body.as_deref().unwrap_or_default();
        if self.body.is_some() || !matches!(self.method.as_str(), "GET" | "HEAD") {
            lines.push(format!("Content-Length: {}", body.len()));
        }
        lines.push("Connection: close\r\n\r\n".to_owned());
        [lines.join("\r\n").as_bytes(), body].concat()
    }
}

/// One connection, seen as the bytes that pass over it.
#[derive(Debug)]
pub struct Wire {
    reader: BufReader<TcpStream>,
}

impl Wire {
    /// Connects, with a bound on every read.
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
        stream.set_read_timeout(Some(READ_LIMIT))?;
        stream.set_nodelay(true)?;
        Ok(Self { reader: BufReader::new(stream) })
    }

    /// Writes `bytes`; a peer that has already hung up is not an error, its answer tells.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.try_send(bytes);
    }

    /// Writes `bytes`.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.reader.get_mut().write_all(bytes.as_ref())
    }

    /// Ends the sending side.
    pub fn finish_sending(&mut self) {
        let _ = self.reader.get_ref().shutdown(Shutdown::Write);
    }

    /// Reads one whole answer.
    pub fn response(&mut self) -> Response {
        self.try_response(false).unwrap_or_else(|error| panic!("no answer: {error}"))
    }

    /// Reads one whole answer; `bodiless` for the answer to `HEAD`.
    pub fn try_response(&mut self, bodiless: bool) -> io::Result<Response> {
        let (status, headers) = self.head()?;
        let mut response = Response { status, headers, body: Vec::new() };
        if bodiless || status == 204 || status == 304 {
            return Ok(response);
        }
        if response.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            while let Some(chunk) = self.chunk()? {
                response.body.extend(chunk);
            }
        } else if let Some(length) = response.header("content-length") {
            let length = length.parse().map_err(io::Error::other)?;
            response.body = vec![0; length];
            self.reader.read_exact(&mut response.body)?;
        } else {
            self.reader.read_to_end(&mut response.body)?;
        }
        Ok(response)
    }

    /// Reads the head of an answer, skipping interim (1xx) ones.
    pub fn head(&mut self) -> io::Result<(u16, Vec<(String, String)>)> {
        loop {
            let status_line = self.line()?;
            let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok());
            let status: u16 = status.ok_or_else(|| io::Error::other(format!("status line {status_line:?}")))?;
            let mut headers = Vec::new();
            loop {
                let line = self.line()?;
                if line.is_empty() {
                    break;
                }
                let (name, value) = line.split_once(':').ok_or_else(|| io::Error::other(line.clone()))?;
                headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
            if status >= 200 {
                return Ok((status, headers));
            }
        }
    }

    /// Reads one chunk of a chunked body; `None` at its end.
    pub fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let size = self.line()?;
        let size =
            usize::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16).map_err(io::Error::other)?;
        let mut data = vec![0; size];
        self.reader.read_exact(&mut data)?;
        self.line()?;
        Ok((size > 0).then_some(data))
    }

    /// Everything until the peer closes; a reset counts as the end.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if let Err(error) = self.reader.read_to_end(&mut bytes) {
            let hung = matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
            assert!(!hung, "the connection was still open after {READ_LIMIT:?}");
        }
        bytes
    }

    /// Reads one line, without its end.
    pub fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        self.reader.read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned())
    }
}

/// An answer, read whole.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Header names in lower case, values as they came.
    pub headers: Vec<(String, String)>,
    /// The body without its framing.
    pub body: Vec<u8>,
}

impl Response {
    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(candidate, _)| candidate.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Asserts the status, showing the body where it is another.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "answered with {}", self.text());
        self
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.text()))
    }

    /// Asserts that this is a problem document of that status and gives it.
    #[track_caller]
    pub fn problem(self, status: u16) -> Value {
        let response = self.expect(status);
        assert_eq!(response.header("content-type"), Some("application/problem+json"));
        let problem = response.json();
        assert_eq!(problem["status"], status, "{problem}");
        assert!(problem["title"].is_string() && problem["type"].is_string(), "{problem}");
        problem
    }
}
