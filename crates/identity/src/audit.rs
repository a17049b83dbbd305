//! The audit log: who did what to whom, from where. Append-only; written in the same transaction as the deed.

use std::net::IpAddr;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{AuditId, StoreError, UserId};

/// One line of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// Identifier; its order is the order of the log.
    pub id: AuditId,
    /// When.
    pub at: Timestamp,
    /// What was done.
    pub action: AuditAction,
    /// Who did it.
    pub actor: AuditActor,
    /// Whom or what it was done to: the id of a user, team, domain, session or key.
    pub subject: Option<String>,
    /// A few words more where the action alone does not tell (a role, a reason). Never a secret or an e-mail.
    pub detail: Option<String>,
    /// The caller's address.
    pub address: Option<IpAddr>,
    /// The request that caused it, as in the request log.
    pub request_id: Option<String>,
}

/// Who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditActor {
    /// A signed-in person, or the person who signs in or up.
    User(UserId),
    /// Whoever runs the command line on the machine.
    CommandLine,
    /// Doorward itself.
    System,
}

macro_rules! audit_actions {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What was done. The text is stable: people search for it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum AuditAction { $($(#[$doc])* $name,)* }

        impl AuditAction {
            /// Every action.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name in the log.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The action of that name.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|action| action.as_str() == text)
            }
        }
    };
}

audit_actions! {
    /// A person signed up.
    UserSignedUp = "user.signed_up",
    /// An account was made on first sight of an outside identity or developer header.
    UserProvisioned = "user.provisioned",
    /// An administrator made an account.
    UserCreated = "user.created",
    /// An administrator changed an account.
    UserUpdated = "user.updated",
    /// An administrator disabled an account.
    UserDisabled = "user.disabled",
    /// An administrator enabled an account.
    UserEnabled = "user.enabled",
    /// An administrator deleted an account.
    UserDeleted = "user.deleted",
    /// An account's roles changed.
    UserRolesChanged = "user.roles_changed",
    /// An account's address was proved to be its owner's.
    EmailVerified = "user.email_verified",
    /// The owner of an account gave it another address.
    EmailChanged = "user.email_changed",
    /// The owner of an account changed its password.
    PasswordChanged = "user.password_changed",
    /// The owner of an account chose a new password with a mailed code.
    PasswordReset = "user.password_reset",
    /// A password moved over from the former user pool.
    PasswordMoved = "user.password_moved",
    /// The owner of an account deleted it.
    UserLeft = "user.left",
    /// A one-time code was made.
    CodeIssued = "code.issued",
    /// A one-time code was used.
    CodeRedeemed = "code.redeemed",
    /// An operator had abandoned mail sent again.
    MailRetried = "mail.retried",
    /// An administrator forgave the failed sign-ins of an account.
    UserUnlocked = "user.unlocked",
    /// An outside identity was linked to an account.
    IdentityLinked = "identity.linked",
    /// An outside identity was taken from an account.
    IdentityUnlinked = "identity.unlinked",
    /// A provider's groups changed what an account has.
    GroupsApplied = "identity.groups_applied",
    /// A session began.
    SessionStarted = "session.started",
    /// A session ended.
    SessionEnded = "session.ended",
    /// All sessions of a user ended.
    SessionsEnded = "session.all_ended",
    /// A refresh token was used twice; its session ended.
    RefreshReused = "session.refresh_reused",
    /// A team was made.
    TeamCreated = "team.created",
    /// A team changed.
    TeamUpdated = "team.updated",
    /// A member joined a team, or has another role in it.
    TeamJoined = "team.member_set",
    /// A member left a team.
    TeamLeft = "team.member_removed",
    /// A domain was made.
    DomainCreated = "domain.created",
    /// A domain changed.
    DomainUpdated = "domain.updated",
    /// A domain was assigned to a user.
    DomainAssigned = "domain.assigned",
    /// A domain was taken from a user.
    DomainUnassigned = "domain.unassigned",
    /// A signing key was made.
    KeyRotated = "key.rotated",
    /// A signing key was withdrawn.
    KeyWithdrawn = "key.withdrawn",
}

/// Which lines to read.
#[derive(Clone, Debug, Default)]
pub struct AuditQuery {
    /// Only lines before this one (the last of the page before).
    pub before: Option<AuditId>,
    /// Only lines with this subject.
    pub subject: Option<String>,
    /// Only lines with this action.
    pub action: Option<AuditAction>,
    /// At most so many.
    pub limit: u32,
}

/// The audit log's port. Lines are appended by the intents that cause them.
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// Lines that match, newest first.
    async fn list_audit(&self, query: &AuditQuery) -> Result<Vec<AuditEvent>, StoreError>;
}
