//! By which name an account is asked for. Amazon takes the subject for the name of whoever has a password in the pool;
//! whoever comes to the pool by a provider has a name that only the pool tells.

use doorward_identity::user_pool::{PoolAccount, PoolError};

use super::CognitoPool;
use super::administer::known;

impl CognitoPool {
    /// The account of that subject or address.
    pub(super) async fn look_up(&self, username: &str) -> Result<Option<PoolAccount>, PoolError> {
        let found = match self.account_named(username).await {
            Err(PoolError::UnknownUser) => self.account_of(username).await?.map(|(_, account)| account),
            found => Some(found?),
        };
        Ok(found)
    }

    /// Does something to the account of that subject or address, by its name.
    pub(super) async fn by_name<F: Future<Output = Result<(), PoolError>>>(
        &self,
        username: &str,
        act: impl Fn(String) -> F,
    ) -> Result<(), PoolError> {
        match act(username.to_owned()).await {
            Err(PoolError::UnknownUser) => {}
            done => return done,
        }
        let (name, _) = self.account_of(username).await?.ok_or(PoolError::UnknownUser)?;
        act(name).await
    }

    /// The account of that subject, and its name.
    async fn account_of(&self, subject: &str) -> Result<Option<(String, PoolAccount)>, PoolError> {
        // An address is no subject.
        if subject.contains('@') {
            return Ok(None);
        }
        let filter = format!(r#"sub = "{}""#, subject.replace('\\', r"\\").replace('"', r#"\""#));
        let mut page = None;
        loop {
            let listed = self.list_users(Some(&filter), page).await?;
            for user in listed.users() {
                let account = known(user)?;
                if account.subject == subject {
                    return Ok(user.username().map(|name| (name.to_owned(), account)));
                }
            }
            // A page may be empty before the last.
            page = listed.pagination_token;
            if page.is_none() {
                return Ok(None);
            }
        }
    }
}
