//! A new password for whoever reads the account's mail: the mailed code gives a token, the token a new password, each
//! of them once.
//!
//! The token is reserved before any work is done for it and used up together with the change; whatever fails in
//! between gives it back. A password that is refused costs nothing.

use doorward_protocol::opaque::{Kind, OpaqueToken, SecretHash};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};

use super::new_password::refused_by_pool;
use super::verify_email::read_email;
use super::{AccountError, CodePresented, PasswordChange, PasswordProof, User};
use crate::audit::{AuditAction, AuditActor};
use crate::change::ChangeSubject;
use crate::code::{CodeEffect, CodePurpose, GRANT_TTL, Guess, read_digits};
use crate::mail::{Letter, NOTICE_LIFE};
use crate::session::{Origin, end_there};
use crate::throttle::{ThrottleKey, network};
use crate::user_pool::{ENDS_HERE_ONLY, OutsidePool, PoolAccount, PoolError, PoolFailure, PoolSignUp, permitted};
use crate::{Identity, UserId};

/// How long a token is reserved for one change.
const RESERVED: SignedDuration = SignedDuration::from_secs(30);

/// A wish for another password instead of a forgotten one.
pub struct ResetPassword<'r> {
    /// The token that the code gave.
    pub token: &'r SecretString,
    /// The password as typed.
    pub new_password: &'r SecretString,
    /// From where.
    pub origin: Origin,
}

impl Identity {
    /// Uses the mailed code up for a token that allows to choose a password once.
    pub async fn redeem_reset_code(&self, presented: CodePresented<'_>) -> Result<SecretString, AccountError> {
        let digits = read_digits(presented.code)?;
        let email = read_email("email", presented.email)?;
        let user = self.store.find_user_by_email(email.key()).await?;
        let purpose = CodePurpose::PasswordReset;
        let guess = Guess { user: user.as_ref(), email: &email, purpose, origin: &presented.origin };
        let id = *guess.user_id().as_uuid().as_bytes();
        let token = OpaqueToken::new(Kind::PasswordReset, id, self.entropy.bytes());
        let until = self.clock.now().checked_add(GRANT_TTL).unwrap_or(Timestamp::MAX);
        self.redeem(guess, &digits, CodeEffect::Grant { grant: token.hash(), until }).await?;
        Ok(token.expose())
    }

    /// Sets a new password, ends every session and code of the account and forgives its failed sign-ins.
    pub async fn reset_password(&self, request: ResetPassword<'_>) -> Result<(), AccountError> {
        // Not yet whether it is the address: whoever has no right token shall not learn that.
        let password = self.judge_new_password(request.new_password, "")?;
        let token = OpaqueToken::parse(Kind::PasswordReset, request.token.expose_secret());
        let token = token.ok_or(AccountError::BadResetToken)?;
        let (user, grant) = (UserId::from_uuid(uuid::Uuid::from_bytes(token.id())), token.hash());
        let now = self.clock.now();
        let until = now.checked_add(RESERVED).unwrap_or(Timestamp::MAX);
        if !self.store.claim_grant(user, &grant, now, until).await? {
            return Err(AccountError::BadResetToken);
        }
        let done = self.reset_granted(user, &grant, &password, &request.origin).await;
        let request_id = request.origin.request_id.as_deref();
        match &done {
            Ok(()) => tracing::info!(user.id = %user, request_id, "password reset"),
            Err(reason) => {
                tracing::warn!(user.id = %user, request_id, %reason, "password not reset");
                if let Err(error) = self.store.release_grant(user, &grant).await {
                    tracing::warn!(%error, "reset token not given back; it counts again in half a minute");
                }
            }
        }
        done
    }

    async fn reset_granted(
        &self,
        user: UserId,
        grant: &SecretHash,
        password: &SecretString,
        origin: &Origin,
    ) -> Result<(), AccountError> {
        let user = self.store.find_user(user).await?.filter(User::is_active).ok_or(AccountError::BadResetToken)?;
        let password = self.judge_new_password(password, user.email.as_str())?;
        let new_hash = match self.user_pool.outside() {
            None => Some(self.hasher.hash(password, origin.address).await?),
            Some(pool) => {
                self.reset_at(pool, &user, &password).await?;
                None
            }
        };
        let notice = self.new_mail(Some(user.id), &user.email, &Letter::PasswordChanged, NOTICE_LIFE)?;
        let change = PasswordChange {
            user: user.id,
            proof: PasswordProof::Grant(grant),
            new_hash: new_hash.as_ref(),
            keep: None,
            notice: &notice,
        };
        let audit = self.audit(AuditActor::User(user.id), AuditAction::PasswordReset, user.id, None, origin);
        if !self.store.change_password(&change, &audit).await? {
            return Err(AccountError::BadResetToken);
        }
        self.live.apply(ChangeSubject::User(user.id));
        self.mail_was_put();
        self.forgive(&ThrottleKey::of_user(user.id)).await;
        if let Some(address) = origin.address {
            self.forgive(&ThrottleKey::of_user_at(user.id, network(address))).await;
        }
        Ok(())
    }

    /// Sets the password at the pool and ends the account's sessions there. A pool that has lost the account gets it
    /// again. Whoever has the token reads the mail of the address, so the account of that address there is theirs, too.
    /// The permission to set passwords is enough.
    async fn reset_at(&self, pool: &dyn OutsidePool, user: &User, password: &SecretString) -> Result<(), AccountError> {
        let account = match self.account_at(pool, user).await? {
            Some(Some(account)) => {
                pool.set_password(&account.subject, password).await.map_err(refused_by_pool)?;
                Some(account)
            }
            Some(None) => Some(self.create_again(pool, user, password).await?),
            None => self.reset_unseen(pool, user, password).await?,
        };
        // Whose account it is the next sign-in tells.
        let Some(account) = account else { return Ok(()) };
        if !account.email_verified {
            // Whoever came here by the mailed code has proved it.
            let told = pool.set_email(&account.subject, &user.email).await;
            permitted(told, "an address that a reset has proved counts here only").map_err(refused_by_pool)?;
        }
        let ended = pool.sign_out_everywhere(&account.subject).await;
        permitted(ended, ENDS_HERE_ONLY).map_err(refused_by_pool)?;
        self.pool_account(pool, &PoolAccount { email_verified: true, ..account }).await?;
        Ok(())
    }

    /// Sets the password of an account that Doorward may not look up: the one the record is linked to, else the one that
    /// goes by its address. Which that is the new password tells, unless the pool wants more than that.
    async fn reset_unseen(
        &self,
        pool: &dyn OutsidePool,
        user: &User,
        password: &SecretString,
    ) -> Result<Option<PoolAccount>, AccountError> {
        // An address that was never proved follows no account: the one that goes by it is as good.
        let subject = self.pool_subject(pool, user.id).await?.filter(|_| user.email_verified_at.is_some());
        if let Some(subject) = subject {
            match pool.set_password(&subject, password).await {
                Ok(()) => return Ok(Some(PoolAccount { email_verified: false, ..account_of(user, subject) })),
                Err(PoolError::UnknownUser) => {}
                Err(error) => return Err(refused_by_pool(error)),
            }
        }
        let name = user.email.as_str();
        match pool.set_password(name, password).await {
            Ok(()) => {}
            Err(PoolError::UnknownUser) => return self.create_again(pool, user, password).await.map(Some),
            Err(error) => return Err(refused_by_pool(error)),
        }
        match pool.sign_in(name, password).await {
            Ok(signed_in) => {
                end_there(pool, &signed_in.tokens).await;
                if self.is_of_another(pool, &signed_in.account, user.id).await? {
                    return Err(PoolFailure::Refused.into());
                }
                Ok(Some(signed_in.account))
            }
            Err(PoolError::Challenge(_) | PoolError::BadCredentials | PoolError::Refused) => Ok(None),
            Err(error) => Err(refused_by_pool(error)),
        }
    }

    async fn create_again(
        &self,
        pool: &dyn OutsidePool,
        user: &User,
        password: &SecretString,
    ) -> Result<PoolAccount, AccountError> {
        let subject = pool.create(PoolSignUp::of(user, password)).await.map_err(refused_by_pool)?;
        Ok(account_of(user, subject))
    }
}

/// The account at a pool that is a user's whose address is proved.
fn account_of(user: &User, subject: String) -> PoolAccount {
    PoolAccount {
        subject,
        email: Some(user.email.as_str().to_owned()),
        email_verified: true,
        given_name: None,
        family_name: None,
        phone: None,
        confirmed: true,
        enabled: true,
        has_password: true,
    }
}
