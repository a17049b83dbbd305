//! A sign-in under way at a provider: what a browser carries for us, sealed, until it comes back. Nothing is stored
//! for somebody who has not come back.
//!
//! The state begins with the flow's id, which also names the cookie, so that several tabs do not disturb each other.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::fault::Internal;
use crate::{Entropy, Identity, SessionId, UserId};

/// How long somebody may take at the provider.
pub(super) const FLOW_LIFE: SignedDuration = SignedDuration::from_mins(10);
/// What a flow is sealed for.
const PURPOSE: &str = "provider sign-in";
/// Length of a flow's id: eight bytes in lower-case hex.
const ID_CHARS: usize = 16;

/// A sign-in under way.
#[derive(Serialize, Deserialize)]
pub(super) struct Flow {
    pub(super) state: String,
    pub(super) nonce: String,
    pub(super) verifier: String,
    pub(super) provider: String,
    /// The issuer that the provider's name stood for when the browser left.
    pub(super) issuer: String,
    pub(super) return_to: Option<String>,
    pub(super) max_age: Option<SignedDuration>,
    pub(super) link_to: Option<Link>,
    pub(super) expires_at: Timestamp,
}

/// The account that shall get the identity, and the session it was asked from.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct Link {
    pub(super) user: UserId,
    pub(super) session: SessionId,
}

/// The id of the flow that a state belongs to; `None` for what is no state of ours.
pub fn flow_id(state: &str) -> Option<&str> {
    let (id, _) = state.split_once('.')?;
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (id.len() == ID_CHARS && id.bytes().all(is_hex)).then_some(id)
}

/// A state nobody can guess, of a new flow.
pub(super) fn new_state(entropy: &dyn Entropy) -> String {
    format!("{:016x}.{}", u64::from_be_bytes(entropy.bytes()), unguessable(entropy))
}

/// 256 random bits, also of the form that a PKCE verifier must have (RFC 7636, 4.1).
pub(super) fn unguessable(entropy: &dyn Entropy) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(entropy.bytes::<32>())
}

impl Flow {
    /// Whether the flow began with that state. Takes the same time whatever differs.
    pub(super) fn began_with(&self, state: &str) -> bool {
        verify_slices_are_equal(self.state.as_bytes(), state.as_bytes()).is_ok()
    }
}

impl Identity {
    pub(super) fn seal_flow(&self, flow: &Flow) -> Result<SecretString, Internal> {
        let plain = serde_json::to_vec(flow).map_err(Internal::new)?;
        let sealed = self.keyring.sealing.seal(PURPOSE, &plain, &*self.entropy).map_err(Internal::new)?;
        Ok(BASE64_URL_SAFE_NO_PAD.encode(sealed).into())
    }

    /// The flow that was sealed here, on whatever node; `None` for anything else.
    pub(super) fn open_flow(&self, sealed: &SecretString) -> Option<Flow> {
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(sealed.expose_secret()).ok()?;
        let plain = self.keyring.sealing.open(PURPOSE, &sealed).ok()?;
        serde_json::from_slice(&plain).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;

    #[test]
    fn a_state_names_its_flow_and_nothing_else_does() {
        let state = new_state(&SeededEntropy::new(7));
        assert_eq!(flow_id(&state), state.get(..ID_CHARS));
        assert_eq!(state.len(), ID_CHARS + 1 + 43);
        for odd in
            ["", ".", "0123456789abcdef", "0123456789ABCDEF.x", "0123456789abcde.x", "0123456789abcdef0.x", "../x.y"]
        {
            assert_eq!(flow_id(odd), None, "{odd}");
        }
    }
}
