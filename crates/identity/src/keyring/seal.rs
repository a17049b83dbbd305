//! Sealing what others keep for us (private keys and providers' tokens in the store, a sign-in under way in a
//! browser): AES-256-GCM under a key derived from the operator's secret.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, hmac};
use doorward_protocol::opaque::SecretHash;
use secrecy::{ExposeSecret, SecretString, zeroize::Zeroizing};

use crate::Entropy;

/// First byte of everything sealed, so that the form can change one day.
const FORM: u8 = 1;
const CONTEXT: &[u8] = b"doorward key sealing v1";
const DIGEST_CONTEXT: &[u8] = b"doorward digests v1";

/// The key that seals.
pub struct SealingKey {
    sealing: LessSafeKey,
    digesting: hmac::Key,
}

/// What was sealed cannot be opened: another key, or somebody changed it.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("it was sealed with another encryption key, or was changed since")]
pub struct SealError;

impl SealingKey {
    /// Derives the key from a secret of any form (HKDF, RFC 5869, with SHA-256).
    pub fn derive(secret: &SecretString) -> Result<Self, SealError> {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, CONTEXT);
        let derived = salt.extract(secret.expose_secret().as_bytes());
        let key = derived.expand(&[CONTEXT], &AES_256_GCM).map_err(|_| SealError)?;
        let digesting = derived.expand(&[DIGEST_CONTEXT], hkdf::HKDF_SHA256).map_err(|_| SealError)?;
        let mut bytes = Zeroizing::new([0; 32]);
        digesting.fill(&mut *bytes).map_err(|_| SealError)?;
        Ok(Self {
            sealing: LessSafeKey::new(UnboundKey::from(key)),
            digesting: hmac::Key::new(hmac::HMAC_SHA256, &*bytes),
        })
    }

    /// A digest of something that could be guessed without the key.
    pub(crate) fn digest(&self, text: &str) -> SecretHash {
        let mut digest = [0; SecretHash::BYTES];
        digest.copy_from_slice(hmac::sign(&self.digesting, text.as_bytes()).as_ref());
        SecretHash::from_bytes(digest)
    }

    /// Seals `plain` for the place called `name`; it can be opened only under that name.
    pub(crate) fn seal(&self, name: &str, plain: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>, SealError> {
        let nonce = entropy.bytes::<NONCE_LEN>();
        let mut sealed = plain.to_vec();
        self.sealing
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(name), &mut sealed)
            .map_err(|_| SealError)?;
        Ok([&[FORM], &nonce[..], &sealed].concat())
    }

    /// Opens what was sealed under `name`.
    pub(crate) fn open(&self, name: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (&form, rest) = sealed.split_first().ok_or(SealError)?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE_LEN>().ok_or(SealError)?;
        if form != FORM {
            return Err(SealError);
        }
        let mut buffer = Zeroizing::new(rest.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self.sealing.open_in_place(nonce, Aad::from(name), &mut buffer).map_err(|_| SealError)?.len();
        buffer.truncate(length);
        Ok(buffer)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::entropy::SeededEntropy;

    #[test]
    fn only_the_same_key_under_the_same_name_opens() {
        let entropy = SeededEntropy::new(1);
        let key = SealingKey::derive(&"one secret".into()).unwrap();
        let sealed = key.seal("kid-1", b"private", &entropy).unwrap();
        assert_eq!(key.open("kid-1", &sealed).unwrap().as_slice(), b"private");
        assert!(key.open("kid-2", &sealed).is_err());
        assert!(SealingKey::derive(&"another".into()).unwrap().open("kid-1", &sealed).is_err());
        for position in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[position] ^= 1;
            assert!(key.open("kid-1", &changed).is_err(), "byte {position}");
        }
        assert!((0..sealed.len()).all(|length| key.open("kid-1", &sealed[..length]).is_err()));
    }
}
