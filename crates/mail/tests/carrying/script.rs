//! A server that answers by a script.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What is answered to a line that begins with a word. `greeting` is what a connection is met with, `.` the end of a
/// message. An answer that is empty never comes; after `close` the server hangs up.
pub(crate) type Script = &'static [(&'static str, &'static str)];

/// A listening server; it takes one connection after the other.
pub(crate) struct Server {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, heard) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let notes = Arc::clone(&heard);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // Whoever hangs up is done.
                let _ = serve(stream, script, &notes).await;
            }
        });
        Self { address, heard, task }
    }

    /// Its URL without TLS.
    pub(crate) fn url(&self) -> String {
        format!("smtp://{}?tls=none", self.address)
    }

    /// Its URL with STARTTLS.
    pub(crate) fn starttls_url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The lines it was told.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(stream: TcpStream, script: Script, heard: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let answer = |to: &str| script.iter().find(|(word, _)| *word == to).map(|(_, answer)| *answer);
    let mut reply = answer("greeting").unwrap_or("220 script");
    let mut in_message = false;
    loop {
        match reply {
            "close" => return Ok(()),
            "" => {}
            reply => stream.write_all(format!("{reply}\r\n").as_bytes()).await?,
        }
        let line = loop {
            let mut line = String::new();
            match stream.read_line(&mut line).await {
                Ok(0) => return Ok(()),
                // What is no text is TLS, which this server does not speak: it keeps silent.
                Err(error) if error.kind() == ErrorKind::InvalidData => std::future::pending().await,
                read => read?,
            };
            let line = line.trim_end_matches(['\r', '\n']).to_owned();
            heard.lock().unwrap().push(line.clone());
            if !in_message || line == "." {
                break line;
            }
        };
        let word = line.split([' ', ':']).next().unwrap_or_default();
        reply = answer(word).unwrap_or(if word == "DATA" { "354 go on" } else { "250 fine" });
        in_message = word == "DATA" && reply.starts_with('3');
    }
}
