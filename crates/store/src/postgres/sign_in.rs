//! Signing in to the server with a name and password that may change: what is used now, and what is tried when the
//! server refuses it. Connections that are open go on; only new ones meet a refusal.
//!
//! Knows nothing of where credentials are kept, and nothing of what connections are for.

use std::sync::{Arc, Mutex, PoisonError};

use secrecy::ExposeSecret;
use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool};

use crate::fault::Fault;
use crate::schema::OpenError;
use crate::{CredentialError, CredentialSource, Credentials};

/// A call that was refused so often with ever new credentials has other trouble.
const TRIES: usize = 4;

/// How to sign in.
pub(super) struct SignIn {
    address: PgConnectOptions,
    source: Option<Arc<dyn CredentialSource>>,
    in_use: Mutex<Arc<InUse>>,
    pool: PgPool,
}

/// What connections are made with now.
pub(super) struct InUse {
    options: PgConnectOptions,
    credentials: Option<Credentials>,
}

impl SignIn {
    /// Signs `pool` in, and whoever else asks, at `address`.
    pub(super) async fn new(
        address: PgConnectOptions,
        source: Option<Arc<dyn CredentialSource>>,
        pool: PgPool,
    ) -> Result<Self, CredentialError> {
        let credentials = match &source {
            Some(source) => Some(source.current().await?),
            None => None,
        };
        let in_use = in_use(&address, credentials);
        pool.set_connect_options(in_use.options.clone());
        Ok(Self { address, source, in_use: Mutex::new(Arc::new(in_use)), pool })
    }

    /// Connects by `connect`, and again with what is kept by now where the server does not let us in with what we have.
    pub(super) async fn connect<T, F>(&self, connect: impl Fn(Arc<InUse>) -> F) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, sqlx::Error>>,
    {
        for _ in 1..TRIES {
            let used = self.in_use();
            match connect(Arc::clone(&used)).await {
                Err(error) if is_refusal(&error) && self.renew(&used).await? => {}
                result => return result.map_err(Fault::Connecting),
            }
        }
        connect(self.in_use()).await.map_err(Fault::Connecting)
    }

    /// A connection outside the pool, without the time limits of everyday calls.
    pub(super) async fn connect_alone(&self) -> Result<PgConnection, Fault> {
        self.connect(|used| async move { PgConnection::connect_with(&used.options).await }).await
    }

    /// What keeps us from connecting, for whoever starts Doorward.
    pub(super) fn explain(&self, fault: Fault) -> OpenError {
        let address = &self.in_use().options;
        match fault {
            Fault::Connecting(error) if is_refusal(&error) => OpenError::Refused {
                server: format!("{}:{}", address.get_host(), address.get_port()),
                user: address.get_username().to_owned(),
                reason: error.as_database_error().map_or_else(String::new, |error| error.message().to_owned()),
                origin: self.source.as_ref().map_or_else(|| "its address".to_owned(), |source| source.origin()),
            },
            Fault::Credentials(error) => error.into(),
            other => other.into(),
        }
    }

    fn in_use(&self) -> Arc<InUse> {
        Arc::clone(&self.in_use.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes up what is kept by now, the server having refused `refused`. Answers whether there is something else to try.
    async fn renew(&self, refused: &Arc<InUse>) -> Result<bool, CredentialError> {
        // Somebody else was refused and has done it.
        if !Arc::ptr_eq(&self.in_use(), refused) {
            return Ok(true);
        }
        let (Some(source), Some(credentials)) = (&self.source, &refused.credentials) else { return Ok(false) };
        let Some(renewed) = source.after_refusal(credentials).await? else { return Ok(false) };
        let renewed = in_use(&self.address, Some(renewed));
        let mut now = self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&now, refused) {
            // Under the lock, so that the pool never goes back to older ones.
            self.pool.set_connect_options(renewed.options.clone());
            *now = Arc::new(renewed);
        }
        Ok(true)
    }
}

fn in_use(address: &PgConnectOptions, credentials: Option<Credentials>) -> InUse {
    let mut options = address.clone();
    if let Some(Credentials { username, password }) = &credentials {
        options = options.password(password.expose_secret());
        if let Some(username) = username {
            options = options.username(username);
        }
    }
    InUse { options, credentials }
}

/// Whether the server did not let us in (SQLSTATE `invalid_password`, `invalid_authorization_specification`).
fn is_refusal(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| matches!(&*code, "28P01" | "28000"))
}
