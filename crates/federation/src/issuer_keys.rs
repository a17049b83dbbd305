//! The trusted issuers whose tokens count as bearer tokens, and their keys. When keys are fetched and how long they are
//! believed is `source`'s.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use doorward_identity::issuer::{KeysUnavailable, OutsideKeys, TrustedIssuer};
use doorward_protocol::jwk::VerifyingKey;

use crate::discovery::Search;
use crate::outbound::Outbound;
use crate::source::{Monotonic, Source, real_time};

/// An issuer the operator trusts, as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerConfig {
    /// `iss`, to the letter.
    pub issuer: String,
    /// One of these must be in `aud`.
    pub audiences: Vec<String>,
    /// Where its keys are, instead of what discovery would find.
    pub jwks_uri: Option<String>,
}

/// The trusted issuers and their keys.
pub struct IssuerKeys(HashMap<String, (TrustedIssuer, Arc<Source>)>);

impl IssuerKeys {
    /// Trusts these issuers. Nothing is fetched before [`Self::warm`] or the first token.
    pub fn new(issuers: Vec<IssuerConfig>, outbound: &Outbound) -> Self {
        Self::with_monotonic(issuers, outbound, &real_time())
    }

    pub(crate) fn with_monotonic(issuers: Vec<IssuerConfig>, outbound: &Outbound, monotonic: &Monotonic) -> Self {
        let source = |config: IssuerConfig| {
            let source = Source::new(Search::from(&config), outbound, monotonic);
            let IssuerConfig { issuer, audiences, .. } = config;
            (issuer.clone(), (TrustedIssuer { issuer, audiences }, source))
        };
        Self(issuers.into_iter().map(source).collect())
    }

    /// Begins to fetch every issuer's keys, so that the first tokens need not wait. Returns at once.
    pub fn warm(&self) {
        for (_, source) in self.0.values() {
            source.warm();
        }
    }
}

#[async_trait]
impl OutsideKeys for IssuerKeys {
    fn issuer(&self, issuer: &str) -> Option<&TrustedIssuer> {
        self.0.get(issuer).map(|(trusted, _)| trusted)
    }

    async fn keys(&self, issuer: &TrustedIssuer, kid: Option<&str>) -> Result<Vec<Arc<VerifyingKey>>, KeysUnavailable> {
        let unavailable = |reason: String| KeysUnavailable { issuer: issuer.issuer.clone(), reason };
        match self.0.get(&issuer.issuer) {
            Some((_, source)) => source.keys(kid).await.map_err(|error| unavailable(error.to_string())),
            None => Err(unavailable("not trusted".to_owned())),
        }
    }
}
