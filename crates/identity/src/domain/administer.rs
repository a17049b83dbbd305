//! What is done with domains: listed for people, kept by administrators.

use super::{Domain, DomainKey, DomainWrite};
use crate::audit::{AuditAction, AuditEvent};
use crate::change::ChangeSubject;
use crate::name::DisplayName;
use crate::policy::Admin;
use crate::team::display_name;
use crate::user::AdminError;
use crate::{DomainId, Identity, StoreError, UserId};

/// What to change of a domain; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct DomainChange {
    /// Another key.
    pub key: Option<String>,
    /// Another name.
    pub name: Option<String>,
    /// Another place in the tree: below a domain, or at the top.
    pub parent: Option<Option<DomainId>>,
    /// Whether it counts.
    pub is_active: Option<bool>,
    /// Only if this is the version stored.
    pub expected_version: Option<i64>,
}

impl Identity {
    /// All active domains, by key.
    pub async fn active_domains(&self) -> Result<Vec<Domain>, StoreError> {
        self.store.list_domains(true).await
    }

    /// All domains, by key.
    pub async fn all_domains(&self, _by: &Admin) -> Result<Vec<Domain>, StoreError> {
        self.store.list_domains(false).await
    }

    /// One domain.
    pub async fn find_domain(&self, _by: &Admin, id: DomainId) -> Result<Option<Domain>, StoreError> {
        self.store.find_domain(id).await
    }

    /// Makes a domain.
    pub async fn create_domain(
        &self,
        by: &Admin,
        key: &str,
        name: &str,
        parent: Option<DomainId>,
    ) -> Result<Domain, AdminError> {
        let domain = self.new_domain(domain_key(key)?, display_name(name)?, parent);
        let audit = by.audit(self, AuditAction::DomainCreated, domain.id, None);
        written(self.store.insert_domain(&domain, &audit).await?)?;
        Ok(domain)
    }

    /// An active domain made now. Nothing is written.
    pub fn new_domain(&self, key: DomainKey, name: DisplayName, parent: Option<DomainId>) -> Domain {
        let created_at = self.clock.now();
        let id = DomainId::new(created_at, &*self.entropy);
        Domain { id, key, name, parent_domain_id: parent, is_active: true, created_at, version: 1 }
    }

    /// Changes a domain or moves it in the tree.
    pub async fn change_domain(&self, by: &Admin, id: DomainId, change: DomainChange) -> Result<Domain, AdminError> {
        let mut domain = self.store.find_domain(id).await?.ok_or(AdminError::NotFound)?;
        if change.expected_version.is_some_and(|version| version != domain.version) {
            return Err(AdminError::Stale);
        }
        if let Some(key) = change.key {
            domain.key = domain_key(&key)?;
        }
        if let Some(name) = change.name {
            domain.name = display_name(&name)?;
        }
        domain.parent_domain_id = change.parent.unwrap_or(domain.parent_domain_id);
        domain.is_active = change.is_active.unwrap_or(domain.is_active);
        let audit = by.audit(self, AuditAction::DomainUpdated, id, None);
        let outcome = self.store.save_domain(&domain, &audit).await?;
        self.live.apply(ChangeSubject::Directory);
        written(outcome)?;
        Ok(Domain { version: domain.version + 1, ..domain })
    }

    /// Assigns a domain to a user.
    pub async fn assign_domain(&self, by: &Admin, domain: DomainId, user: UserId) -> Result<(), AdminError> {
        let audit = assignment_audit(self, by, AuditAction::DomainAssigned, domain, user);
        let done = self.store.assign_domain(domain, user, &audit).await?;
        self.live.apply(ChangeSubject::User(user));
        if done { Ok(()) } else { Err(AdminError::NotFound) }
    }

    /// Takes a domain from a user.
    pub async fn unassign_domain(&self, by: &Admin, domain: DomainId, user: UserId) -> Result<(), AdminError> {
        let audit = assignment_audit(self, by, AuditAction::DomainUnassigned, domain, user);
        let done = self.store.unassign_domain(domain, user, &audit).await?;
        self.live.apply(ChangeSubject::User(user));
        if done { Ok(()) } else { Err(AdminError::NotFound) }
    }
}

fn written(outcome: DomainWrite) -> Result<(), AdminError> {
    match outcome {
        DomainWrite::Written => Ok(()),
        DomainWrite::Taken => Err(AdminError::Taken("key")),
        DomainWrite::Stale => Err(AdminError::Stale),
        DomainWrite::NoParent => Err(AdminError::NoParent),
        DomainWrite::Cycle => Err(AdminError::Cycle),
    }
}

fn domain_key(key: &str) -> Result<DomainKey, AdminError> {
    DomainKey::try_from(key.to_owned()).map_err(|error| AdminError::refused("key", error))
}

fn assignment_audit(
    identity: &Identity,
    by: &Admin,
    action: AuditAction,
    domain: DomainId,
    user: UserId,
) -> AuditEvent {
    by.audit(identity, action, domain, Some(format!("user {user}")))
}
