//! Typed identifiers: a user's id can never be passed where a team's is asked for.
//!
//! On the wire they are plain UUIDs, because the surfaces Doorward stands in for promise UUIDs. They are
//! version 7 (RFC 9562), so their order is the order of creation and a list can be cut after any of them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Entropy;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A fresh id: the time it is made at, then randomness.
            pub fn new(now: Timestamp, entropy: &dyn Entropy) -> Self {
                Self(version_7(now, entropy))
            }

            /// Wraps an id that a store or a token gave.
            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            /// The id as a store keeps it.
            pub const fn as_uuid(&self) -> &Uuid {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text).map(Self)
            }
        }
    };
}

id!(
    /// A person's account.
    UserId
);
id!(
    /// A team.
    TeamId
);
id!(
    /// A business domain (a node of the domain tree, not a DNS name).
    DomainId
);
id!(
    /// A session, which is also its family of refresh tokens.
    SessionId
);
id!(
    /// A mail in the outbox.
    MailId
);
id!(
    /// A line of the audit log.
    AuditId
);

/// A bare version 7 UUID, for identifiers with no type of their own (`jti`).
pub fn version_7(now: Timestamp, entropy: &dyn Entropy) -> Uuid {
    let mut random = [0_u8; 10];
    entropy.fill(&mut random);
    let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}
