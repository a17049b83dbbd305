//! How a session begins, whatever proved who the person is: one row, one access token, one refresh token.

use std::sync::Arc;

use doorward_protocol::opaque::{Kind, OpaqueToken};
use jiff::Timestamp;
use secrecy::SecretString;

use super::{NewSession, Origin, SignInMethod, Started};
use crate::audit::{AuditAction, AuditActor};
use crate::fault::Internal;
use crate::throttle::network;
use crate::user::UserContext;
use crate::{Identity, SessionId, StoreError, Surface};

/// What a person gets who signed in or renewed a session.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The access token, a JWT.
    pub access_token: String,
    /// Its life in seconds.
    pub expires_in: i64,
    /// The refresh token; each use replaces it, unless a user pool elsewhere made it.
    pub refresh_token: SecretString,
    /// Tells who it is; on the accounts surface.
    pub id_token: Option<String>,
    /// The person.
    pub context: Arc<UserContext>,
}

/// Why a session did not begin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartFailure {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Doorward itself.
    #[error(transparent)]
    Internal(#[from] Internal),
}

impl From<StartFailure> for crate::user::SignUpError {
    fn from(failure: StartFailure) -> Self {
        match failure {
            StartFailure::Store(error) => Self::Store(error),
            StartFailure::Internal(error) => Self::Internal(error),
        }
    }
}

impl Identity {
    /// Begins a session. `None` when the user is disabled or gone by now.
    pub(crate) async fn start_session(
        &self,
        surface: Surface,
        context: &Arc<UserContext>,
        method: SignInMethod,
        origin: Origin,
    ) -> Result<Option<SignedIn>, StartFailure> {
        let now = self.clock.now();
        let id = SessionId::new(now, &*self.entropy);
        let expires_at = now.checked_add(self.settings.session_ttl).unwrap_or(Timestamp::MAX);
        let refresh = OpaqueToken::new(Kind::Refresh, *id.as_uuid().as_bytes(), self.entropy.bytes());
        let user = &context.user;
        // Signed before anything is written: a key that cannot sign leaves no session behind.
        let access = self.issue_access_token(surface, user, id, expires_at)?;
        let session = NewSession {
            id,
            user_id: user.id,
            surface,
            method,
            created_at: now,
            authenticated_at: now,
            expires_at,
            address: origin.address.map(network),
            user_agent: origin.user_agent.clone(),
            credential_hash: refresh.hash(),
            credential_expires_at: self.refresh_expiry(now, expires_at),
        };
        let detail = Some(format!("{} by {}", surface.as_str(), method.as_str()));
        let audit = self.audit(AuditActor::User(user.id), AuditAction::SessionStarted, id, detail, &origin);
        match self.store.start_session(&session, &audit).await? {
            Started::UserNotActive => Ok(None),
            Started::Started => Ok(Some(SignedIn {
                access_token: access.token,
                expires_in: access.expires_in,
                refresh_token: refresh.expose(),
                id_token: None,
                context: signed_in_at(context, now),
            })),
        }
    }

    /// Until when a refresh token made now may be used.
    pub(super) fn refresh_expiry(&self, now: Timestamp, session_expires_at: Timestamp) -> Timestamp {
        now.checked_add(self.settings.refresh_ttl).unwrap_or(Timestamp::MAX).min(session_expires_at)
    }
}

/// The context as it is after this sign-in, without asking the store again.
fn signed_in_at(context: &Arc<UserContext>, now: Timestamp) -> Arc<UserContext> {
    let mut context = UserContext::clone(context);
    context.user.last_signin_at = Some(now);
    Arc::new(context)
}
