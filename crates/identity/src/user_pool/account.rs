//! The record of somebody who has an account in a pool elsewhere: found, made, or taken over by them.
//!
//! A record and an account belong together in two ways only: the record was made for the account, or the pool knows
//! that the address of both is theirs. Whoever was in a record before its address was proved, by a password or a
//! session, is out when it is: else they would share it with the owner of the address.
//!
//! At the pool itself anybody may say of their account that it has some other address. While that is not proved, the
//! address is not theirs: it keeps no record from its owner, and is taken from the account when its owner comes.
//!
//! Every step can be repeated: what failed half-way is finished by the next call for the same account.

use jiff::Timestamp;

use super::{OutsidePool, PoolAccount, PoolError, PoolFailure, permitted};
use crate::audit::{AuditAction, AuditActor, AuditEvent};
use crate::change::ChangeSubject;
use crate::session::Origin;
use crate::store::{Inserted, Saved};
use crate::user::{AccountError, EmailAddress, ExternalIdentity, NewUser, Person, User};
use crate::{Identity, StoreError, UserId};

/// An account of the pool as it is recorded here.
pub(crate) struct Recorded {
    /// The record.
    pub(crate) user: User,
    /// When its address was proved, by this request or by one that came first, which took from whoever had it before
    /// password and sessions; nothing where the password was changed after that.
    pub(crate) proved_at: Option<Timestamp>,
}

impl From<User> for Recorded {
    fn from(user: User) -> Self {
        Self { user, proved_at: None }
    }
}

/// Why an account of the pool has no record here.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    /// There is a record of that address, and the pool does not know that the address is theirs.
    #[error("the pool does not know that the address is theirs")]
    NotVerified,
    /// The record of that address is somebody else's, or the account is none that can have one.
    #[error("the account's address is no good, or another's")]
    Conflict,
    /// The pool.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<RecordError> for AccountError {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::NotVerified | RecordError::Conflict => Self::Taken,
            RecordError::Pool(error) => Self::Pool(error.into()),
            RecordError::Store(error) => Self::Store(error),
        }
    }
}

impl Identity {
    /// Who somebody is at the pool, if that is known.
    pub(crate) async fn pool_subject(
        &self,
        pool: &dyn OutsidePool,
        user: UserId,
    ) -> Result<Option<String>, StoreError> {
        let identities = self.store.list_identities(user).await?;
        Ok(identities.into_iter().find(|known| known.issuer == pool.issuer()).map(|known| known.subject))
    }

    /// The account of a record at the pool: the one it is linked to, else the one with its address, whose link must
    /// be proved by then ([`Identity::pool_account`]). The outer `None` where Doorward may not look.
    pub(crate) async fn account_at(
        &self,
        pool: &dyn OutsidePool,
        user: &User,
    ) -> Result<Option<Option<PoolAccount>>, AccountError> {
        let therefore = "the account is taken to be the one that is known by now";
        if let Some(subject) = self.pool_subject(pool, user.id).await? {
            match permitted(pool.find(&subject).await, therefore).map_err(PoolFailure::from)? {
                Some(None) => {}
                // Went on to another address before this one was proved.
                Some(Some(account)) if user.email_verified_at.is_none() && !account.goes_by(&user.email) => {}
                told => return Ok(told),
            }
        }
        let named = permitted(pool.find(user.email.as_str()).await, therefore).map_err(PoolFailure::from)?;
        if let Some(Some(account)) = &named
            && self.is_of_another(pool, account, user.id).await?
        {
            let is_free = self.free_address::<AccountError>(pool, account).await?;
            return if is_free { Ok(Some(None)) } else { Err(PoolFailure::Refused.into()) };
        }
        Ok(named)
    }

    /// Whether an account of the pool belongs to somebody else's record.
    pub(crate) async fn is_of_another(
        &self,
        pool: &dyn OutsidePool,
        account: &PoolAccount,
        user: UserId,
    ) -> Result<bool, StoreError> {
        let holder = self.store.find_user_by_identity(&identity_of(pool, account)).await?;
        Ok(holder.is_some_and(|holder| holder.id != user))
    }

    /// Takes an address from an account of the pool that goes by it without proof, and has a record of another: it
    /// gets that one back, or goes if that was never proved either. Whether the address is free by now.
    pub(crate) async fn free_address<E: From<PoolFailure> + From<StoreError>>(
        &self,
        pool: &dyn OutsidePool,
        account: &PoolAccount,
    ) -> Result<bool, E> {
        let Some(holder) = self.store.find_user_by_identity(&identity_of(pool, account)).await? else {
            return Ok(false);
        };
        if account.email_verified || account.goes_by(&holder.email) {
            return Ok(false);
        }
        let done = if holder.email_verified_at.is_some() {
            pool.set_email(&account.subject, &holder.email).await
        } else {
            pool.delete(&account.subject).await
        };
        let user = holder.id;
        match permitted(done, "an address that somebody took at the user pool without proof stays taken there") {
            Ok(Some(())) | Err(PoolError::UnknownUser) => {
                tracing::warn!(user.id = %user, "an address taken at the user pool without proof was freed");
                Ok(true)
            }
            Ok(None) => Ok(false),
            Err(PoolError::Taken) => {
                tracing::warn!(user.id = %user, "an address taken at the user pool without proof stays taken: so is theirs");
                Ok(false)
            }
            Err(error) => Err(PoolFailure::from(error).into()),
        }
    }

    /// The same of whichever account there goes by the address.
    pub(crate) async fn free_address_there<E: From<PoolFailure> + From<StoreError>>(
        &self,
        pool: &dyn OutsidePool,
        email: &EmailAddress,
    ) -> Result<bool, E> {
        let therefore = "an address that the user pool calls taken is";
        match permitted(pool.find(email.as_str()).await, therefore).map_err(PoolFailure::from)? {
            Some(Some(account)) => self.free_address(pool, &account).await,
            Some(None) | None => Ok(false),
        }
    }

    /// The record of an account at the pool, made where there is none for its address. What the pool vouches for
    /// (`email_verified`) counts here too. A disabled record is answered as it is and left alone.
    pub(crate) async fn pool_account(
        &self,
        pool: &dyn OutsidePool,
        account: &PoolAccount,
    ) -> Result<User, RecordError> {
        Ok(self.pool_record(pool, account).await?.user)
    }

    /// The same, and whether this proved its address.
    pub(crate) async fn pool_record(
        &self,
        pool: &dyn OutsidePool,
        account: &PoolAccount,
    ) -> Result<Recorded, RecordError> {
        let identity = identity_of(pool, account);
        if let Some(user) = self.store.find_user_by_identity(&identity).await? {
            return self.of_known_account(pool, user, &identity, account).await;
        }
        let email = account.address().filter(|_| identity.is_plausible()).ok_or(RecordError::Conflict)?;
        match self.store.find_user_by_email(email.key()).await? {
            None => Ok(self.make_record(email, &identity, account).await?.into()),
            Some(user) if !user.is_active() => Ok(user.into()),
            Some(_) if !account.email_verified => Err(RecordError::NotVerified),
            Some(user) => self.take_over(pool, user, &identity, account).await,
        }
    }

    /// The same, and nobody where the account can have no record.
    pub(crate) async fn record_of<E: From<PoolFailure> + From<StoreError>>(
        &self,
        pool: &dyn OutsidePool,
        account: &PoolAccount,
    ) -> Result<Option<User>, E> {
        match self.pool_account(pool, account).await {
            Ok(user) => Ok(Some(user)),
            Err(RecordError::NotVerified | RecordError::Conflict) => Ok(None),
            Err(RecordError::Pool(error)) => Err(PoolFailure::from(error).into()),
            Err(RecordError::Store(error)) => Err(error.into()),
        }
    }

    async fn of_known_account(
        &self,
        pool: &dyn OutsidePool,
        user: User,
        identity: &ExternalIdentity,
        account: &PoolAccount,
    ) -> Result<Recorded, RecordError> {
        if !user.is_active() {
            return Ok(user.into());
        }
        let is_theirs = account.owns(&user.email);
        let is_proof = user.email_verified_at.is_none() && is_theirs;
        let record = if is_proof { self.prove_address(user, account).await? } else { user.into() };
        let user = &record.user;
        let identities = self.store.list_identities(user.id).await?;
        for former in identities.iter().filter(|known| known.issuer == identity.issuer && *known != identity) {
            // Left over from a take-over that was not finished.
            let found = permitted(pool.find(&former.subject).await, "what is left of a former account stays linked")?;
            if found.is_some_and(|former| former.is_none_or(|former| is_theirs && !former.owns(&user.email))) {
                self.unlink_former(user.id, former).await?;
            }
        }
        Ok(record)
    }

    /// Gives the record of an address to the account whose address it is.
    async fn take_over(
        &self,
        pool: &dyn OutsidePool,
        user: User,
        identity: &ExternalIdentity,
        account: &PoolAccount,
    ) -> Result<Recorded, RecordError> {
        let identities = self.store.list_identities(user.id).await?;
        if identities.contains(identity) {
            // Another request for the same person came first.
            return Ok(user.into());
        }
        let (former, others): (Vec<_>, Vec<_>) =
            identities.into_iter().partition(|known| known.issuer == identity.issuer);
        if user.email_verified_at.is_none() && !others.is_empty() {
            return Err(RecordError::Conflict);
        }
        for former in &former {
            // The record of an account that is still there, under another address by now, stays that account's, if
            // anybody ever proved the address.
            if user.email_verified_at.is_some() && pool.find(&former.subject).await?.is_some() {
                return Err(RecordError::Conflict);
            }
        }
        let audit = self.pool_audit(AuditAction::IdentityLinked, user.id, &identity.issuer);
        if self.store.link_identity(user.id, identity, &audit).await? == Inserted::Taken {
            // Another request for the same person came first.
            return Ok(self.store.find_user_by_identity(identity).await?.ok_or(RecordError::Conflict)?.into());
        }
        self.live.apply(ChangeSubject::User(user.id));
        for former in &former {
            self.unlink_former(user.id, former).await?;
        }
        tracing::info!(user.id = %user.id, "record linked to its account in the user pool");
        // Last: until then the next call may begin anew.
        if user.email_verified_at.is_none() { self.prove_address(user, account).await } else { Ok(user.into()) }
    }

    /// Makes the record's address count as verified, and whoever was there before count no more.
    async fn prove_address(&self, user: User, account: &PoolAccount) -> Result<Recorded, RecordError> {
        let audit = self.pool_audit(AuditAction::EmailVerified, user.id, "by the user pool");
        // Where another request came first, its proof is as good.
        self.store.verify_email(user.id, user.email.key(), &audit).await?;
        self.live.apply(ChangeSubject::User(user.id));
        let mut user = self.store.find_user(user.id).await?.ok_or(RecordError::Conflict)?;
        let proved_at = user.email_verified_at.filter(|at| user.password_changed_at == Some(*at));
        Person::told_by(account).describe(&mut user);
        user.updated_at = self.clock.now();
        let audit = self.pool_audit(AuditAction::UserUpdated, user.id, "as the user pool tells");
        if self.store.save_user(&user, &audit).await? == Saved::Saved {
            user.version += 1;
        }
        Ok(Recorded { user, proved_at })
    }

    async fn make_record(
        &self,
        email: EmailAddress,
        identity: &ExternalIdentity,
        account: &PoolAccount,
    ) -> Result<User, RecordError> {
        if !account.enabled {
            return Err(RecordError::Conflict);
        }
        let mut user = self.new_user(email, Person::told_by(account), None);
        user.email_verified_at = account.email_verified.then_some(user.created_at);
        let audit = self.pool_audit(AuditAction::UserProvisioned, user.id, &identity.issuer);
        let new = NewUser { identity: Some(identity.clone()), ..self.with_defaults(user) };
        match self.store.insert_user(&new, &audit).await? {
            Inserted::Inserted => Ok(new.user),
            // Another request for the same person came first, or for the same address: then the next call decides.
            Inserted::Taken => self.store.find_user_by_identity(identity).await?.ok_or(RecordError::Conflict),
        }
    }

    async fn unlink_former(&self, user: UserId, former: &ExternalIdentity) -> Result<(), StoreError> {
        let audit = self.pool_audit(AuditAction::IdentityUnlinked, user, &former.issuer);
        self.store.unlink_identity(user, former, &audit).await?;
        self.live.apply(ChangeSubject::User(user));
        Ok(())
    }

    fn pool_audit(&self, action: AuditAction, user: UserId, detail: &str) -> AuditEvent {
        self.audit(AuditActor::System, action, user, Some(detail.to_owned()), &Origin::default())
    }
}

fn identity_of(pool: &dyn OutsidePool, account: &PoolAccount) -> ExternalIdentity {
    ExternalIdentity { issuer: pool.issuer().to_owned(), subject: account.subject.clone() }
}
