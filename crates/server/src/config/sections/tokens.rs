//! Tokens and the keys under them.

use doorward_protocol::algorithm::Algorithm;
use jiff::SignedDuration;
use secrecy::SecretString;

use super::super::mistake::Mistake;
use super::super::quantity::Span;
use super::super::values::Values;

/// Tokens.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    /// What signs.
    pub(crate) algorithm: Algorithm,
    /// The shared secret of HS256.
    pub(crate) secret: Option<SecretString>,
    /// How long a refresh token may be used.
    pub(crate) refresh_ttl: SignedDuration,
    /// How long a replaced one may be repeated.
    pub(crate) refresh_grace: SignedDuration,
    /// Seals the signing keys in the store.
    pub(crate) encryption_key: Option<SecretString>,
    /// How long a new key is public before it signs.
    pub(crate) key_lead: SignedDuration,
}

impl Tokens {
    pub(super) fn read(values: &Values) -> Result<Self, Mistake> {
        Ok(Self {
            algorithm: values.one("tokens.algorithm")?,
            secret: values.secret("tokens.secret"),
            refresh_ttl: values.one::<Span>("tokens.refresh_ttl")?.into(),
            refresh_grace: values.one::<Span>("tokens.refresh_grace")?.into(),
            encryption_key: values.secret("tokens.encryption_key"),
            key_lead: values.one::<Span>("tokens.key_lead")?.into(),
        })
    }
}
