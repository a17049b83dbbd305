//! The domain of Doorward: who a person is, what they belong to, and whether a token or session still counts.
//!
//! Knows no SQL, no HTTP and no vendor. What it needs from outside stands here as ports (`store.rs` in each
//! folder, [`issuer::OutsideKeys`], [`Clock`], [`Entropy`]); `server` supplies them.

pub mod audit;
pub mod change;
pub mod clock;
pub mod code;
pub mod credential;
pub mod domain;
pub mod entropy;
pub mod fault;
mod identity;
pub mod ids;
pub mod issuer;
pub mod keyring;
pub mod mail;
pub mod name;
pub mod observer;
pub mod policy;
pub mod provider;
pub mod secret;
pub mod session;
pub mod settings;
pub mod store;
pub mod surface;
pub mod team;
pub mod throttle;
pub mod upkeep;
pub mod user;
pub mod user_pool;

pub use clock::Clock;
pub use entropy::Entropy;
pub use identity::{Identity, Parts, StartError};
pub use ids::{AuditId, DomainId, SessionId, TeamId, UserId};
pub use store::{Store, StoreError};
pub use surface::Surface;
