//! What of a pool's failures concerns every service alike: nobody there, too much asked, more wanted.

use super::{Challenge, PoolError};

/// How long a pool that is not available is left alone, in seconds.
const RETRY_AFTER_S: u64 = 5;

/// The pool did not do it, and it is not about what was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolFailure {
    /// The same call may succeed later.
    #[error("the user pool is not available; try again in {retry_after_s} seconds")]
    Unavailable {
        /// Seconds to wait.
        retry_after_s: u64,
    },
    /// The pool was asked too much.
    #[error("too many attempts; try again in {retry_after_s} seconds")]
    Throttled {
        /// Seconds to wait.
        retry_after_s: u64,
    },
    /// The pool wants more than Doorward can give.
    #[error("the user pool wants more: {}", .0.as_str())]
    Challenge(Challenge),
    /// A rule of the pool's owner refuses it.
    #[error("a rule of the user pool refuses it")]
    Refused,
    /// The pool could not deliver its mail.
    #[error("the mail could not be delivered")]
    NotDelivered,
}

impl PoolFailure {
    /// Whether the pool did not get as far as judging what was presented.
    pub(crate) const fn is_unjudged(self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Throttled { .. })
    }
}

/// What it means that Doorward may not end somebody's sessions at the pool.
pub(crate) const ENDS_HERE_ONLY: &str =
    "sessions end here only; a session begun elsewhere at the pool can be renewed there";

/// What the pool answers; `None` where it gives Doorward itself no permission to ask, so that the caller does without.
/// The log names what is missing, and what `therefore` is so.
pub(crate) fn permitted<T>(answer: Result<T, PoolError>, therefore: &'static str) -> Result<Option<T>, PoolError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(PoolError::Misconfigured(missing)) => {
            tracing::warn!(missing, therefore, "the user pool does not let Doorward do everything");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

impl From<PoolError> for PoolFailure {
    /// What a service knows how to tell more precisely it takes out before. The log gets the cause here, once.
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Throttled { retry_after_s } => Self::Throttled { retry_after_s },
            PoolError::Challenge(challenge) => Self::Challenge(challenge),
            PoolError::Refused => Self::Refused,
            PoolError::NotDelivered => Self::NotDelivered,
            other => {
                tracing::error!(error = %other, "the user pool did not do what it was asked");
                Self::Unavailable { retry_after_s: RETRY_AFTER_S }
            }
        }
    }
}
