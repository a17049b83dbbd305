//! Who a person is at providers: linking one more identity to an account, seeing them, taking one away.

use std::sync::Arc;

use super::flow::Link;
use super::{OutsideAccount, ProviderSignInError, Subject};
use crate::audit::{AuditAction, AuditActor};
use crate::change::ChangeSubject;
use crate::session::{Caller, EndReason, Origin};
use crate::store::Inserted;
use crate::user::{ExternalIdentity, UserContext};
use crate::{Identity, StoreError};

/// An outside identity of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkedIdentity {
    /// The provider's name here; none for an issuer people cannot sign in through (any more).
    pub provider: Option<String>,
    /// Who they are there.
    pub identity: ExternalIdentity,
}

/// Why no identity was taken away.
#[derive(Debug, thiserror::Error)]
pub enum UnlinkError {
    /// The account has none of that provider.
    #[error("the account is not linked to that provider")]
    NotLinked,
    /// Nobody could sign in to the account any more.
    #[error("this is the last way to sign in to the account")]
    LastWayIn,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Identity {
    /// The caller's outside identities.
    pub async fn identities(&self, caller: &Caller) -> Result<Vec<LinkedIdentity>, StoreError> {
        let identities = self.store.list_identities(caller.context.user.id).await?;
        let provider = |issuer: &str| self.providers().iter().find(|provider| provider.issuer == issuer);
        Ok(identities
            .into_iter()
            .map(|identity| LinkedIdentity { provider: provider(&identity.issuer).map(|it| it.id.clone()), identity })
            .collect())
    }

    /// The caller's subject at the provider their session began at, else of their first identity.
    pub async fn outside_subject(&self, caller: &Caller) -> Result<Option<String>, StoreError> {
        if let Some(session) = caller.session
            && let Some(session) = self.store.find_provider_session(session).await?
        {
            return Ok(Some(session.subject));
        }
        let identities = self.store.list_identities(caller.context.user.id).await?;
        Ok(identities.into_iter().next().map(|identity| identity.subject))
    }

    /// Takes a provider's identities from the caller. The sessions that began through them end, and what the
    /// provider's groups gave is gone.
    pub async fn unlink_identity(&self, caller: &Caller, provider: &str, origin: Origin) -> Result<(), UnlinkError> {
        let user = caller.context.user.id;
        let issuer = self.provider(provider).map(|provider| &provider.issuer).ok_or(UnlinkError::NotLinked)?;
        let all = self.store.list_identities(user).await?;
        let (identities, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|identity| identity.issuer == *issuer);
        if identities.is_empty() {
            return Err(UnlinkError::NotLinked);
        }
        // Told before any is taken; the store sees to it all the same, each time.
        if others.is_empty() && caller.context.user.password_hash.is_none() {
            return Err(UnlinkError::LastWayIn);
        }
        for identity in identities {
            let actor = AuditActor::User(user);
            let audit = self.audit(actor, AuditAction::IdentityUnlinked, user, Some(issuer.clone()), &origin);
            if !self.store.unlink_identity(user, &identity, &audit).await? {
                return Err(UnlinkError::LastWayIn);
            }
            self.live.apply(ChangeSubject::User(user));
            self.follow_groups(provider, user, &[]).await?;
            tracing::info!(user.id = %user, provider, request_id = origin.request_id, "identity unlinked");
            self.end_at_provider(provider, &Subject::Person(identity.subject), EndReason::SignedOut, &origin).await?;
        }
        Ok(())
    }

    /// By what the account is known that shall get an identity. Whoever asks with a token has no cookie to be known by
    /// when they come back.
    pub(super) fn link_to(&self, caller: &Caller) -> Result<Link, ProviderSignInError> {
        let session = caller.session.filter(|session| self.has_cookie(*session));
        let session = session.ok_or(ProviderSignInError::NoSession)?;
        Ok(Link { user: caller.context.user.id, session })
    }

    /// Gives an identity to the account that asked for it, if the browser still has the session it was asked from.
    pub(super) async fn link_account(
        &self,
        link: Link,
        current: Option<&Caller>,
        account: &OutsideAccount,
        origin: &Origin,
    ) -> Result<Arc<UserContext>, ProviderSignInError> {
        let is_same = |caller: &&Caller| caller.session == Some(link.session) && caller.context.user.id == link.user;
        let caller = current.filter(is_same).ok_or(ProviderSignInError::NoSession)?;
        let user = caller.context.user.id;
        let detail = Some(account.identity.issuer.clone());
        let audit = self.audit(AuditActor::User(user), AuditAction::IdentityLinked, user, detail, origin);
        if self.store.link_identity(user, &account.identity, &audit).await? == Inserted::Taken {
            let owner = self.store.find_user_by_identity(&account.identity).await?;
            if owner.is_none_or(|owner| owner.id != user) {
                return Err(ProviderSignInError::Conflict);
            }
        }
        Ok(self.active_context(user).await?)
    }
}
