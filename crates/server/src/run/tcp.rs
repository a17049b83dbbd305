//! The accept loops, the cap on connections, and the server they form.
//!
//! Owns which worker gets a connection and what is said to one too many. Knows nothing of what is
//! spoken on a connection otherwise.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio_rustls::TlsAcceptor;

use super::refusal::problem;
use super::worker::{self, Arrival, Inbox, Terms};
use super::{Drained, Limits, Listener, Serve, Shutdown, Tally, Tls};

/// Rest after a failed accept, which fails again at once when descriptors have run out.
const ACCEPT_REST: Duration = Duration::from_millis(50);
/// Turned-away clients that are given time to read why.
const FAREWELLS: usize = 64;
/// That time.
const FAREWELL: Duration = Duration::from_secs(1);

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    shutdown: Shutdown,
    tally: Arc<Tally>,
    workers: Vec<oneshot::Receiver<Drained>>,
    /// Keeps the workers' runtimes alive until it is dropped.
    hold_workers: watch::Sender<()>,
}

impl Server {
    /// Starts `workers` threads, each with the service that `make` gives it, and accepts from all
    /// `listeners` for them. To be called within a runtime, on which the accept loops run.
    pub(crate) fn start<S: Serve>(
        listeners: Vec<Listener>,
        limits: Limits,
        workers: NonZeroUsize,
        make: impl Fn(usize) -> S + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let make = Arc::new(make);
        let shutdown = Shutdown::new(limits.shutdown_timeout);
        let tally = Arc::new(Tally::default());
        let (hold_workers, all_drained) = watch::channel(());
        let terms = Terms { limits, shutdown: shutdown.clone(), tally: Arc::clone(&tally), all_drained };
        let mut inboxes = Vec::new();
        let mut reports = Vec::new();
        for index in 0..workers.get() {
            let make = Arc::clone(&make);
            let (inbox, report) = worker::start(index, terms.clone(), move || make(index))?;
            inboxes.push(inbox);
            reports.push(report);
        }
        let places = Arc::new(Semaphore::new(limits.connections));
        let farewells = Arc::new(Semaphore::new(FAREWELLS));
        for listener in listeners {
            let acceptor = Acceptor {
                inboxes: inboxes.clone(),
                places: Arc::clone(&places),
                farewells: Arc::clone(&farewells),
                tally: Arc::clone(&tally),
                tls: listener.tls.as_ref().map(Tls::acceptor),
            };
            tokio::spawn(acceptor.accept_from(listener.socket, shutdown.clone()));
        }
        Ok(Self { shutdown, tally, workers: reports, hold_workers })
    }

    /// The handle that stops this server.
    pub(crate) fn shutdown(&self) -> Shutdown {
        self.shutdown.clone()
    }

    /// What has happened to its connections.
    pub(crate) fn tally(&self) -> Arc<Tally> {
        Arc::clone(&self.tally)
    }

    /// Waits until the server has been stopped and drained.
    pub(crate) async fn stopped(self) -> Drained {
        let mut drained = Drained::default();
        let _until_all_have_drained = self.hold_workers;
        for worker in self.workers {
            // A worker whose thread died has nothing left to report.
            drained += worker.await.unwrap_or_default();
        }
        drained
    }
}

/// The accept loop of one listener.
struct Acceptor {
    inboxes: Vec<Inbox>,
    places: Arc<Semaphore>,
    farewells: Arc<Semaphore>,
    tally: Arc<Tally>,
    tls: Option<TlsAcceptor>,
}

impl Acceptor {
    async fn accept_from(self, listener: TcpListener, shutdown: Shutdown) {
        let begun = shutdown.begun();
        tokio::pin!(begun);
        let mut failing = false;
        loop {
            tokio::select! {
                biased;
                () = &mut begun => break,
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => {
                        failing = false;
                        self.receive(stream, peer);
                    }
                    Err(error) if is_of_one_connection(&error) => {}
                    Err(error) => {
                        // Said once an outage: it would be said twenty times a second otherwise.
                        if !std::mem::replace(&mut failing, true) {
                            tracing::warn!(%error, "cannot accept connections for the moment");
                        }
                        tokio::time::sleep(ACCEPT_REST).await;
                    }
                },
            }
        }
        if let Err(error) = self.accept_waiting(listener) {
            tracing::warn!(%error, "connections that waited to be accepted are lost");
        }
    }

    /// Accepts what the kernel has let in already: closing the socket would reset it.
    fn accept_waiting(&self, listener: TcpListener) -> io::Result<()> {
        let listener = listener.into_std()?;
        loop {
            match listener.accept() {
                Ok((stream, peer)) => {
                    stream.set_nonblocking(true)?;
                    self.receive(TcpStream::from_std(stream)?, peer);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn receive(&self, stream: TcpStream, peer: SocketAddr) {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            self.tally.turn_away();
            if let Ok(farewell) = Arc::clone(&self.farewells).try_acquire_owned() {
                tokio::spawn(turn_away(stream, farewell));
            }
            return;
        };
        if let Err(error) = self.hand_over(stream, peer, place) {
            tracing::debug!(%error, "a connection was gone before it could be served");
        }
    }

    fn hand_over(&self, stream: TcpStream, peer: SocketAddr, place: OwnedSemaphorePermit) -> io::Result<()> {
        stream.set_nodelay(true)?;
        // A worker has its own reactor, so the socket leaves this one.
        let stream = stream.into_std()?;
        if let Some(inbox) = self.inboxes.iter().min_by_key(|inbox| inbox.load()) {
            inbox.hand_over(Arrival { stream, peer, place, tls: self.tls.clone() });
        }
        Ok(())
    }
}

/// Whether a failed accept says something about one connection only, so that the next may succeed.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

/// Answers a connection too many without reading its request, and waits a little for the client to
/// close: bytes left unread would turn the answer into a reset.
async fn turn_away(mut stream: TcpStream, farewell: OwnedSemaphorePermit) {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let body = problem(status, "too_many_connections", "All connections are taken; try again shortly.");
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/problem+json\r\nContent-Length: {}\r\n\
         Retry-After: 1\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let exchange = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        let mut ignored = [0; 1024];
        while stream.read(&mut ignored).await? > 0 {}
        io::Result::Ok(())
    };
    // The client may be gone by now, which ends the matter as well.
    let _ = tokio::time::timeout(FAREWELL, exchange).await;
    drop(farewell);
}
