//! A scripted user pool: accounts in memory, refresh tokens, mailed codes, and faults to order.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use doorward_identity::clock::ManualClock;
use doorward_identity::user::EmailAddress;
use doorward_identity::user_pool::{
    Challenge, OutsidePool, PoolAccount, PoolError, PoolPage, PoolSignUp, PoolSignedIn, PoolTokens,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::issuing::Issuing;

pub(crate) const ISSUER: &str = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Pool";
pub(crate) const CLIENT: &str = "client-of-the-pool";

/// What is done by Doorward's own permissions; everything else anybody may ask.
const ADMINISTRATIVE: [&str; 7] =
    ["find", "create", "set_password", "set_email", "sign_out_everywhere", "delete", "list"];

/// An account of the pool.
#[derive(Clone, Debug)]
pub(crate) struct There {
    pub(crate) account: PoolAccount,
    pub(crate) password: String,
    pub(crate) code: String,
    /// Its refresh tokens with the session of each.
    pub(crate) refresh_tokens: Vec<(String, Uuid)>,
}

/// How it does.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Health {
    #[default]
    Well,
    /// It judges only every other password.
    Falters,
    Down,
}

#[derive(Default)]
struct State {
    accounts: Vec<There>,
    /// Who has an access token.
    bearers: HashMap<String, String>,
    faults: HashMap<&'static str, PoolError>,
    /// Which calls by Doorward's own permissions it answers; all where that is not said.
    permitted: Option<Vec<&'static str>>,
    health: Health,
    challenge: Option<Challenge>,
    rotates: bool,
    /// Whether its client has a secret, the proof of which is made with the subject.
    has_secret: bool,
    /// Holds whoever signs in with the right password until it is told to go on.
    gate: Option<Arc<Notify>>,
    calls: Vec<&'static str>,
    made: u32,
}

/// The pool, and its published key.
pub(crate) struct Pool {
    pub(crate) issuing: Issuing,
    ids: AtomicU32,
    /// Told when it holds somebody.
    pub(crate) holding: Notify,
    state: Mutex<State>,
}

impl Pool {
    pub(crate) fn new(clock: Arc<ManualClock>) -> Arc<Self> {
        let (ids, holding, state) = (AtomicU32::new(0), Notify::new(), Mutex::default());
        Arc::new(Self { issuing: Issuing::new(clock), ids, holding, state })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// An account with a confirmed address.
    pub(crate) fn has(&self, email: &str, password: &str) -> String {
        let subject = self.add(email, password);
        self.change(email, |there| (there.account.confirmed, there.account.email_verified) = (true, true));
        subject
    }

    /// An account that nobody confirmed.
    pub(crate) fn add(&self, email: &str, password: &str) -> String {
        let mut state = self.state();
        state.made += 1;
        let subject = format!("subject-{}", state.made);
        let account = PoolAccount {
            subject: subject.clone(),
            email: Some(email.to_owned()),
            email_verified: false,
            given_name: None,
            family_name: None,
            phone: None,
            confirmed: false,
            enabled: true,
            has_password: true,
        };
        let code = format!("{:06}", 100_000 + state.made);
        state.accounts.push(There { account, password: password.to_owned(), code, refresh_tokens: Vec::new() });
        subject
    }

    pub(crate) fn change(&self, name: &str, change: impl FnOnce(&mut There)) {
        change(find(&mut self.state(), name).unwrap());
    }

    pub(crate) fn get(&self, name: &str) -> Option<There> {
        find(&mut self.state(), name).cloned()
    }

    pub(crate) fn remove(&self, name: &str) {
        self.state().accounts.retain(|there| !is_called(there, name));
    }

    /// The code that was mailed last.
    pub(crate) fn code_to(&self, email: &str) -> String {
        self.get(email).unwrap().code
    }

    pub(crate) fn goes(&self, is_down: bool) {
        self.state().health = if is_down { Health::Down } else { Health::Well };
    }

    /// From now on judges only every other password.
    pub(crate) fn falters(&self) {
        self.state().health = Health::Falters;
    }

    pub(crate) fn wants(&self, challenge: Option<Challenge>) {
        self.state().challenge = challenge;
    }

    pub(crate) fn has_secret(&self) {
        self.state().has_secret = true;
    }

    /// From now on holds whoever signs in with the right password, until the answer is notified.
    pub(crate) fn holds_sign_ins(&self) -> Arc<Notify> {
        Arc::clone(self.state().gate.insert(Arc::default()))
    }

    pub(crate) fn rotates(&self) {
        self.state().rotates = true;
    }

    pub(crate) fn fails(&self, operation: &'static str, error: PoolError) {
        self.state().faults.insert(operation, error);
    }

    /// From now on Doorward has these permissions and no others.
    pub(crate) fn permits(&self, operations: &[&'static str]) {
        self.state().permitted = Some(operations.to_vec());
    }

    pub(crate) fn mends(&self, operation: &'static str) {
        self.state().faults.remove(operation);
    }

    /// What it was asked since this was last asked.
    pub(crate) fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.state().calls)
    }

    /// An identifier that it gave to nothing else.
    pub(crate) fn new_id(&self) -> Uuid {
        Uuid::from_u128(0x1000 + u128::from(self.ids.fetch_add(1, Ordering::Relaxed)))
    }

    /// Tokens as for somebody who signed in at the pool itself.
    pub(crate) fn tokens(&self, name: &str) -> PoolTokens {
        let session = self.new_id();
        let mut state = self.state();
        let there = find(&mut state, name).unwrap();
        let refresh = format!("refresh of {session}");
        there.refresh_tokens.push((refresh.clone(), session));
        let account = there.account.clone();
        self.tokens_of(&mut state, &account, session, Some(refresh))
    }

    fn tokens_of(
        &self,
        state: &mut State,
        account: &PoolAccount,
        session: Uuid,
        refresh: Option<String>,
    ) -> PoolTokens {
        let access = self.sign(&self.claims("access", account, session));
        state.bearers.insert(access.clone(), account.subject.clone());
        PoolTokens {
            access_token: access.into(),
            id_token: self.sign(&self.claims("id", account, session)).into(),
            refresh_token: refresh.map(Into::into),
            expires_in: 3600,
            session: Some(session),
        }
    }

    /// Judges a password. Answers whose it is, and what they have to wait for.
    fn admit(&self, username: &str, password: &SecretString) -> Result<(PoolAccount, Option<Arc<Notify>>), PoolError> {
        let mut state = self.asked("sign_in")?;
        if state.health == Health::Falters && state.calls.len() % 2 == 1 {
            return Err(PoolError::Unavailable("it falters".to_owned()));
        }
        let challenge = state.challenge;
        let there = find(&mut state, username).ok_or(PoolError::BadCredentials)?;
        if there.password != password.expose_secret() || !there.account.enabled {
            return Err(PoolError::BadCredentials);
        }
        if !there.account.confirmed {
            return Err(PoolError::NotConfirmed);
        }
        let account = there.account.clone();
        match challenge {
            Some(challenge) => Err(PoolError::Challenge(challenge)),
            None => Ok((account, state.gate.take())),
        }
    }

    fn asked(&self, operation: &'static str) -> Result<MutexGuard<'_, State>, PoolError> {
        let mut state = self.state();
        state.calls.push(operation);
        if state.health == Health::Down {
            return Err(PoolError::Unavailable("connection refused".to_owned()));
        }
        let permitted = state.permitted.as_ref();
        if ADMINISTRATIVE.contains(&operation) && permitted.is_some_and(|these| !these.contains(&operation)) {
            return Err(PoolError::Misconfigured(format!("the permission for {operation} is missing")));
        }
        match state.faults.get(operation) {
            Some(error) => Err(error.clone()),
            None => Ok(state),
        }
    }
}

fn is_called(there: &There, name: &str) -> bool {
    there.account.subject == name || there.account.email.as_deref() == Some(name)
}

fn find<'s>(state: &'s mut State, name: &str) -> Option<&'s mut There> {
    state.accounts.iter_mut().find(|there| is_called(there, name))
}

fn judge(password: &SecretString) -> Result<String, PoolError> {
    let password = password.expose_secret();
    if password.contains("weak") {
        return Err(PoolError::WeakPassword("the password must not be weak".to_owned()));
    }
    Ok(password.to_owned())
}

#[async_trait]
impl OutsidePool for Pool {
    fn issuer(&self) -> &str {
        ISSUER
    }

    async fn sign_up(&self, new: PoolSignUp<'_>) -> Result<String, PoolError> {
        let mut state = self.asked("sign_up")?;
        let password = judge(new.password)?;
        if find(&mut state, new.email.as_str()).is_some() {
            return Err(PoolError::Taken);
        }
        drop(state);
        let subject = self.add(new.email.as_str(), &password);
        self.change(&subject, |there| {
            there.account.given_name = new.given_name.map(str::to_owned);
            there.account.family_name = new.family_name.map(str::to_owned);
            there.account.phone = new.phone.map(ToString::to_string);
        });
        Ok(subject)
    }

    async fn confirm_sign_up(&self, email: &EmailAddress, code: &str) -> Result<(), PoolError> {
        let mut state = self.asked("confirm_sign_up")?;
        let there = find(&mut state, email.as_str()).ok_or(PoolError::UnknownUser)?;
        if there.account.confirmed {
            return Err(PoolError::AlreadyConfirmed);
        }
        if there.code != code {
            return Err(PoolError::WrongCode);
        }
        (there.account.confirmed, there.account.email_verified) = (true, true);
        Ok(())
    }

    async fn resend_code(&self, email: &EmailAddress) -> Result<(), PoolError> {
        let mut state = self.asked("resend_code")?;
        let there = find(&mut state, email.as_str()).ok_or(PoolError::UnknownUser)?;
        if there.account.confirmed { Err(PoolError::AlreadyConfirmed) } else { Ok(()) }
    }

    async fn sign_in(&self, username: &str, password: &SecretString) -> Result<PoolSignedIn, PoolError> {
        let (account, gate) = self.admit(username, password)?;
        if let Some(gate) = gate {
            self.holding.notify_one();
            gate.notified().await;
        }
        Ok(PoolSignedIn { tokens: self.tokens(&account.subject), account })
    }

    async fn renew(&self, subject: Option<&str>, refresh_token: &SecretString) -> Result<PoolTokens, PoolError> {
        let mut state = self.asked("renew")?;
        let presented = refresh_token.expose_secret();
        let (rotates, has_secret) = (state.rotates, state.has_secret);
        let holder = state.accounts.iter_mut().find_map(|there| {
            let at = there.refresh_tokens.iter().position(|(token, _)| token == presented)?;
            Some((there, at))
        });
        let (there, at) = holder.ok_or(PoolError::BadCredentials)?;
        if !there.account.enabled || has_secret && subject != Some(there.account.subject.as_str()) {
            return Err(PoolError::BadCredentials);
        }
        let session = there.refresh_tokens[at].1;
        let next = rotates.then(|| format!("{presented}'"));
        if let Some(next) = &next {
            there.refresh_tokens[at].0.clone_from(next);
        }
        let account = there.account.clone();
        Ok(self.tokens_of(&mut state, &account, session, next))
    }

    async fn whose(&self, access_token: &str) -> Result<PoolAccount, PoolError> {
        let mut state = self.asked("whose")?;
        let subject = state.bearers.get(access_token).cloned().ok_or(PoolError::BadCredentials)?;
        Ok(find(&mut state, &subject).ok_or(PoolError::UnknownUser)?.account.clone())
    }

    async fn find(&self, username: &str) -> Result<Option<PoolAccount>, PoolError> {
        Ok(find(&mut *self.asked("find")?, username).map(|there| there.account.clone()))
    }

    async fn create(&self, new: PoolSignUp<'_>) -> Result<String, PoolError> {
        let mut state = self.asked("create")?;
        let password = judge(new.password)?;
        if find(&mut state, new.email.as_str()).is_some() {
            return Err(PoolError::Taken);
        }
        drop(state);
        Ok(self.has(new.email.as_str(), &password))
    }

    async fn set_password(&self, username: &str, password: &SecretString) -> Result<(), PoolError> {
        let mut state = self.asked("set_password")?;
        let password = judge(password)?;
        let there = find(&mut state, username).ok_or(PoolError::UnknownUser)?;
        there.account.confirmed = true;
        there.password = password;
        Ok(())
    }

    async fn set_email(&self, subject: &str, email: &EmailAddress) -> Result<(), PoolError> {
        let mut state = self.asked("set_email")?;
        let holder = find(&mut state, email.as_str());
        if holder.is_some_and(|holder| !is_called(holder, subject)) {
            return Err(PoolError::Taken);
        }
        let there = find(&mut state, subject).ok_or(PoolError::UnknownUser)?;
        there.account.email = Some(email.as_str().to_owned());
        there.account.email_verified = true;
        Ok(())
    }

    async fn sign_out_everywhere(&self, subject: &str) -> Result<(), PoolError> {
        let mut state = self.asked("sign_out_everywhere")?;
        find(&mut state, subject).ok_or(PoolError::UnknownUser)?.refresh_tokens.clear();
        Ok(())
    }

    async fn revoke(&self, refresh_token: &SecretString) -> Result<(), PoolError> {
        let mut state = self.asked("revoke")?;
        for there in &mut state.accounts {
            there.refresh_tokens.retain(|(token, _)| token != refresh_token.expose_secret());
        }
        Ok(())
    }

    async fn delete(&self, subject: &str) -> Result<(), PoolError> {
        self.asked("delete")?.accounts.retain(|there| there.account.subject != subject);
        Ok(())
    }

    async fn list(&self, page: Option<&str>) -> Result<PoolPage, PoolError> {
        let state = self.asked("list")?;
        let from: usize = page.map_or(0, |page| page.parse().unwrap());
        let accounts: Vec<_> = state.accounts.iter().skip(from).take(2).map(|there| there.account.clone()).collect();
        let next = (from + 2 < state.accounts.len()).then(|| (from + 2).to_string());
        Ok(PoolPage { accounts, next })
    }
}
