//! Opaque bearer secrets, such as refresh tokens and session handles: their text, their hash at rest, their successors.
//! Knows no store and no expiry.

use std::fmt;

use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretBox, SecretString};
use subtle::ConstantTimeEq;

const ID_BYTES: usize = 16;
const SECRET_BYTES: usize = 32;
/// Length of the base64url text of that many bytes.
const ID_CHARS: usize = 22;
const SEPARATOR: &str = "_";

/// What an opaque token is for. Its prefix makes a leaked one recognizable, and one of the wrong kind is refused before
/// any lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Renews a session.
    Refresh,
    /// Is a session, in a cookie.
    Session,
    /// Allows to choose a new password, once.
    PasswordReset,
}

impl Kind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Refresh => "dwr",
            Self::Session => "dws",
            Self::PasswordReset => "dwp",
        }
    }
}

/// A bearer secret: `<prefix>_<id>_<secret>`, the last two in base64url.
pub struct OpaqueToken {
    kind: Kind,
    id: [u8; ID_BYTES],
    secret: SecretBox<[u8; SECRET_BYTES]>,
}

impl OpaqueToken {
    /// A token of fresh random bytes.
    pub fn new(kind: Kind, id: [u8; ID_BYTES], secret: [u8; SECRET_BYTES]) -> Self {
        Self { kind, id, secret: SecretBox::new(Box::new(secret)) }
    }

    /// Reads a token of that kind in exactly the form [`Self::expose`] gives; any other text is `None`.
    pub fn parse(kind: Kind, text: &str) -> Option<Self> {
        let rest = text.strip_prefix(kind.prefix())?.strip_prefix(SEPARATOR)?;
        // The base64url alphabet contains the separator, so the parts are told apart by length.
        let (id, rest) = rest.split_at_checked(ID_CHARS)?;
        let secret = rest.strip_prefix(SEPARATOR)?;
        Some(Self::new(kind, bytes(id)?, bytes(secret)?))
    }

    /// Names the token's family without being secret.
    pub fn id(&self) -> [u8; ID_BYTES] {
        self.id
    }

    /// What a store keeps instead of the token. The secret has 256 random bits, so a plain SHA-256 is enough.
    pub fn hash(&self) -> SecretHash {
        SecretHash::of(self.expose().expose_secret())
    }

    /// The token that follows this one. The same salt gives the same successor, so that a repeated exchange can be
    /// answered alike without keeping the successor's secret.
    #[must_use]
    pub fn successor(&self, salt: &[u8; 16]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.expose_secret());
        let mut context = hmac::Context::with_key(&key);
        context.update(b"doorward refresh successor v1");
        context.update(salt);
        let mut secret = [0; SECRET_BYTES];
        secret.copy_from_slice(context.sign().as_ref());
        Self::new(self.kind, self.id, secret)
    }

    /// The text to hand to the bearer.
    pub fn expose(&self) -> SecretString {
        let mut text = String::with_capacity(80);
        text.push_str(self.kind.prefix());
        text.push_str(SEPARATOR);
        BASE64_URL_SAFE_NO_PAD.encode_string(self.id, &mut text);
        text.push_str(SEPARATOR);
        BASE64_URL_SAFE_NO_PAD.encode_string(self.secret.expose_secret(), &mut text);
        text.into()
    }
}

impl fmt::Debug for OpaqueToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpaqueToken").field("kind", &self.kind).finish_non_exhaustive()
    }
}

fn bytes<const SIZE: usize>(text: &str) -> Option<[u8; SIZE]> {
    BASE64_URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

/// The SHA-256 of a text nobody can guess, such as an [`OpaqueToken`]'s, as a store keeps it. Compared in constant time.
#[derive(Clone, Copy)]
pub struct SecretHash([u8; SecretHash::BYTES]);

impl SecretHash {
    /// Its length.
    pub const BYTES: usize = 32;

    /// The hash of a text.
    pub fn of(text: &str) -> Self {
        let mut hash = [0; Self::BYTES];
        hash.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
        Self(hash)
    }

    /// A digest of the same form that was made in another way, such as under a key.
    pub const fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    pub fn as_bytes(&self) -> &[u8; SecretHash::BYTES] {
        &self.0
    }

    /// A hash as stored; `None` for another length.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl PartialEq for SecretHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SecretHash {}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(..)")
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    const ID: [u8; ID_BYTES] = [0xfb; ID_BYTES];
    const SECRET: [u8; SECRET_BYTES] = [7; SECRET_BYTES];

    fn text(token: &OpaqueToken) -> String {
        token.expose().expose_secret().to_owned()
    }

    #[test]
    fn the_text_is_kind_id_and_secret() {
        let token = OpaqueToken::new(Kind::Refresh, ID, SECRET);
        let expected = "dwr_-_v7-_v7-_v7-_v7-_v7-w_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";
        assert_eq!(text(&token), expected);
        assert_eq!(token.hash().as_bytes(), digest::digest(&digest::SHA256, expected.as_bytes()).as_ref());
    }

    #[test]
    fn a_text_cut_extended_or_changed_is_no_token_or_another_one() {
        let token = OpaqueToken::new(Kind::Refresh, ID, SECRET);
        let whole = text(&token);
        for length in 0..whole.len() {
            assert!(OpaqueToken::parse(Kind::Refresh, &whole[..length]).is_none(), "cut to {length}");
            assert!(OpaqueToken::parse(Kind::Refresh, &whole[length + 1..]).is_none(), "cut from {length}");
        }
        for added in ["A", "=", "_", " ", "\n", "\0", "é"] {
            assert!(OpaqueToken::parse(Kind::Refresh, &format!("{whole}{added}")).is_none());
            assert!(OpaqueToken::parse(Kind::Refresh, &format!("{added}{whole}")).is_none());
        }
        for (at, bit) in (0..whole.len()).flat_map(|at| (0..7).map(move |bit| (at, bit))) {
            let mut changed = whole.clone().into_bytes();
            changed[at] ^= 1 << bit;
            let changed = String::from_utf8(changed).unwrap();
            if let Some(other) = OpaqueToken::parse(Kind::Refresh, &changed) {
                assert_eq!(text(&other), changed, "only the canonical text is read");
                assert_ne!(other.hash(), token.hash());
            }
        }
    }

    #[test]
    fn one_kind_is_never_read_or_hashed_as_another() {
        let [refresh, session] = [Kind::Refresh, Kind::Session].map(|kind| OpaqueToken::new(kind, ID, SECRET));
        assert!(OpaqueToken::parse(Kind::Session, &text(&refresh)).is_none());
        assert!(OpaqueToken::parse(Kind::Refresh, &text(&session)).is_none());
        assert_ne!(refresh.hash(), session.hash());
        assert_eq!(OpaqueToken::parse(Kind::Session, &text(&session)).unwrap().hash(), session.hash());
    }

    #[test]
    fn a_successor_follows_from_token_and_salt_alone() {
        let token = OpaqueToken::new(Kind::Refresh, ID, SECRET);
        let next = token.successor(&[1; 16]);
        assert_eq!(next.id(), token.id());
        assert_eq!(text(&next), text(&token.successor(&[1; 16])));
        assert_ne!(text(&next), text(&token.successor(&[2; 16])));
        assert_ne!(text(&next), text(&OpaqueToken::new(Kind::Refresh, ID, [8; 32]).successor(&[1; 16])));
        assert_ne!(next.hash(), token.hash());
        // Fixed for ever: a repeat during an upgrade must get the successor of the first time.
        assert_eq!(next.secret.expose_secret()[..4], [8, 9, 142, 221]);
    }

    #[test]
    fn nothing_secret_is_printed() {
        let token = OpaqueToken::new(Kind::Refresh, ID, SECRET);
        assert_eq!(format!("{token:?} {:?}", token.hash()), "OpaqueToken { kind: Refresh, .. } SecretHash(..)");
    }

    #[test]
    fn a_hash_is_read_back_only_at_its_length() {
        let hash = OpaqueToken::new(Kind::Refresh, ID, SECRET).hash();
        assert_eq!(SecretHash::from_slice(hash.as_bytes()), Some(hash));
        assert_eq!(SecretHash::from_slice(&hash.as_bytes()[1..]), None);
        assert_eq!(SecretHash::from_slice(&[0; 33]), None);
        assert_ne!(SecretHash::from_slice(&[0; 32]), Some(hash));
    }

    proptest! {
        #[test]
        fn every_token_is_read_back(id: [u8; ID_BYTES], secret: [u8; SECRET_BYTES]) {
            let token = OpaqueToken::new(Kind::Refresh, id, secret);
            let read = OpaqueToken::parse(Kind::Refresh, &text(&token)).unwrap();
            prop_assert_eq!((read.id(), read.hash()), (id, token.hash()));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "(dwr_)?.{0,80}") {
            prop_assert!(OpaqueToken::parse(Kind::Refresh, &text).is_none_or(|token| token.expose().expose_secret() == text));
        }
    }
}
