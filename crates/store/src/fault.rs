//! What can go wrong in a call, and what follows from it: try again, tell the caller to come back, or give up.
//!
//! Knows no engine; each says in `verdict` what its error codes mean.

use doorward_identity::StoreError;

use crate::CredentialError;

/// Why an attempt failed.
#[derive(thiserror::Error)]
pub(crate) enum Fault {
    /// The driver or the database says so.
    #[error("{0}")]
    Sql(#[from] sqlx::Error),
    /// There is no connection to ask over. Whatever the server says to that (it starts, it is closed to everyone, it
    /// has lost the role or the database), it may say something else soon.
    #[error("no connection: {0}")]
    Connecting(sqlx::Error),
    /// The database does not let us in, and what to sign in with cannot be read.
    #[error("no connection: {0}")]
    Credentials(#[from] CredentialError),
    /// The driver of the document store or its server says so.
    #[cfg(feature = "mongodb")]
    #[error("{}", crate::mongo::words(.0))]
    Document(#[from] mongodb::error::Error),
    /// Somebody else wrote the document in between.
    #[cfg(feature = "mongodb")]
    #[error("others wrote the same document again and again")]
    LostRace,
    /// The document was written; what it owes to others is done later, by whoever comes.
    #[cfg(feature = "mongodb")]
    #[error("what belongs to a change that was made could not be done yet: {0}")]
    Deferred(Box<Self>),
    /// A stored value is none the domain knows.
    #[error("a stored {0} cannot be read")]
    Unreadable(&'static str),
    /// The call took too long; it may still have been done, then as a whole.
    #[error("no answer within the deadline")]
    Deadline,
}

// A driver's `Debug` shows the values of the row it complains of; its `Display` does not.
impl std::fmt::Debug for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// What follows from a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Lost a race against another transaction: the same attempt may succeed at once.
    Retry,
    /// The store cannot answer now.
    Unavailable,
    /// This must not happen.
    Broken,
}

/// What an engine's error code means.
pub(crate) type CodeVerdict = fn(&str) -> Verdict;

impl Fault {
    /// What follows from it.
    pub(crate) fn verdict(&self, code_verdict: CodeVerdict) -> Verdict {
        match self {
            Self::Sql(sqlx::Error::Database(error)) => error.code().map_or(Verdict::Broken, |code| code_verdict(&code)),
            // A connection of the pool may have ended just before it was asked to begin.
            Self::Connecting(sqlx::Error::Database(error))
                if error.code().is_some_and(|code| code_verdict(&code) == Verdict::Retry) =>
            {
                Verdict::Retry
            }
            Self::Sql(
                sqlx::Error::Io(_)
                // A server that goes away in the middle of a handshake.
                | sqlx::Error::Protocol(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed
                | sqlx::Error::BeginFailed,
            )
            | Self::Connecting(_)
            | Self::Credentials(_)
            | Self::Deadline => Verdict::Unavailable,
            #[cfg(feature = "mongodb")]
            Self::Document(error) => crate::mongo::verdict(error),
            #[cfg(feature = "mongodb")]
            Self::LostRace => Verdict::Retry,
            #[cfg(feature = "mongodb")]
            Self::Deferred(_) => Verdict::Unavailable,
            Self::Sql(_) | Self::Unreadable(_) => Verdict::Broken,
        }
    }

    /// The domain's word for it.
    pub(crate) fn into_store_error(self, code_verdict: CodeVerdict) -> StoreError {
        match self.verdict(code_verdict) {
            Verdict::Retry | Verdict::Unavailable => StoreError::Unavailable(Box::new(self)),
            Verdict::Broken => StoreError::Broken(Box::new(self)),
        }
    }
}

/// Whether a statement was refused because a unique value belongs to another row.
pub(crate) fn is_taken(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

/// The value, or that a stored one cannot be read.
pub(crate) fn readable<T>(value: Option<T>, what: &'static str) -> Result<T, Fault> {
    value.ok_or(Fault::Unreadable(what))
}
