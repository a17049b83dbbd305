//! The trusted issuers whose tokens count as bearer tokens, and their keys. When keys are fetched and how long they are
//! believed is `source`'s.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use doorward_identity::issuer::{KeysUnavailable, OutsideKeys, TokenDialect, TrustedIssuer};
use doorward_protocol::jwk::VerifyingKey;
use url::Url;

use crate::discovery::Search;
use crate::outbound::Outbound;
use crate::source::{Monotonic, Source, real_time};

/// An issuer the operator trusts, as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerConfig {
    /// `iss`, to the letter.
    pub issuer: String,
    /// One of these must be whom a token is for.
    pub audiences: Vec<String>,
    /// How its tokens say for whom they are; [`dialect_of`] tells it where the operator does not.
    pub dialect: TokenDialect,
    /// Where its keys are, instead of what discovery would find.
    pub jwks_uri: Option<String>,
}

/// How an issuer of that name speaks: Cognito's pools are known by their addresses.
pub fn dialect_of(issuer: &str) -> TokenDialect {
    let url: Option<Url> = issuer.parse().ok();
    let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
    // A pool's owner chooses between an issuer of its region and one that outlives it.
    let (begins, ends) = (["cognito-idp.", "issuer-cognito-idp."], [".amazonaws.com", ".amazonaws.com.cn"]);
    let cognito = begins.iter().any(|begin| host.starts_with(begin)) && ends.iter().any(|end| host.ends_with(end));
    if cognito { TokenDialect::Cognito } else { TokenDialect::Standard }
}

/// `iss` of the tokens of a Cognito pool.
pub fn pool_issuer(region: &str, pool_id: &str) -> String {
    // The Chinese partition has a domain of its own.
    let end = if region.starts_with("cn-") { ".cn" } else { "" };
    format!("https://cognito-idp.{region}.amazonaws.com{end}/{pool_id}")
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
            let IssuerConfig { issuer, audiences, dialect, .. } = config;
            (issuer.clone(), (TrustedIssuer { issuer, audiences, dialect }, source))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_of_cognito_are_known_by_their_address_and_nobody_else_is() {
        for issuer in [
            "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_abc",
            "https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_abc",
            "https://issuer-cognito-idp.us-east-1.amazonaws.com/us-east-1_abc",
            "https://COGNITO-IDP.eu-west-1.amazonaws.com/eu-west-1_abc",
        ] {
            assert_eq!(dialect_of(issuer), TokenDialect::Cognito, "{issuer}");
        }
        for issuer in [
            "https://accounts.example.com",
            "https://cognito-idp.us-east-1.amazonaws.com.example.com/us-east-1_abc",
            "https://example.com/cognito-idp.us-east-1.amazonaws.com",
            "https://people.auth.us-east-1.amazoncognito.com",
            "",
        ] {
            assert_eq!(dialect_of(issuer), TokenDialect::Standard, "{issuer}");
        }
    }
}
