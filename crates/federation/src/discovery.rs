//! Finding an issuer's keys: OIDC Discovery 1.0, then the JWK set it names. Remembers nothing.
//!
//! What an issuer says about itself is believed only so far: its name must be the trusted one to the letter, and
//! its keys may not lie where the issuer itself could not be reached.

use doorward_identity::issuer::TrustedIssuer;
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

/// Where an issuer's keys are.
#[derive(Clone, Debug)]
pub(crate) struct KeysAddress {
    url: Url,
    reach: Reach,
}

/// Provider metadata, as far as it matters here.
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

/// Finds out where the keys are: from the configuration, else from the issuer.
pub(crate) async fn locate(outbound: &Outbound, config: &IssuerConfig) -> Result<KeysAddress, DiscoveryError> {
    if let Some(configured) = &config.jwks_uri {
        let url = configured.parse().map_err(|_| DiscoveryError::Keys(OutboundError::BadUrl))?;
        return Ok(KeysAddress { url, reach: Reach::Anywhere });
    }
    let url = metadata_url(&config.issuer).ok_or(DiscoveryError::Metadata(OutboundError::BadUrl))?;
    let answer = outbound.get(&url, Reach::Anywhere).await.map_err(DiscoveryError::Metadata)?;
    let metadata: Metadata = serde_json::from_slice(&answer.body).map_err(|_| DiscoveryError::NoMetadata)?;
    if metadata.issuer != config.issuer {
        return Err(DiscoveryError::OtherIssuer(metadata.issuer.chars().take(200).collect()));
    }
    let keys: Url = metadata.jwks_uri.parse().map_err(|_| DiscoveryError::BadKeysUrl)?;
    if keys.scheme() != "https" && keys.scheme() != url.scheme() {
        return Err(DiscoveryError::BadKeysUrl);
    }
    let reach = if Place::of(answer.peer) == Place::Inside { Reach::Anywhere } else { Reach::PublicOnly };
    Ok(KeysAddress { url: keys, reach })
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
pub(crate) async fn fetch(outbound: &Outbound, address: &KeysAddress) -> Result<Published, DiscoveryError> {
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
    let address = locate(outbound, config).await?;
    let published = fetch(outbound, &address).await?;
    Ok(Survey { jwks_uri: address.url.into(), usable_keys: published.keys.len(), date: published.date })
}

impl From<&IssuerConfig> for TrustedIssuer {
    fn from(config: &IssuerConfig) -> Self {
        Self { issuer: config.issuer.clone(), audiences: config.audiences.clone() }
    }
}
