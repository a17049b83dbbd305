//! A connection to the server that holds back a chosen write and all that follow it: to the server and to other nodes,
//! whoever is behind it has died there, or pauses.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};

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
    writes: Semaphore,
    held: Notify,
}

impl Wire {
    /// A wire to a server.
    pub(super) async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State { writes: Semaphore::new(0), held: Notify::new() });
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

    /// Passes so many more writes on, and the next when it is mended.
    pub(super) fn bear(&self, writes: usize) {
        self.state.writes.forget_permits(Semaphore::MAX_PERMITS);
        self.state.writes.add_permits(writes);
    }

    /// Comes when a write is held back.
    pub(super) async fn held(&self) {
        self.state.held.notified().await;
    }

    /// Passes everything on from now.
    pub(super) fn mend(&self) {
        self.state.writes.add_permits(Semaphore::MAX_PERMITS / 2);
    }
}

impl State {
    /// Passes messages on to the server until a side hangs up.
    async fn pass_on(&self, mut node: OwnedReadHalf, mut server: OwnedWriteHalf) -> std::io::Result<()> {
        loop {
            let length = node.read_i32_le().await?;
            let mut message = length.to_le_bytes().to_vec();
            message.resize(usize::try_from(length).unwrap(), 0);
            node.read_exact(&mut message[4..]).await?;
            if is_write(&message) {
                self.wait_for_leave().await;
            }
            server.write_all(&message).await?;
        }
    }

    async fn wait_for_leave(&self) {
        if self.writes.available_permits() == 0 {
            self.held.notify_one();
        }
        self.writes.acquire().await.unwrap().forget();
    }
}

fn is_write(message: &[u8]) -> bool {
    let name = message.get(NAME..).and_then(|rest| rest.split(|byte| *byte == 0).next());
    name.is_some_and(|name| WRITES.contains(&name))
}
