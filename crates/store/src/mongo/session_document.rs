//! A session as a document: with the refresh tokens it had, and the provider's share where it began at one.

use doorward_identity::provider::NewProviderSession;
use doorward_identity::session::{LiveSession, NewSession, Session, SignInMethod};
use doorward_identity::{SessionId, Surface, UserId};
use mongodb::bson::{Binary, DateTime, Uuid};
use serde::{Deserialize, Serialize};

use super::aggregate::{Ledger, aggregate, id};
use super::values::{binary, hash, moment, timestamp};
use crate::fault::{Fault, readable};

/// A session.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, remote = "Self")]
pub(super) struct SessionDocument {
    #[serde(rename = "_id")]
    pub(super) id: Uuid,
    pub(super) user_id: Uuid,
    /// The revision of the user's document that began it.
    pub(super) user_revision: i64,
    pub(super) surface: String,
    pub(super) method: String,
    pub(super) created_at: DateTime,
    pub(super) last_seen_at: DateTime,
    pub(super) authenticated_at: DateTime,
    pub(super) expires_at: DateTime,
    pub(super) ended_at: Option<DateTime>,
    pub(super) end_reason: Option<String>,
    pub(super) address: Option<String>,
    pub(super) user_agent: Option<String>,
    pub(super) credential_hash: Binary,
    pub(super) credential_expires_at: DateTime,
    pub(super) refresh_generation: i64,
    /// Every refresh token that was replaced, by generation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) retired: Vec<RetiredDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) provider: Option<ProviderDocument>,
    pub(super) ledger: Ledger,
}
aggregate!(SessionDocument, "sessions");

/// A refresh token that was replaced.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RetiredDocument {
    pub(super) hash: Binary,
    pub(super) salt: Binary,
    pub(super) retired_at: DateTime,
}

/// A provider's share of a session.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProviderDocument {
    pub(super) name: String,
    pub(super) subject: String,
    /// The provider's own session, for its back-channel logout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) session: Option<String>,
    pub(super) sealed_tokens: Binary,
    /// When the tokens are to be renewed; absent when they cannot be. Whoever renews them moves it on first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) renew_at: Option<DateTime>,
}

impl SessionDocument {
    /// A new session, begun by a revision of its user's document.
    pub(super) fn of(session: &NewSession, user_revision: i64) -> Self {
        Self {
            id: id(session.id.as_uuid()),
            user_id: id(session.user_id.as_uuid()),
            user_revision,
            surface: session.surface.as_str().to_owned(),
            method: session.method.as_str().to_owned(),
            created_at: moment(session.created_at),
            last_seen_at: moment(session.created_at),
            authenticated_at: moment(session.authenticated_at),
            expires_at: moment(session.expires_at),
            ended_at: None,
            end_reason: None,
            address: session.address.map(|address| address.to_string()),
            user_agent: session.user_agent.clone(),
            credential_hash: hash(&session.credential_hash),
            credential_expires_at: moment(session.credential_expires_at.min(session.expires_at)),
            refresh_generation: 0,
            retired: Vec::new(),
            provider: None,
            ledger: Ledger::first(Vec::new()),
        }
    }

    /// The same, begun at a provider.
    pub(super) fn of_provider(new: &NewProviderSession, user_revision: i64) -> Self {
        let provider = ProviderDocument {
            name: new.provider.clone(),
            subject: new.subject.clone(),
            session: new.provider_session.clone(),
            sealed_tokens: binary(&new.sealed_tokens),
            renew_at: new.renew_at.map(moment),
        };
        Self { provider: Some(provider), ..Self::of(&new.session, user_revision) }
    }

    /// The domain's id.
    pub(super) fn session_id(&self) -> SessionId {
        SessionId::from_uuid(uuid::Uuid::from_bytes(self.id.bytes()))
    }

    /// Whose it is.
    pub(super) fn user(&self) -> UserId {
        UserId::from_uuid(uuid::Uuid::from_bytes(self.user_id.bytes()))
    }

    /// Whether it is open at a moment.
    pub(super) fn is_open(&self, at: DateTime) -> bool {
        self.ended_at.is_none() && self.expires_at > at
    }
}

impl TryFrom<SessionDocument> for LiveSession {
    type Error = Fault;

    fn try_from(document: SessionDocument) -> Result<Self, Fault> {
        Ok(Self {
            user_id: document.user(),
            authenticated_at: timestamp(document.authenticated_at)?,
            expires_at: timestamp(document.expires_at)?,
            credential_expires_at: timestamp(document.credential_expires_at)?,
            ended_at: document.ended_at.map(timestamp).transpose()?,
        })
    }
}

impl TryFrom<SessionDocument> for Session {
    type Error = Fault;

    fn try_from(document: SessionDocument) -> Result<Self, Fault> {
        Ok(Self {
            id: document.session_id(),
            user_id: document.user(),
            surface: readable(Surface::parse(&document.surface), "surface")?,
            method: readable(SignInMethod::parse(&document.method), "sign-in method")?,
            created_at: timestamp(document.created_at)?,
            last_seen_at: timestamp(document.last_seen_at)?,
            expires_at: timestamp(document.expires_at)?,
            address: document.address.map(|text| readable(text.parse().ok(), "address")).transpose()?,
            user_agent: document.user_agent,
        })
    }
}
