//! The relying-party role: outside issuers, whose tokens count here, and the keys that verify them.
//!
//! `outbound` is the only HTTP client that serves identity, `dial` decides which addresses it may reach, and `trust`
//! whose certificates count; `discovery` finds what an issuer publishes (OIDC Discovery 1.0), `source` remembers it.
//! Upon these stand the two ports: `issuer_keys` has the keys of issuers whose tokens count as bearer tokens
//! ([`doorward_identity::issuer::OutsideKeys`]), `provider` signs people in
//! ([`doorward_identity::provider::Providers`]). Nothing here knows a user or a session.

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

pub use discovery::{DiscoveryError, Survey, survey};
pub use issuer_keys::{IssuerConfig, IssuerKeys, dialect_of};
pub use outbound::{Outbound, OutboundError, OutboundSettings};
pub use provider::{
    BadPrivateKey, ClientAuth, Endpoints, LogoutStyle, OpenIdProviders, ProviderConfig, ProviderSurvey, survey_provider,
};
pub use trust::BadCertificates;
