//! Leaving: from here to the provider, and from the provider to here (OIDC Back-Channel Logout 1.0).

use doorward_protocol::opaque::SecretHash;

use super::{ProviderError, StateUse, Subject};
use crate::audit::{AuditAction, AuditActor};
use crate::change::ChangeSubject;
use crate::session::{Caller, EndReason, Origin, SignOutError};
use crate::{Identity, StoreError};

/// Why a logout token ended nothing.
#[derive(Debug, thiserror::Error)]
pub enum ProviderLogoutError {
    /// It must not be believed, or nobody can tell now.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// It was used before.
    #[error("the logout token was used before")]
    Replayed,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Identity {
    /// Ends the caller's session, or all of their sessions. Answers where a browser goes to sign out at the provider
    /// too, if it began there and there is such a page.
    pub async fn sign_out_from_provider(
        &self,
        caller: &Caller,
        everywhere: bool,
        return_to: &str,
        origin: Origin,
    ) -> Result<Option<String>, SignOutError> {
        let began = match caller.session {
            Some(session) => self.store.find_provider_session(session).await?,
            None => None,
        };
        let url = began.and_then(|began| {
            let tokens = self.open_tokens(began.session, &began.sealed_tokens).ok();
            let id_token = tokens.and_then(|kept| kept.tokens.id_token);
            self.providers.logout_url(&began.provider, id_token.as_ref(), return_to)
        });
        if everywhere {
            self.sign_out_everywhere(caller, origin).await?;
        } else {
            self.sign_out(caller, origin).await?;
        }
        Ok(url)
    }

    /// Ends the sessions a provider's logout token names. Answers how many were open.
    ///
    /// The token is used up before they end: a copy that comes later must not end sessions begun since.
    pub async fn provider_logout(&self, logout_token: &str, origin: Origin) -> Result<u64, ProviderLogoutError> {
        let notice = self.providers.logout_notice(logout_token).await?;
        let once = SecretHash::of(&format!("logout token {} of {}", notice.token_id, notice.provider));
        if self.store.use_once(&once, notice.expires_at).await? == StateUse::Again {
            return Err(ProviderLogoutError::Replayed);
        }
        let reason = EndReason::ProviderEnded;
        Ok(self.end_at_provider(&notice.provider, &notice.subject, reason, &origin).await?)
    }

    /// Ends the sessions that began at a provider by that subject. Answers how many were open.
    pub(super) async fn end_at_provider(
        &self,
        provider: &str,
        subject: &Subject,
        reason: EndReason,
        origin: &Origin,
    ) -> Result<u64, StoreError> {
        let detail = Some(reason.as_str().to_owned());
        let audit = self.audit(AuditActor::System, AuditAction::SessionsEnded, provider, detail, origin);
        let ended = self.store.end_provider_sessions(provider, subject, reason, &audit).await?;
        for session in &ended {
            self.live.apply(ChangeSubject::Session(*session));
        }
        let sessions = ended.len();
        tracing::info!(provider, sessions, request_id = origin.request_id, "sessions of a provider ended");
        Ok(sessions as u64)
    }
}
