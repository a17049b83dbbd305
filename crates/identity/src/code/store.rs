//! The port for one-time codes and the grants they give.

use async_trait::async_trait;
use doorward_protocol::opaque::SecretHash;
use jiff::Timestamp;

use super::{CodeGuess, NewCode, Redemption};
use crate::audit::AuditEvent;
use crate::{StoreError, UserId};

/// Codes. Each method is atomic.
///
/// What comes to nothing makes as many round trips and as durable a write as what does something: where a store is slow,
/// its time must not tell who has an account.
#[async_trait]
pub trait CodeStore: Send + Sync {
    /// Puts the code in the place of the user's last one for the same purpose, its mail into the outbox and the audit
    /// line behind it; mail that still waits to bring a former code for that purpose is dropped. False, and nothing
    /// done, when the user is not there, not active or, unless the code is for a new address, has another one by now.
    async fn issue_code(&self, code: &NewCode, audit: &AuditEvent) -> Result<bool, StoreError>;

    /// Judges a guess at `audit.at` and counts it. Of concurrent right guesses exactly one is `Redeemed`, and a code
    /// is never compared more often than it has attempts. The effect, the change line and the audit line come with the
    /// redemption. A user who is not active, or not there, has no code.
    async fn redeem_code(&self, guess: &CodeGuess, audit: &AuditEvent) -> Result<Redemption, StoreError>;

    /// Reserves a grant until `until` for whoever asks first; others get `false` meanwhile, and so does everybody once
    /// it is used up or over by `at`.
    async fn claim_grant(
        &self,
        user: UserId,
        grant: &SecretHash,
        at: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Gives a reserved grant back, so that it can be claimed again at once.
    async fn release_grant(&self, user: UserId, grant: &SecretHash) -> Result<(), StoreError>;
}
