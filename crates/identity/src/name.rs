//! Names that people read: of teams and domains.

use serde::{Deserialize, Serialize};

/// The name of a team or domain: 1 to 128 characters, no control characters, no space at its ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DisplayName(String);

impl DisplayName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text is no name.
#[derive(Debug, thiserror::Error)]
#[error("a name is 1 to 128 characters without control characters or space at its ends")]
pub struct InvalidName;

impl TryFrom<String> for DisplayName {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let length_fits = (1..=128).contains(&text.chars().count());
        if length_fits && text.trim() == text && !text.chars().any(char::is_control) {
            Ok(Self(text))
        } else {
            Err(InvalidName)
        }
    }
}

impl From<DisplayName> for String {
    fn from(name: DisplayName) -> Self {
        name.0
    }
}
