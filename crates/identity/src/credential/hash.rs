//! How passwords are kept: bcrypt (`2b`), passlib's `bcrypt-sha256` for what bcrypt would cut, and argon2id.
//!
//! Everything here is slow on purpose and runs on the hashing threads only.

use std::time::{Duration, Instant};

use argon2::Argon2;
use argon2::password_hash::phc;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD, STANDARD, STANDARD_NO_PAD};
use secrecy::{ExposeSecret, SecretString};

use crate::Entropy;

/// What bcrypt looks at; the rest it cuts without a word.
const BCRYPT_LIMIT: usize = 72;
/// The highest bcrypt cost a stored hash may ask for: 16 is about five seconds of one core.
const MAX_BCRYPT_COST: u32 = 16;
/// The most memory a stored argon2id hash may ask for, in KiB.
const MAX_ARGON2_MEMORY: u32 = 1024 * 1024;
/// The most passes a stored argon2id hash may ask for.
const MAX_ARGON2_ITERATIONS: u32 = 32;
/// bcrypt's own base64.
const BCRYPT_BASE64: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::BCRYPT, NO_PAD);
const BCRYPT_SHA256: &str = "$bcrypt-sha256$";

/// A password's hash in its textual form, as the store keeps it.
#[derive(Clone)]
pub struct PasswordHash(SecretString);

impl PasswordHash {
    /// Wraps what a store gave.
    pub fn from_stored(text: String) -> Self {
        Self(text.into())
    }

    /// The text for the store.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash([REDACTED])")
    }
}

/// How new passwords are hashed. Both kinds are always verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashScheme {
    /// bcrypt, `2b`.
    Bcrypt {
        /// Logarithm of the rounds, 4 to 16.
        cost: u32,
    },
    /// argon2id (RFC 9106), version 19, one lane.
    Argon2id {
        /// Memory in KiB.
        memory: u32,
        /// Passes over it.
        iterations: u32,
    },
}

/// Hashing failed; only a wrong setting or a bug can cause it.
#[derive(Debug, thiserror::Error)]
#[error("a password cannot be hashed: {0}")]
pub(crate) struct HashFailure(String);

impl HashScheme {
    /// Hashes a password with a fresh salt.
    pub(super) fn hash(self, password: &SecretString, entropy: &dyn Entropy) -> Result<PasswordHash, HashFailure> {
        let password = password.expose_secret().as_bytes();
        let salt = entropy.bytes::<16>();
        let text = match self {
            Self::Bcrypt { cost } if fits_bcrypt(password) => bcrypt_text(password, cost, salt)?,
            Self::Bcrypt { cost } => bcrypt_sha256_text(password, cost, salt)?,
            Self::Argon2id { .. } => {
                let hash: phc::PasswordHash =
                    self.argon2()?.hash_password_with_salt(password, &salt).map_err(failure)?;
                hash.to_string()
            }
        };
        Ok(PasswordHash(text.into()))
    }

    /// How long one hash takes on this machine; none if the scheme's settings are impossible. For a diagnosis: it
    /// does the work on the caller's thread.
    pub fn time_one(self, entropy: &dyn Entropy) -> Option<Duration> {
        let started = Instant::now();
        self.hash(&SecretString::from("a password to be timed"), entropy).ok()?;
        Some(started.elapsed())
    }

    /// A hash of no password at all, which costs as much to verify as any of this scheme. Not computed: the start
    /// of a process shall not wait for it.
    pub(super) fn decoy(self) -> PasswordHash {
        let text = match self {
            Self::Bcrypt { cost } => {
                format!("$2b${cost:02}${}{}", BCRYPT_BASE64.encode([0; 16]), BCRYPT_BASE64.encode([0; 23]))
            }
            Self::Argon2id { memory, iterations } => format!(
                "$argon2id$v=19$m={memory},t={iterations},p=1${}${}",
                STANDARD_NO_PAD.encode([0; 16]),
                STANDARD_NO_PAD.encode([0; 32])
            ),
        };
        PasswordHash(text.into())
    }

    /// Whether a stored hash was made otherwise than this scheme would make it now.
    pub(super) fn differs_from(self, hash: &PasswordHash) -> bool {
        match (self, Kind::of(hash.expose())) {
            (Self::Bcrypt { cost }, Some(Kind::Bcrypt { cost: stored, current_variant })) => {
                cost != stored || !current_variant
            }
            (Self::Bcrypt { cost }, Some(Kind::BcryptSha256(parts))) => cost != parts.cost,
            (Self::Argon2id { memory, iterations }, Some(Kind::Argon2(stored))) => argon2::Params::try_from(&*stored)
                .map_or(true, |params| (params.m_cost(), params.t_cost()) != (memory, iterations)),
            _ => true,
        }
    }

    fn argon2(self) -> Result<Argon2<'static>, HashFailure> {
        let (memory, iterations) = match self {
            Self::Argon2id { memory, iterations } => (memory, iterations),
            Self::Bcrypt { .. } => (argon2::Params::DEFAULT_M_COST, argon2::Params::DEFAULT_T_COST),
        };
        let params = argon2::Params::new(memory, iterations, 1, None).map_err(failure)?;
        Ok(Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params))
    }
}

/// Whether `hash` is the hash of `password`. A hash that cannot be read, or asks for more work than any Doorward
/// would, is nobody's.
pub(super) fn verify(hash: &PasswordHash, password: &SecretString) -> bool {
    let (text, password) = (hash.expose(), password.expose_secret().as_bytes());
    match Kind::of(text) {
        Some(Kind::Bcrypt { .. }) => {
            // What does not fit is wrong, but not sooner: the time would tell what kind of hash an account has, and
            // so that there is one.
            let fits = fits_bcrypt(password);
            let equals = bcrypt::verify(if fits { password } else { b"" }, text).unwrap_or(false);
            fits && equals
        }
        Some(Kind::BcryptSha256(parts)) => {
            let digest = sha256_digest(password, parts.salt);
            bcrypt::verify(digest, &format!("$2b${:02}${}{}", parts.cost, parts.salt, parts.checksum)).unwrap_or(false)
        }
        Some(Kind::Argon2(stored)) => Argon2::default().verify_password(password, &*stored).is_ok(),
        None => {
            tracing::error!("a stored password hash is of no kind that is verified here; nobody can sign in with it");
            false
        }
    }
}

/// Whether bcrypt sees all of a password. A NUL would end it, and repeat it, in bcrypt's eyes.
fn fits_bcrypt(password: &[u8]) -> bool {
    password.len() <= BCRYPT_LIMIT && !password.contains(&0)
}

fn bcrypt_text(password: &[u8], cost: u32, salt: [u8; 16]) -> Result<String, HashFailure> {
    let parts = bcrypt::hash_with_salt(password, cost, salt).map_err(failure)?;
    Ok(parts.format_for_version(bcrypt::Version::TwoB))
}

/// passlib's `bcrypt-sha256`, version 2: bcrypt over the base64 of HMAC-SHA-256 keyed with the salt's text.
fn bcrypt_sha256_text(password: &[u8], cost: u32, salt: [u8; 16]) -> Result<String, HashFailure> {
    let salt_text = BCRYPT_BASE64.encode(salt);
    let inner = bcrypt_text(sha256_digest(password, &salt_text).as_bytes(), cost, salt)?;
    let checksum = inner.get(29..).ok_or_else(|| failure("bcrypt gave a short hash"))?;
    Ok(format!("{BCRYPT_SHA256}v=2,t=2b,r={cost}${salt_text}${checksum}"))
}

fn sha256_digest(password: &[u8], salt_text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, salt_text.as_bytes());
    STANDARD.encode(hmac::sign(&key, password))
}

fn failure(error: impl std::fmt::Display) -> HashFailure {
    HashFailure(error.to_string())
}

/// What a stored text is, read without trusting it.
enum Kind<'t> {
    Bcrypt { cost: u32, current_variant: bool },
    BcryptSha256(Sha256Parts<'t>),
    Argon2(Box<phc::PasswordHash>),
}

struct Sha256Parts<'t> {
    cost: u32,
    salt: &'t str,
    checksum: &'t str,
}

impl<'t> Kind<'t> {
    fn of(text: &'t str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix(BCRYPT_SHA256) {
            Self::bcrypt_sha256(rest)
        } else if text.starts_with("$argon2id$") {
            let hash = phc::PasswordHash::new(text).ok()?;
            let params = argon2::Params::try_from(&hash).ok()?;
            let affordable = params.m_cost() <= MAX_ARGON2_MEMORY && params.t_cost() <= MAX_ARGON2_ITERATIONS;
            affordable.then(|| Self::Argon2(Box::new(hash)))
        } else {
            let variant = text.get(..4)?;
            let known = ["$2a$", "$2b$", "$2y$"].contains(&variant);
            let parts: bcrypt::HashParts = text.parse().ok()?;
            let cost = affordable(parts.get_cost())?;
            known.then_some(Self::Bcrypt { cost, current_variant: variant == "$2b$" })
        }
    }

    fn bcrypt_sha256(rest: &'t str) -> Option<Self> {
        let mut fields = rest.split('$');
        let (parameters, salt, checksum) = (fields.next()?, fields.next()?, fields.next()?);
        let cost = affordable(parameters.strip_prefix("v=2,t=2b,r=")?.parse().ok()?)?;
        let whole = fields.next().is_none() && salt.len() == 22 && checksum.len() == 31;
        whole.then_some(Self::BcryptSha256(Sha256Parts { cost, salt, checksum }))
    }
}

fn affordable(cost: u32) -> Option<u32> {
    (cost <= MAX_BCRYPT_COST).then_some(cost)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::entropy::SeededEntropy;

    const QUICK: HashScheme = HashScheme::Bcrypt { cost: 4 };
    const QUICK_ARGON: HashScheme = HashScheme::Argon2id { memory: 64, iterations: 1 };

    fn hash(scheme: HashScheme, password: &str) -> PasswordHash {
        scheme.hash(&password.into(), &SeededEntropy::new(7)).unwrap()
    }

    fn stored(text: &str) -> PasswordHash {
        PasswordHash::from_stored(text.to_owned())
    }

    #[test]
    fn both_schemes_verify_their_own_and_nothing_else() {
        for scheme in [QUICK, QUICK_ARGON] {
            let hash = hash(scheme, "SecurePass123!");
            assert!(verify(&hash, &"SecurePass123!".into()));
            for wrong in ["SecurePass123", "SecurePass123! ", "securePass123!", "", "null", "undefined", "\0"] {
                assert!(!verify(&hash, &wrong.into()), "{wrong:?}");
            }
        }
    }

    #[test]
    fn a_decoy_is_of_its_scheme_and_nobodys() {
        for scheme in [QUICK, QUICK_ARGON] {
            let decoy = scheme.decoy();
            // Read, so verified with all the work; and not in want of another hash.
            assert!(Kind::of(decoy.expose()).is_some() && !scheme.differs_from(&decoy));
            assert!(!verify(&decoy, &"".into()));
        }
    }

    #[test]
    fn nothing_is_cut_at_72_bytes() {
        let long = "x".repeat(72);
        for (one, other) in [(format!("{long}a"), format!("{long}b")), (long.clone(), format!("{long}a"))] {
            let hash = hash(QUICK, &one);
            assert!(verify(&hash, &one.as_str().into()));
            assert!(!verify(&hash, &other.as_str().into()));
        }
        assert!(hash(QUICK, &long).expose().starts_with("$2b$04$"));
        assert!(hash(QUICK, &format!("{long}a")).expose().starts_with("$bcrypt-sha256$v=2,t=2b,r=4$"));
    }

    #[test]
    fn a_nul_neither_ends_nor_repeats_a_password() {
        let hash = hash(QUICK, "ab");
        assert!(!verify(&hash, &"ab\0ab".into()));
    }

    #[test]
    fn a_password_that_bcrypt_would_cut_costs_what_any_other_does() {
        let hash = hash(HashScheme::Bcrypt { cost: 6 }, "ab");
        let once = |password: &str| {
            let started = Instant::now();
            assert!(!verify(&hash, &password.into()));
            started.elapsed()
        };
        // Often enough that others on the machine do not hold each of them up.
        let fastest = |password: &str| (0..20).map(|_| once(password)).min().unwrap();
        let usual = fastest("no");
        for cut in ["x".repeat(73), "a\0b".to_owned()] {
            // Without the work it is a thousandth.
            assert!(fastest(&cut) > usual / 4, "{cut:?}");
        }
    }

    #[test]
    fn other_libraries_hashes_verify() {
        // From the test vectors of crypt_blowfish, passlib's documentation and the argon2 reference program.
        for (text, password) in [
            ("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"),
            ("$2y$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e", "\u{ff}\u{ff}"),
            ("$bcrypt-sha256$v=2,t=2b,r=12$n79VH.0Q2TMWmt3Oqt9uku$Kq4Noyk3094Y2QlB8NdRT8SvGiI4ft2", "password"),
        ] {
            // The crypt_blowfish vector is over bytes that are no UTF-8 and only has to be recognised.
            assert!(Kind::of(text).is_some(), "{text}");
            assert!(verify(&stored(text), &password.into()) || password.starts_with('\u{ff}'), "{text}");
        }
    }

    #[test]
    fn odd_or_unaffordable_hashes_are_nobodys() {
        for odd in [
            "",
            "null",
            "$2b$",
            "$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            "$2x$05$short",
            "$2b$05$\u{e9}CCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe",
            "$argon2id$v=19$m=4294967295,t=1,p=1$c2FsdHNhbHQ$aGFzaA",
            "$bcrypt-sha256$v=2,t=2b,r=31$n79VH.0Q2TMWmt3Oqt9uku$Kq4Noyk3094Y2QlB8NdRT8SvGiI4ft2",
            "plain text",
        ] {
            assert!(!verify(&stored(odd), &"password".into()), "{odd}");
            assert!(!verify(&stored(odd), &odd.into()), "{odd}");
        }
    }

    #[test]
    fn a_changed_setting_asks_for_a_new_hash() {
        let hash = hash(QUICK, "SecurePass123!");
        assert!(!QUICK.differs_from(&hash));
        assert!(HashScheme::Bcrypt { cost: 5 }.differs_from(&hash));
        assert!(QUICK_ARGON.differs_from(&hash));
        assert!(!QUICK_ARGON.differs_from(&self::hash(QUICK_ARGON, "SecurePass123!")));
        assert!(HashScheme::Argon2id { memory: 128, iterations: 1 }.differs_from(&self::hash(QUICK_ARGON, "x")));
        assert!(QUICK.differs_from(&stored("$2a$04$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW")));
    }
}
