//! The port to trusted outside issuers: whose tokens count here, and with which keys they are checked.

use std::sync::Arc;

use async_trait::async_trait;
use doorward_protocol::jwk::VerifyingKey;

/// An issuer the operator trusts.
#[derive(Clone, Debug)]
pub struct TrustedIssuer {
    /// `iss`, compared byte for byte.
    pub issuer: String,
    /// One of these must be in `aud`.
    pub audiences: Vec<String>,
    /// How its tokens say for whom they are.
    pub dialect: TokenDialect,
}

/// How an issuer's tokens say for whom and for what they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenDialect {
    /// By `aud` (RFC 7519).
    #[default]
    Standard,
    /// As Amazon Cognito does: ID tokens by `aud`, access tokens by `client_id`, and both must say by `token_use` which they
    /// are.
    Cognito,
}

/// Finds the keys of trusted issuers.
#[async_trait]
pub trait OutsideKeys: Send + Sync {
    /// The trusted issuer of that name. Never fetches: an unknown name costs nothing.
    fn issuer(&self, issuer: &str) -> Option<&TrustedIssuer>;

    /// The issuer's keys that may have signed a token with that `kid` (all of them when the token names none).
    /// Empty when the issuer has no such key. Cached; works with what it has while the issuer is down.
    async fn keys(&self, issuer: &TrustedIssuer, kid: Option<&str>) -> Result<Vec<Arc<VerifyingKey>>, KeysUnavailable>;
}

/// The issuer gave no keys, and none are remembered.
#[derive(Debug, thiserror::Error)]
#[error("the keys of {issuer} cannot be had: {reason}")]
pub struct KeysUnavailable {
    /// The issuer.
    pub issuer: String,
    /// What went wrong, safe to show.
    pub reason: String,
}

/// Trusts nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoIssuers;

#[async_trait]
impl OutsideKeys for NoIssuers {
    fn issuer(&self, _: &str) -> Option<&TrustedIssuer> {
        None
    }

    async fn keys(&self, issuer: &TrustedIssuer, _: Option<&str>) -> Result<Vec<Arc<VerifyingKey>>, KeysUnavailable> {
        Err(KeysUnavailable { issuer: issuer.issuer.clone(), reason: "not trusted".to_owned() })
    }
}
