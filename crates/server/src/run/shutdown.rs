//! The end of a server: who asks for it, and in which order things stop.
//!
//! Readiness goes off first, then nothing is accepted, idle connections are closed, requests under
//! way get their time, and what is left is cut. Knows signals; knows no socket.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// What became of the requests under way when the server was told to stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Drained {
    /// Connections whose request was answered in time.
    pub(crate) finished: usize,
    /// Connections cut before that.
    pub(crate) cut: usize,
}

impl std::ops::AddAssign for Drained {
    fn add_assign(&mut self, other: Self) {
        self.finished += other.finished;
        self.cut += other.cut;
    }
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Serving,
    Draining { until: Instant },
    Cutting,
}

/// A handle that stops a server, and by which its parts learn of it.
#[derive(Clone, Debug)]
pub(crate) struct Shutdown {
    phase: Arc<watch::Sender<Phase>>,
    timeout: Duration,
}

impl Shutdown {
    pub(super) fn new(timeout: Duration) -> Self {
        Self { phase: Arc::new(watch::Sender::new(Phase::Serving)), timeout }
    }

    /// Whether new requests are welcome: true until the server is told to stop.
    pub(crate) fn is_ready(&self) -> bool {
        matches!(*self.phase.borrow(), Phase::Serving)
    }

    /// Stops accepting and gives requests under way the shutdown time-out.
    pub(crate) fn begin(&self) {
        let until = Instant::now() + self.timeout;
        self.phase.send_if_modified(|phase| match phase {
            Phase::Serving => {
                *phase = Phase::Draining { until };
                true
            }
            Phase::Draining { .. } | Phase::Cutting => false,
        });
    }

    /// Cuts everything now.
    pub(crate) fn at_once(&self) {
        self.phase.send_replace(Phase::Cutting);
    }

    /// Turns SIGTERM and SIGINT into this shutdown: the first begins it, the second is at once.
    /// The signals are caught from the call on; the future never ends by itself.
    pub(crate) fn on_signals(&self) -> io::Result<impl Future<Output = ()> + use<>> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let shutdown = self.clone();
        Ok(async move {
            loop {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                if shutdown.is_ready() {
                    tracing::info!("stopping: requests under way are finished first");
                    shutdown.begin();
                } else {
                    tracing::info!("stopping at once");
                    shutdown.at_once();
                }
            }
        })
    }

    /// Ends when the server is told to stop.
    pub(crate) fn begun(&self) -> impl Future<Output = ()> + use<> {
        let mut phase = self.phase.subscribe();
        async move {
            // The sender cannot be gone before a part of its server, and if it were, the server
            // would be over.
            let _ = phase.wait_for(|phase| !matches!(phase, Phase::Serving)).await;
        }
    }

    /// Ends when what is still under way must be cut.
    pub(crate) async fn time_is_up(&self) {
        let mut phases = self.phase.subscribe();
        loop {
            let phase = *phases.borrow_and_update();
            let changed = match phase {
                Phase::Cutting => return,
                Phase::Serving => phases.changed().await,
                Phase::Draining { until } => match timeout_at(until, phases.changed()).await {
                    Ok(changed) => changed,
                    Err(_elapsed) => return,
                },
            };
            if changed.is_err() {
                return;
            }
        }
    }
}

pin_project! {
    /// A word that stays said: once it is ready it is ready whenever it is asked for.
    pub(super) struct Said<F> {
        #[pin]
        word: F,
        is_said: bool,
    }
}

impl<F> Said<F> {
    pub(super) fn new(word: F) -> Self {
        Self { word, is_said: false }
    }
}

impl<F: Future<Output = ()>> Future for Said<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        if !*this.is_said {
            ready!(this.word.poll(cx));
            *this.is_said = true;
        }
        Poll::Ready(())
    }
}
