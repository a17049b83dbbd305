//! What moves between stores: one record for each thing a store keeps, the same whatever engine it comes from.
//!
//! A record is an aggregate: a user brings identities, memberships and codes along, a session its retired tokens. Its
//! fields are primary: what an engine works out of them (search texts, keys to compare by) the engine's writer makes
//! anew. Written as JSON, in the order they stand in here, they are what checksums are taken of; so fields are added
//! at the end and never moved. Nothing here can be printed: there are hashes and sealed secrets among it.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::page::Key;
use crate::time::Time;

/// What is moved, and what it is found by.
pub(crate) trait Record: Serialize {
    /// What names this one among its kind. Records move in the order of their keys.
    fn key(&self) -> Key;
}

macro_rules! keyed {
    ($($record:ident by $field:ident as $key:ident),+ $(,)?) => {
        $(impl Record for $record {
            fn key(&self) -> Key {
                Key::$key(self.$field.clone())
            }
        })+
    };
}

keyed! {
    Team by id as Id,
    Domain by id as Id,
    SigningKey by kid as Name,
    Mail by id as Id,
    User by id as Id,
    Session by id as Id,
    Throttle by name as Name,
    UsedValue by hash as Hash,
    AuditEvent by id as Id,
}

impl Record for Seed {
    fn key(&self) -> Key {
        Key::Seed(self.kind.clone(), self.key.clone())
    }
}

/// A team.
#[derive(Serialize, Deserialize, sqlx::FromRow)]
pub(crate) struct Team {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) external_ref: Option<String>,
    pub(crate) is_active: bool,
    pub(crate) created_at: Time,
    pub(crate) version: i64,
}

/// A business domain.
#[derive(Serialize, Deserialize, sqlx::FromRow)]
pub(crate) struct Domain {
    pub(crate) id: Uuid,
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) parent_domain_id: Option<Uuid>,
    pub(crate) is_active: bool,
    pub(crate) created_at: Time,
    pub(crate) version: i64,
}

/// That a team or domain of the configuration was made once.
#[derive(Serialize, Deserialize, sqlx::FromRow)]
pub(crate) struct Seed {
    /// `team` or `domain`.
    pub(crate) kind: String,
    pub(crate) key: String,
}

/// A signing key, its private half sealed.
#[derive(Serialize, Deserialize, sqlx::FromRow)]
pub(crate) struct SigningKey {
    pub(crate) kid: String,
    pub(crate) ordinal: i64,
    pub(crate) algorithm: String,
    pub(crate) public_jwk: String,
    pub(crate) sealed_private: Vec<u8>,
    pub(crate) created_at: Time,
    pub(crate) activates_at: Time,
}

/// A mail in the outbox.
#[derive(Serialize, Deserialize, sqlx::FromRow)]
pub(crate) struct Mail {
    pub(crate) id: Uuid,
    pub(crate) user_id: Option<Uuid>,
    pub(crate) kind: String,
    pub(crate) recipient: String,
    pub(crate) sealed_letter: Option<Vec<u8>>,
    pub(crate) state: String,
    pub(crate) attempts: i64,
    pub(crate) due_at: Time,
    pub(crate) created_at: Time,
    pub(crate) expires_at: Time,
    pub(crate) reason: Option<String>,
}

/// An account, and all that hangs on it but sessions.
#[derive(Serialize, Deserialize, sqlx::FromRow)]
pub(crate) struct User {
    pub(crate) id: Uuid,
    pub(crate) email: String,
    pub(crate) email_verified_at: Option<Time>,
    pub(crate) name: Option<String>,
    pub(crate) first_name: Option<String>,
    pub(crate) last_name: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) avatar_url: Option<String>,
    pub(crate) password_hash: Option<String>,
    #[sqlx(json)]
    pub(crate) roles: Vec<String>,
    pub(crate) status: String,
    pub(crate) created_at: Time,
    pub(crate) updated_at: Time,
    pub(crate) last_signin_at: Option<Time>,
    pub(crate) signed_out_at: Option<Time>,
    pub(crate) password_changed_at: Option<Time>,
    pub(crate) sign_up_contested: bool,
    pub(crate) version: i64,
    #[sqlx(skip)]
    pub(crate) identities: Vec<Identity>,
    #[sqlx(skip)]
    pub(crate) teams: Vec<Membership>,
    #[sqlx(skip)]
    pub(crate) domains: Vec<Assignment>,
    #[sqlx(skip)]
    pub(crate) codes: Vec<Code>,
}

impl User {
    /// Puts what hangs on the account into the order in which it counts as the same.
    pub(crate) fn in_order(mut self) -> Self {
        self.identities.sort();
        self.teams.sort();
        self.domains.sort();
        self.codes.sort();
        self
    }
}

/// Who somebody is at an outside issuer.
#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, sqlx::FromRow)]
pub(crate) struct Identity {
    pub(crate) issuer: String,
    pub(crate) subject: String,
}

/// That somebody is in a team.
#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, sqlx::FromRow)]
pub(crate) struct Membership {
    pub(crate) team_id: Uuid,
    pub(crate) role: String,
}

/// That somebody has a domain.
#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, sqlx::FromRow)]
pub(crate) struct Assignment {
    pub(crate) domain_id: Uuid,
}

/// A one-time code, and the grant it gave.
#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, sqlx::FromRow)]
pub(crate) struct Code {
    pub(crate) purpose: String,
    pub(crate) digest: Vec<u8>,
    pub(crate) new_email: Option<String>,
    pub(crate) attempts_left: i64,
    pub(crate) expires_at: Time,
    pub(crate) grant_hash: Option<Vec<u8>>,
    pub(crate) grant_expires_at: Option<Time>,
    pub(crate) grant_leased_until: Option<Time>,
}

/// A session, with the refresh tokens it had and the provider's share where it began at one.
#[derive(Serialize, Deserialize, sqlx::FromRow)]
pub(crate) struct Session {
    pub(crate) id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) surface: String,
    pub(crate) method: String,
    pub(crate) created_at: Time,
    pub(crate) last_seen_at: Time,
    pub(crate) authenticated_at: Time,
    pub(crate) expires_at: Time,
    pub(crate) ended_at: Option<Time>,
    pub(crate) end_reason: Option<String>,
    pub(crate) address: Option<String>,
    pub(crate) user_agent: Option<String>,
    pub(crate) credential_hash: Vec<u8>,
    pub(crate) refresh_generation: i64,
    pub(crate) credential_expires_at: Time,
    #[sqlx(skip)]
    pub(crate) retired: Vec<RetiredToken>,
    #[sqlx(skip)]
    pub(crate) provider: Option<ProviderShare>,
}

impl Session {
    /// Puts the retired tokens into the order of their generations.
    pub(crate) fn in_order(mut self) -> Self {
        self.retired.sort();
        self
    }
}

/// A refresh token that was replaced.
#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, sqlx::FromRow)]
pub(crate) struct RetiredToken {
    pub(crate) generation: i64,
    pub(crate) refresh_hash: Vec<u8>,
    pub(crate) salt: Vec<u8>,
    pub(crate) retired_at: Time,
}

/// A provider's share of a session.
#[derive(Serialize, Deserialize, sqlx::FromRow)]
pub(crate) struct ProviderShare {
    pub(crate) provider: String,
    pub(crate) subject: String,
    pub(crate) provider_session: Option<String>,
    pub(crate) sealed_tokens: Vec<u8>,
    pub(crate) renew_at: Option<Time>,
}

/// A counter of failed sign-ins.
#[derive(Serialize, Deserialize, sqlx::FromRow)]
pub(crate) struct Throttle {
    pub(crate) name: String,
    pub(crate) known: bool,
    pub(crate) attempts: i64,
    pub(crate) blocked_until: Time,
    pub(crate) updated_at: Time,
}

/// A value that counts once.
#[derive(Serialize, Deserialize, sqlx::FromRow)]
pub(crate) struct UsedValue {
    pub(crate) hash: Vec<u8>,
    pub(crate) expires_at: Time,
}

/// A line of the audit log.
#[derive(Serialize, Deserialize, sqlx::FromRow)]
pub(crate) struct AuditEvent {
    pub(crate) id: Uuid,
    pub(crate) at: Time,
    pub(crate) action: String,
    pub(crate) actor_kind: String,
    pub(crate) actor_id: Option<Uuid>,
    pub(crate) subject: Option<String>,
    pub(crate) detail: Option<String>,
    pub(crate) address: Option<String>,
    pub(crate) request_id: Option<String>,
}
