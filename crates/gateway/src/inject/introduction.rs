//! Headers that say who calls, made once for each caller and kept as long as nothing about them changes.
//!
//! Values are UTF-8 with everything but printable ASCII escaped as `%XX`, and with it `%`, and in lists the comma: a
//! reader that unescapes has the value back, and one that does not cannot be led astray by it.

use std::fmt::Write;
use std::sync::Arc;

use bytes::Bytes;
use doorward_identity::UserId;
use doorward_identity::session::Caller;
use doorward_identity::user::UserContext;
use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};
use quick_cache::sync::Cache;

/// How many callers are remembered.
const CALLERS: usize = 4096;
const NAMES: [HeaderName; 6] = [
    HeaderName::from_static("x-user-id"),
    HeaderName::from_static("x-user-email"),
    HeaderName::from_static("x-user-name"),
    HeaderName::from_static("x-user-roles"),
    HeaderName::from_static("x-user-teams"),
    HeaderName::from_static("x-user-domains"),
];

/// The headers of callers seen lately, for all workers.
pub(crate) struct Introductions(Cache<UserId, Arc<Introduction>>);

struct Introduction {
    /// What it was made from. While this is what is known of the person, the headers are right.
    context: Arc<UserContext>,
    /// In the order of the names; what there is nothing to say of is empty.
    values: [HeaderValue; 6],
}

impl Introductions {
    pub(crate) fn new() -> Self {
        Self(Cache::new(CALLERS))
    }

    /// Adds the headers of which there is anything to say.
    pub(crate) fn tell(&self, headers: &mut HeaderMap, caller: &Caller) {
        for (name, value) in NAMES.iter().zip(&self.of(caller).values).filter(|(_, value)| !value.is_empty()) {
            headers.insert(name, value.clone());
        }
    }

    /// Sets all headers, to nothing if there is no caller.
    pub(crate) fn answer(&self, headers: &mut HeaderMap, caller: Option<&Caller>) {
        let known = caller.map(|caller| self.of(caller));
        for (at, name) in NAMES.iter().enumerate() {
            let value = known.as_ref().and_then(|known| known.values.get(at)).cloned();
            headers.insert(name, value.unwrap_or(HeaderValue::from_static("")));
        }
    }

    fn of(&self, caller: &Caller) -> Arc<Introduction> {
        let user = caller.context.user.id;
        match self.0.get(&user) {
            Some(known) if Arc::ptr_eq(&known.context, &caller.context) => known,
            _ => {
                let fresh = Arc::new(Introduction::of(&caller.context));
                self.0.insert(user, Arc::clone(&fresh));
                fresh
            }
        }
    }
}

impl Introduction {
    fn of(context: &Arc<UserContext>) -> Self {
        Self { context: Arc::clone(context), values: told(context).map(value) }
    }
}

/// What the headers say, name by name.
pub(crate) fn lines(context: &UserContext) -> impl Iterator<Item = (HeaderName, String)> {
    NAMES.into_iter().zip(told(context)).filter(|(_, value)| !value.is_empty())
}

fn told(context: &UserContext) -> [String; 6] {
    let user = &context.user;
    [
        user.id.to_string(),
        escaped(user.email.as_str(), ""),
        escaped(user.name.as_deref().unwrap_or_default(), ""),
        list(user.held_roles()),
        list(context.teams.iter().map(|member| member.team.name.as_str())),
        list(context.domains.iter().map(|domain| domain.key.as_str())),
    ]
}

fn list<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.map(|name| escaped(name, ",")).collect::<Vec<_>>().join(",")
}

/// The text in printable ASCII. Space at its ends, which readers cut off, is escaped too.
fn escaped(text: &str, also: &str) -> String {
    let (begin, end) = (text.len() - text.trim_start().len(), text.trim_end().len());
    let mut out = String::with_capacity(text.len());
    for (at, byte) in text.bytes().enumerate() {
        let is_inner_space = byte == b' ' && (begin..end).contains(&at);
        if (byte.is_ascii_graphic() && byte != b'%' && !also.as_bytes().contains(&byte)) || is_inner_space {
            out.push(char::from(byte));
        } else {
            // Writing to a `String` cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn value(text: String) -> HeaderValue {
    HeaderValue::from_maybe_shared(Bytes::from(text)).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_printable_and_can_be_read_back() {
        for (text, expected) in [
            ("Ann O'Hara", "Ann O'Hara"),
            ("Zoë", "Zo%C3%AB"),
            ("100%", "100%25"),
            (" a b ", "%20a b%20"),
            ("a\r\nX-User-Roles: admin", "a%0D%0AX-User-Roles: admin"),
            ("a\u{2028}b\0", "a%E2%80%A8b%00"),
            ("a,b", "a,b"),
            ("", ""),
        ] {
            assert_eq!(escaped(text, ""), expected);
        }
        assert_eq!(list(["R&D, Berlin", "a%b"].into_iter()), "R&D%2C Berlin,a%25b");
    }
}
