//! Which names in a body some reader takes for the one that is ours. Knows no body.

/// How often a name may have been escaped over and over.
const MAX_LAYERS: usize = 3;

/// What a name is to somebody who looks for ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Likeness {
    /// It: the same but for letter case, which many readers ignore.
    Same,
    /// Something that a careless reader would turn into it.
    Disguised,
    /// Another name.
    Other,
}

/// Compares a name, decoded as its form of body says, with ours.
pub(super) fn likeness(name: &str, ours: &str) -> Likeness {
    if folded(name).eq(folded(ours)) {
        return Likeness::Same;
    }
    let ours = loosened(ours);
    // An encoded word (RFC 2047) hides its text from all but mail readers; no browser writes one.
    let is_encoded = name.contains("=?") && name.contains("?=");
    if is_encoded || loosened(name) == ours || loosened(&name.replace('\\', "")) == ours {
        Likeness::Disguised
    } else {
        Likeness::Other
    }
}

/// Letter case folded as widely as any reader does (`ſ` is an s).
fn folded(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase)
}

/// The name as the loosest of readers: escapes resolved, cut at a NUL or an index in brackets, space and controls
/// dropped, and what cannot stand in a variable's name made `_`.
fn loosened(name: &str) -> String {
    let mut name = name.to_owned();
    for _ in 0..MAX_LAYERS {
        let decoded = crate::spelling::unescaped(name.replace('+', " ").as_bytes());
        name = String::from_utf8_lossy(&decoded).into_owned();
    }
    let name = name.split('\0').next().unwrap_or_default();
    let name = name.trim_matches(|c: char| c.is_whitespace() || c.is_control());
    let before_index = name.split_once('[').filter(|(before, index)| !before.is_empty() && index.contains(']'));
    let name = before_index.map_or(name, |(before, _)| before);
    let kept = name.chars().filter(|c| !c.is_control() && !is_invisible(*c));
    folded(&kept.collect::<String>()).map(|c| if matches!(c, ' ' | '.' | '-' | '[') { '_' } else { c }).collect()
}

/// Characters that take no room, which some readers drop.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_our_name_is_seen() {
        for same in ["user_id", "USER_ID", "User_Id", "uſer_id"] {
            assert_eq!(likeness(same, "user_id"), Likeness::Same, "{same}");
        }
        for disguised in [
            "user%5fid",
            "user%255Fid",
            "%75ser_id",
            "user\\_id",
            "\\user_id",
            " user_id",
            "user_id\t",
            "user id",
            "user.id",
            "user-id",
            "user+id",
            "user_id[]",
            "user_id[0]",
            "user[id",
            "user_id\0x",
            "user_id%00.png",
            "=?utf-8?Q?user_id?=",
            "=?utf-8?B?dXNlcl9pZA==?=",
            "us\u{200b}er_id",
            "user_id\u{feff}",
            "\u{a0}USER_ID",
        ] {
            assert_eq!(likeness(disguised, "user_id"), Likeness::Disguised, "{disguised:?}");
        }
        for other in
            ["", "user", "userid", "id", "user_id2", "xuser_id", "user__id", "user_ids[]", "filter[user_id]", "[", "%"]
        {
            assert_eq!(likeness(other, "user_id"), Likeness::Other, "{other:?}");
        }
    }
}
