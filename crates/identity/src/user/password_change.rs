//! The words for a change of password: the one intent behind changing and resetting it.

use doorward_protocol::opaque::SecretHash;

use crate::credential::PasswordHash;
use crate::mail::NewMail;
use crate::{SessionId, UserId};

/// Another password, and all that comes with it.
#[derive(Clone, Copy, Debug)]
pub struct PasswordChange<'c> {
    /// Whose.
    pub user: UserId,
    /// What entitles to it, checked in the same step.
    pub proof: PasswordProof<'c>,
    /// The new hash; none where another keeps the passwords, and has the new one already.
    pub new_hash: Option<&'c PasswordHash>,
    /// The session that goes on; all others end.
    pub keep: Option<SessionId>,
    /// The mail that tells the owner.
    pub notice: &'c NewMail,
}

/// What entitles to a change of password.
#[derive(Clone, Copy, Debug)]
pub enum PasswordProof<'p> {
    /// The current password was right, and this is still its hash.
    Current(&'p PasswordHash),
    /// A grant, which is used up. Its owner read mail, so the address counts as verified.
    Grant(&'p SecretHash),
    /// The pool that keeps the passwords took the current one.
    Pool,
}
