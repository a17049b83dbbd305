//! The words for a person: user, status, outside identity, and the context every surface shows.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{EmailAddress, PhoneNumber, Role};
use crate::UserId;
use crate::code::NewCode;
use crate::credential::PasswordHash;
use crate::domain::Domain;
use crate::team::Team;

/// An account.
#[derive(Clone, Debug)]
pub struct User {
    /// Identifier.
    pub id: UserId,
    /// Address, as given; unique by its [`super::EmailKey`].
    pub email: EmailAddress,
    /// When the address was proved to be the person's.
    pub email_verified_at: Option<Timestamp>,
    /// What the person is called.
    pub name: Option<String>,
    /// Their first name, where it was given apart.
    pub first_name: Option<String>,
    /// Their last name, likewise.
    pub last_name: Option<String>,
    /// Their telephone.
    pub phone: Option<PhoneNumber>,
    /// A picture.
    pub avatar_url: Option<String>,
    /// The password's hash; none for people who come from outside.
    pub password_hash: Option<PasswordHash>,
    /// What they may do here beside what everybody may, sorted, without doubles: what is stored. Whoever tells or asks
    /// what they hold takes [`Self::held_roles`] and [`Self::has_role`].
    pub roles: Vec<Role>,
    /// Whether they may sign in.
    pub status: UserStatus,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When they last signed in.
    pub last_signin_at: Option<Timestamp>,
    /// When all of their sessions were last ended together: an outside token issued before counts no more.
    pub signed_out_at: Option<Timestamp>,
    /// When the password was last changed or reset.
    pub password_changed_at: Option<Timestamp>,
    /// Rises with every change (not with sign-ins).
    pub version: i64,
}

impl User {
    /// Whether they may sign in and use what they hold.
    pub fn is_active(&self) -> bool {
        self.status == UserStatus::Active
    }

    /// Every role they hold: the one that everybody has first, then their own.
    pub fn held_roles(&self) -> impl Iterator<Item = &str> {
        let own = self.roles.iter().map(Role::as_str).filter(|own| *own != Role::USER);
        std::iter::once(Role::USER).chain(own)
    }

    /// Whether they hold the role.
    pub fn has_role(&self, role: &str) -> bool {
        self.held_roles().any(|held| held == role)
    }
}

/// Whether a user may sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UserStatus {
    /// They may.
    Active,
    /// They may not, and nothing they held counts any more.
    Disabled,
}

impl UserStatus {
    /// The name in stores and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }

    /// The status of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Active, Self::Disabled].into_iter().find(|status| status.as_str() == name)
    }
}

/// Who somebody is at an outside issuer. Never an e-mail address: those are handed on to other people.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ExternalIdentity {
    /// The issuer, exactly as in its tokens.
    pub issuer: String,
    /// The subject there.
    pub subject: String,
}

impl ExternalIdentity {
    /// Whether the subject can be somebody's (OIDC Core §2: at most 255 characters). An empty one, or one that two
    /// programs print differently, would make one person of many.
    pub(crate) fn is_plausible(&self) -> bool {
        let subject = &self.subject;
        !subject.is_empty()
            && subject.len() <= 255
            && subject.trim() == subject
            && !subject.chars().any(char::is_control)
    }
}

/// An account about to be made, with all that must come into being together with it.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The account.
    pub user: User,
    /// The outside identity it is made for.
    pub identity: Option<ExternalIdentity>,
    /// The name of the team it joins as a member; passed over when no active team has the name.
    pub team: Option<String>,
    /// The key of the domain it is assigned to; passed over when no active domain has the key.
    pub domain: Option<String>,
    /// The code that confirms its address.
    pub code: Option<NewCode>,
}

/// A user with all that surfaces and policies ask about.
#[derive(Clone, Debug)]
pub struct UserContext {
    /// The account.
    pub user: User,
    /// Active teams they are in, by name.
    pub teams: Vec<UserTeam>,
    /// Active domains assigned to them, by key.
    pub domains: Vec<Domain>,
}

/// A team someone is in, and as what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserTeam {
    /// The team.
    pub team: Team,
    /// Their role in it.
    pub role: Role,
}
