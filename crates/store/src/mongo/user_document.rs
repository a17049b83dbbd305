//! An account as a document: with the person's outside identities, teams, domains and live codes. How it is read and
//! written; what an intent is made of is in `user.rs`, `password.rs` and `code.rs`.

use doorward_identity::code::CodePurpose;
use doorward_identity::credential::PasswordHash;
use doorward_identity::user::{EmailAddress, ExternalIdentity, PhoneNumber, Role, User, UserStatus};
use jiff::Timestamp;
use mongodb::bson::{Binary, DateTime, Uuid};
use serde::{Deserialize, Serialize};

use super::aggregate::{Draft, Ledger, aggregate, id};
use super::values::{moment, optional_timestamp, timestamp};
use crate::fault::{Fault, readable};

/// An account.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, remote = "Self")]
pub(super) struct UserDocument {
    #[serde(rename = "_id")]
    pub(super) id: Uuid,
    pub(super) email: String,
    /// What addresses are compared by.
    pub(super) email_key: String,
    pub(super) email_verified_at: Option<DateTime>,
    pub(super) name: Option<String>,
    pub(super) first_name: Option<String>,
    pub(super) last_name: Option<String>,
    pub(super) phone: Option<String>,
    pub(super) avatar_url: Option<String>,
    pub(super) password_hash: Option<String>,
    pub(super) roles: Vec<Role>,
    pub(super) status: String,
    /// E-mail and name in lower case, for search.
    pub(super) search_text: String,
    pub(super) created_at: DateTime,
    pub(super) updated_at: DateTime,
    pub(super) last_signin_at: Option<DateTime>,
    pub(super) signed_out_at: Option<DateTime>,
    pub(super) password_changed_at: Option<DateTime>,
    /// Whether somebody else than who signed up wanted the address before it was confirmed.
    pub(super) sign_up_contested: bool,
    pub(super) version: i64,
    /// Absent when empty: the unique index passes over documents without any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) identities: Vec<IdentityDocument>,
    pub(super) teams: Vec<MembershipDocument>,
    pub(super) domains: Vec<Uuid>,
    /// At most one for each purpose.
    pub(super) codes: Vec<CodeDocument>,
    pub(super) ledger: Ledger,
}
aggregate!(UserDocument, "users");

/// Who somebody is at an outside issuer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IdentityDocument {
    pub(super) issuer: String,
    pub(super) subject: String,
    /// Both, for the unique index.
    pub(super) key: String,
}

impl IdentityDocument {
    pub(super) fn of(identity: &ExternalIdentity) -> Self {
        let (issuer, subject) = (identity.issuer.clone(), identity.subject.clone());
        Self { key: identity_key(identity), issuer, subject }
    }
}

/// What outside identities are compared by. An issuer is a URL and has no space.
pub(super) fn identity_key(identity: &ExternalIdentity) -> String {
    format!("{} {}", identity.issuer, identity.subject)
}

/// A membership in a team.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MembershipDocument {
    pub(super) team: Uuid,
    pub(super) role: Role,
}

/// A live code, and what it gave.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeDocument {
    pub(super) purpose: String,
    pub(super) digest: Binary,
    /// The address the code goes to, where it is not yet the account's.
    pub(super) new_email: Option<String>,
    pub(super) attempts_left: i64,
    pub(super) expires_at: DateTime,
    /// The mail that brings it.
    pub(super) mail: Uuid,
    pub(super) grant: Option<GrantDocument>,
}

/// What a right code gave: the right to choose a password, once. Whoever is about to use it leases it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GrantDocument {
    pub(super) hash: Binary,
    pub(super) expires_at: DateTime,
    pub(super) leased_until: Option<DateTime>,
}

/// Lower case, letter by letter: a part of a text stays a part of it.
pub(super) fn folded(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// What a search looks into. The line feed keeps e-mail and name from running into each other.
pub(super) fn search_text(email: &str, name: Option<&str>) -> String {
    folded(&format!("{email}\n{}", name.unwrap_or_default()))
}

impl UserDocument {
    /// A new account.
    pub(super) fn of(user: &User) -> Self {
        let mut document = Self {
            id: id(user.id.as_uuid()),
            email: String::new(),
            email_key: String::new(),
            email_verified_at: None,
            name: None,
            first_name: None,
            last_name: None,
            phone: None,
            avatar_url: None,
            password_hash: None,
            roles: Vec::new(),
            status: String::new(),
            search_text: String::new(),
            created_at: moment(user.created_at),
            updated_at: moment(user.updated_at),
            last_signin_at: user.last_signin_at.map(moment),
            signed_out_at: user.signed_out_at.map(moment),
            password_changed_at: user.password_changed_at.map(moment),
            sign_up_contested: false,
            version: user.version,
            identities: Vec::new(),
            teams: Vec::new(),
            domains: Vec::new(),
            codes: Vec::new(),
            ledger: Ledger::first(Vec::new()),
        };
        document.take(user);
        document
    }

    /// Takes over what a saved user may change; version and what only intents of their own write stay.
    pub(super) fn take(&mut self, user: &User) {
        self.email_verified_at = user.email_verified_at.map(moment);
        self.name.clone_from(&user.name);
        self.first_name.clone_from(&user.first_name);
        self.last_name.clone_from(&user.last_name);
        self.phone = user.phone.as_ref().map(|phone| PhoneNumber::as_str(phone).to_owned());
        self.avatar_url.clone_from(&user.avatar_url);
        self.password_hash = user.password_hash.as_ref().map(|hash| hash.expose().to_owned());
        self.roles.clone_from(&user.roles);
        user.status.as_str().clone_into(&mut self.status);
        self.updated_at = moment(user.updated_at);
        self.move_to(&user.email);
    }

    /// Takes another address.
    pub(super) fn move_to(&mut self, email: &EmailAddress) {
        email.as_str().clone_into(&mut self.email);
        email.key().as_str().clone_into(&mut self.email_key);
        self.search_text = search_text(&self.email, self.name.as_deref());
    }

    /// Notes a change at a moment: a new version.
    pub(super) fn touch(&mut self, at: Timestamp) {
        self.updated_at = moment(at);
        self.version += 1;
    }

    /// Whether the account is active.
    pub(super) fn is_active(&self) -> bool {
        UserStatus::parse(&self.status) == Some(UserStatus::Active)
    }

    /// The code for a purpose.
    pub(super) fn code_for(&mut self, purpose: CodePurpose) -> Option<&mut CodeDocument> {
        self.codes.iter_mut().find(|code| code.purpose == purpose.as_str())
    }
}

impl TryFrom<UserDocument> for User {
    type Error = Fault;

    fn try_from(document: UserDocument) -> Result<Self, Fault> {
        Ok(Self {
            id: doorward_identity::UserId::from_uuid(uuid::Uuid::from_bytes(document.id.bytes())),
            email: readable(document.email.parse().ok(), "e-mail address")?,
            email_verified_at: optional_timestamp(document.email_verified_at)?,
            name: document.name,
            first_name: document.first_name,
            last_name: document.last_name,
            phone: document.phone.map(|text| readable(text.parse().ok(), "telephone number")).transpose()?,
            avatar_url: document.avatar_url,
            password_hash: document.password_hash.map(PasswordHash::from_stored),
            roles: document.roles,
            status: readable(UserStatus::parse(&document.status), "user status")?,
            created_at: timestamp(document.created_at)?,
            updated_at: timestamp(document.updated_at)?,
            last_signin_at: optional_timestamp(document.last_signin_at)?,
            signed_out_at: optional_timestamp(document.signed_out_at)?,
            password_changed_at: optional_timestamp(document.password_changed_at)?,
            version: document.version,
        })
    }
}

impl Draft<UserDocument> {
    /// The domain's id of the account.
    pub(super) fn user(&self) -> doorward_identity::UserId {
        doorward_identity::UserId::from_uuid(uuid::Uuid::from_bytes(self.id.bytes()))
    }
}
