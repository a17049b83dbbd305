//! Signing up: the pool makes the account, mails a code, and takes it back.
//!
//! None of these is tried twice. A repeated sign-up would meet the account that the first one made and call it taken, a
//! repeated request would mail a second code that makes the first one worthless, and a repeated code is used up. The person
//! who sees 503 tries again, and a sign-up that was made without an answer heals then.

use doorward_identity::user_pool::{PoolError, PoolSignUp};
use secrecy::ExposeSecret;

use super::CognitoPool;
use super::account::attributes_of;
use super::operation::Operation;

impl CognitoPool {
    pub(super) async fn enrol(&self, new: PoolSignUp<'_>) -> Result<String, PoolError> {
        let name = new.email.as_str();
        let asked = self
            .clients
            .once
            .sign_up()
            .client_id(&self.settings.client_id)
            .set_secret_hash(self.secret_hash(name))
            .username(name)
            .password(new.password.expose_secret())
            .set_user_attributes(Some(attributes_of(&new)));
        let made = self.call(Operation::SignUp, asked.send()).await?;
        if made.user_sub.is_empty() {
            return Err(PoolError::Unavailable("it makes an account without a subject".to_owned()));
        }
        Ok(made.user_sub)
    }

    pub(super) async fn confirm(&self, email: &str, code: &str) -> Result<(), PoolError> {
        let asked = self
            .clients
            .once
            .confirm_sign_up()
            .client_id(&self.settings.client_id)
            .set_secret_hash(self.secret_hash(email))
            .username(email)
            .confirmation_code(code);
        self.call(Operation::ConfirmSignUp, asked.send()).await.map(drop)
    }

    pub(super) async fn resend(&self, email: &str) -> Result<(), PoolError> {
        let asked = self
            .clients
            .once
            .resend_confirmation_code()
            .client_id(&self.settings.client_id)
            .set_secret_hash(self.secret_hash(email))
            .username(email);
        self.call(Operation::ResendConfirmationCode, asked.send()).await.map(drop)
    }
}
