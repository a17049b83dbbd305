//! Whether somebody who was judged a while ago still counts: asked for streams and tunnels, which outlive the
//! request they began with.

use jiff::Timestamp;

use super::{Caller, ValidateError};
use crate::user::User;
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
            // Their token is none of ours to end, but since they were judged all they had may have ended together.
            let signed_out_at = caller.context.user.signed_out_at;
            let counts = |user: &User| user.is_active() && user.signed_out_at == signed_out_at;
            return Ok(match self.live.person(user) {
                Some(context) => counts(&context.user),
                None => self.store.find_user(user).await?.is_some_and(|user| counts(&user)),
            });
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
