//! The port for what is kept of providers: used states, and the tokens of sessions that began there.

use async_trait::async_trait;
use doorward_protocol::opaque::SecretHash;
use jiff::Timestamp;

use super::{NewProviderSession, ProviderSession, Subject};
use crate::audit::AuditEvent;
use crate::session::{EndReason, Started};
use crate::user::{ExternalIdentity, Role};
use crate::{SessionId, StoreError, UserId};

/// What became of using something that counts once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum StateUse {
    /// It was not used before.
    First,
    /// It was.
    Again,
}

/// The right to renew one session's tokens for a while; nobody else has it meanwhile.
#[derive(Clone, Copy, Debug)]
pub struct RenewalLease {
    /// Sessions whose tokens are to be renewed at or before this moment.
    pub due_at: Timestamp,
    /// Until when the others leave them alone.
    pub until: Timestamp,
    /// At most so many.
    pub limit: u32,
}

/// Sessions through providers. Each method is atomic.
#[async_trait]
pub trait ProviderStore: Send + Sync {
    /// Uses up a value (a state, a logout token's id) by its hash. Of concurrent callers exactly one is `First`.
    /// It is remembered until `expires_at`; `ChangeStore::sweep` throws it away after that.
    async fn use_once(&self, value: &SecretHash, expires_at: Timestamp) -> Result<StateUse, StoreError>;

    /// [`crate::session::SessionStore::start_session`] with the provider's share of it, in one transaction.
    async fn start_provider_session(&self, new: &NewProviderSession, audit: &AuditEvent)
    -> Result<Started, StoreError>;

    /// The provider's share of an open session.
    async fn find_provider_session(&self, session: SessionId) -> Result<Option<ProviderSession>, StoreError>;

    /// Open sessions whose tokens are due, handed to this caller alone until the lease ends. A session whose
    /// credential is over (`credential_expires_at`) is left alone.
    async fn lease_renewals(&self, lease: &RenewalLease) -> Result<Vec<ProviderSession>, StoreError>;

    /// Puts renewed tokens in place, with the next renewal. False when the session is over by now.
    async fn save_provider_tokens(
        &self,
        session: SessionId,
        sealed_tokens: &[u8],
        renew_at: Option<Timestamp>,
    ) -> Result<bool, StoreError>;

    /// Ends the open sessions that began at that provider by the subject given, with a change line each. Answers
    /// which they were.
    async fn end_provider_sessions(
        &self,
        provider: &str,
        subject: &Subject,
        reason: EndReason,
        audit: &AuditEvent,
    ) -> Result<Vec<SessionId>, StoreError>;

    /// The outside identities of a user, by issuer and subject.
    async fn list_identities(&self, user: UserId) -> Result<Vec<ExternalIdentity>, StoreError>;

    /// Takes an outside identity from a user, with a change line; nothing happens when it is their last way in (no
    /// password, no other identity). False when it was not theirs or is the last.
    async fn unlink_identity(
        &self,
        user: UserId,
        identity: &ExternalIdentity,
        audit: &AuditEvent,
    ) -> Result<bool, StoreError>;

    /// Makes what a provider's groups give a user hold, and nothing else: of the roles and teams in `mapped` the user
    /// has exactly those in `granted`; all others stay. One change line if anything changed, none otherwise. Names of
    /// teams that are not there are passed over. True when something changed.
    async fn apply_groups(
        &self,
        user: UserId,
        mapped: &GroupGrants,
        granted: &GroupGrants,
        audit: &AuditEvent,
    ) -> Result<bool, StoreError>;
}

/// Roles and teams, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupGrants {
    /// Roles.
    pub roles: Vec<Role>,
    /// Names of teams.
    pub teams: Vec<String>,
}
