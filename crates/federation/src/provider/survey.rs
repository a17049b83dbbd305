//! Looking at a provider once, for a diagnosis.

use doorward_identity::provider::ProviderError;
use jiff::Timestamp;

use super::ProviderConfig;
use super::metadata::Facts;
use crate::discovery::{self, DiscoveryError};
use crate::outbound::Outbound;

/// What a provider shows to somebody who looks at it once.
#[derive(Clone, Debug)]
pub struct ProviderSurvey {
    /// Where its keys are.
    pub jwks_uri: String,
    /// How many of them are of use.
    pub usable_keys: usize,
    /// What time it is there.
    pub date: Option<Timestamp>,
    /// Where people sign in, or why they cannot.
    pub authorization_endpoint: Result<String, ProviderError>,
    /// Where codes are exchanged, or why they cannot be.
    pub token_endpoint: Result<String, ProviderError>,
    /// Whether there is a page to sign out.
    pub has_logout: bool,
}

/// Looks at a provider once. Touches no cache.
pub async fn survey_provider(outbound: &Outbound, config: &ProviderConfig) -> Result<ProviderSurvey, DiscoveryError> {
    let located = discovery::locate(outbound, &config.search()).await?;
    let published = discovery::fetch(outbound, &located.keys).await?;
    let facts = Facts::new(config, located.description);
    Ok(ProviderSurvey {
        jwks_uri: located.keys.url.into(),
        usable_keys: published.keys.len(),
        date: published.date,
        authorization_endpoint: facts.authorization().map(Into::into),
        token_endpoint: facts.token().map(|endpoint| endpoint.url.into()),
        has_logout: facts.end_session().is_some(),
    })
}
