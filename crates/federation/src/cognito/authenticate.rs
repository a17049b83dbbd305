//! Signing in with a password, and staying so.
//!
//! These are tried again when no answer comes. A sign-in of which the answer was lost leaves a session at the pool that
//! nobody knows; it ends by itself.

use std::sync::atomic::Ordering;

use aws_sdk_cognitoidentityprovider::types::{AuthFlowType, AuthenticationResultType, ChallengeNameType};
use doorward_identity::user_pool::{Challenge, PoolAccount, PoolError, PoolSignedIn, PoolTokens};
use secrecy::{ExposeSecret, SecretString};

use super::account::account;
use super::operation::Operation;
use super::tokens::{Expected, issuer_of};
use super::{CognitoPool, secret_hash};

impl CognitoPool {
    pub(super) async fn authenticate(
        &self,
        username: &str,
        password: &SecretString,
    ) -> Result<PoolSignedIn, PoolError> {
        let asked = self
            .clients
            .repeating
            .initiate_auth()
            .auth_flow(AuthFlowType::UserPasswordAuth)
            .client_id(&self.settings.client_id)
            .auth_parameters("USERNAME", username)
            .auth_parameters("PASSWORD", password.expose_secret());
        let asked = match self.secret_hash(username) {
            Some(hash) => asked.auth_parameters("SECRET_HASH", hash),
            None => asked,
        };
        let answer = self.call(Operation::InitiateAuth, asked.send()).await?;
        match answer.challenge_name {
            Some(challenge) => Err(PoolError::Challenge(named(&challenge))),
            None => self.expected(None).read(given(answer.authentication_result)?),
        }
    }

    /// Renews by the flow, in the name of the subject. The other call follows where the client may not do that: its
    /// refresh tokens count once, the flow is not allowed, or the pool knows the account by another name. It needs no
    /// name, so it is also the one for a client that has to prove itself when nobody is known.
    pub(super) async fn renew_tokens(
        &self,
        subject: Option<&str>,
        refresh_token: &SecretString,
    ) -> Result<PoolTokens, PoolError> {
        let nameless = subject.is_none() && self.settings.client_secret.is_some();
        let answered = if nameless || self.flow_fails.load(Ordering::Relaxed) {
            self.renew_by_token(refresh_token).await?
        } else {
            match self.renew_by_flow(subject, refresh_token).await {
                Err(PoolError::Misconfigured(_)) => {
                    let answered = self.renew_by_token(refresh_token).await?;
                    self.flow_fails.store(true, Ordering::Relaxed);
                    answered
                }
                other => other?,
            }
        };
        Ok(self.expected(subject).read(answered)?.tokens)
    }

    async fn renew_by_flow(
        &self,
        subject: Option<&str>,
        refresh_token: &SecretString,
    ) -> Result<AuthenticationResultType, PoolError> {
        let asked = self
            .clients
            .repeating
            .initiate_auth()
            .auth_flow(AuthFlowType::RefreshTokenAuth)
            .client_id(&self.settings.client_id)
            .auth_parameters("REFRESH_TOKEN", refresh_token.expose_secret());
        let asked = match subject.and_then(|subject| self.secret_hash(subject)) {
            Some(hash) => asked.auth_parameters("SECRET_HASH", hash),
            None => asked,
        };
        let answer = self.call(Operation::InitiateAuth, asked.send()).await?;
        match answer.challenge_name {
            Some(challenge) => Err(PoolError::Challenge(named(&challenge))),
            None => given(answer.authentication_result),
        }
    }

    async fn renew_by_token(&self, refresh_token: &SecretString) -> Result<AuthenticationResultType, PoolError> {
        let asked = self
            .clients
            .repeating
            .get_tokens_from_refresh_token()
            .client_id(&self.settings.client_id)
            .set_client_secret(self.client_secret())
            .refresh_token(refresh_token.expose_secret());
        given(self.call(Operation::GetTokensFromRefreshToken, asked.send()).await?.authentication_result)
    }

    pub(super) async fn owner_of(&self, access_token: &str) -> Result<PoolAccount, PoolError> {
        // Amazon answers for the tokens of all its pools.
        if issuer_of(access_token).as_deref() != Some(&*self.issuer) {
            return Err(PoolError::BadCredentials);
        }
        let asked = self.clients.repeating.get_user().access_token(access_token);
        let answer = self.call(Operation::GetUser, asked.send()).await?;
        account(answer.user_attributes(), None, true)
    }

    pub(super) async fn revoke_token(&self, refresh_token: &SecretString) -> Result<(), PoolError> {
        let asked = self
            .clients
            .repeating
            .revoke_token()
            .client_id(&self.settings.client_id)
            .set_client_secret(self.client_secret())
            .token(refresh_token.expose_secret());
        self.call(Operation::RevokeToken, asked.send()).await.map(drop)
    }

    /// The proof for a call in somebody's name, if the client has a secret.
    pub(super) fn secret_hash(&self, username: &str) -> Option<String> {
        let secret = self.settings.client_secret.as_ref()?.current();
        Some(secret_hash::secret_hash(&secret, username, &self.settings.client_id))
    }

    fn client_secret(&self) -> Option<String> {
        self.settings.client_secret.as_ref().map(|secret| secret.current().expose_secret().to_owned())
    }

    fn expected<'e>(&'e self, subject: Option<&'e str>) -> Expected<'e> {
        Expected { issuer: &self.issuer, client_id: &self.settings.client_id, subject }
    }
}

fn given(result: Option<AuthenticationResultType>) -> Result<AuthenticationResultType, PoolError> {
    result.ok_or_else(|| PoolError::Unavailable("it answers neither with tokens nor with a challenge".to_owned()))
}

fn named(challenge: &ChallengeNameType) -> Challenge {
    match challenge {
        ChallengeNameType::NewPasswordRequired => Challenge::NewPassword,
        ChallengeNameType::EmailOtp
        | ChallengeNameType::MfaSetup
        | ChallengeNameType::SelectMfaType
        | ChallengeNameType::SmsMfa
        | ChallengeNameType::SmsOtp
        | ChallengeNameType::SoftwareTokenMfa
        | ChallengeNameType::WebAuthn => Challenge::SecondFactor,
        _ => Challenge::Other,
    }
}
