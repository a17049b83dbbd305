//! Names that people read: of people, teams and domains.

use serde::{Deserialize, Serialize};

/// The name of a person, team or domain: 1 to 128 characters, one of them visible, none that controls, no space at its
/// ends.
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
#[error("a name is 1 to 128 characters, not all invisible, without control characters or space at its ends")]
pub struct InvalidName;

impl TryFrom<String> for DisplayName {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let length_fits = (1..=128).contains(&text.chars().count());
        let is_visible = text.chars().any(|c| !is_invisible(c));
        if length_fits && is_visible && text.trim() == text && !text.chars().any(controls) {
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

/// Control characters, and those that turn the direction of all that follows: a list of names would read wrongly.
fn controls(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Characters that show nothing by themselves (Unicode's `Default_Ignorable_Code_Point`, spaces, and the blanks of
/// some scripts). Between visible ones they have their use, as in emoji and Persian.
fn is_invisible(c: char) -> bool {
    c.is_whitespace()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_name(text: &str) -> bool {
        DisplayName::try_from(text.to_owned()).is_ok()
    }

    #[test]
    fn a_name_can_be_seen() {
        for good in [
            "Ada",
            "R&D",
            "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}",
            "\u{1f469}\u{200d}\u{1f4bb}",
            "\u{6771}\u{4eac}",
        ] {
            assert!(is_name(good), "{good}");
        }
        for bad in [
            "",
            " ",
            "Ada ",
            "\u{200b}",
            "\u{3164}",
            "\u{2800}",
            "\u{feff}\u{200d}",
            "\u{200b} \u{200b}",
            "\u{e0061}",
            "A\u{202e}da",
            "A\u{2066}da",
            "A\nda",
            "A\u{0}",
        ] {
            assert!(!is_name(bad), "{bad:?}");
        }
    }
}
