//! The relying-party role: outside issuers, whose tokens count here, and the keys that verify them.
//!
//! `outbound` is the only HTTP client that serves identity, `dial` decides which addresses it may reach, and `trust`
//! whose certificates count; `discovery` finds what an issuer publishes (OIDC Discovery 1.0), `source` remembers it.
//! Upon these stand the two ports: `issuer_keys` has the keys of issuers whose tokens count as bearer tokens
//! ([`doorward_identity::issuer::OutsideKeys`]), `provider` signs people in
//! ([`doorward_identity::provider::Providers`]). With the feature `aws`, `cognito` lets a user pool of Amazon's keep the
//! passwords ([`doorward_identity::user_pool::OutsidePool`]), through Amazon's own client. Nothing here knows a user or a
//! session.

#[cfg(feature = "aws")]
mod cognito;
mod dial;
mod discovery;
mod issuer_keys;
mod key_set;
mod outbound;
mod provider;
mod source;
#[cfg(test)]
mod tests;
mod trust;

#[cfg(feature = "aws")]
pub use cognito::{
    ClientFacts, CognitoPool, CognitoSettings, PoolFacts, PoolPasswordRule, UserPoolSurvey, survey_user_pool,
};
pub use discovery::{DiscoveryError, Survey, survey};
pub use issuer_keys::{IssuerConfig, IssuerKeys, dialect_of, pool_issuer};
pub use outbound::{Outbound, OutboundError, OutboundSettings};
pub use provider::{
    BadPrivateKey, ClientAuth, Endpoints, LogoutStyle, OpenIdProviders, ProviderConfig, ProviderSurvey, survey_provider,
};
pub use trust::BadCertificates;
