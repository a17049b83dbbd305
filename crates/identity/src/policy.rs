//! Who may do what. Authorization is evidence: a service for administrators takes an [`Admin`], and only this
//! module makes one, so a forgotten check does not compile.

use crate::audit::{AuditAction, AuditActor, AuditEvent};
use crate::session::{Caller, Origin};
use crate::user::Role;
use crate::{AuditId, Identity, UserId};

/// Proof that the caller may administer.
#[derive(Clone, Debug)]
pub struct Admin {
    actor: AuditActor,
    origin: Origin,
}

/// The caller is known but may not do this.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("this needs the role 'admin'")]
pub struct Forbidden;

impl Admin {
    /// A signed-in person with the role `admin`.
    pub fn signed_in(caller: &Caller, origin: Origin) -> Result<Self, Forbidden> {
        if caller.context.user.has_role(Role::ADMIN) {
            Ok(Self { actor: AuditActor::User(caller.context.user.id), origin })
        } else {
            Err(Forbidden)
        }
    }

    /// Whoever may run the command line against the store may administer.
    pub fn command_line() -> Self {
        Self { actor: AuditActor::CommandLine, origin: Origin::default() }
    }

    /// Whether it is that person. An administrator who gave up their own access might be the last one, whom only the
    /// command line could replace; giving up another's always leaves the one who does it.
    pub(crate) fn is(&self, user: UserId) -> bool {
        self.actor == AuditActor::User(user)
    }

    /// The audit line for what this administrator does.
    pub(crate) fn audit(
        &self,
        identity: &Identity,
        action: AuditAction,
        subject: impl std::fmt::Display,
        detail: Option<String>,
    ) -> AuditEvent {
        identity.audit(self.actor, action, subject, detail, &self.origin)
    }
}

impl Identity {
    /// An audit line, dated now.
    pub(crate) fn audit(
        &self,
        actor: AuditActor,
        action: AuditAction,
        subject: impl std::fmt::Display,
        detail: Option<String>,
        origin: &Origin,
    ) -> AuditEvent {
        let at = self.clock.now();
        AuditEvent {
            id: AuditId::new(at, &*self.entropy),
            at,
            action,
            actor,
            subject: Some(subject.to_string()),
            detail,
            address: origin.address,
            request_id: origin.request_id.clone(),
        }
    }
}
