//! A new process takes over from an old one while clients keep asking, and no request is lost.
//!
//! Where two processes share a port, the kernel resets a connection that comes between the last accept and the close.
//! Nothing of its request was read, so its client may ask again; a socket that is handed over needs not even that.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use doorward_tests::deadline::{PATIENCE, until};
use doorward_tests::http::Wire;
use doorward_tests::instance::binary;
use doorward_tests::{Client, Setup, Store, ports};

/// Clients that ask without a pause, half of them over one connection for as long as it is offered.
struct Load {
    over: Arc<AtomicBool>,
    clients: Vec<JoinHandle<io::Result<u64>>>,
}

impl Load {
    fn start(address: SocketAddr, resets: Resets) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let ask = |keep_alive: bool| {
            let over = Arc::clone(&over);
            thread::spawn(move || ask(address, keep_alive, resets, &over))
        };
        let clients = (0..6).map(|index| ask(index % 2 == 0)).collect();
        Self { over, clients }
    }

    /// Ends it: every request must have been answered.
    fn end(self) {
        self.over.store(true, Ordering::Relaxed);
        for client in self.clients {
            let answered = client.join().expect("a client ends");
            assert!(answered.as_ref().is_ok_and(|answered| *answered > 3), "{answered:?}");
        }
    }
}

/// What a client does about a new connection that is reset before any answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Resets {
    AskAgain,
    AreLosses,
}

fn ask(address: SocketAddr, keep_alive: bool, resets: Resets, over: &AtomicBool) -> io::Result<u64> {
    let mut answered = 0;
    let mut kept = None;
    while !over.load(Ordering::Relaxed) {
        let is_new = kept.is_none();
        let mut wire = kept.take().map_or_else(|| Wire::connect(address), Ok)?;
        let sent = wire.try_send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let answer = match sent.and_then(|()| wire.try_response(false)) {
            Err(error) if is_new && resets == Resets::AskAgain && error.kind() == ErrorKind::ConnectionReset => {
                continue;
            }
            answer => answer?.expect(200),
        };
        answered += 1;
        if keep_alive && answer.header("connection") != Some("close") {
            kept = Some(wire);
        }
    }
    Ok(answered)
}

#[test]
fn a_successor_that_shares_the_port_takes_over_without_a_gap() {
    let setup = Setup::on(Store::Sqlite).set("server.reuse_port", "true").at(ports::free());
    let mut current = setup.clone().start();
    let load = Load::start(current.address(), Resets::AskAgain);
    for _ in 0..3 {
        let successor = setup.clone().start();
        // On the shared address the old process may be who answers.
        let ready = || successor.admin_client().get("/readyz").try_send().ok().filter(|answer| answer.status == 200);
        until("the successor is ready itself", PATIENCE, ready);
        assert_eq!(current.stop().code(), Some(0));
        current = successor;
    }
    load.end();
}

/// A server on a socket that this process has opened and keeps, as a service manager does.
fn on_socket(socket: &TcpListener, setup: &Setup) -> Child {
    // The shell puts the socket where it is looked for, and keeps its process id.
    let hand_over = r#"exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" serve --listen "$1""#;
    let socket_copy = OwnedFd::from(socket.try_clone().expect("a second handle of the socket"));
    Command::new("sh")
        .args(["-c", hand_over])
        .arg(binary())
        .arg(socket.local_addr().expect("its address").to_string())
        .current_dir(setup.folder())
        .env("DOORWARD__STORE__URL", &setup.database().url)
        .env("DOORWARD__SERVER__ADMIN_LISTEN", ports::free().to_string())
        .stdin(socket_copy)
        .stdout(Stdio::null())
        .spawn()
        .expect("a shell")
}

fn stop(mut server: Child) {
    let told = Command::new("kill").args(["-TERM", &server.id().to_string()]).status();
    assert!(told.expect("kill").success());
    let ended = until("the server ends", PATIENCE, || server.try_wait().expect("its status"));
    assert_eq!(ended.code(), Some(0));
}

#[test]
fn a_socket_that_is_handed_over_outlives_every_process_on_it() {
    let setup = Setup::on(Store::Sqlite);
    let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = socket.local_addr().expect("its address");
    let mut current = on_socket(&socket, &setup);
    Client::new(address).get("/livez").send().expect(200);
    let load = Load::start(address, Resets::AreLosses);
    for _ in 0..3 {
        // Between the two nobody serves: the socket keeps who comes.
        stop(current);
        current = on_socket(&socket, &setup);
        Client::new(address).get("/livez").send().expect(200);
    }
    load.end();
    stop(current);
}
