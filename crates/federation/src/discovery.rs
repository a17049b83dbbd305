//! Finding what an issuer publishes: OIDC Discovery 1.0, then the JWK set it names. Remembers nothing.
//!
//! What an issuer says about itself is believed only so far: its name must be the trusted one to the letter, and
//! nothing of it may lie where the issuer itself could not be reached.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use url::Url;

use crate::IssuerConfig;
use crate::dial::{Place, Reach};
use crate::key_set::KeySet;
use crate::outbound::{Outbound, OutboundError};

/// Why an issuer's keys could not be had. Safe to show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiscoveryError {
    /// The metadata document could not be fetched.
    #[error("its metadata cannot be fetched: {0}")]
    Metadata(#[source] OutboundError),
    /// The address answers with something else.
    #[error("its metadata is no OpenID provider metadata")]
    NoMetadata,
    /// The metadata speaks of another issuer; often the difference is a trailing slash.
    #[error("its metadata names another issuer: {0:?}")]
    OtherIssuer(String),
    /// The metadata names a place for the keys that is not accepted.
    #[error("its metadata names an unacceptable jwks_uri (not a URL, or http where the issuer has https)")]
    BadKeysUrl,
    /// The keys could not be fetched.
    #[error("its keys cannot be fetched: {0}")]
    Keys(#[source] OutboundError),
    /// The keys' address answers with something else.
    #[error("its jwks_uri answers without any usable key")]
    NoKeys,
}

/// What to look for, and where.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    pub(crate) issuer: String,
    /// Where its metadata are, if not below its name.
    pub(crate) discovery_url: Option<String>,
    /// Where its keys are, whatever its metadata say.
    pub(crate) jwks_uri: Option<String>,
    /// Whether its metadata are wanted even when the operator says where its keys are.
    pub(crate) describe: bool,
}

impl From<&IssuerConfig> for Search {
    fn from(config: &IssuerConfig) -> Self {
        let IssuerConfig { issuer, jwks_uri, .. } = config;
        Self { issuer: issuer.clone(), discovery_url: None, jwks_uri: jwks_uri.clone(), describe: false }
    }
}

/// An address of an issuer's, and how far it may lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) url: Url,
    pub(crate) reach: Reach,
}

impl Address {
    /// One that the operator named.
    pub(crate) fn configured(url: &str) -> Option<Self> {
        Some(Self { url: url.parse().ok()?, reach: Reach::Anywhere })
    }
}

/// Where an issuer's keys are, and what it says about itself if that was asked for.
pub(crate) struct Located {
    pub(crate) keys: Address,
    pub(crate) description: Option<Arc<Description>>,
}

/// Provider metadata (Discovery 1.0 §3, RFC 9207 §3), as far as they matter here.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    issuer: String,
    jwks_uri: Option<String>,
    pub(crate) authorization_endpoint: Option<String>,
    pub(crate) token_endpoint: Option<String>,
    pub(crate) userinfo_endpoint: Option<String>,
    pub(crate) end_session_endpoint: Option<String>,
    pub(crate) id_token_signing_alg_values_supported: Option<Vec<String>>,
    pub(crate) token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) authorization_response_iss_parameter_supported: bool,
}

/// What an issuer says about itself, and how far that is believed.
#[derive(Debug)]
pub(crate) struct Description {
    pub(crate) metadata: Metadata,
    /// Whether it was told by plain http.
    plain: bool,
    reach: Reach,
}

impl Description {
    /// An address that the metadata name; `None` if it must not be used.
    pub(crate) fn address(&self, named: &str) -> Option<Address> {
        let url: Url = named.parse().ok()?;
        let as_safe = url.scheme() == "https" || (self.plain && url.scheme() == "http");
        as_safe.then_some(Address { url, reach: self.reach })
    }
}

/// Finds out where the keys are: from the configuration, else from the issuer.
pub(crate) async fn locate(outbound: &Outbound, search: &Search) -> Result<Located, DiscoveryError> {
    let configured = match &search.jwks_uri {
        Some(url) => Some(Address::configured(url).ok_or(DiscoveryError::Keys(OutboundError::BadUrl))?),
        None => None,
    };
    match configured {
        Some(keys) if !search.describe => Ok(Located { keys, description: None }),
        configured => {
            let description = describe(outbound, search).await?;
            let named = || description.address(description.metadata.jwks_uri.as_deref()?);
            let keys = configured.or_else(named).ok_or(DiscoveryError::BadKeysUrl)?;
            Ok(Located { keys, description: Some(Arc::new(description)) })
        }
    }
}

async fn describe(outbound: &Outbound, search: &Search) -> Result<Description, DiscoveryError> {
    let url = match &search.discovery_url {
        Some(url) => url.parse().ok(),
        None => metadata_url(&search.issuer),
    };
    let url = url.ok_or(DiscoveryError::Metadata(OutboundError::BadUrl))?;
    let answer = outbound.get(&url, Reach::Anywhere).await.map_err(DiscoveryError::Metadata)?;
    let metadata: Metadata = serde_json::from_slice(&answer.body).map_err(|_| DiscoveryError::NoMetadata)?;
    if metadata.issuer != search.issuer {
        return Err(DiscoveryError::OtherIssuer(metadata.issuer.chars().take(200).collect()));
    }
    let reach = if Place::of(answer.peer) == Place::Inside { Reach::Anywhere } else { Reach::PublicOnly };
    Ok(Description { metadata, plain: url.scheme() == "http", reach })
}

/// Discovery 1.0 §4: below the issuer's path, whether or not that ends in a slash.
fn metadata_url(issuer: &str) -> Option<Url> {
    let url: Url = issuer.parse().ok()?;
    let whole = url.query().is_none() && url.fragment().is_none();
    if whole { format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/')).parse().ok() } else { None }
}

/// Keys as they were published, and what time it was there.
pub(crate) struct Published {
    pub(crate) keys: KeySet,
    pub(crate) date: Option<Timestamp>,
}

/// Fetches the keys.
pub(crate) async fn fetch(outbound: &Outbound, address: &Address) -> Result<Published, DiscoveryError> {
    let answer = outbound.get(&address.url, address.reach).await.map_err(DiscoveryError::Keys)?;
    let keys = KeySet::read(&answer.body).ok_or(DiscoveryError::NoKeys)?;
    Ok(Published { keys, date: answer.date })
}

/// What an issuer shows to somebody who looks at it once.
#[derive(Clone, Debug)]
pub struct Survey {
    /// Where its keys are.
    pub jwks_uri: String,
    /// How many of them are of use.
    pub usable_keys: usize,
    /// What time it is there.
    pub date: Option<Timestamp>,
}

/// Looks at an issuer once, for a diagnosis. Touches no cache.
pub async fn survey(outbound: &Outbound, config: &IssuerConfig) -> Result<Survey, DiscoveryError> {
    let located = locate(outbound, &Search::from(config)).await?;
    let published = fetch(outbound, &located.keys).await?;
    Ok(Survey { jwks_uri: located.keys.url.into(), usable_keys: published.keys.len(), date: published.date })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    #[test]
    fn an_issuer_leads_nowhere_less_safe_than_itself() {
        let described = |plain, reach| {
            let metadata = serde_json::from_value(json!({"issuer": "https://id.example"})).unwrap();
            Description { metadata, plain, reach }
        };
        let public = described(false, Reach::PublicOnly);
        let inside = described(true, Reach::Anywhere);
        assert_eq!(public.address("https://10.0.0.1/token").unwrap().reach, Reach::PublicOnly, "the dialer refuses it");
        assert_eq!(public.address("http://id.example/token"), None);
        assert_eq!(inside.address("http://10.0.0.1/token").unwrap().reach, Reach::Anywhere);
        for odd in ["", "/token", "ftp://id.example/", "file:///etc/passwd", "javascript:alert(1)", "data:,a"] {
            assert_eq!(public.address(odd), None, "{odd}");
            assert_eq!(inside.address(odd), None, "{odd}");
        }
    }
}
