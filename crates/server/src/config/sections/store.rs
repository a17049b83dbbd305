//! Where accounts are kept.

use std::path::PathBuf;
use std::time::Duration;
use std::{fs, io};

use secrecy::{ExposeSecret as _, SecretString};

use super::super::mistake::Mistake;
use super::super::quantity::Span;
use super::super::transport::{self, PostgresDefaults};
use super::super::values::Values;

/// The store.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    /// Its address, password and all.
    pub(crate) url: SecretString,
    /// Which engine.
    pub(crate) kind: StoreKind,
    /// Who signs in, if not who the address says.
    pub(crate) username: Option<SecretString>,
    /// Their password, if not the one in the address.
    pub(crate) password: Option<SecretString>,
    /// Who may vouch for the server: a file of certificates.
    pub(crate) tls_ca_file: Option<PathBuf>,
    /// The same certificates themselves.
    pub(crate) tls_ca: Option<SecretString>,
    /// Most connections.
    pub(crate) max_connections: u32,
    /// Longest wait.
    pub(crate) timeout: Duration,
    /// What the environment adds to its address.
    defaults: PostgresDefaults,
}

/// The engines of this version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StoreKind {
    /// A file.
    Sqlite {
        /// Where it is.
        path: PathBuf,
    },
    /// A server that speaks PostgreSQL's protocol.
    Postgres,
    /// A server that speaks MongoDB's.
    Mongo,
}

impl StoreKind {
    fn of(url: &str) -> Self {
        match url.split_once(':') {
            Some(("sqlite", rest)) => {
                let path = rest.strip_prefix("//").unwrap_or(rest);
                Self::Sqlite { path: path.split('?').next().unwrap_or_default().into() }
            }
            Some(("mongodb" | "mongodb+srv", _)) => Self::Mongo,
            _ => Self::Postgres,
        }
    }
}

impl Store {
    /// The certificates of those who may vouch for the server, as PEM.
    pub(crate) fn ca(&self) -> io::Result<Option<String>> {
        match (&self.tls_ca, &self.tls_ca_file) {
            (Some(pem), _) => Ok(Some(pem.expose_secret().to_owned())),
            (None, Some(path)) => fs::read_to_string(path).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// Where it is, without anything secret: the file, or the servers with their ports.
    #[cfg(feature = "lambda")]
    pub(crate) fn place(&self) -> String {
        let url = self.url.expose_secret();
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let rest = rest.split(['/', '?']).next().unwrap_or_default();
        match &self.kind {
            StoreKind::Sqlite { path } => path.display().to_string(),
            // A password with an unescaped `@` or `/` must not show its tail.
            StoreKind::Postgres | StoreKind::Mongo if url.matches('@').count() > 1 => String::new(),
            StoreKind::Postgres | StoreKind::Mongo => rest.rsplit('@').next().unwrap_or_default().to_owned(),
        }
    }

    /// Whether what is sent to it, passwords included, is open to others than this machine or a private network. Whoever
    /// names who may vouch for the server gets TLS or nothing.
    pub(crate) fn lies_open(&self) -> bool {
        let url = self.url.expose_secret();
        let asks_for_tls = self.tls_ca.is_some() || self.tls_ca_file.is_some();
        !asks_for_tls
            && match self.kind {
                StoreKind::Sqlite { .. } => false,
                StoreKind::Postgres => transport::postgres_lies_open(url, &self.defaults),
                StoreKind::Mongo => transport::mongo_lies_open(url),
            }
    }

    pub(super) fn read(values: &Values, env: &[(String, String)]) -> Result<Self, Mistake> {
        let url: String = values.one("store.url")?;
        let kind = StoreKind::of(&url);
        Ok(Self {
            url: url.into(),
            kind,
            username: values.secret("store.username"),
            password: values.secret("store.password"),
            tls_ca_file: values.maybe("store.tls_ca_file")?,
            tls_ca: values.secret("store.tls_ca"),
            max_connections: values.one("store.max_connections")?,
            timeout: values.one::<Span>("store.timeout")?.into(),
            defaults: PostgresDefaults::of(env),
        })
    }
}
