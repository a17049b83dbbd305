//! The port for the outbox.

use super::{LeasedMail, MailCounts, MailEntry, MailId, MailLease, MailQuery, NewMail, Settlement};
use crate::StoreError;
use crate::audit::AuditEvent;
use async_trait::async_trait;

/// The outbox. Each method is atomic. Most mail is put in by the intent that causes it.
#[async_trait]
pub trait MailStore: Send + Sync {
    /// Puts in a mail that nothing else in the store causes.
    async fn put_mail(&self, mail: &NewMail) -> Result<(), StoreError>;

    /// Takes waiting mail that is due at `lease.at` and not over by then, the longest due first, and counts the
    /// attempt: until `lease.until` nobody else takes it. Waiting mail that is over by `lease.at` becomes `Expired`
    /// in the same step, and its letter is thrown away.
    async fn lease_mail(&self, lease: &MailLease) -> Result<LeasedMail, StoreError>;

    /// Notes what became of an attempt. False when a later attempt has begun, or the mail is gone.
    async fn settle_mail(&self, id: MailId, attempt: u32, settlement: &Settlement) -> Result<bool, StoreError>;

    /// Mail in the outbox in the order in which it was put in.
    async fn list_mail(&self, query: &MailQuery) -> Result<Vec<MailEntry>, StoreError>;

    /// Makes abandoned mail that is not over wait again, due at `audit.at`: that one, or all. Answers how
    /// many; the audit line comes if there was any.
    async fn retry_mail(&self, id: Option<MailId>, audit: &AuditEvent) -> Result<u64, StoreError>;

    /// How much there is.
    async fn count_mail(&self) -> Result<MailCounts, StoreError>;
}
