//! Doorward as a function of AWS Lambda: put together before the first event and, where the store was away then, by
//! the first request that finds it again.
//!
//! Nothing runs between two events. What a server does in the background is done here before a request (reading on in
//! the change log), after its answer (the mail it caused), or when a schedule says so (`work`).

mod first_admin;
mod opening;
mod work;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use doorward_identity::clock::{Moment, SystemClock};
use doorward_identity::{Clock, Identity};
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use crate::config::Config;
use crate::dispatch::Dispatcher;
use crate::log::{AccessLog, Flusher};
use crate::run::lambda::{self, Function, RuntimeApi, ServeError, Task, Terms, Unavailable};
use crate::secrets::Rounds;

/// How long after its beginning the process gives the store to be reached, before it asks for events all the same; AWS
/// allows ten seconds for all of the start.
const OPENING_TIME: Duration = Duration::from_secs(8);
/// How long a request waits for a store that was not there before.
const REOPENING_TIME: Duration = Duration::from_secs(5);
/// How long what was read in the change log is good for.
const LOOK_GOOD_FOR: Duration = Duration::from_secs(1);
/// How long the mail of one request may hold up the process.
const MAIL_TIME: Duration = Duration::from_secs(10);
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// The function.
pub(crate) struct DoorwardFunction {
    config: Config,
    access_log: AccessLog,
    log: Flusher,
    opened: RefCell<Option<Rc<Opened>>>,
}

/// All that answers requests, put together.
struct Opened {
    identity: Arc<Identity>,
    dispatcher: Rc<Dispatcher>,
    secrets: Option<Rounds>,
    /// When the change log was last read.
    looked: Cell<Moment>,
}

impl DoorwardFunction {
    pub(crate) fn new(config: Config, access_log: AccessLog, log: Flusher) -> Self {
        Self { config, access_log, log, opened: RefCell::default() }
    }

    /// Opens what there is to open and serves events until told to stop, in a process that has been there since `started`:
    /// reading secrets and opening the store share their time.
    pub(crate) async fn serve(self, api: &RuntimeApi, started: Instant) -> Result<(), ServeError> {
        // What is not open by now is opened by whoever comes; the reason is in the log.
        let _ = self.opened(started + OPENING_TIME).await;
        self.log.flush();
        let terms = Terms {
            limits: self.config.server.limits,
            base_path: self.config.lambda.base_path.clone(),
            streaming: self.config.lambda.streaming,
        };
        lambda::serve(api, &self, &terms).await
    }

    /// All that answers requests, put together now if it is not yet.
    async fn opened(&self, until: Instant) -> Result<Rc<Opened>, Unavailable> {
        if let Some(opened) = &*self.opened.borrow() {
            return Ok(Rc::clone(opened));
        }
        let (identity, dispatcher) = opening::open(&self.config, &self.access_log, until).await?;
        let (dispatcher, secrets) = (Rc::new(dispatcher), Rounds::of(&self.config, Arc::new(SystemClock)));
        let opened = Rc::new(Opened { identity, dispatcher, secrets, looked: Cell::new(Moment::now(&SystemClock)) });
        *self.opened.borrow_mut() = Some(Rc::clone(&opened));
        Ok(opened)
    }
}

impl Opened {
    /// Takes up secrets that were replaced, and forgets what others have revoked since the last look. A first failure may be
    /// no more than a connection that died while the process was frozen.
    async fn catch_up(&self) {
        if let Some(secrets) = &self.secrets {
            secrets.catch_up(&self.identity).await;
        }
        if self.looked.get().elapsed(&SystemClock) < LOOK_GOOD_FOR {
            return;
        }
        let now = Moment::now(&SystemClock);
        let mut looked = self.identity.follow_changes().await;
        if looked.is_err() {
            looked = self.identity.follow_changes().await;
        }
        match looked {
            Ok(()) => self.looked.set(now),
            Err(error) => {
                tracing::error!(%error, "the change log cannot be read; what is remembered is believed for a minute at most");
            }
        }
    }

    /// Sends the mail that this process has put into the outbox, if any.
    async fn send_mail(&self, until: Instant) {
        let is_waiting = tokio::select! {
            biased;
            () = self.identity.mail_waiting() => true,
            () = std::future::ready(()) => false,
        };
        if !is_waiting {
            return;
        }
        match timeout_at(until, self.identity.deliver_mail(|| Instant::now() < until)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::error!(%error, "the outbox cannot be read; mail waits for the next chores"),
            Err(_) => tracing::warn!("mail was not sent in the function's time; it waits for the next chores"),
        }
    }
}

impl Function for DoorwardFunction {
    type Service = Dispatcher;

    async fn service(&self, until: Instant) -> Result<Rc<Dispatcher>, Unavailable> {
        let opened = self.opened(until.min(Instant::now() + REOPENING_TIME)).await?;
        opened.catch_up().await;
        Ok(Rc::clone(&opened.dispatcher))
    }

    async fn work(&self, task: Task, until: Instant) -> Result<Value, String> {
        // Migrations may take what no request has.
        if task == Task::Migrate {
            return work::migrate(&self.config).await;
        }
        let opened =
            self.opened(until).await.map_err(|_| "the store cannot be reached; the log says why".to_owned())?;
        opened.catch_up().await;
        match task {
            Task::Chores => work::chores(&opened.identity, until).await,
            Task::GrantAdmin { user } => first_admin::grant(&opened.identity, &user).await,
            Task::Health | Task::Migrate => work::health(&opened.identity).await,
        }
    }

    async fn finish(&self, until: Instant) {
        let opened = self.opened.borrow().clone();
        if let Some(opened) = opened {
            opened.send_mail(until.min(Instant::now() + MAIL_TIME)).await;
        }
        // What is not written now would be written by the next event, or never.
        self.log.flush();
    }

    fn now(&self) -> Timestamp {
        SystemClock.now()
    }
}
