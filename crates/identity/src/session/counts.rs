//! Whether somebody who was judged a while ago still counts: asked for streams and tunnels, which outlive the
//! request they began with.

use jiff::Timestamp;

use super::{Caller, ValidateError};
use crate::{Identity, StoreError};

impl Identity {
    /// Whether the caller's session is open and their account active. An open stream uses its session, so the end of
    /// a cookie's moves on. A store that does not answer cuts nobody off until the memory of this node is too old.
    pub async fn still_counts(&self, caller: &Caller) -> bool {
        let now = self.clock.now();
        if caller.expires_at <= now {
            return false;
        }
        match self.ask_again(caller, now).await {
            Ok(counts) => counts,
            Err(_) => !self.live.is_deaf(),
        }
    }

    async fn ask_again(&self, caller: &Caller, now: Timestamp) -> Result<bool, StoreError> {
        let user = caller.context.user.id;
        let Some(session) = caller.session else {
            let known = match self.live.person(user) {
                Some(context) => Some(context.user.is_active()),
                None => self.store.find_user(user).await?.map(|user| user.is_active()),
            };
            return Ok(known.unwrap_or(false));
        };
        match self.live_caller(session, user, now).await {
            Ok(_) => {}
            Err(ValidateError::Store(error)) => return Err(error),
            Err(ValidateError::Rejected(_) | ValidateError::Keys(_)) => return Ok(false),
        }
        match self.live.cookie(session) {
            Some(cookie) => Ok(self.touch(session, &cookie, now).await.is_ok()),
            None => Ok(true),
        }
    }
}
