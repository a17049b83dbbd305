//! A connection to the server that breaks at a chosen write: to the server and to other nodes, whoever is behind it dies
//! there.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// Commands that write.
const WRITES: [&[u8]; 4] = [b"insert", b"update", b"delete", b"findAndModify"];
/// Where the name of a message's command begins: behind the message's head, its flags, the kind of its first section,
/// that section's length and the type of its first element.
const NAME: usize = 16 + 4 + 1 + 4 + 1;

/// Where to connect to instead of the server.
pub(super) struct Wire {
    pub(super) address: SocketAddr,
    state: Arc<State>,
}

struct State {
    writes_left: AtomicUsize,
    broken: Notify,
}

impl Wire {
    /// A wire to a server that bears so many writes and breaks at the next, which the server does not hear.
    pub(super) async fn to(server: String, writes: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State { writes_left: AtomicUsize::new(writes), broken: Notify::new() });
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((node, _)) = listener.accept().await {
                let (from_node, mut to_node) = node.into_split();
                let (mut from_server, to_server) = TcpStream::connect(&server).await.unwrap().into_split();
                tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_node).await });
                let state = Arc::clone(&shared);
                tokio::spawn(async move { state.pass_on(from_node, to_server).await });
            }
        });
        Self { address, state }
    }

    /// Comes when the wire has broken.
    pub(super) async fn broken(&self) {
        self.state.broken.notified().await;
    }
}

impl State {
    /// Passes messages on to the server until one of them breaks the wire, or a side hangs up.
    async fn pass_on(&self, mut node: OwnedReadHalf, mut server: OwnedWriteHalf) -> std::io::Result<()> {
        loop {
            let length = node.read_i32_le().await?;
            let mut message = length.to_le_bytes().to_vec();
            message.resize(usize::try_from(length).unwrap(), 0);
            node.read_exact(&mut message[4..]).await?;
            if is_write(&message) && !self.bears_one_more() {
                self.broken.notify_one();
                return Ok(());
            }
            server.write_all(&message).await?;
        }
    }

    fn bears_one_more(&self) -> bool {
        self.writes_left.try_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
    }
}

fn is_write(message: &[u8]) -> bool {
    let name = message.get(NAME..).and_then(|rest| rest.split(|byte| *byte == 0).next());
    name.is_some_and(|name| WRITES.contains(&name))
}
