//! What operators see of the outbox and do about it. Never what a letter says.

use super::{MailCounts, MailEntry, MailId, MailQuery};
use crate::audit::AuditAction;
use crate::policy::Admin;
use crate::{Identity, StoreError};

impl Identity {
    /// Mail in the outbox in the order in which it was put in.
    pub async fn mail(&self, _by: &Admin, query: &MailQuery) -> Result<Vec<MailEntry>, StoreError> {
        self.store.list_mail(query).await
    }

    /// Has abandoned mail tried again: that one, or all. Answers how many.
    pub async fn retry_mail(&self, by: &Admin, id: Option<MailId>) -> Result<u64, StoreError> {
        let which = id.map_or_else(|| "all".to_owned(), |id| id.to_string());
        let audit = by.audit(self, AuditAction::MailRetried, which, None);
        let retried = self.store.retry_mail(id, &audit).await?;
        self.mail_was_put();
        tracing::info!(mails = retried, "abandoned mail is tried again");
        Ok(retried)
    }

    /// How much mail there is, told to whoever counts, too.
    pub async fn count_mail(&self) -> Result<MailCounts, StoreError> {
        let counts = self.store.count_mail().await?;
        self.observer.outbox(&counts);
        Ok(counts)
    }
}
