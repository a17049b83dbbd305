//! Accounts made just in time: for people of trusted outside issuers and, in development, for developer headers.

use std::sync::Arc;

use jiff::Timestamp;

use super::{EmailAddress, ExternalIdentity, InvalidEmail, Person, User, UserContext};
use crate::audit::{AuditAction, AuditActor};
use crate::name::DisplayName;
use crate::session::{Caller, Origin};
use crate::store::Inserted;
use crate::{Identity, StoreError, UserId};

/// A person as a trusted issuer's token tells of them.
#[derive(Clone, Debug)]
pub struct OutsidePerson {
    /// Who they are there.
    pub identity: ExternalIdentity,
    /// Their address, which the issuer verified.
    pub email: EmailAddress,
    /// What they are called.
    pub name: Option<String>,
}

/// Why there is no account for somebody.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// The address is no good.
    #[error(transparent)]
    InvalidEmail(#[from] InvalidEmail),
    /// The account is disabled.
    #[error("the account is disabled")]
    Disabled,
    /// The address belongs to an account that never proved it is theirs, so the two may be different people.
    #[error("the e-mail address belongs to another account")]
    Conflict,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Identity {
    /// The account of an outside person, made or linked on first sight.
    ///
    /// An existing account is linked only when both sides verified the address: else whoever registered it
    /// here first, without owning it, would share the account with its owner. And only when nobody else of that
    /// issuer has it: else an address that was handed on there would hand on the account.
    pub(crate) async fn provision(&self, person: OutsidePerson) -> Result<Arc<UserContext>, ProvisionError> {
        if let Some(user) = self.store.find_user_by_identity(&person.identity).await? {
            return self.active_context(user.id).await;
        }
        match self.store.find_user_by_email(person.email.key()).await? {
            Some(user) if user.email_verified_at.is_some() => self.link(user, person).await,
            Some(_) => Err(ProvisionError::Conflict),
            None => {
                let now = self.clock.now();
                let identity = person.identity.clone();
                let made = self.make(person.email, person.name, Some(person.identity), Some(now)).await?;
                match made {
                    Some(context) => Ok(context),
                    // Another request for the same person came first.
                    None => self.context_by_identity(&identity).await,
                }
            }
        }
    }

    /// The caller that developer headers name, their account made on first sight. Only surfaces in development
    /// with the setting on call this.
    pub async fn caller_by_developer_headers(
        &self,
        email: &str,
        name: Option<&str>,
    ) -> Result<Arc<Caller>, ProvisionError> {
        let email: EmailAddress = email.parse()?;
        let key = email.key().clone();
        let context = match self.store.find_user_by_email(&key).await? {
            Some(user) => self.active_context(user.id).await?,
            None => match self.make(email, name.map(str::to_owned), None, None).await? {
                Some(context) => context,
                None => match self.store.find_user_by_email(&key).await? {
                    Some(user) => self.active_context(user.id).await?,
                    None => return Err(ProvisionError::Conflict),
                },
            },
        };
        let authenticated_at = Some(self.clock.now());
        Ok(Arc::new(Caller { context, session: None, expires_at: Timestamp::MAX, authenticated_at }))
    }

    async fn link(&self, user: User, person: OutsidePerson) -> Result<Arc<UserContext>, ProvisionError> {
        let is_another = |known: &ExternalIdentity| {
            known.issuer == person.identity.issuer && known.subject != person.identity.subject
        };
        if self.store.list_identities(user.id).await?.iter().any(is_another) {
            return Err(ProvisionError::Conflict);
        }
        let audit = self.audit(
            AuditActor::System,
            AuditAction::IdentityLinked,
            user.id,
            Some(person.identity.issuer.clone()),
            &Origin::default(),
        );
        match self.store.link_identity(user.id, &person.identity, &audit).await? {
            Inserted::Inserted => self.active_context(user.id).await,
            Inserted::Taken => self.context_by_identity(&person.identity).await,
        }
    }

    async fn context_by_identity(&self, identity: &ExternalIdentity) -> Result<Arc<UserContext>, ProvisionError> {
        let user = self.store.find_user_by_identity(identity).await?;
        self.active_context(user.ok_or(ProvisionError::Conflict)?.id).await
    }

    /// An active person with teams and domains.
    pub(crate) async fn active_context(&self, user: UserId) -> Result<Arc<UserContext>, ProvisionError> {
        let context = self.store.find_context(user).await?;
        context.filter(|context| context.user.is_active()).map(Arc::new).ok_or(ProvisionError::Disabled)
    }

    /// Makes the account; `None` when the address or identity was taken meanwhile.
    async fn make(
        &self,
        email: EmailAddress,
        name: Option<String>,
        identity: Option<ExternalIdentity>,
        verified_at: Option<Timestamp>,
    ) -> Result<Option<Arc<UserContext>>, StoreError> {
        // What another system calls a person is taken if it is a name at all.
        let name = name.and_then(|name| DisplayName::try_from(name.trim().to_owned()).ok());
        let mut user = self.new_user(email, Person::named(name), None);
        user.email_verified_at = verified_at;
        let id = user.id;
        let source = identity.as_ref().map_or("developer headers", |identity| identity.issuer.as_str());
        let detail = Some(source.to_owned());
        let audit = self.audit(AuditActor::System, AuditAction::UserProvisioned, id, detail, &Origin::default());
        let new = super::NewUser { identity, ..self.with_defaults(user) };
        match self.store.insert_user(&new, &audit).await? {
            Inserted::Taken => Ok(None),
            Inserted::Inserted => Ok(self.store.find_context(id).await?.map(Arc::new)),
        }
    }
}
