//! Reaching the server: signing in with a name and password that may change, and looking at the database before
//! anything is written to it.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use doorward_identity::StoreError;
use mongodb::bson::doc;
use mongodb::error::Error;
use mongodb::options::Credential;
use mongodb::{Client, Database};
use secrecy::{ExposeSecret, SecretString};

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

/// How the server is reached, by those who ask it something.
pub(super) struct Access {
    calls: Calls,
    timeout: Duration,
    address: Address,
    source: Option<Arc<dyn CredentialSource>>,
    in_use: RwLock<Arc<InUse>>,
    renewing: tokio::sync::Mutex<()>,
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
        Ok(Self { calls, timeout: options.timeout, address, source, in_use, renewing: tokio::sync::Mutex::new(()) })
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
        self.calls.run(operation, || self.admitted(&attempt)).await
    }

    /// Runs the end of a call that others would do if this one could not. It gets half of what a call may take, and what
    /// comes of it only counts.
    pub(super) async fn run_end<F>(&self, operation: &'static str, attempt: impl Fn() -> F)
    where
        F: Future<Output = Result<(), Fault>>,
    {
        let _ = self.calls.run_within(self.timeout / 2, operation, || self.admitted(&attempt)).await;
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
        let store = Self { calls: access, turns: Turns::new(), leftovers: tokio::sync::Mutex::default() };
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
