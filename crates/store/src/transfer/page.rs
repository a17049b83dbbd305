//! Records on their way: so many of one kind, in the order of their keys.

use std::fmt;

use doorward_identity::StoreError;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::record::{AuditEvent, Domain, Mail, Record, Seed, Session, SigningKey, Team, Throttle, UsedValue, User};

/// What a store keeps, in the order in which it moves: what is referred to goes before what refers to it, and mail
/// before the codes it brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Teams.
    Teams,
    /// Business domains.
    Domains,
    /// What the configuration's seeds have once made.
    Seeds,
    /// Signing keys.
    SigningKeys,
    /// The outbox.
    Mail,
    /// Accounts, with identities, memberships and codes.
    Users,
    /// Sessions, with retired tokens and providers' shares.
    Sessions,
    /// Counters of failed sign-ins.
    Throttles,
    /// Values that count once.
    UsedValues,
    /// The audit log.
    AuditEvents,
}

impl Kind {
    /// All, in the order in which they move.
    pub const ALL: [Self; 10] = [
        Self::Teams,
        Self::Domains,
        Self::Seeds,
        Self::SigningKeys,
        Self::Mail,
        Self::Users,
        Self::Sessions,
        Self::Throttles,
        Self::UsedValues,
        Self::AuditEvents,
    ];

    /// What it is called in messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Teams => "teams",
            Self::Domains => "domains",
            Self::Seeds => "seeds",
            Self::SigningKeys => "signing keys",
            Self::Mail => "mail",
            Self::Users => "users",
            Self::Sessions => "sessions",
            Self::Throttles => "throttles",
            Self::UsedValues => "used values",
            Self::AuditEvents => "audit events",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What names a record among its kind. Every engine sorts keys as they are compared here: byte by byte.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Key {
    /// An id.
    Id(Uuid),
    /// A name.
    Name(String),
    /// A seed: its kind and its key.
    Seed(String, String),
    /// A hash.
    Hash(Vec<u8>),
}

impl Key {
    /// The id that comes before all that are asked for.
    pub(crate) fn id_before(after: Option<&Self>) -> Uuid {
        if let Some(Self::Id(id)) = after { *id } else { Uuid::nil() }
    }

    /// The name that comes before all that are asked for.
    pub(crate) fn name_before(after: Option<&Self>) -> &str {
        if let Some(Self::Name(name)) = after { name } else { "" }
    }

    /// The seed that comes before all that are asked for.
    pub(crate) fn seed_before(after: Option<&Self>) -> (&str, &str) {
        if let Some(Self::Seed(kind, key)) = after { (kind, key) } else { ("", "") }
    }

    /// The hash that comes before all that are asked for.
    pub(crate) fn hash_before(after: Option<&Self>) -> &[u8] {
        if let Some(Self::Hash(hash)) = after { hash } else { &[] }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Name(name) => f.write_str(name),
            Self::Seed(kind, key) => write!(f, "{kind} {key}"),
            Self::Hash(hash) => hash.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}

/// How long a counter that no account stands behind is kept, as by Doorward's own sweeps.
const COUNTERS_KEPT: SignedDuration = SignedDuration::from_hours(24);
/// How long a session is kept after its end, likewise.
const SESSIONS_KEPT: SignedDuration = SignedDuration::from_hours(24 * 30);

impl Page {
    /// Without what is over at that moment and what some engine may remove by itself at any time: it neither moves nor
    /// counts.
    pub(crate) fn without_what_is_over(mut self, as_of: Timestamp) -> Self {
        let before = |kept| as_of.checked_sub(kept).unwrap_or(Timestamp::MIN);
        match &mut self {
            Self::Sessions(sessions) => sessions.retain(|session| session.expires_at.0 >= before(SESSIONS_KEPT)),
            Self::Throttles(throttles) => {
                throttles.retain(|throttle| throttle.known || throttle.updated_at.0 >= before(COUNTERS_KEPT));
            }
            Self::UsedValues(values) => values.retain(|value| value.expires_at.0 >= as_of),
            _ => {}
        }
        self
    }
}

/// A record as it counts for comparing: its key and its bytes.
#[derive(PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) key: Key,
    pub(crate) bytes: Vec<u8>,
}

macro_rules! pages {
    ($($kind:ident($record:ident)),+ $(,)?) => {
        /// So many records of one kind.
        pub(crate) enum Page {
            $($kind(Vec<$record>)),+
        }

        impl Page {
            /// How many.
            pub(crate) fn len(&self) -> usize {
                match self { $(Self::$kind(records) => records.len()),+ }
            }

            /// The key of the last one.
            pub(crate) fn last_key(&self) -> Option<Key> {
                match self { $(Self::$kind(records) => records.last().map(Record::key)),+ }
            }

            /// The records for comparing.
            pub(crate) fn lines(&self) -> Result<Vec<Line>, StoreError> {
                match self { $(Self::$kind(records) => records.iter().map(line).collect()),+ }
            }

            /// The same page from its records' JSON.
            #[cfg(test)]
            pub(crate) fn from_lines(kind: Kind, lines: &[Vec<u8>]) -> serde_json::Result<Self> {
                match kind {
                    $(Kind::$kind => {
                        lines.iter().map(|line| serde_json::from_slice(line)).collect::<Result<_, _>>().map(Self::$kind)
                    })+
                }
            }
        }
    };
}

pages! {
    Teams(Team),
    Domains(Domain),
    Seeds(Seed),
    SigningKeys(SigningKey),
    Mail(Mail),
    Users(User),
    Sessions(Session),
    Throttles(Throttle),
    UsedValues(UsedValue),
    AuditEvents(AuditEvent),
}

fn line(record: &impl Record) -> Result<Line, StoreError> {
    let bytes = serde_json::to_vec(record).map_err(|error| StoreError::Broken(Box::new(error)))?;
    Ok(Line { key: record.key(), bytes })
}
