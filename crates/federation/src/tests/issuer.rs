//! An issuer on loopback whose every answer can be chosen, and which counts what it is asked.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use doorward_identity::issuer::TokenDialect;
use doorward_protocol::jwk::PublicJwk;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::IssuerConfig;

const METADATA: &str = "/.well-known/openid-configuration";
const KEYS: &str = "/jwks";
/// With this byte begins who speaks TLS.
const TLS_HANDSHAKE: u8 = 0x16;

/// What is answered to a path.
#[derive(Clone)]
pub(super) enum Answer {
    /// 200 with this body.
    Body(String),
    /// These very bytes.
    Raw(String),
    /// Silence.
    Hang,
    /// 200, and then bytes for as long as anybody reads, with this much rest after each chunk.
    Endless(Duration),
}

#[derive(Default)]
struct Script {
    answers: BTreeMap<String, Answer>,
    asked: Vec<Asked>,
}

/// What it was asked.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    path: String,
    pub(super) head: String,
    pub(super) body: String,
}

/// The issuer. It is gone when this is dropped.
pub(super) struct Issuer {
    address: SocketAddr,
    script: Arc<Mutex<Script>>,
    door: tokio::task::JoinHandle<()>,
}

impl Issuer {
    /// Opens with sound metadata and these keys.
    pub(super) async fn open(keys: &[PublicJwk]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let script = Arc::new(Mutex::new(Script::default()));
        let door = tokio::spawn(serve(listener, Arc::clone(&script)));
        let issuer = Self { address, script, door };
        issuer.describe_as(&issuer.name());
        issuer.publish(keys);
        issuer
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn name(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn config(&self) -> IssuerConfig {
        let audiences = vec!["us".to_owned()];
        IssuerConfig { issuer: self.name(), audiences, dialect: TokenDialect::Standard, jwks_uri: None }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.name())
    }

    pub(super) fn answer(&self, path: &str, answer: Answer) {
        self.script.lock().unwrap().answers.insert(path.to_owned(), answer);
    }

    /// Metadata that claims this name.
    pub(super) fn describe_as(&self, name: &str) {
        self.describe(name, &self.url(KEYS));
    }

    pub(super) fn describe(&self, name: &str, jwks_uri: &str) {
        let metadata = json!({"issuer": name, "jwks_uri": jwks_uri, "response_types_supported": ["code"]});
        self.answer_metadata(Answer::Body(metadata.to_string()));
    }

    pub(super) fn publish(&self, keys: &[PublicJwk]) {
        self.answer_keys(Answer::Body(json!({ "keys": keys }).to_string()));
    }

    pub(super) fn answer_metadata(&self, answer: Answer) {
        self.answer(METADATA, answer);
    }

    pub(super) fn answer_keys(&self, answer: Answer) {
        self.answer(KEYS, answer);
    }

    /// Answers nothing that makes sense until it is described and publishes again.
    pub(super) fn go_down(&self) {
        self.answer_metadata(Answer::Raw(String::new()));
        self.answer_keys(Answer::Raw(String::new()));
    }

    pub(super) fn asked(&self, path: &str) -> usize {
        self.all_asked().iter().filter(|asked| asked.path == path).count()
    }

    pub(super) fn all_asked(&self) -> Vec<Asked> {
        self.script.lock().unwrap().asked.clone()
    }

    /// The last question to a path.
    pub(super) fn last_asked(&self, path: &str) -> Asked {
        self.all_asked().into_iter().rfind(|asked| asked.path == path).unwrap()
    }

    pub(super) fn asked_for_metadata(&self) -> usize {
        self.asked(METADATA)
    }

    pub(super) fn asked_for_keys(&self) -> usize {
        self.asked(KEYS)
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.door.abort();
    }
}

async fn serve(listener: TcpListener, script: Arc<Mutex<Script>>) {
    while let Ok((stream, _)) = listener.accept().await {
        // A client that has seen enough closes, which is no failure of the issuer's.
        tokio::spawn(converse(stream, Arc::clone(&script)));
    }
}

async fn converse(mut stream: TcpStream, script: Arc<Mutex<Script>>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
        if head == [TLS_HANDSHAKE] {
            return stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split(' ').nth(1).unwrap().to_owned();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).await?;
    let answer = {
        let mut script = script.lock().unwrap();
        script.asked.push(Asked { path: path.clone(), head, body: String::from_utf8(body).unwrap() });
        script.answers.get(&path).cloned()
    };
    match answer {
        Some(Answer::Body(body)) => {
            let length = body.len();
            let date = "Date: Sat, 01 Jan 2000 00:00:00 GMT";
            stream
                .write_all(format!("HTTP/1.1 200 OK\r\n{date}\r\nContent-Length: {length}\r\n\r\n{body}").as_bytes())
                .await
        }
        Some(Answer::Raw(bytes)) => stream.write_all(bytes.as_bytes()).await,
        Some(Answer::Hang) => std::future::pending().await,
        Some(Answer::Endless(rest)) => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
            loop {
                stream.write_all(&[b' '; 16 * 1024]).await?;
                tokio::time::sleep(rest).await;
            }
        }
        None => stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await,
    }
}
