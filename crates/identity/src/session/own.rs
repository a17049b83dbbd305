//! A person's own sessions: seeing them and ending them.

use super::{Caller, EndReason, Origin, Session};
use crate::{Identity, SessionId, StoreError};

impl Identity {
    /// The caller's open sessions, newest first.
    pub async fn own_sessions(&self, caller: &Caller) -> Result<Vec<Session>, StoreError> {
        self.store.list_sessions(caller.context.user.id, self.clock.now()).await
    }

    /// Ends one of the caller's sessions. False when they have no such open session.
    pub async fn end_own_session(
        &self,
        caller: &Caller,
        session: SessionId,
        origin: Origin,
    ) -> Result<bool, StoreError> {
        let found = self.store.find_live_session(session).await?;
        if found.is_none_or(|live| live.user_id != caller.context.user.id) {
            return Ok(false);
        }
        self.end(session, caller.context.user.id, EndReason::SignedOut, &origin).await
    }

    /// Ends every session of the caller but the one they ask with. Answers how many were open.
    pub async fn end_other_sessions(&self, caller: &Caller, origin: Origin) -> Result<u64, StoreError> {
        let mut ended = 0;
        for session in self.own_sessions(caller).await? {
            if Some(session.id) != caller.session
                && self.end(session.id, session.user_id, EndReason::SignedOut, &origin).await?
            {
                ended += 1;
            }
        }
        Ok(ended)
    }
}
