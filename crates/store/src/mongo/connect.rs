//! Reaching the server: signing in with a name and password that may change, and looking at the database before
//! anything is written to it.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use doorward_identity::StoreError;
use mongodb::bson::doc;
use mongodb::error::Error;
use mongodb::options::Credential;
use mongodb::{Client, Database};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::MongoStore;
use super::address::Address;
use super::fault::{is_refusal, was_sent, words};
use super::turns::Turns;
use crate::calls::Calls;
use crate::fault::{Fault, Verdict};
use crate::schema::OpenError;
use crate::{CredentialError, CredentialSource, Credentials, Options};

/// A call that was refused so often with ever new credentials has other trouble.
const TRIES: usize = 4;

tokio::task_local! {
    /// When the call at hand is given up.
    static DEADLINE: Instant;
}

/// How the server is reached, by those who ask it something.
pub(super) struct Access {
    calls: Calls,
    timeout: Duration,
    address: Address,
    source: Option<Arc<dyn CredentialSource>>,
    in_use: RwLock<Arc<InUse>>,
    renewing: Mutex<()>,
}

/// Connections, and what they are made with.
struct InUse {
    database: Database,
    credentials: Option<Credentials>,
}

impl Access {
    async fn new(address: Address, options: &Options) -> Result<Self, OpenError> {
        let source = options.credentials.clone();
        let credentials = match &source {
            Some(source) => Some(source.current().await?),
            None => None,
        };
        let in_use =
            RwLock::new(Arc::new(in_use(&address, credentials).map_err(|error| OpenError::Address(words(&error)))?));
        // The server's codes are judged where the driver's errors are; there are no others.
        let calls = Calls::new(options, |_| Verdict::Broken);
        Ok(Self { calls, timeout: options.timeout, address, source, in_use, renewing: Mutex::new(()) })
    }

    /// The database, by the connections that hold now.
    pub(super) fn database(&self) -> Database {
        self.in_use().database.clone()
    }

    /// [`Calls::run`]; an attempt that the server did not let in is made again with what is kept by now.
    pub(super) async fn run<T, F>(&self, operation: &'static str, attempt: impl Fn() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        let deadline = Instant::now() + self.timeout;
        DEADLINE.scope(deadline, self.calls.run(operation, || self.admitted(&attempt))).await
    }

    /// Runs the end of a call that others would do if this one could not; what comes of it is only told. It gets half of
    /// what a call may take, and ends before the call does: that one has made its change.
    pub(super) async fn run_end<F>(&self, operation: &'static str, attempt: impl Fn() -> F)
    where
        F: Future<Output = Result<(), Fault>>,
    {
        let left = DEADLINE.try_with(|deadline| deadline.saturating_duration_since(Instant::now()));
        let left = left.unwrap_or(self.timeout).saturating_sub(self.timeout / 20);
        let share = left.min(self.timeout / 2);
        if let Err(error) = self.calls.run_within(share, operation, || self.admitted(&attempt)).await {
            tracing::warn!(operation, ?error, "the end of a call is left to others; the change itself is made");
        }
    }

    /// Runs one step of a call that must not be run again as a whole: once more by itself where it lost a race.
    pub(super) async fn persist<T, F>(&self, step: impl Fn() -> F) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        self.calls.persist(|| self.admitted(&step)).await
    }

    async fn admitted<T, F>(&self, attempt: impl Fn() -> F) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        for _ in 1..TRIES {
            let used = self.in_use();
            match attempt().await {
                Err(Fault::Document(error)) if is_refusal(&error) => {
                    if !self.renew(&used).await? {
                        return Err(error.into());
                    }
                }
                // Another call was refused, and the driver gave up all connections for it: there are new ones by now.
                Err(Fault::Document(error)) if !was_sent(&error) => {
                    if !self.is_renewed(&used).await {
                        return Err(error.into());
                    }
                }
                result => return result,
            }
        }
        attempt().await
    }

    fn in_use(&self) -> Arc<InUse> {
        Arc::clone(&self.in_use.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether connections are made with something else by now, or by somebody who is about to.
    async fn is_renewed(&self, used: &Arc<InUse>) -> bool {
        let _turn = self.renewing.lock().await;
        !Arc::ptr_eq(&self.in_use(), used)
    }

    /// Runs what a start or an operator asks, in bounded time.
    pub(super) async fn ask<T, F>(&self, question: impl Fn() -> F) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        tokio::time::timeout(self.timeout, self.persist(question)).await.unwrap_or(Err(Fault::Deadline))
    }

    /// Takes up what is kept by now, the server having refused `refused`. Answers whether there is something else to try.
    async fn renew(&self, refused: &Arc<InUse>) -> Result<bool, CredentialError> {
        let _turn = self.renewing.lock().await;
        // Somebody else was refused and has done it.
        if !Arc::ptr_eq(&self.in_use(), refused) {
            return Ok(true);
        }
        let (Some(source), Some(credentials)) = (&self.source, &refused.credentials) else { return Ok(false) };
        let Some(renewed) = source.after_refusal(credentials).await? else { return Ok(false) };
        let renewed = in_use(&self.address, Some(renewed));
        let renewed = renewed.map_err(|error| CredentialError(words(&error)))?;
        *self.in_use.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(renewed);
        Ok(true)
    }

    /// What keeps us from the database, for whoever starts Doorward.
    fn explain(&self, fault: Fault) -> OpenError {
        match fault {
            Fault::Document(error) if is_refusal(&error) => OpenError::Refused {
                server: self.server(),
                user: self.user(),
                reason: words(&error),
                origin: self.source.as_ref().map_or_else(|| "its address".to_owned(), |source| source.origin()),
            },
            Fault::Credentials(error) => error.into(),
            other => OpenError::Unreachable(Box::new(other)),
        }
    }

    fn server(&self) -> String {
        self.address.options.hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    }

    fn user(&self) -> String {
        let of_source = self.in_use().credentials.as_ref().and_then(|credentials| credentials.username.clone());
        let of_address = || self.address.options.credential.as_ref().and_then(|credential| credential.username.clone());
        of_source.or_else(of_address).unwrap_or_default()
    }
}

/// Connections to be made with those credentials. Nothing is sent yet.
fn in_use(address: &Address, credentials: Option<Credentials>) -> Result<InUse, Error> {
    let mut options = address.options.clone();
    if let Some(Credentials { username, password }) = &credentials {
        let credential = options.credential.get_or_insert_with(Credential::default);
        credential.password = Some(password.expose_secret().to_owned());
        if username.is_some() {
            credential.username.clone_from(username);
        }
    }
    let client = Client::with_options(options)?;
    Ok(InUse { database: client.database(&address.database), credentials })
}

impl MongoStore {
    /// Connects, and refuses a database that Doorward cannot use. The collections' indexes come with [`Self::migrate`].
    pub async fn connect(url: &SecretString, options: Options) -> Result<Self, OpenError> {
        let address = super::address::parse(url, &options).await?;
        Self::open(address, options).await
    }

    /// The same, with the driver's options at hand.
    pub(super) async fn open(address: Address, options: Options) -> Result<Self, OpenError> {
        let begun = Instant::now();
        let access = Access::new(address, &options).await?;
        let store = Self { calls: access, turns: Turns::new(), leftovers: Mutex::default(), swept: Mutex::default() };
        let looked = store.first_look().await;
        options.observer.store_call("connect", begun.elapsed(), looked.is_ok());
        looked?;
        Ok(store)
    }

    /// Signs in and looks at the database.
    async fn first_look(&self) -> Result<(), OpenError> {
        let greeted = self.calls.ask(|| async {
            self.database().run_command(doc! { "ping": 1 }).await?;
            Ok(())
        });
        greeted.await.map_err(|fault| self.calls.explain(fault))?;
        self.refuse_foreign().await
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::io::{self, Seek as _};

    use super::*;
    use crate::conformance::options;
    use crate::mongo::address::parse;

    #[tokio::test]
    async fn the_end_of_a_call_that_took_long_leaves_time_to_answer_and_the_log_tells_of_it() {
        let (mut log, options) =
            (tempfile::tempfile().unwrap(), Options { timeout: Duration::from_secs(2), ..options() });
        let subscriber =
            tracing_subscriber::fmt().with_ansi(false).with_writer(Arc::new(log.try_clone().unwrap())).finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        let address = parse(&"mongodb://127.0.0.1:1/?directConnection=true".into(), &options).await.unwrap();
        let access = Access::new(address, &options).await.unwrap();
        let answered = access.run("end_session", || async {
            // The change itself takes more than half of the time there is.
            tokio::time::sleep(options.timeout * 3 / 5).await;
            access.run_end("settle", std::future::pending).await;
            Ok(())
        });
        answered.await.unwrap();
        log.rewind().unwrap();
        let told = io::read_to_string(log).unwrap();
        assert!(told.contains("WARN") && told.contains("operation=\"settle\""), "{told}");
        assert!(told.contains("no answer within the deadline"), "{told}");
    }
}
