//! Who judges a password: the hash kept here, the user pool elsewhere, or, while people move over from one, first the
//! former and then the latter. Counted and throttled alike, whoever asks.

use std::net::IpAddr;

use jiff::Timestamp;
use secrecy::SecretString;

use super::Origin;
use crate::audit::{AuditAction, AuditActor};
use crate::change::ChangeSubject;
use crate::code::nobody;
use crate::credential::{HasherError, normalize};
use crate::observer::SignInOutcome;
use crate::store::Saved;
use crate::throttle::{ThrottleKey, network};
use crate::user::{AccountError, EmailAddress, User};
use crate::user_pool::{OutsidePool, PoolAccount, PoolError, PoolFailure, PoolTokens, RecordError, Recorded, UserPool};
use crate::{Identity, StoreError};

/// Somebody says that this is the password of the account with that address.
pub(super) struct Claim<'c> {
    /// The account, if there is one here.
    pub(super) user: Option<User>,
    /// The address, if it is one at all.
    pub(super) email: Option<&'c EmailAddress>,
    /// The password, normalized.
    pub(super) password: &'c SecretString,
    /// From where.
    pub(super) address: Option<IpAddr>,
}

/// Whose password it is.
pub(super) struct Proved {
    /// The account, which is active.
    pub(super) user: User,
    /// The last change of the password that whoever judged it knew of, or that the proof itself was: it counts as long
    /// as there is none after that.
    pub(super) changed_at: Option<Timestamp>,
    /// What the pool gave for it, where the pool judged.
    pub(super) tokens: Option<PoolTokens>,
}

/// Why nobody was proved to be there.
pub(super) enum NotProved {
    /// Wrong, for a reason that is for the log only.
    Wrong(SignInOutcome),
    /// The pool wants the address confirmed first.
    NotConfirmed,
    /// The pool did not judge, or wants more.
    Pool(PoolFailure),
    /// Nor did the hasher.
    Hasher(HasherError),
    /// Nor the store.
    Store(StoreError),
}

impl From<HasherError> for NotProved {
    fn from(error: HasherError) -> Self {
        Self::Hasher(error)
    }
}

impl From<StoreError> for NotProved {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<RecordError> for NotProved {
    /// A right password of an account at the pool that is nobody here.
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::NotVerified => Self::NotConfirmed,
            RecordError::Conflict => Self::Pool(PoolFailure::Refused),
            RecordError::Pool(error) => Self::Pool(error.into()),
            RecordError::Store(error) => Self::Store(error),
        }
    }
}

impl Identity {
    /// Asks whoever keeps the password. Who may not sign in is looked at last: unknown, disabled and wrong cost alike.
    pub(super) async fn prove(&self, claim: Claim<'_>) -> Result<Proved, NotProved> {
        match &self.user_pool {
            UserPool::Local => self.prove_here(claim).await,
            UserPool::Outside(pool) => self.prove_there(&**pool, claim).await,
            UserPool::Leaving(former) => self.prove_moving(&**former, claim).await,
        }
    }

    /// By the hash kept here.
    async fn prove_here(&self, claim: Claim<'_>) -> Result<Proved, NotProved> {
        let hash = claim.user.as_ref().and_then(|user| user.password_hash.as_ref());
        let right = self.hasher.verify(hash, claim.password.clone(), claim.address).await?;
        Err(NotProved::Wrong(match claim.user {
            None => SignInOutcome::UnknownUser,
            Some(user) if user.password_hash.is_none() => SignInOutcome::NoPassword,
            Some(_) if !right => SignInOutcome::WrongPassword,
            Some(user) if !user.is_active() => SignInOutcome::Disabled,
            Some(user) => return Ok(Proved { changed_at: user.password_changed_at, user, tokens: None }),
        }))
    }

    /// By the pool elsewhere. What it says of an account that is disabled here is told to nobody.
    async fn prove_there(&self, pool: &dyn OutsidePool, claim: Claim<'_>) -> Result<Proved, NotProved> {
        let closed = claim.user.as_ref().filter(|user| !user.is_active()).map(|_| SignInOutcome::Disabled);
        let name = self.name_there(pool, &claim).await?.ok_or(NotProved::Wrong(SignInOutcome::UnknownUser))?;
        let signed_in = pool.sign_in(&name, claim.password).await.map_err(|error| not_proved(error, closed))?;
        if let Some(reason) = closed {
            return Err(NotProved::Wrong(reason));
        }
        let Recorded { user, proved_at } = self.pool_record(pool, &signed_in.account).await?;
        if user.is_active() {
            Ok(Proved { user, changed_at: proved_at, tokens: Some(signed_in.tokens) })
        } else {
            Err(NotProved::Wrong(SignInOutcome::Disabled))
        }
    }

    /// By the hash kept here, else by the former pool. The pool is asked for every address whose password is not
    /// here, so that nothing tells who has moved; and while it cannot be asked, all of them hear that.
    async fn prove_moving(&self, former: &dyn OutsidePool, claim: Claim<'_>) -> Result<Proved, NotProved> {
        let Claim { password, address, .. } = claim;
        let may_move = claim.user.as_ref().is_none_or(|user| user.is_active() && user.password_hash.is_none());
        let name = self.name_there(former, &claim).await?;
        let reason = match self.prove_here(claim).await {
            Err(NotProved::Wrong(reason)) => reason,
            judged => return judged,
        };
        let closed = (!may_move).then_some(reason);
        let name = name.ok_or(NotProved::Wrong(reason))?;
        let answer = former.sign_in(&name, password).await.map_err(|error| not_proved(error, closed));
        let signed_in = answer.inspect_err(|refused| {
            // Counted like a wrong one: who has moved may have given one.
            if matches!(refused, NotProved::Pool(_)) {
                self.failed_from(address);
            }
        })?;
        match closed {
            Some(reason) => Err(NotProved::Wrong(reason)),
            None => self.move_over(former, &signed_in.account, password, address).await,
        }
    }

    /// Keeps the password that the former pool took, from now on as a hash here.
    async fn move_over(
        &self,
        former: &dyn OutsidePool,
        account: &PoolAccount,
        password: &SecretString,
        address: Option<IpAddr>,
    ) -> Result<Proved, NotProved> {
        let mut user = self.pool_account(former, account).await?;
        if !user.is_active() {
            return Err(NotProved::Wrong(SignInOutcome::Disabled));
        }
        if user.password_hash.is_some() {
            // The account goes by another address here, or another tab was faster: the password that is here counts.
            return self.prove_here(Claim { user: Some(user), email: None, password, address }).await;
        }
        user.password_hash = Some(self.hasher.hash(password.clone(), address).await?);
        user.updated_at = self.clock.now();
        let actor = AuditActor::User(user.id);
        let audit = self.audit(actor, AuditAction::PasswordMoved, user.id, None, &Origin::default());
        match self.store.save_user(&user, &audit).await? {
            Saved::Saved => tracing::info!(user.id = %user.id, "password moved over from the former user pool"),
            Saved::Stale | Saved::Taken => {
                // Somebody wrote the account meanwhile: again the password that is here counts, if one is by now.
                let user = self.store.find_user(user.id).await?;
                return self.prove_here(Claim { user, email: None, password, address }).await;
            }
        }
        self.live.apply(ChangeSubject::User(user.id));
        // Saved: nobody changed it after it was read.
        Ok(Proved { changed_at: user.password_changed_at, user, tokens: None })
    }

    /// What an account is called at the pool: its subject there, once its address is known to be theirs; else the
    /// address, which may have another account by now.
    async fn name_there(&self, pool: &dyn OutsidePool, claim: &Claim<'_>) -> Result<Option<String>, StoreError> {
        let id = claim.user.as_ref().map_or(nobody(), |user| user.id);
        let subject = self.pool_subject(pool, id).await?;
        let is_theirs = claim.user.as_ref().is_some_and(|user| user.email_verified_at.is_some());
        Ok(subject.filter(|_| is_theirs).or_else(|| claim.email.map(|email| email.as_str().to_owned())))
    }

    /// Requires the password of an account from somebody who is in it already. Wrong ones count as they do at signing
    /// in. An account without a password has no right one.
    pub(crate) async fn require_password(
        &self,
        user: &User,
        password: &SecretString,
        origin: &Origin,
    ) -> Result<(), AccountError> {
        let throttled = |retry_after_s| AccountError::Throttled { retry_after_s };
        if let Some(retry_after_s) = self.wait_from(origin.address) {
            return Err(throttled(retry_after_s));
        }
        let key = self.throttle_key(Some(user), None, origin.address).await?;
        let _turn = self.turns.wait(&key).await;
        let counted = self.admit(&key).await?.map_err(throttled)?;
        let password = normalize(password);
        let right = match self.user_pool.outside() {
            None => self.hasher.verify(user.password_hash.as_ref(), password, origin.address).await?,
            Some(pool) => {
                let judged = self.is_right_at(pool, user, &password).await;
                if matches!(judged, Err(AccountError::Pool(failure)) if failure.is_unjudged()) {
                    self.give_back(&key, counted).await;
                }
                judged?
            }
        };
        if !right {
            return Err(self.failed_from(origin.address).map_or(AccountError::WrongPassword, throttled));
        }
        Ok(self.store.forgive_attempts(&key).await?)
    }

    async fn is_right_at(
        &self,
        pool: &dyn OutsidePool,
        user: &User,
        password: &SecretString,
    ) -> Result<bool, AccountError> {
        let Some(subject) = self.pool_subject(pool, user.id).await? else { return Ok(false) };
        match pool.sign_in(&subject, password).await {
            Ok(signed_in) => {
                end_there(pool, &signed_in.tokens).await;
                Ok(true)
            }
            Err(PoolError::BadCredentials | PoolError::NotConfirmed | PoolError::UnknownUser) => Ok(false),
            Err(other) => Err(PoolFailure::from(other).into()),
        }
    }

    /// The counter for an attempt: the account's, or its own for an address the person used before, so that strangers
    /// cannot lock them out. An unknown account costs the same store call.
    pub(crate) async fn throttle_key(
        &self,
        user: Option<&User>,
        email: Option<&EmailAddress>,
        address: Option<IpAddr>,
    ) -> Result<ThrottleKey, StoreError> {
        let address = address.map(network);
        let asked = user.map_or(nobody(), |user| user.id);
        let known_address = match address {
            Some(address) => self.store.knows_address(asked, address).await?,
            None => false,
        };
        Ok(match (user, address) {
            (Some(user), Some(address)) if known_address => ThrottleKey::of_user_at(user.id, address),
            (Some(user), _) => ThrottleKey::of_user(user.id),
            (None, _) => ThrottleKey::of_unknown(email),
        })
    }
}

/// Ends a session at the pool that began only because a password was judged. Else it ends by itself, used by nobody.
pub(crate) async fn end_there(pool: &dyn OutsidePool, tokens: &PoolTokens) {
    if let Some(token) = &tokens.refresh_token
        && let Err(error) = pool.revoke(token).await
    {
        tracing::warn!(%error, "a session that nobody uses stays open at the user pool");
    }
}

/// What the pool's refusal means for somebody to whom the account is closed, for that reason, or open.
fn not_proved(error: PoolError, closed: Option<SignInOutcome>) -> NotProved {
    match (error, closed) {
        (PoolError::NotConfirmed | PoolError::Challenge(_) | PoolError::Refused, Some(reason)) => {
            NotProved::Wrong(reason)
        }
        (PoolError::BadCredentials | PoolError::BadInput(..) | PoolError::WeakPassword(_), _) => {
            NotProved::Wrong(closed.unwrap_or(SignInOutcome::WrongPassword))
        }
        (PoolError::UnknownUser, _) => NotProved::Wrong(closed.unwrap_or(SignInOutcome::UnknownUser)),
        (PoolError::NotConfirmed, None) => NotProved::NotConfirmed,
        (other, _) => NotProved::Pool(other.into()),
    }
}
