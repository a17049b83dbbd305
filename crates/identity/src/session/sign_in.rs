//! Signing in with a password: the one place where it is decided.
//!
//! The order is the defence: addresses and accounts that failed too often are turned away before any hash is
//! computed; the attempt is counted before the password is looked at; an unknown address, an account without a
//! password and a disabled one cost the same store calls and the same hash as a wrong password, and answer alike.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use secrecy::SecretString;

use super::password::{Claim, NotProved, Proved};
use super::start::StartFailure;
use super::{Origin, SignInMethod, SignedIn};
use crate::credential::{HasherError, Overloaded, PasswordHash, normalize};
use crate::fault::Internal;
use crate::observer::SignInOutcome;
use crate::user::{EmailAddress, User};
use crate::user_pool::PoolFailure;
use crate::{Identity, StoreError, Surface};

/// A wish to sign in.
pub struct SignIn<'r> {
    /// Through which surface.
    pub surface: Surface,
    /// The address as typed.
    pub email: &'r str,
    /// The password as typed.
    pub password: &'r SecretString,
    /// From where.
    pub origin: Origin,
}

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Wrong address or password, or an account that may not sign in: one answer for all.
    #[error("wrong e-mail or password")]
    BadCredentials,
    /// The password was right, but the address was never confirmed.
    #[error("the e-mail address is not verified")]
    NotVerified,
    /// Too many failures on this account or from this address.
    #[error("too many failed attempts; try again in {retry_after_s} seconds")]
    Throttled {
        /// Seconds until the next attempt counts.
        retry_after_s: u64,
    },
    /// Too many passwords are being checked.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// The user pool elsewhere did not do it.
    #[error(transparent)]
    Pool(#[from] PoolFailure),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Doorward itself.
    #[error(transparent)]
    Internal(#[from] Internal),
}

/// A verdict with its reason, which goes to the log and the counters but never to the caller.
struct Refusal {
    /// None when it was not the caller's doing.
    outcome: Option<SignInOutcome>,
    error: SignInError,
}

impl Refusal {
    const fn bad_credentials(outcome: SignInOutcome) -> Self {
        Self { outcome: Some(outcome), error: SignInError::BadCredentials }
    }

    const fn throttled(retry_after_s: u64) -> Self {
        Self { outcome: Some(SignInOutcome::Throttled), error: SignInError::Throttled { retry_after_s } }
    }
}

/// When a password was last changed, if it ever was.
type LastChange = Option<Timestamp>;

/// Which password a sign-in is judged by.
#[derive(Clone, Copy)]
struct Judged {
    /// When that began.
    at: Timestamp,
    /// The account as it was then; none where it was found only later.
    account: Option<LastChange>,
}

impl Judged {
    /// Whether the password has changed since, at another moment than the one that is known.
    fn is_outdated(self, known: LastChange, changed_at: LastChange) -> bool {
        changed_at != known
            && match self.account {
                Some(former) => former != changed_at,
                None => changed_at.is_some_and(|changed_at| changed_at > self.at),
            }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self { outcome: None, error: error.into() }
    }
}

impl From<HasherError> for Refusal {
    fn from(error: HasherError) -> Self {
        match error {
            HasherError::Overloaded(overloaded) => {
                Self { outcome: Some(SignInOutcome::Overloaded), error: overloaded.into() }
            }
            other => Self { outcome: None, error: Internal::new(other).into() },
        }
    }
}

impl From<PoolFailure> for Refusal {
    fn from(failure: PoolFailure) -> Self {
        let outcome = match failure {
            PoolFailure::Challenge(_) => Some(SignInOutcome::Challenged),
            PoolFailure::Throttled { .. } => Some(SignInOutcome::Throttled),
            PoolFailure::Unavailable { .. } | PoolFailure::Refused | PoolFailure::NotDelivered => None,
        };
        Self { outcome, error: failure.into() }
    }
}

impl From<StartFailure> for Refusal {
    fn from(failure: StartFailure) -> Self {
        let error = match failure {
            StartFailure::Store(error) => error.into(),
            StartFailure::Internal(error) => error.into(),
        };
        Self { outcome: None, error }
    }
}

impl Identity {
    /// Signs a person in and begins a session.
    pub async fn sign_in(&self, request: SignIn<'_>) -> Result<SignedIn, SignInError> {
        let (surface, request_id) = (request.surface, request.origin.request_id.clone());
        let decided = self.decide_sign_in(request).await;
        let outcome = match &decided {
            Ok(_) => Some(SignInOutcome::Success),
            Err(refusal) => refusal.outcome,
        };
        if let Some(outcome) = outcome {
            self.observer.sign_in(surface, outcome);
        }
        let surface = surface.as_str();
        match &decided {
            Ok(person) => tracing::info!(surface, request_id, user.id = %person.context.user.id, "signed in"),
            Err(refusal) => {
                let reason = refusal.outcome.map_or("failed", SignInOutcome::as_str);
                tracing::warn!(surface, request_id, reason, "sign-in refused");
            }
        }
        decided.map_err(|refusal| refusal.error)
    }

    async fn decide_sign_in(&self, request: SignIn<'_>) -> Result<SignedIn, Refusal> {
        let SignIn { surface, email, password, origin } = request;
        self.turn_away_address(origin.address)?;
        // An address that cannot exist takes the path of one that does not.
        let email: Option<EmailAddress> = email.parse().ok();
        let user = self.find_by(email.as_ref()).await?;
        let judged = Judged { at: self.clock.now(), account: user.as_ref().map(|user| user.password_changed_at) };
        let key = self.throttle_key(user.as_ref(), email.as_ref(), origin.address).await?;
        let _turn = self.turns.wait(&key).await;
        let counted = self.admit(&key).await?.map_err(Refusal::throttled)?;

        let password = normalize(password);
        let claim = Claim { user, email: email.as_ref(), password: &password, address: origin.address };
        let proved = self.prove(claim).await;
        if self.is_unjudged(&proved) {
            self.give_back(&key, counted).await;
        }
        let Proved { user, changed_at, tokens } = proved.map_err(|refused| self.refuse(origin.address, refused))?;
        // Others may have failed from there while this password was judged: over the limit nobody learns anything.
        self.turn_away_address(origin.address)?;

        self.store.forgive_attempts(&key).await?;
        if tokens.is_none() {
            self.rehash(&user, password).await;
        }
        // A pool elsewhere has asked that itself, if it asks.
        if surface == Surface::Accounts && tokens.is_none() && user.email_verified_at.is_none() {
            return Err(self.not_verified());
        }
        let gone = || Refusal::bad_credentials(SignInOutcome::Disabled);
        let context = self.store.find_context(user.id).await?.map(Arc::new).ok_or_else(gone)?;
        // The password may have been changed while the former was judged; from here on the store sees to it.
        if judged.is_outdated(changed_at, context.user.password_changed_at) {
            return Err(Refusal::bad_credentials(SignInOutcome::WrongPassword));
        }
        let begun = match tokens {
            Some(tokens) if surface == Surface::Accounts => self.start_pool_session(&context, tokens, origin).await?,
            _ => self.start_session(surface, &context, SignInMethod::Password, origin).await?,
        };
        begun.ok_or_else(gone)
    }

    /// A right password of an address that was never confirmed. Where a taken address is not told, neither is this: who
    /// signs up and in would know by it whether theirs is the account.
    fn not_verified(&self) -> Refusal {
        let error = if self.settings.tell_taken { SignInError::NotVerified } else { SignInError::BadCredentials };
        Refusal { outcome: Some(SignInOutcome::NotVerified), error }
    }

    /// Whether nobody judged the password. While people move over from a pool, a wrong one of somebody who has moved is
    /// answered like one that the pool did not judge, so both count.
    fn is_unjudged(&self, proved: &Result<Proved, NotProved>) -> bool {
        let is_sole_judge = self.user_pool.outside().is_some();
        is_sole_judge && matches!(proved, Err(NotProved::Pool(failure)) if failure.is_unjudged())
    }

    /// What whoever was not proved hears. A password that was judged counts as a failure from the address.
    fn refuse(&self, address: Option<IpAddr>, refused: NotProved) -> Refusal {
        match refused {
            NotProved::Wrong(outcome) => self.count_failure(address, outcome),
            NotProved::NotConfirmed => {
                self.failed_from(address).map_or_else(|| self.not_verified(), Refusal::throttled)
            }
            NotProved::Pool(failure) => failure.into(),
            NotProved::Hasher(error) => error.into(),
            NotProved::Store(error) => error.into(),
        }
    }

    async fn find_by(&self, email: Option<&EmailAddress>) -> Result<Option<User>, StoreError> {
        match email {
            Some(email) => self.store.find_user_by_email(email.key()).await,
            None => Ok(None),
        }
    }

    fn turn_away_address(&self, address: Option<IpAddr>) -> Result<(), Refusal> {
        self.wait_from(address).map_or(Ok(()), |retry_after_s| Err(Refusal::throttled(retry_after_s)))
    }

    fn count_failure(&self, address: Option<IpAddr>, outcome: SignInOutcome) -> Refusal {
        self.failed_from(address).map_or_else(|| Refusal::bad_credentials(outcome), Refusal::throttled)
    }

    /// Hashes the password anew when the setting changed since. A failure costs nobody their sign-in.
    async fn rehash(&self, user: &User, password: SecretString) {
        let Some(old) = user.password_hash.as_ref().filter(|old| self.hasher.wants_rehash(old)) else { return };
        let replaced: Result<bool, Box<dyn std::error::Error + Send + Sync>> = async {
            let new: PasswordHash = self.hasher.hash(password, None).await?;
            Ok(self.store.replace_password_hash(user.id, old, &new).await?)
        }
        .await;
        match replaced {
            Ok(_) => tracing::info!(user.id = %user.id, "password hashed anew: the setting changed"),
            Err(error) => {
                tracing::warn!(user.id = %user.id, %error, "password not hashed anew; the next sign-in tries again");
            }
        }
    }
}
