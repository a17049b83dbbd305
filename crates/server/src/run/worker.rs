//! A worker: one thread, one runtime, one service, and the connections given to it.
//!
//! Owns the isolation of connections from each other (a panic ends one of them) and their draining.
//! Does not accept; `tcp` does and hands over.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{io, thread};

use tokio::net::TcpStream;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};
use tokio::task::{JoinError, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::connection::{self, Ended};
use super::{Drained, Limits, Serve, Shutdown, Tally};

/// An accepted connection on its way to a worker.
pub(super) struct Arrival {
    pub(super) stream: std::net::TcpStream,
    pub(super) peer: SocketAddr,
    /// Its place among all connections, given back when it ends.
    pub(super) place: OwnedSemaphorePermit,
    /// Given where the address has TLS.
    pub(super) tls: Option<TlsAcceptor>,
}

/// Where a worker is reached from the accept loops. The worker drains once all of these are gone.
#[derive(Clone)]
pub(super) struct Inbox {
    arrivals: UnboundedSender<Arrival>,
    connections: Arc<AtomicUsize>,
}

impl Inbox {
    /// How many connections the worker has.
    pub(super) fn load(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    pub(super) fn hand_over(&self, arrival: Arrival) {
        self.connections.fetch_add(1, Ordering::Relaxed);
        // A worker that is gone can serve nobody; its thread's end has been reported.
        if self.arrivals.send(arrival).is_err() {
            self.connections.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// What every worker of a server is given.
#[derive(Clone)]
pub(super) struct Terms {
    pub(super) limits: Limits,
    pub(super) shutdown: Shutdown,
    pub(super) tally: Arc<Tally>,
    /// Closed when every worker has drained.
    pub(super) all_drained: watch::Receiver<()>,
}

/// Starts worker `index` and waits until its service is made.
pub(super) fn start<S: Serve>(
    index: usize,
    terms: Terms,
    make: impl FnOnce() -> S + Send + 'static,
) -> io::Result<(Inbox, oneshot::Receiver<Drained>)> {
    let (arrivals, inbox) = unbounded_channel();
    let (report, drained) = oneshot::channel();
    let (ready, started) = std::sync::mpsc::sync_channel::<io::Result<()>>(1);
    let connections = Arc::new(AtomicUsize::new(0));
    let load = Arc::clone(&connections);
    thread::Builder::new().name(format!("worker-{index}")).spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => {
                // The caller waits for exactly this message.
                let _ = ready.send(Err(error));
                return;
            }
        };
        runtime.block_on(async move {
            let mut all_drained = terms.all_drained.clone();
            let service = make();
            let _ = ready.send(Ok(()));
            let _ = report.send(run(Rc::new(service), inbox, &load, &terms).await);
            // Connections to the store are shared by all workers, but each is driven by the runtime that opened it:
            // none may end before the last has drained. An error is what closing looks like.
            let _ = all_drained.changed().await;
        });
    })?;
    started.recv().map_err(|_| io::Error::other("a worker could not make its service"))??;
    Ok((Inbox { arrivals, connections }, drained))
}

/// Serves what arrives until nothing more can, then drains.
async fn run<S: Serve>(
    service: Rc<S>,
    mut inbox: UnboundedReceiver<Arrival>,
    load: &Arc<AtomicUsize>,
    terms: &Terms,
) -> Drained {
    let mut connections = JoinSet::new();
    let mut drained = Drained::default();
    loop {
        tokio::select! {
            arrival = inbox.recv() => match arrival {
                Some(arrival) => {
                    let held = Held::new(load, terms);
                    connections.spawn_local(admit(arrival, held, Rc::clone(&service), terms.clone()));
                }
                None => break,
            },
            Some(outcome) = connections.join_next() => note(outcome, &terms.tally, &mut drained),
        }
    }
    let time_is_up = terms.shutdown.time_is_up();
    tokio::pin!(time_is_up);
    loop {
        tokio::select! {
            biased;
            outcome = connections.join_next() => match outcome {
                Some(outcome) => note(outcome, &terms.tally, &mut drained),
                None => break,
            },
            () = &mut time_is_up => break,
        }
    }
    drained.cut = connections.len();
    connections.shutdown().await;
    drained
}

async fn admit<S: Serve>(arrival: Arrival, held: Held, service: Rc<S>, terms: Terms) -> Ended {
    let Arrival { stream, peer, place, tls } = arrival;
    let ended = match TcpStream::from_std(stream) {
        Ok(stream) => {
            let stop = terms.shutdown.begun();
            match tls {
                None => connection::serve(stream, peer, service, terms.limits, stop).await,
                // Boxed, so that a connection in clear text does not carry its size.
                Some(tls) => {
                    Box::pin(connection::serve_encrypted(tls, stream, peer, service, terms.limits, stop)).await
                }
            }
        }
        Err(error) => {
            tracing::warn!(%error, "a connection could not be registered");
            Ended::default()
        }
    };
    drop((place, held));
    ended
}

fn note(outcome: Result<Ended, JoinError>, tally: &Tally, drained: &mut Drained) {
    match outcome {
        Ok(ended) => {
            drained.finished += usize::from(ended.drained);
            if ended.timed_out {
                tally.time_out();
            }
            for _ in 0..ended.panics {
                tally.panic();
                tracing::error!("a request was lost to a panic");
            }
        }
        Err(error) if error.is_panic() => {
            tally.panic();
            tracing::error!("a connection was lost to a panic");
        }
        Err(_cancelled) => {}
    }
}

/// A connection's share of its worker's load, given back however it ends.
struct Held {
    load: Arc<AtomicUsize>,
    tally: Arc<Tally>,
}

impl Held {
    fn new(load: &Arc<AtomicUsize>, terms: &Terms) -> Self {
        terms.tally.accept();
        Self { load: Arc::clone(load), tally: Arc::clone(&terms.tally) }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.load.fetch_sub(1, Ordering::Relaxed);
        self.tally.close();
    }
}
