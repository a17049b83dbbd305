//! Who judges a password: the hash kept here, or the user pool elsewhere. Counted and throttled alike, whoever asks.

use std::net::IpAddr;

use secrecy::SecretString;

use super::Origin;
use crate::credential::normalize;
use crate::throttle::{ThrottleKey, network};
use crate::user::{AccountError, EmailAddress, User};
use crate::user_pool::{OutsidePool, PoolError, PoolFailure};
use crate::{Identity, StoreError, UserId};

impl Identity {
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
        if let Some(retry_after_s) = self.admit(&key).await? {
            return Err(throttled(retry_after_s));
        }
        let right = match self.user_pool.outside() {
            None => self.hasher.verify(user.password_hash.as_ref(), normalize(password), origin.address).await?,
            Some(pool) => self.is_right_at(pool, user, password).await?,
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
            Ok(_) => Ok(true),
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
        let nobody = UserId::from_uuid(uuid::Uuid::nil());
        let asked = user.map_or(nobody, |user| user.id);
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
