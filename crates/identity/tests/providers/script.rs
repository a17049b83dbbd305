//! A scripted provider side, and a browser that goes there and back.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use doorward_identity::Identity;
use doorward_identity::provider::{
    Arrival, Arrived, AuthorizationRequest, CodeExchange, Departed, Departure, LogoutNotice, OutsideAccount,
    ProviderError, ProviderInfo, ProviderSignInError, ProviderTokens, Providers,
};
use doorward_identity::session::{Caller, TokenRejection, ValidateError};
use doorward_identity::user::ExternalIdentity;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};

use crate::world::{World, from};

pub(crate) const ISSUER: &str = "https://corp.example";
pub(crate) const OTHER_ISSUER: &str = "https://other.example";

type Renewal = Result<Option<OutsideAccount>, ProviderError>;

/// What the providers answer, and what they were asked.
#[derive(Default)]
pub(crate) struct Script {
    providers: Vec<ProviderInfo>,
    /// Who stands behind a code.
    people: Mutex<HashMap<String, OutsideAccount>>,
    /// When the tokens of an exchange or renewal end.
    tokens_end_at: Mutex<Option<Timestamp>>,
    pub(crate) renewals: Mutex<VecDeque<Renewal>>,
    pub(crate) notices: Mutex<HashMap<String, LogoutNotice>>,
    pub(crate) departures: Mutex<Vec<AuthorizationRequest>>,
    pub(crate) exchanges: Mutex<Vec<(String, CodeExchange)>>,
    /// The refresh tokens that were presented.
    pub(crate) presented: Mutex<Vec<String>>,
}

impl Script {
    pub(crate) fn of(providers: &[(&str, &str)]) -> Arc<Self> {
        let info = |(id, issuer): &(&str, &str)| ProviderInfo { id: (*id).to_owned(), issuer: (*issuer).to_owned() };
        Arc::new(Self { providers: providers.iter().map(info).collect(), ..Self::default() })
    }

    /// The usual two.
    pub(crate) fn usual() -> Arc<Self> {
        Self::of(&[("corp", ISSUER), ("other", OTHER_ISSUER)])
    }

    /// From now on the code stands for that person.
    pub(crate) fn expect(&self, code: &str, account: OutsideAccount) {
        self.people.lock().unwrap().insert(code.to_owned(), account);
    }

    pub(crate) fn tokens_end_at(&self, at: Timestamp) {
        *self.tokens_end_at.lock().unwrap() = Some(at);
    }

    pub(crate) fn exchanged(&self) -> usize {
        self.exchanges.lock().unwrap().len()
    }

    fn tokens(&self, name: &str) -> ProviderTokens {
        ProviderTokens {
            access_token: format!("access of {name}").into(),
            refresh_token: Some(format!("refresh of {name}").into()),
            id_token: Some(format!("id of {name}").into()),
            expires_at: *self.tokens_end_at.lock().unwrap(),
        }
    }
}

#[async_trait]
impl Providers for Script {
    fn all(&self) -> &[ProviderInfo] {
        &self.providers
    }

    async fn authorization_url(&self, provider: &str, request: &AuthorizationRequest) -> Result<String, ProviderError> {
        self.departures.lock().unwrap().push(request.clone());
        Ok(format!("https://{provider}.example/authorize?state={}", request.state))
    }

    async fn exchange(
        &self,
        provider: &str,
        exchange: &CodeExchange,
    ) -> Result<(OutsideAccount, ProviderTokens), ProviderError> {
        self.exchanges.lock().unwrap().push((provider.to_owned(), exchange.clone()));
        let code = exchange.code.expose_secret();
        let account = self.people.lock().unwrap().get(code).cloned();
        let account = account.ok_or_else(|| ProviderError::Refused("invalid_grant".to_owned()))?;
        Ok((account, self.tokens(code)))
    }

    async fn renew(
        &self,
        _: &str,
        subject: &str,
        refresh_token: &SecretString,
    ) -> Result<(Option<OutsideAccount>, ProviderTokens), ProviderError> {
        self.presented.lock().unwrap().push(refresh_token.expose_secret().to_owned());
        let answer = self.renewals.lock().unwrap().pop_front().unwrap_or(Ok(None))?;
        let tokens = ProviderTokens { id_token: None, ..self.tokens(&format!("{subject}, renewed")) };
        Ok((answer, tokens))
    }

    fn logout_url(&self, provider: &str, id_token: Option<&SecretString>, return_to: &str) -> Option<String> {
        let hint = id_token.map_or("nobody", |token| token.expose_secret());
        Some(format!("https://{provider}.example/logout?hint={hint}&to={return_to}"))
    }

    async fn logout_notice(&self, token: &str) -> Result<LogoutNotice, ProviderError> {
        let notice = self.notices.lock().unwrap().get(token).cloned();
        notice.ok_or_else(|| ProviderError::Untrustworthy("its signature is wrong".to_owned()))
    }
}

/// A person of `corp` with a verified address.
pub(crate) fn person(subject: &str, email: &str) -> OutsideAccount {
    OutsideAccount {
        identity: ExternalIdentity { issuer: ISSUER.to_owned(), subject: subject.to_owned() },
        email: Some(email.to_owned()),
        email_verified: true,
        name: None,
        groups: None,
        authenticated_at: None,
        provider_session: Some(format!("session of {subject}")),
    }
}

/// The same person at the other provider.
pub(crate) fn elsewhere(account: OutsideAccount) -> OutsideAccount {
    let identity = ExternalIdentity { issuer: OTHER_ISSUER.to_owned(), ..account.identity };
    OutsideAccount { identity, ..account }
}

/// A node whose providers are the script's.
pub(crate) async fn node(world: &World, script: &Arc<Script>) -> Identity {
    let providers = Arc::clone(script);
    world.node_of(|parts| parts.providers = providers).await
}

/// What a browser keeps.
#[derive(Default)]
pub(crate) struct Browser {
    pub(crate) session: Option<SecretString>,
}

impl Browser {
    /// What comes back from a departure with that code.
    pub(crate) fn arrival(&self, departed: &Departed, code: &str) -> Arrival {
        let (_, state) = departed.url.split_once("state=").unwrap();
        Arrival {
            state: state.to_owned(),
            code: Some(code.into()),
            flow: Some(departed.flow.clone()),
            current: self.session.clone(),
            origin: from("192.0.2.7"),
            ..Arrival::default()
        }
    }

    /// Goes to a provider and comes back with that code.
    pub(crate) async fn go(
        &mut self,
        node: &Identity,
        wish: Departure,
        code: &str,
    ) -> Result<Arrived, ProviderSignInError> {
        let departed = node.begin_provider_sign_in(wish).await?;
        let arrived = node.finish_provider_sign_in(self.arrival(&departed, code)).await?;
        self.session = Some(arrived.handle.clone());
        Ok(arrived)
    }

    /// Signs in through the first provider with that code.
    pub(crate) async fn sign_in(&mut self, node: &Identity, code: &str) -> Result<Arrived, ProviderSignInError> {
        self.go(node, Departure::default(), code).await
    }

    pub(crate) async fn caller(&self, node: &Identity) -> Result<Arc<Caller>, TokenRejection> {
        judge(node, self.session.as_ref().unwrap()).await
    }
}

pub(crate) async fn judge(node: &Identity, handle: &SecretString) -> Result<Arc<Caller>, TokenRejection> {
    node.validate_handle(handle.expose_secret()).await.map_err(|error| match error {
        ValidateError::Rejected(rejection) => rejection,
        other => unreachable!("{other:?}"),
    })
}

pub(crate) fn in_minutes(world: &World, minutes: i64) -> Timestamp {
    use doorward_identity::Clock;
    world.clock.now() + SignedDuration::from_mins(minutes)
}
