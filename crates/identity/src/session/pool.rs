//! Sessions of people whose tokens are a user pool's own: a row here stands for the pool's session, so that it can be
//! seen, ended and judged as any other.

use std::sync::Arc;

use doorward_protocol::opaque::SecretHash;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::start::{Credential, StartFailure};
use super::{EndReason, LiveSession, Origin, RefreshError, RefreshFamily, Rotation, SignInMethod, SignedIn};
use crate::fault::Internal;
use crate::user::UserContext;
use crate::user_pool::{ENDS_HERE_ONLY, OutsidePool, PoolAccount, PoolError, PoolFailure, PoolTokens, permitted};
use crate::{Identity, SessionId, StoreError, Surface, UserId};

impl Identity {
    /// Begins a session with the pool's tokens. `None` when the user is disabled or gone by now.
    pub(super) async fn start_pool_session(
        &self,
        context: &Arc<UserContext>,
        tokens: PoolTokens,
        origin: Origin,
    ) -> Result<Option<SignedIn>, StartFailure> {
        let now = self.clock.now();
        let id = tokens.session.map_or_else(|| SessionId::new(now, &*self.entropy), SessionId::from_uuid);
        let refresh = tokens.refresh_token.clone();
        let refresh = refresh.ok_or_else(|| Internal::new("the user pool gave no refresh token"))?;
        let hash = SecretHash::of(refresh.expose_secret());
        // The pool knows when its refresh token ends; here the session does.
        let credential = Credential { hash, expires_at: Timestamp::MAX };
        let session =
            self.new_session(id, Surface::Accounts, &context.user, SignInMethod::Password, credential, &origin);
        let context = self.begin(session, context, &origin).await?;
        Ok(context.map(|context| tokens_of_pool(&tokens, refresh, context)))
    }

    /// New tokens for a refresh token that the pool made.
    pub(super) async fn refresh_at(
        &self,
        pool: &dyn OutsidePool,
        token: &SecretString,
        origin: &Origin,
    ) -> Result<SignedIn, RefreshError> {
        let hash = SecretHash::of(token.expose_secret());
        let Some((session, live)) = self.store.find_session_by_credential(&hash).await? else {
            return self.refresh_unknown(pool, token, origin).await;
        };
        if live.ended_at.is_some() || live.expires_at <= self.clock.now() {
            return Err(RefreshError::Invalid);
        }
        let context = self.store.find_context(live.user_id).await?.filter(|context| context.user.is_active());
        let context = Arc::new(context.ok_or(RefreshError::Invalid)?);
        let subject = self.pool_subject(pool, live.user_id).await?;
        let tokens = match pool.renew(subject.as_deref(), token).await {
            Ok(tokens) => tokens,
            Err(error) => return Err(self.not_renewed(error, session, live.user_id, origin).await?),
        };
        let Some(next) = tokens.refresh_token.clone() else {
            return Ok(tokens_of_pool(&tokens, token.clone(), context));
        };
        self.follow_rotation(session, &live, hash, &next, origin).await?;
        Ok(tokens_of_pool(&tokens, next, context))
    }

    /// Renews a session that began elsewhere at the pool, or before this store knew of it. An address that brings
    /// tokens the pool never gave has to wait, so that the pool is spared.
    async fn refresh_unknown(
        &self,
        pool: &dyn OutsidePool,
        token: &SecretString,
        origin: &Origin,
    ) -> Result<SignedIn, RefreshError> {
        if let Some(retry_after_s) = self.wait_from(origin.address) {
            return Err(PoolFailure::Throttled { retry_after_s }.into());
        }
        let tokens = pool.renew(None, token).await.map_err(refused).inspect_err(|error| {
            if matches!(error, RefreshError::Invalid) {
                self.failed_from(origin.address);
            }
        })?;
        let account = pool.whose(tokens.access_token.expose_secret()).await.map_err(refused)?;
        let context = self.context_there(pool, &account).await?.ok_or(RefreshError::Invalid)?;
        let refresh = tokens.refresh_token.clone().unwrap_or_else(|| token.clone());
        Ok(tokens_of_pool(&tokens, refresh, context))
    }

    /// The active person that an account at the pool is here.
    async fn context_there(
        &self,
        pool: &dyn OutsidePool,
        account: &PoolAccount,
    ) -> Result<Option<Arc<UserContext>>, RefreshError> {
        let Some(user) = self.record_of::<RefreshError>(pool, account).await? else { return Ok(None) };
        let context = self.store.find_context(user.id).await?;
        Ok(context.filter(|context| context.user.is_active()).map(Arc::new))
    }

    /// A session whose refresh token the pool takes no more is over here, too.
    async fn not_renewed(
        &self,
        error: PoolError,
        session: SessionId,
        user: UserId,
        origin: &Origin,
    ) -> Result<RefreshError, StoreError> {
        let error = refused(error);
        if matches!(error, RefreshError::Invalid) {
            self.end(session, user, EndReason::ProviderEnded, origin).await?;
        }
        Ok(error)
    }

    /// Notes the successor of a refresh token, where the pool makes one.
    async fn follow_rotation(
        &self,
        session: SessionId,
        live: &LiveSession,
        presented: SecretHash,
        next: &SecretString,
        origin: &Origin,
    ) -> Result<(), RefreshError> {
        let now = self.clock.now();
        let step = RefreshFamily {
            session,
            presented,
            successor: SecretHash::of(next.expose_secret()),
            salt: self.entropy.bytes(),
            at: now,
            repeat_after: Timestamp::MIN,
            expires_at: live.expires_at,
        };
        let audit = self.refresh_reused(session, origin);
        match self.store.rotate_refresh(&step, &audit).await? {
            Rotation::Rotated { .. } | Rotation::Repeated { .. } => Ok(()),
            Rotation::Reused { .. } | Rotation::Over | Rotation::Unknown => Err(RefreshError::Invalid),
        }
    }

    /// Ends every session of a person at the pool that keeps the passwords. Where Doorward may not, their end here has to
    /// do: it counts for every token from before it.
    pub(crate) async fn end_all_there(&self, user: UserId) -> Result<Result<(), PoolFailure>, StoreError> {
        let Some(pool) = self.user_pool.outside() else { return Ok(Ok(())) };
        let Some(subject) = self.pool_subject(pool, user).await? else { return Ok(Ok(())) };
        let done = permitted(pool.sign_out_everywhere(&subject).await, ENDS_HERE_ONLY);
        Ok(match done {
            Ok(_) | Err(PoolError::UnknownUser) => Ok(()),
            Err(error) => Err(error.into()),
        })
    }
}

fn tokens_of_pool(tokens: &PoolTokens, refresh_token: SecretString, context: Arc<UserContext>) -> SignedIn {
    SignedIn {
        access_token: tokens.access_token.expose_secret().to_owned(),
        expires_in: tokens.expires_in,
        refresh_token,
        id_token: Some(tokens.id_token.expose_secret().to_owned()),
        context,
    }
}

fn refused(error: PoolError) -> RefreshError {
    match error {
        PoolError::BadCredentials | PoolError::UnknownUser | PoolError::NotConfirmed | PoolError::BadInput(..) => {
            RefreshError::Invalid
        }
        other => PoolFailure::from(other).into(),
    }
}
