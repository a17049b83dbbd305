//! Who hashes: threads of their own behind a short queue. A full queue refuses before any work is done, and
//! nothing else in the process ever waits behind a hash. No address may fill the queue alone (`shares.rs`).

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use secrecy::SecretString;
use tokio::sync::oneshot;

use super::hash::{HashFailure, HashScheme, PasswordHash, verify};
use super::shares::{Share, Shares};
use crate::Entropy;
use crate::observer::Observer;

/// The queue is full: come back in so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords are being checked right now")]
pub struct Overloaded {
    /// When a place is likely to be free.
    pub retry_after_s: u64,
}

/// Why a hash was not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HasherError {
    /// The queue is full.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// It cannot be made at all.
    #[error(transparent)]
    Failed(#[from] HashFailure),
    /// The thread is gone, which only a bug can cause.
    #[error("the hashing thread gave no answer")]
    Gone,
}

/// The hashing threads.
pub struct Hasher {
    scheme: HashScheme,
    jobs: SyncSender<Job>,
    waiting: Arc<AtomicUsize>,
    shares: Arc<Shares>,
    observer: Arc<dyn Observer>,
    /// What an unknown user's password is compared with, so that it costs what a known one's costs.
    decoy: PasswordHash,
}

struct Job {
    work: Work,
    queued_at: Instant,
    /// Given back when the job is done.
    _share: Option<Share>,
}

enum Work {
    Hash(SecretString, oneshot::Sender<Result<PasswordHash, HashFailure>>),
    Verify(PasswordHash, SecretString, oneshot::Sender<bool>),
}

impl Hasher {
    /// Starts `threads` threads behind a queue of `queue` jobs.
    pub(crate) fn start(
        scheme: HashScheme,
        threads: usize,
        queue: usize,
        entropy: &Arc<dyn Entropy>,
        observer: Arc<dyn Observer>,
    ) -> std::io::Result<Self> {
        let (jobs, queued) = sync_channel(queue);
        let queued = Arc::new(Mutex::new(queued));
        let waiting = Arc::new(AtomicUsize::new(0));
        for number in 0..threads.max(1) {
            let worker = Worker {
                scheme,
                queued: Arc::clone(&queued),
                waiting: Arc::clone(&waiting),
                entropy: Arc::clone(entropy),
                observer: Arc::clone(&observer),
            };
            std::thread::Builder::new().name(format!("hash-{number}")).spawn(move || worker.run())?;
        }
        // Half of what can be under way.
        let shares = Shares::of_at_most(queue.midpoint(threads));
        Ok(Self { scheme, jobs, waiting, shares, observer, decoy: scheme.decoy() })
    }

    /// Hashes a new password, for somebody at that address.
    pub(crate) async fn hash(
        &self,
        password: SecretString,
        address: Option<IpAddr>,
    ) -> Result<PasswordHash, HasherError> {
        let (reply, answer) = oneshot::channel();
        self.submit(Work::Hash(password, reply), address)?;
        Ok(answer.await.map_err(|_| HasherError::Gone)??)
    }

    /// Whether the password is the hash's; with no hash the same work is done for nothing and the answer is no.
    pub(crate) async fn verify(
        &self,
        hash: Option<&PasswordHash>,
        password: SecretString,
        address: Option<IpAddr>,
    ) -> Result<bool, HasherError> {
        let (reply, answer) = oneshot::channel();
        self.submit(Work::Verify(hash.unwrap_or(&self.decoy).clone(), password, reply), address)?;
        let right = answer.await.map_err(|_| HasherError::Gone)?;
        Ok(right && hash.is_some())
    }

    /// Whether a password that was just verified should be hashed anew.
    pub(crate) fn wants_rehash(&self, hash: &PasswordHash) -> bool {
        self.scheme.differs_from(hash)
    }

    fn submit(&self, work: Work, address: Option<IpAddr>) -> Result<(), HasherError> {
        let overloaded = Overloaded { retry_after_s: 2 };
        let share = address.map(|address| self.shares.take(address).ok_or(overloaded)).transpose()?;
        let job = Job { work, queued_at: Instant::now(), _share: share };
        // Counted before it is sent: a worker may take it, and count it down, at once.
        let length = self.waiting.fetch_add(1, Ordering::Relaxed) + 1;
        self.observer.hash_queue(length);
        self.jobs.try_send(job).map_err(|error| {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            match error {
                TrySendError::Full(_) => HasherError::Overloaded(overloaded),
                TrySendError::Disconnected(_) => HasherError::Gone,
            }
        })
    }
}

struct Worker {
    scheme: HashScheme,
    queued: Arc<Mutex<Receiver<Job>>>,
    waiting: Arc<AtomicUsize>,
    entropy: Arc<dyn Entropy>,
    observer: Arc<dyn Observer>,
}

impl Worker {
    /// Works until the [`Hasher`] is dropped.
    fn run(&self) {
        loop {
            let next = self.queued.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(job) = next else { return };
            self.observer.hash_queue(self.waiting.fetch_sub(1, Ordering::Relaxed) - 1);
            let started = Instant::now();
            let Job { work, queued_at, _share } = job;
            if self.work(work) {
                self.observer.hashed(started - queued_at, started.elapsed());
            }
        }
    }

    /// Does a job, unless whoever asked has gone away. A send that finds nobody is fine.
    fn work(&self, work: Work) -> bool {
        match work {
            Work::Hash(_, reply) if reply.is_closed() => false,
            Work::Verify(_, _, reply) if reply.is_closed() => false,
            Work::Hash(password, reply) => {
                let _ = reply.send(self.scheme.hash(&password, &*self.entropy));
                true
            }
            Work::Verify(hash, password, reply) => {
                let _ = reply.send(verify(&hash, &password));
                true
            }
        }
    }
}
