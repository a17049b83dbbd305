//! The share of a pool elsewhere in what administrators do to accounts, and how far people have moved over from one.

use secrecy::SecretString;

use super::{OutsidePool, PoolAccount, PoolError, PoolFailure, PoolSignUp};
use crate::policy::Admin;
use crate::user::{AdminError, ExternalIdentity, User};
use crate::{Identity, StoreError, UserId};

/// Where an account of the pool stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has an account here, and its password is here.
    Moved,
    /// It has an account here, and its password is still there.
    Left,
    /// There is no account of its here.
    OnlyThere,
}

/// How many accounts of the pool stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserPoolReport {
    /// [`Standing::Moved`].
    pub moved: u64,
    /// [`Standing::Left`].
    pub left: u64,
    /// [`Standing::OnlyThere`].
    pub only_there: u64,
}

impl Identity {
    /// Goes through all accounts of the pool that people leave or have; `each` hears of them one by one.
    /// [`AdminError::NotFound`] without a pool.
    pub async fn user_pool_report(
        &self,
        _by: &Admin,
        mut each: impl FnMut(&PoolAccount, Standing),
    ) -> Result<UserPoolReport, AdminError> {
        let pool = self.user_pool.elsewhere().ok_or(AdminError::NotFound)?;
        let (mut report, mut next) = (UserPoolReport::default(), None);
        loop {
            let page = pool.list(next.as_deref()).await.map_err(PoolFailure::from)?;
            for account in &page.accounts {
                let standing = self.standing(pool, account).await?;
                match standing {
                    Standing::Moved => report.moved += 1,
                    Standing::Left => report.left += 1,
                    Standing::OnlyThere => report.only_there += 1,
                }
                each(account, standing);
            }
            if page.next.is_none() {
                return Ok(report);
            }
            next = page.next;
        }
    }

    async fn standing(&self, pool: &dyn OutsidePool, account: &PoolAccount) -> Result<Standing, StoreError> {
        let identity = ExternalIdentity { issuer: pool.issuer().to_owned(), subject: account.subject.clone() };
        let here = match (self.store.find_user_by_identity(&identity).await?, account.address()) {
            (None, Some(email)) => self.store.find_user_by_email(email.key()).await?,
            (here, _) => here,
        };
        Ok(match here {
            Some(user) if user.password_hash.is_some() => Standing::Moved,
            Some(_) => Standing::Left,
            None => Standing::OnlyThere,
        })
    }

    /// Makes an account at the pool for a record that is about to be made. One that the pool has already gets its
    /// record, and keeps its password.
    pub(crate) async fn create_there(
        &self,
        pool: &dyn OutsidePool,
        user: &User,
        password: &SecretString,
    ) -> Result<ExternalIdentity, AdminError> {
        if self.store.find_user_by_email(user.email.key()).await?.is_some() {
            return Err(AdminError::Taken("email"));
        }
        let told = match pool.create(PoolSignUp::of(user, password)).await {
            Err(PoolError::Taken) if self.free_address_there::<AdminError>(pool, &user.email).await? => {
                pool.create(PoolSignUp::of(user, password)).await
            }
            told => told,
        };
        match told {
            Ok(subject) => Ok(ExternalIdentity { issuer: pool.issuer().to_owned(), subject }),
            Err(PoolError::Taken) => {
                if let Some(account) = pool.find(user.email.as_str()).await.map_err(PoolFailure::from)? {
                    self.record_of::<AdminError>(pool, &account).await?;
                }
                Err(AdminError::Taken("email"))
            }
            Err(PoolError::WeakPassword(fault)) => Err(AdminError::refused("password", fault)),
            Err(PoolError::BadInput(field, fault)) => Err(AdminError::refused(field, fault)),
            Err(error) => Err(PoolFailure::from(error).into()),
        }
    }

    /// Deletes a user's account at any pool elsewhere: else the same password would make the user anew.
    pub(crate) async fn delete_there<E: From<PoolFailure> + From<StoreError>>(&self, user: UserId) -> Result<(), E> {
        let Some(pool) = self.user_pool.elsewhere() else { return Ok(()) };
        let Some(subject) = self.pool_subject(pool, user).await? else { return Ok(()) };
        Ok(pool.delete(&subject).await.map_err(PoolFailure::from)?)
    }
}
