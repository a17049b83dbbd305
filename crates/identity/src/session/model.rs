//! The words for sessions.

use std::net::IpAddr;

use doorward_protocol::opaque::SecretHash;
use jiff::Timestamp;

use crate::{SessionId, Surface, UserId};

/// Where a request came from, as far as it may be believed.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The client's address.
    pub address: Option<IpAddr>,
    /// What the client calls itself, cut to 256 characters.
    pub user_agent: Option<String>,
    /// The request's id in the log.
    pub request_id: Option<String>,
}

/// How somebody proved who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInMethod {
    /// A password kept here.
    Password,
    /// An outside provider's page.
    Provider,
}

impl SignInMethod {
    /// The name in stores.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Provider => "provider",
        }
    }

    /// The method of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Password, Self::Provider].into_iter().find(|method| method.as_str() == name)
    }
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// The person signed out.
    SignedOut,
    /// The person or an administrator signed out everywhere.
    SignedOutEverywhere,
    /// The account was disabled.
    UserDisabled,
    /// A refresh token was used twice.
    RefreshReused,
    /// The provider it began at ended it, or takes its refresh token no more.
    ProviderEnded,
    /// The same browser signed in anew.
    Replaced,
    /// The password was changed or reset.
    PasswordChanged,
}

impl EndReason {
    /// Every reason.
    pub const ALL: [Self; 7] = [
        Self::SignedOut,
        Self::SignedOutEverywhere,
        Self::UserDisabled,
        Self::RefreshReused,
        Self::ProviderEnded,
        Self::Replaced,
        Self::PasswordChanged,
    ];

    /// The name in stores and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::SignedOutEverywhere => "signed_out_everywhere",
            Self::UserDisabled => "user_disabled",
            Self::RefreshReused => "refresh_reused",
            Self::ProviderEnded => "provider_ended",
            Self::Replaced => "replaced",
            Self::PasswordChanged => "password_changed",
        }
    }

    /// The reason of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

/// A session about to begin.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Identifier.
    pub id: SessionId,
    /// Whose.
    pub user_id: UserId,
    /// When their password had last changed when they were judged: if it has changed again by now, the session does not
    /// begin.
    pub password_changed_at: Option<Timestamp>,
    /// Through which surface.
    pub surface: Surface,
    /// How they signed in.
    pub method: SignInMethod,
    /// When.
    pub created_at: Timestamp,
    /// When the person proved who they are: now, or a while ago at a provider that remembered them.
    pub authenticated_at: Timestamp,
    /// When it ends, whatever happens.
    pub expires_at: Timestamp,
    /// From where.
    pub address: Option<IpAddr>,
    /// With what.
    pub user_agent: Option<String>,
    /// Hash of what renews or, in a cookie, is the session: the first refresh token, or the handle.
    pub credential_hash: SecretHash,
    /// Until when that may be used; a handle's end moves on with use.
    pub credential_expires_at: Timestamp,
}

/// What became of beginning a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Started {
    /// It has begun.
    Started,
    /// The user is disabled or gone by now, or has another password.
    UserNotActive,
}

/// A session as its owner and administrators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Identifier.
    pub id: SessionId,
    /// Whose.
    pub user_id: UserId,
    /// Through which surface it began.
    pub surface: Surface,
    /// How they signed in.
    pub method: SignInMethod,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last renewed.
    pub last_seen_at: Timestamp,
    /// When it ends, whatever happens.
    pub expires_at: Timestamp,
    /// From where it began.
    pub address: Option<IpAddr>,
    /// With what.
    pub user_agent: Option<String>,
}

/// As much of a session as a node keeps in memory to judge access tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveSession {
    /// Whose.
    pub user_id: UserId,
    /// When the person proved who they are.
    pub authenticated_at: Timestamp,
    /// When it ends, whatever happens.
    pub expires_at: Timestamp,
    /// Until when its credential may be used: for a cookie, when it is over unless used before.
    pub credential_expires_at: Timestamp,
    /// When it ended before that.
    pub ended_at: Option<Timestamp>,
}

/// One step of a family of refresh tokens.
#[derive(Clone, Debug)]
pub struct RefreshFamily {
    /// The session, which is the family.
    pub session: SessionId,
    /// Hash of the token presented.
    pub presented: SecretHash,
    /// Hash of the token that shall follow it.
    pub successor: SecretHash,
    /// What the successor was derived with; kept so that a repeat can derive the same one.
    pub salt: [u8; 16],
    /// Now.
    pub at: Timestamp,
    /// A token replaced after this moment may be repeated and gets the same successor.
    pub repeat_after: Timestamp,
    /// Until when the successor may be used (the store cuts it to the session's end).
    pub expires_at: Timestamp,
}

/// What became of presenting a refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Rotation {
    /// The successor counts now.
    Rotated {
        /// Whose session.
        user_id: UserId,
        /// When the session ends, whatever happens.
        session_expires_at: Timestamp,
    },
    /// It was replaced a moment ago; derive the token that counts now, salt by salt.
    Repeated {
        /// Whose session.
        user_id: UserId,
        /// When the session ends, whatever happens.
        session_expires_at: Timestamp,
        /// The salts of every replacement since, in order: one, unless the successor was itself replaced by now.
        salts: Vec<[u8; 16]>,
    },
    /// It was replaced long ago: somebody has a copy. The session has ended with this call.
    Reused {
        /// Whose session.
        user_id: UserId,
    },
    /// It is too old, or its session has ended.
    Over,
    /// There is no such token.
    Unknown,
}
