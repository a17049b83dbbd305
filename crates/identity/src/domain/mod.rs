//! Business domains: a tree, and which people they are assigned to.

mod administer;
mod model;
mod store;

pub use administer::DomainChange;
pub use model::{Domain, DomainKey, InvalidDomainKey};
pub use store::{DomainStore, DomainWrite};
