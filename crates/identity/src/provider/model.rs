//! The words for providers: what is sent to one, what comes back, and what is kept while a session lasts.

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;

use crate::session::NewSession;
use crate::user::ExternalIdentity;
use crate::{SessionId, UserId};

/// A provider as people choose it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderInfo {
    /// Its name in paths and settings.
    pub id: String,
    /// Its issuer, to the letter.
    pub issuer: String,
}

/// What is asked of a provider's authorization endpoint (OIDC Core §3.1.2.1).
#[derive(Clone, Debug)]
pub struct AuthorizationRequest {
    /// Comes back with the code.
    pub state: String,
    /// Comes back within the ID token.
    pub nonce: String,
    /// S256 of the verifier (RFC 7636).
    pub code_challenge: String,
    /// The person must have proved who they are within this time; zero asks them again.
    pub max_age: Option<SignedDuration>,
}

/// A code that came back, to be exchanged.
#[derive(Clone, Debug)]
pub struct CodeExchange {
    /// The code.
    pub code: SecretString,
    /// The `iss` parameter of the callback (RFC 9207), if there was one.
    pub iss: Option<String>,
    /// The verifier whose challenge was sent.
    pub code_verifier: SecretString,
    /// The nonce that the ID token must carry.
    pub nonce: String,
    /// What `max_age` was asked for; the ID token must then say when the person signed in.
    pub max_age: Option<SignedDuration>,
}

/// A person as a provider's verified ID token (and user info) tells of them.
#[derive(Clone, Debug)]
pub struct OutsideAccount {
    /// Who they are there.
    pub identity: ExternalIdentity,
    /// Their address, as the provider has it.
    pub email: Option<String>,
    /// Whether the provider verified it; only `true` itself counts.
    pub email_verified: bool,
    /// What they are called.
    pub name: Option<String>,
    /// Groups they are in; `None` when the provider says nothing about groups.
    pub groups: Option<Vec<String>>,
    /// When they proved who they are there, if it says so.
    pub authenticated_at: Option<Timestamp>,
    /// The provider's own session, for back-channel logout.
    pub provider_session: Option<String>,
}

/// A provider's tokens. They never leave Doorward.
#[derive(Clone, Debug)]
pub struct ProviderTokens {
    /// For its APIs.
    pub access_token: SecretString,
    /// Gets new ones.
    pub refresh_token: Option<SecretString>,
    /// Tells the provider whose session to end (`id_token_hint`).
    pub id_token: Option<SecretString>,
    /// When the access token ends.
    pub expires_at: Option<Timestamp>,
}

/// Whom a logout token (OIDC Back-Channel Logout 1.0 §2.4) names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// One session at the provider.
    Session(String),
    /// Every session of a person.
    Person(String),
}

/// A verified logout token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutNotice {
    /// The provider's name here.
    pub provider: String,
    /// Whom it names.
    pub subject: Subject,
    /// The token's own id, so that it counts once.
    pub token_id: String,
    /// Until when that must be remembered.
    pub expires_at: Timestamp,
}

/// A session that began through a provider, about to be kept.
#[derive(Clone, Debug)]
pub struct NewProviderSession {
    /// The session.
    pub session: NewSession,
    /// The provider's name here.
    pub provider: String,
    /// The subject there.
    pub subject: String,
    /// The provider's own session.
    pub provider_session: Option<String>,
    /// Its tokens, sealed.
    pub sealed_tokens: Vec<u8>,
    /// When they should be renewed; `None` when they cannot be.
    pub renew_at: Option<Timestamp>,
}

/// A session that began through a provider, as kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderSession {
    /// The session.
    pub session: SessionId,
    /// Whose.
    pub user_id: UserId,
    /// The provider's name here.
    pub provider: String,
    /// The subject there.
    pub subject: String,
    /// Its tokens, sealed.
    pub sealed_tokens: Vec<u8>,
}
