//! A Cognito user pool that keeps people's passwords: the port [`OutsidePool`] over Amazon's API.
//!
//! One file an idea: `client` says how long and how often is asked, `operation` names the calls, `call` makes one,
//! `errors` is the one table of what may go wrong, `account` and `tokens` read what is answered, `secret_hash` proves the
//! client. Upon them stand the services: `enrol` (signing up), `authenticate` (signing in and staying so) and
//! `administer` (what needs permissions, by the names that `naming` finds). `survey` looks at a pool for a diagnosis.
//!
//! Nothing here knows a user or a session of Doorward's, and nothing that Amazon writes leaves this module unmapped.

mod account;
mod administer;
mod authenticate;
mod call;
mod client;
mod enrol;
mod errors;
mod naming;
mod operation;
mod password_rule;
mod secret_hash;
mod survey;
#[cfg(test)]
mod tests;
mod tokens;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use async_trait::async_trait;
use aws_config::SdkConfig;
use doorward_identity::observer::Observer;
use doorward_identity::secret::SecretSource;
use doorward_identity::user::EmailAddress;
use doorward_identity::user_pool::{
    OutsidePool, PoolAccount, PoolError, PoolPage, PoolSignUp, PoolSignedIn, PoolTokens,
};
use secrecy::SecretString;

use self::client::{Budget, Clients};
pub use self::survey::{ClientFacts, PoolFacts, PoolPasswordRule, UserPoolSurvey, survey_user_pool};
use crate::issuer_keys::pool_issuer;

/// A user pool as the operator describes it.
#[derive(Clone, Debug)]
pub struct CognitoSettings {
    /// The pool, such as `us-east-1_AbCdEfGhI`.
    pub pool_id: String,
    /// Doorward's app client there.
    pub client_id: String,
    /// The client's secret, if it has one.
    pub client_secret: Option<Arc<dyn SecretSource>>,
    /// Where the pool is.
    pub region: String,
    /// Where Amazon's API is instead of where the region says.
    pub endpoint_url: Option<String>,
}

impl CognitoSettings {
    /// `iss` of the pool's tokens.
    pub fn issuer(&self) -> String {
        pool_issuer(&self.region, &self.pool_id)
    }
}

/// The pool.
pub struct CognitoPool {
    settings: CognitoSettings,
    issuer: String,
    budget: Budget,
    clients: Clients,
    observer: Arc<dyn Observer>,
    /// Whether renewing by `REFRESH_TOKEN_AUTH` was seen to be in vain, so that it is not tried each time.
    flow_fails: AtomicBool,
}

impl CognitoPool {
    /// A pool, asked with these credentials. Nothing is asked before somebody signs up or in.
    pub fn new(sdk: &SdkConfig, settings: CognitoSettings, observer: Arc<dyn Observer>) -> Self {
        Self::with_budget(sdk, settings, observer, Budget::default())
    }

    fn with_budget(sdk: &SdkConfig, settings: CognitoSettings, observer: Arc<dyn Observer>, budget: Budget) -> Self {
        let (clients, issuer) = (Clients::new(sdk, &settings, &budget), settings.issuer());
        Self { settings, issuer, budget, clients, observer, flow_fails: AtomicBool::new(false) }
    }
}

impl fmt::Debug for CognitoPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CognitoPool").field("settings", &self.settings).finish_non_exhaustive()
    }
}

#[async_trait]
impl OutsidePool for CognitoPool {
    fn issuer(&self) -> &str {
        &self.issuer
    }

    async fn sign_up(&self, new: PoolSignUp<'_>) -> Result<String, PoolError> {
        self.enrol(new).await
    }

    async fn confirm_sign_up(&self, email: &EmailAddress, code: &str) -> Result<(), PoolError> {
        self.confirm(email.as_str(), code).await
    }

    async fn resend_code(&self, email: &EmailAddress) -> Result<(), PoolError> {
        self.resend(email.as_str()).await
    }

    async fn sign_in(&self, username: &str, password: &SecretString) -> Result<PoolSignedIn, PoolError> {
        self.authenticate(username, password).await
    }

    async fn renew(&self, subject: Option<&str>, refresh_token: &SecretString) -> Result<PoolTokens, PoolError> {
        self.within_budget(Box::pin(self.renew_tokens(subject, refresh_token))).await
    }

    async fn whose(&self, access_token: &str) -> Result<PoolAccount, PoolError> {
        self.owner_of(access_token).await
    }

    async fn find(&self, username: &str) -> Result<Option<PoolAccount>, PoolError> {
        self.within_budget(Box::pin(self.look_up(username))).await
    }

    async fn create(&self, new: PoolSignUp<'_>) -> Result<String, PoolError> {
        self.within_budget(Box::pin(self.make_account(new))).await
    }

    async fn set_password(&self, username: &str, password: &SecretString) -> Result<(), PoolError> {
        let set = self.by_name(username, |name| async move { self.replace_password(&name, password).await });
        self.within_budget(Box::pin(set)).await
    }

    async fn set_email(&self, username: &str, email: &EmailAddress) -> Result<(), PoolError> {
        let set = self.by_name(username, |name| async move { self.replace_email(&name, email.as_str()).await });
        self.within_budget(Box::pin(set)).await
    }

    async fn sign_out_everywhere(&self, subject: &str) -> Result<(), PoolError> {
        let end = self.by_name(subject, |name| async move { self.end_sessions(&name).await });
        gone_is_done(self.within_budget(Box::pin(end)).await)
    }

    async fn revoke(&self, refresh_token: &SecretString) -> Result<(), PoolError> {
        self.revoke_token(refresh_token).await
    }

    async fn delete(&self, subject: &str) -> Result<(), PoolError> {
        let delete = self.by_name(subject, |name| async move { self.delete_account(&name).await });
        gone_is_done(self.within_budget(Box::pin(delete)).await)
    }

    async fn list(&self, page: Option<&str>) -> Result<PoolPage, PoolError> {
        self.list_accounts(page).await
    }
}

/// Of an account that is not there nothing is left.
fn gone_is_done(done: Result<(), PoolError>) -> Result<(), PoolError> {
    if done == Err(PoolError::UnknownUser) { Ok(()) } else { done }
}
