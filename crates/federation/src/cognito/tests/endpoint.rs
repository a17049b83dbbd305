//! Amazon's API on loopback, whose every answer can be chosen, and which keeps what it is asked.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What is answered to a call.
#[derive(Clone)]
pub(super) enum Answer {
    /// This status and body.
    Json(u16, String),
    /// The status and an endless body.
    Endless(u16),
    /// Silence.
    Hang,
    /// The connection ends.
    Hangup,
}

/// What it was asked.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) operation: String,
    pub(super) signed: bool,
    pub(super) body: Value,
}

#[derive(Default)]
struct Script {
    /// Answers to come; the last is given for ever.
    answers: BTreeMap<String, VecDeque<Answer>>,
    asked: Vec<Asked>,
}

/// The endpoint. It is gone when this is dropped.
pub(super) struct Endpoint {
    address: SocketAddr,
    script: Arc<Mutex<Script>>,
    door: JoinHandle<()>,
}

impl Endpoint {
    pub(super) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, script) = (listener.local_addr().unwrap(), Arc::<Mutex<Script>>::default());
        let door = tokio::spawn(serve(listener, Arc::clone(&script)));
        Self { address, script, door }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers the calls of that operation with these, one after the other.
    pub(super) fn script(&self, operation: &str, answers: impl IntoIterator<Item = Answer>) {
        let answers = answers.into_iter().collect();
        self.script.lock().unwrap().answers.insert(operation.to_owned(), answers);
    }

    pub(super) fn answer(&self, operation: &str, body: &Value) {
        self.script(operation, [Answer::Json(200, body.to_string())]);
    }

    /// Answers with an exception, as Amazon writes it.
    pub(super) fn refuse(&self, operation: &str, exception: &str, message: &str) {
        self.script(operation, [refusal(exception, message)]);
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.script.lock().unwrap().asked.clone()
    }

    pub(super) fn operations(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.operation).collect()
    }

    /// The body of the last question.
    pub(super) fn last(&self) -> Value {
        self.asked().pop().unwrap().body
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.door.abort();
    }
}

pub(super) fn refusal(exception: &str, message: &str) -> Answer {
    Answer::Json(400, json!({"__type": exception, "message": message}).to_string())
}

async fn serve(listener: TcpListener, script: Arc<Mutex<Script>>) {
    while let Ok((stream, _)) = listener.accept().await {
        // A client that has seen enough closes, which is no failure here.
        tokio::spawn(converse(stream, Arc::clone(&script)));
    }
}

async fn converse(mut stream: TcpStream, script: Arc<Mutex<Script>>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let operation = header("x-amz-target: AWSCognitoIdentityProviderService.").unwrap().to_owned();
    let mut body = vec![0; header("content-length:").unwrap().parse().unwrap()];
    stream.read_exact(&mut body).await?;
    let answer = {
        let mut script = script.lock().unwrap();
        let (signed, body) = (header("authorization:").is_some(), serde_json::from_slice(&body).unwrap());
        script.asked.push(Asked { operation: operation.clone(), signed, body });
        let answers = script.answers.get_mut(&operation).unwrap();
        if answers.len() > 1 { answers.pop_front().unwrap() } else { answers[0].clone() }
    };
    let open = |status: u16| format!("HTTP/1.1 {status} Whatever\r\nConnection: close\r\n");
    match answer {
        Answer::Json(status, body) => {
            let length = body.len();
            stream.write_all(format!("{}Content-Length: {length}\r\n\r\n{body}", open(status)).as_bytes()).await
        }
        Answer::Endless(status) => {
            stream.write_all(format!("{}\r\n", open(status)).as_bytes()).await?;
            loop {
                stream.write_all(&[b' '; 16 * 1024]).await?;
            }
        }
        Answer::Hang => std::future::pending().await,
        Answer::Hangup => Ok(()),
    }
}
