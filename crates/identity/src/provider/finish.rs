//! Coming back from a provider: the one place where it is decided who that is here.
//!
//! The order is the defence. What the browser carries is judged first, then used up, then the code is exchanged; only
//! a person the provider proved gets near an account. An account is found by issuer and subject, never by an address
//! that nobody verified.

use std::sync::Arc;

use doorward_protocol::opaque::SecretHash;
use secrecy::{ExposeSecret, SecretString};

use super::flow::Flow;
use super::tokens::KeptTokens;
use super::{CodeExchange, NewProviderSession, OutsideAccount, ProviderError, ProviderTokens, StateUse};
use crate::audit::{AuditAction, AuditActor};
use crate::fault::Internal;
use crate::observer::SignInOutcome;
use crate::session::{Caller, EndReason, Origin, Started, ValidateError};
use crate::user::{EmailAddress, OutsidePerson, ProvisionError, UserContext};
use crate::{Identity, StoreError, Surface};

/// What a browser brings back from a provider.
#[derive(Clone, Debug, Default)]
pub struct Arrival {
    /// As it stands in the callback.
    pub state: String,
    /// The code, if there is one.
    pub code: Option<SecretString>,
    /// The provider's error, if there is one.
    pub error: Option<String>,
    /// Who answers (RFC 9207), if it says so.
    pub iss: Option<String>,
    /// The cookie of the state's flow.
    pub flow: Option<SecretString>,
    /// The handle of the session the browser has now; that session ends.
    pub current: Option<SecretString>,
    /// From where.
    pub origin: Origin,
}

/// Somebody who signed in.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// What the session cookie holds.
    pub handle: SecretString,
    /// Where they wanted to go: a path of the same site.
    pub return_to: Option<String>,
    /// Who it is.
    pub context: Arc<UserContext>,
}

/// Why nobody was signed in. The text is for people and says nothing the provider wrote.
#[derive(Debug, thiserror::Error)]
pub enum ProviderSignInError {
    /// No such provider, or no more.
    #[error("There is no such sign-in provider.")]
    UnknownProvider,
    /// The state is not this browser's, is over or was used before.
    #[error("This sign-in was not begun in this browser, took too long or was finished before. Please try again.")]
    BadState,
    /// A link was asked for without a session, or not from the session the browser has now.
    #[error("Linking needs the browser session it was begun in. Please sign in and try again.")]
    NoSession,
    /// The provider says why not, in a word of its protocol.
    #[error("The sign-in was not finished at the provider ({0}).")]
    NotFinished(String),
    /// Too many failures from this address.
    #[error("Too many sign-ins failed here. Please try again in {retry_after_s} seconds.")]
    Throttled {
        /// Seconds until the next attempt counts.
        retry_after_s: u64,
    },
    /// The provider failed.
    #[error("The sign-in failed: {0}.")]
    Provider(ProviderError),
    /// The address is not known to be theirs.
    #[error("The provider does not confirm the e-mail address of this account.")]
    EmailNotVerified,
    /// The identity or address belongs to another account.
    #[error("This sign-in or its e-mail address belongs to another account here. Sign in to that account and link it.")]
    Conflict,
    /// The account is disabled.
    #[error("This account is disabled.")]
    Disabled,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Doorward itself.
    #[error(transparent)]
    Internal(#[from] Internal),
}

impl From<ProviderError> for ProviderSignInError {
    fn from(error: ProviderError) -> Self {
        match error {
            ProviderError::Unknown => Self::UnknownProvider,
            other => Self::Provider(other),
        }
    }
}

impl From<ProvisionError> for ProviderSignInError {
    fn from(error: ProvisionError) -> Self {
        match error {
            ProvisionError::InvalidEmail(_) => Self::EmailNotVerified,
            ProvisionError::Disabled => Self::Disabled,
            ProvisionError::Conflict => Self::Conflict,
            ProvisionError::Store(error) => Self::Store(error),
        }
    }
}

impl Identity {
    /// Signs in whoever comes back from a provider, or links who they are there to the account that asked for it.
    pub async fn finish_provider_sign_in(&self, arrival: Arrival) -> Result<Arrived, ProviderSignInError> {
        let request_id = arrival.origin.request_id.clone();
        let decided = self.decide_arrival(arrival).await;
        match &decided {
            Ok(person) => {
                self.observer.sign_in(Surface::Hosted, SignInOutcome::Success);
                tracing::info!(request_id, user.id = %person.context.user.id, "signed in through a provider");
            }
            Err(error) => {
                if matches!(error, ProviderSignInError::Disabled) {
                    self.observer.sign_in(Surface::Hosted, SignInOutcome::Disabled);
                }
                tracing::warn!(request_id, reason = %error, "sign-in through a provider refused");
            }
        }
        decided
    }

    async fn decide_arrival(&self, arrival: Arrival) -> Result<Arrived, ProviderSignInError> {
        let flow = self.judge_flow(&arrival).await?;
        if let Some(error) = arrival.error {
            return Err(ProviderSignInError::NotFinished(protocol_word(&error)));
        }
        let exchange = CodeExchange {
            code: arrival.code.ok_or(ProviderSignInError::BadState)?,
            iss: arrival.iss,
            code_verifier: flow.verifier.into(),
            nonce: flow.nonce,
            max_age: flow.max_age,
        };
        let (account, tokens) = self.exchange(&flow.provider, &exchange, &arrival.origin).await?;
        if account.identity.issuer != flow.issuer || !account.identity.is_plausible() {
            let cause = "it names nobody of this provider".to_owned();
            return Err(ProviderError::Untrustworthy(cause).into());
        }
        let current = self.current(arrival.current.as_ref()).await?;
        let context = match flow.link_to {
            Some(link) => self.link_account(link, current.as_deref(), &account, &arrival.origin).await?,
            None => self.account_of(&account).await?,
        };
        let context = self.follow_account(&flow.provider, context, &account).await?;
        let handle = self.begin_session(&flow.provider, &context, account, tokens, &arrival.origin).await?;
        if let Some(former) = current
            && let Some(session) = former.session
        {
            self.end(session, former.context.user.id, EndReason::Replaced, &arrival.origin).await?;
        }
        Ok(Arrived { handle, return_to: flow.return_to, context })
    }

    /// The flow of an arrival, which counts once. The provider is the flow's, whatever the request says, and must be
    /// what it was when the browser left.
    async fn judge_flow(&self, arrival: &Arrival) -> Result<Flow, ProviderSignInError> {
        let flow = arrival.flow.as_ref().and_then(|sealed| self.open_flow(sealed));
        let flow = flow.filter(|flow| flow.began_with(&arrival.state) && flow.expires_at > self.clock.now());
        let flow = flow.ok_or(ProviderSignInError::BadState)?;
        let provider = self.provider(&flow.provider).filter(|provider| provider.issuer == flow.issuer);
        provider.ok_or(ProviderSignInError::UnknownProvider)?;
        match self.store.use_once(&SecretHash::of(&flow.state), flow.expires_at).await? {
            StateUse::First => Ok(flow),
            StateUse::Again => Err(ProviderSignInError::BadState),
        }
    }

    /// Exchanges a code, unless too many from that address were none of the provider's.
    async fn exchange(
        &self,
        provider: &str,
        exchange: &CodeExchange,
        origin: &Origin,
    ) -> Result<(OutsideAccount, ProviderTokens), ProviderSignInError> {
        if let Some(retry_after_s) = self.wait_from(origin.address) {
            return Err(ProviderSignInError::Throttled { retry_after_s });
        }
        let exchanged = self.providers.exchange(provider, exchange).await;
        if let Err(ProviderError::Refused(_)) = &exchanged {
            // Counted only: what was refused is told as such.
            self.failed_from(origin.address);
        }
        Ok(exchanged?)
    }

    /// Who has a session in this browser now.
    async fn current(&self, handle: Option<&SecretString>) -> Result<Option<Arc<Caller>>, StoreError> {
        let Some(handle) = handle else { return Ok(None) };
        match self.judge_handle(handle.expose_secret()).await {
            Ok(caller) => Ok(Some(caller)),
            Err(ValidateError::Store(error)) => Err(error),
            Err(ValidateError::Rejected(_) | ValidateError::Keys(_)) => Ok(None),
        }
    }

    /// The account of somebody who signs in, made or linked on first sight.
    async fn account_of(&self, account: &OutsideAccount) -> Result<Arc<UserContext>, ProviderSignInError> {
        if let Some(user) = self.store.find_user_by_identity(&account.identity).await? {
            // Known: their address may have changed there, the account stays.
            return Ok(self.active_context(user.id).await?);
        }
        let email = account.email.as_deref().filter(|_| account.email_verified);
        let email: EmailAddress =
            email.and_then(|email| email.parse().ok()).ok_or(ProviderSignInError::EmailNotVerified)?;
        let person = OutsidePerson { identity: account.identity.clone(), email, name: account.name.clone() };
        Ok(self.provision(person).await?)
    }

    /// Begins the session. Its handle exists nowhere else.
    async fn begin_session(
        &self,
        provider: &str,
        context: &UserContext,
        account: OutsideAccount,
        tokens: ProviderTokens,
        origin: &Origin,
    ) -> Result<SecretString, ProviderSignInError> {
        let user = context.user.id;
        let (session, handle) = self.new_cookie_session(&context.user, account.authenticated_at, origin);
        let kept = KeptTokens::fresh(tokens);
        let id = session.id;
        let new = NewProviderSession {
            provider: provider.to_owned(),
            subject: account.identity.subject,
            provider_session: account.provider_session,
            sealed_tokens: self.seal_tokens(id, &kept)?,
            renew_at: kept.renew_at(session.created_at),
            session,
        };
        let detail = Some(format!("hosted by provider {provider}"));
        let audit = self.audit(AuditActor::User(user), AuditAction::SessionStarted, id, detail, origin);
        match self.store.start_provider_session(&new, &audit).await? {
            Started::Started => Ok(handle),
            Started::UserNotActive => Err(ProviderSignInError::Disabled),
        }
    }
}

/// The provider's error if it is a word as the protocols have them (RFC 6749, 4.1.2.1), so that it can be shown.
fn protocol_word(error: &str) -> String {
    let is_word = error.len() <= 64 && error.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_word && !error.is_empty() { error.to_owned() } else { "unknown error".to_owned() }
}
