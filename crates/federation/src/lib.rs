//! The relying-party role: outside issuers, whose tokens count here, and the keys that verify them.
//!
//! `outbound` is the only HTTP client that serves identity, `dial` decides which addresses it may reach,
//! `discovery` finds an issuer's keys (OIDC Discovery 1.0), and `issuer_keys` remembers them behind the
//! port [`doorward_identity::issuer::OutsideKeys`]. Nothing here verifies a token or knows a user.

mod dial;
mod discovery;
mod issuer_keys;
mod key_set;
mod outbound;
#[cfg(test)]
mod tests;

pub use discovery::{DiscoveryError, Survey, survey};
pub use issuer_keys::{IssuerConfig, IssuerKeys};
pub use outbound::{Outbound, OutboundError};
