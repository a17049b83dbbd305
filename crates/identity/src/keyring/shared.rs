//! The secret of HS256, which other services may hold too, and how it is replaced: a new one verifies at once and signs
//! from when everybody has surely taken note of it; the former verifies until the last token it signed is over.

use std::sync::{Arc, PoisonError, RwLock};

use doorward_protocol::jwk::{SigningKey, VerifyingKey};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};

use crate::Identity;
use crate::settings::Settings;

/// The secrets that count on this node, the newest last.
pub(super) struct SharedSecrets {
    secrets: RwLock<Arc<[Shared]>>,
    /// How long after its last signature a secret verifies.
    spare: SignedDuration,
}

/// One of them.
#[derive(Clone)]
struct Shared {
    secret: SecretString,
    signs_from: Timestamp,
    signing: Arc<SigningKey>,
    verifying: Arc<VerifyingKey>,
}

impl SharedSecrets {
    /// The secret of the settings, and the one it replaced, as long as that counts. A secret verifies `spare` longer than it
    /// signs.
    pub(super) fn new(settings: &Settings, spare: SignedDuration) -> Self {
        let former = settings.former_secret.as_ref();
        let signs_from = former.map_or(Timestamp::MIN, |former| former.succeeded_at);
        let former = former.map(|former| Shared::new(&former.secret, Timestamp::MIN));
        let current = settings.secret.as_ref().map(|secret| Shared::new(secret, signs_from));
        Self { secrets: RwLock::new(former.into_iter().chain(current).collect()), spare }
    }

    /// Whether there is any.
    pub(super) fn is_empty(&self) -> bool {
        self.all().is_empty()
    }

    /// The one that signs now.
    pub(super) fn signer(&self, now: Timestamp) -> Option<Arc<SigningKey>> {
        let all = self.all();
        let signer = all.iter().rev().find(|shared| shared.signs_from <= now).or(all.first());
        signer.map(|shared| Arc::clone(&shared.signing))
    }

    /// Those that verify now, the newest first.
    pub(super) fn verifiers(&self, now: Timestamp) -> Vec<Arc<VerifyingKey>> {
        let all = self.all();
        let counts = (0..all.len()).rev().filter(|at| self.counts(&all, *at, now));
        counts.map(|at| Arc::clone(&all[at].verifying)).collect()
    }

    /// Takes a new one up, and drops those that are over.
    fn take_up(&self, secret: &SecretString, signs_from: Timestamp, now: Timestamp) {
        let mut secrets = self.secrets.write().unwrap_or_else(PoisonError::into_inner);
        if secrets.last().is_some_and(|last| last.secret.expose_secret() == secret.expose_secret()) {
            return;
        }
        let counting = (0..secrets.len()).filter(|at| self.counts(&secrets, *at, now));
        let mut next: Vec<_> = counting.map(|at| secrets[at].clone()).collect();
        next.push(Shared::new(secret, signs_from));
        *secrets = next.into();
    }

    /// Until its tokens are over, which its successor's first signature tells.
    fn counts(&self, all: &[Shared], at: usize, now: Timestamp) -> bool {
        let end = all.get(at + 1).and_then(|next| next.signs_from.checked_add(self.spare).ok());
        end.is_none_or(|end| now < end)
    }

    fn all(&self) -> Arc<[Shared]> {
        Arc::clone(&self.secrets.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Shared {
    fn new(secret: &SecretString, signs_from: Timestamp) -> Self {
        let bytes = secret.expose_secret().as_bytes();
        let (signing, verifying) = (Arc::new(SigningKey::hmac(bytes)), Arc::new(VerifyingKey::hmac(bytes)));
        Self { secret: secret.clone(), signs_from, signing, verifying }
    }
}

impl Identity {
    /// Takes another shared secret up: it verifies at once and signs from then on. Does nothing if it is known.
    pub fn replace_shared_secret(&self, secret: &SecretString, signs_from: Timestamp) {
        self.keyring.shared.take_up(secret, signs_from, self.clock.now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap_or_default()
    }

    fn secrets(given: &[(&str, Timestamp)]) -> SharedSecrets {
        let given = given.iter().map(|(secret, from)| Shared::new(&(*secret).into(), *from));
        SharedSecrets { secrets: RwLock::new(given.collect()), spare: SignedDuration::from_secs(100) }
    }

    /// Which secrets sign and verify, as their places in the list.
    fn state(secrets: &SharedSecrets, now: i64) -> (usize, usize) {
        let (all, signer) = (secrets.all(), secrets.signer(at(now)));
        let signer = all.iter().position(|shared| signer.as_ref().is_some_and(|key| Arc::ptr_eq(key, &shared.signing)));
        (signer.unwrap_or(usize::MAX), secrets.verifiers(at(now)).len())
    }

    #[test]
    fn a_new_secret_verifies_at_once_signs_later_and_outlives_the_former() {
        let secrets = secrets(&[("one", Timestamp::MIN)]);
        secrets.take_up(&"two".into(), at(1_010), at(1_000));
        assert_eq!(state(&secrets, 1_000), (0, 2));
        assert_eq!(state(&secrets, 1_009), (0, 2));
        assert_eq!(state(&secrets, 1_010), (1, 2));
        assert_eq!(state(&secrets, 1_109), (1, 2));
        assert_eq!(state(&secrets, 1_110), (1, 1));
        // Read again and again, it is the same.
        secrets.take_up(&"two".into(), at(1_030), at(1_020));
        assert_eq!(state(&secrets, 1_020), (1, 2));
        secrets.take_up(&"three".into(), at(2_010), at(2_000));
        assert_eq!((state(&secrets, 2_000), secrets.all().len()), ((0, 2), 2));
    }

    #[test]
    fn a_start_between_two_secrets_signs_as_the_others_do() {
        let secrets = secrets(&[("one", Timestamp::MIN), ("two", at(1_000))]);
        assert_eq!(state(&secrets, 999), (0, 2));
        assert_eq!(state(&secrets, 1_000), (1, 2));
        assert_eq!(state(&secrets, 1_100), (1, 1));
    }
}
