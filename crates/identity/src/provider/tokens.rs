//! A provider's tokens as they are kept: sealed for their session, with when to renew them.

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString, zeroize::Zeroizing};
use serde::{Deserialize, Serialize};

use super::ProviderTokens;
use crate::fault::Internal;
use crate::{Identity, SessionId};

/// The least time before their end at which tokens are renewed, and the renewal of tokens whose end is unknown.
const LEAST_MARGIN: SignedDuration = SignedDuration::from_mins(1);
const UNKNOWN_LIFE: SignedDuration = SignedDuration::from_hours(1);
/// The wait after the first renewal that got no answer; doubles with each further one.
const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(30);
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(15);

/// Tokens, and how often their renewal got no answer in a row.
pub(super) struct KeptTokens {
    pub(super) tokens: ProviderTokens,
    pub(super) failures: u32,
}

/// What is sealed.
#[derive(Serialize, Deserialize)]
struct Plain<T> {
    access_token: T,
    refresh_token: Option<T>,
    id_token: Option<T>,
    expires_at: Option<Timestamp>,
    failures: u32,
}

impl KeptTokens {
    pub(super) const fn fresh(tokens: ProviderTokens) -> Self {
        Self { tokens, failures: 0 }
    }

    /// When to renew them; `None` when they cannot be.
    pub(super) fn renew_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.tokens.refresh_token.as_ref()?;
        let wait = match (self.failures, self.tokens.expires_at) {
            (0, Some(expires_at)) => {
                let life = expires_at.duration_since(now).max(LEAST_MARGIN);
                life - (life / 10).max(LEAST_MARGIN).min(life / 2)
            }
            (0, None) => UNKNOWN_LIFE,
            (failures, _) => {
                let doublings = (failures - 1).min(16);
                FIRST_WAIT.checked_mul(1 << doublings).map_or(LONGEST_WAIT, |wait| wait.min(LONGEST_WAIT))
            }
        };
        Some(now.checked_add(wait).unwrap_or(Timestamp::MAX))
    }
}

impl Identity {
    /// Seals a session's tokens; they can be opened for that session only.
    pub(super) fn seal_tokens(&self, session: SessionId, kept: &KeptTokens) -> Result<Vec<u8>, Internal> {
        let tokens = &kept.tokens;
        let plain = Plain {
            access_token: tokens.access_token.expose_secret(),
            refresh_token: tokens.refresh_token.as_ref().map(ExposeSecret::expose_secret),
            id_token: tokens.id_token.as_ref().map(ExposeSecret::expose_secret),
            expires_at: tokens.expires_at,
            failures: kept.failures,
        };
        let plain = Zeroizing::new(serde_json::to_vec(&plain).map_err(Internal::new)?);
        self.keyring.sealing.seal(&purpose(session), &plain, &*self.entropy).map_err(Internal::new)
    }

    pub(super) fn open_tokens(&self, session: SessionId, sealed: &[u8]) -> Result<KeptTokens, Internal> {
        let plain = self.keyring.sealing.open(&purpose(session), sealed).map_err(Internal::new)?;
        let plain: Plain<String> = serde_json::from_slice(&plain).map_err(Internal::new)?;
        let tokens = ProviderTokens {
            access_token: plain.access_token.into(),
            refresh_token: plain.refresh_token.map(SecretString::from),
            id_token: plain.id_token.map(SecretString::from),
            expires_at: plain.expires_at,
        };
        Ok(KeptTokens { tokens, failures: plain.failures })
    }
}

fn purpose(session: SessionId) -> String {
    format!("provider tokens of {session}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(refresh_token: Option<&str>, life: Option<i64>, failures: u32) -> Option<i64> {
        let tokens = ProviderTokens {
            access_token: "a".into(),
            refresh_token: refresh_token.map(Into::into),
            id_token: None,
            expires_at: life.map(|life| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(life)),
        };
        KeptTokens { tokens, failures }.renew_at(Timestamp::UNIX_EPOCH).map(Timestamp::as_second)
    }

    #[test]
    fn tokens_are_renewed_before_their_end_and_never_at_once() {
        assert_eq!(wait(None, Some(3600), 0), None);
        for (life, expected) in [(36_000, 32_400), (3600, 3240), (600, 540), (300, 240), (90, 45), (10, 30), (-5, 30)] {
            assert_eq!(wait(Some("r"), Some(life), 0), Some(expected), "{life}");
        }
        assert_eq!(wait(Some("r"), None, 0), Some(3600));
    }

    #[test]
    fn a_provider_that_is_down_is_asked_less_and_less_often() {
        let waits: Vec<_> = (1..8).filter_map(|failures| wait(Some("r"), Some(10), failures)).collect();
        assert_eq!(waits, [30, 60, 120, 240, 480, 900, 900]);
        assert_eq!(wait(Some("r"), None, u32::MAX), Some(900));
    }
}
