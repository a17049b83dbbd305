//! The words for domains.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::DomainId;
use crate::name::DisplayName;

/// A business domain, a node of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// Identifier.
    pub id: DomainId,
    /// Short name for programs; unique.
    pub key: DomainKey,
    /// Name for people.
    pub name: DisplayName,
    /// The domain above it.
    pub parent_domain_id: Option<DomainId>,
    /// Whether it counts. An inactive one is listed for administrators only.
    pub is_active: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// Rises with every change.
    pub version: i64,
}

/// A domain's key: 1 to 64 of `a-z`, `0-9`, `-`, `_`, `.`, beginning with a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DomainKey(String);

impl DomainKey {
    /// The key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text is no domain's key.
#[derive(Debug, thiserror::Error)]
#[error("a domain key is 1 to 64 of a-z, 0-9, '-', '_' and '.', and begins with a letter or digit")]
pub struct InvalidDomainKey;

impl TryFrom<String> for DomainKey {
    type Error = InvalidDomainKey;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let plain = |c: char| alphanumeric(c) || "-_.".contains(c);
        if text.starts_with(alphanumeric) && text.len() <= 64 && text.chars().all(plain) {
            Ok(Self(text))
        } else {
            Err(InvalidDomainKey)
        }
    }
}

impl From<DomainKey> for String {
    fn from(key: DomainKey) -> Self {
        key.0
    }
}
