//! Keeping sessions in step with their providers: tokens are renewed before they end, and a provider that takes a
//! refresh token no more ends the session. One that is down does not.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::tokens::KeptTokens;
use super::{ProviderError, ProviderSession, ProviderTokens, RenewalLease};
use crate::audit::{AuditAction, AuditActor};
use crate::change::ChangeSubject;
use crate::session::{EndReason, Origin};
use crate::{Identity, StoreError};

/// Sessions taken at once; another node may take others meanwhile.
const BATCH: u32 = 32;
/// Longer than a batch takes when a provider answers as slowly as it may.
const LEASE: SignedDuration = SignedDuration::from_mins(2);

impl Identity {
    /// Renews the providers' tokens that are due, a few at once. The server calls this about four times a minute.
    /// Answers how many were renewed.
    pub async fn renew_provider_tokens(&self) -> Result<usize, StoreError> {
        let renewed = AtomicUsize::new(0);
        loop {
            let now = self.clock.now();
            let until = now.checked_add(LEASE).unwrap_or(Timestamp::MAX);
            let due = self.store.lease_renewals(&RenewalLease { due_at: now, until, limit: BATCH }).await?;
            let is_last = due.len() < BATCH as usize;
            let waiting = Mutex::new(due.into_iter());
            let lane = || async {
                loop {
                    let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some(session) = next else { break };
                    match self.renew(&session).await {
                        Ok(true) => {
                            renewed.fetch_add(1, Ordering::Relaxed);
                        }
                        Ok(false) => {}
                        // The lease runs out and it is tried again.
                        Err(error) => tracing::error!(session.id = %session.session, %error, "tokens not renewed"),
                    }
                }
            };
            tokio::join!(lane(), lane(), lane(), lane());
            if is_last {
                return Ok(renewed.into_inner());
            }
        }
    }

    /// Renews one session's tokens. False when they were not.
    async fn renew(&self, session: &ProviderSession) -> Result<bool, StoreError> {
        let ProviderSession { session: id, user_id, provider, subject, sealed_tokens } = session;
        let Ok(kept) = self.open_tokens(*id, sealed_tokens) else {
            return self.end_by_provider(session, "its tokens cannot be opened").await;
        };
        let Some(refresh_token) = &kept.tokens.refresh_token else { return Ok(false) };
        match self.providers.renew(provider, subject, refresh_token).await {
            Ok((account, tokens)) => {
                let id_token = tokens.id_token.or(kept.tokens.id_token);
                self.keep(session, &KeptTokens::fresh(ProviderTokens { id_token, ..tokens })).await?;
                if let Some(groups) = account.and_then(|account| account.groups) {
                    self.follow_groups(provider, *user_id, &groups).await?;
                }
                Ok(true)
            }
            Err(ProviderError::Refused(_)) => self.end_by_provider(session, "its provider renews it no more").await,
            Err(ProviderError::Unknown) => self.end_by_provider(session, "its provider is not configured").await,
            Err(error @ (ProviderError::Unavailable(_) | ProviderError::Untrustworthy(_))) => {
                tracing::warn!(session.id = %id, provider, %error, "tokens not renewed; tried again later");
                let failures = kept.failures.saturating_add(1);
                self.keep(session, &KeptTokens { failures, ..kept }).await?;
                Ok(false)
            }
        }
    }

    async fn keep(&self, session: &ProviderSession, kept: &KeptTokens) -> Result<(), StoreError> {
        let sealed = self.seal_tokens(session.session, kept).map_err(|error| StoreError::Broken(error.into()))?;
        self.store.save_provider_tokens(session.session, &sealed, kept.renew_at(self.clock.now())).await?;
        Ok(())
    }

    async fn end_by_provider(&self, session: &ProviderSession, why: &'static str) -> Result<bool, StoreError> {
        let (id, reason) = (session.session, EndReason::ProviderEnded);
        let detail = Some(reason.as_str().to_owned());
        let audit = self.audit(AuditActor::System, AuditAction::SessionEnded, id, detail, &Origin::default());
        self.store.end_session(id, reason, audit.at, &audit).await?;
        self.live.apply(ChangeSubject::Session(id));
        tracing::info!(session.id = %id, user.id = %session.user_id, provider = session.provider, why, "session ended");
        Ok(false)
    }
}
