//! What administrators do to accounts. Every service takes an [`Admin`] as evidence.

use secrecy::SecretString;

use super::{EmailAddress, KnownRoles, NewUser, Person, Role, User, UserContext, UserQuery, UserStatus, stored_roles};
use crate::audit::{AuditAction, AuditEvent, AuditQuery};
use crate::change::ChangeSubject;
use crate::credential::{HasherError, Overloaded};
use crate::fault::{FieldFault, Internal};
use crate::name::DisplayName;
use crate::policy::Admin;
use crate::session::Session;
use crate::store::{Inserted, Saved};
use crate::throttle::{ThrottleKey, network};
use crate::user_pool::PoolFailure;
use crate::{Identity, StoreError, Surface, UserId};

/// The longest picture address that is kept.
const MAX_URL: usize = 2048;

/// Why an administrator's wish was not done.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// It is not there.
    #[error("there is no such thing")]
    NotFound,
    /// A value that must be unique belongs to another; names the field.
    #[error("the {0} is taken")]
    Taken(&'static str),
    /// Somebody else wrote first.
    #[error("it was changed meanwhile; read it again")]
    Stale,
    /// Something given is no good; all of it is named.
    #[error("{}", crate::fault::sentence(.0))]
    Refused(Vec<FieldFault>),
    /// The parent domain is not there.
    #[error("the parent domain is not there")]
    NoParent,
    /// The move would make a domain its own ancestor.
    #[error("a domain cannot lie below itself")]
    Cycle,
    /// Too many passwords are being hashed.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// The user pool elsewhere did not do it.
    #[error(transparent)]
    Pool(#[from] PoolFailure),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Doorward itself.
    #[error(transparent)]
    Internal(#[from] Internal),
}

impl AdminError {
    /// One field that is no good.
    pub(crate) fn refused(field: &'static str, message: impl std::fmt::Display) -> Self {
        Self::Refused(vec![FieldFault::new(field, message)])
    }
}

impl From<HasherError> for AdminError {
    fn from(error: HasherError) -> Self {
        match error {
            HasherError::Overloaded(overloaded) => Self::Overloaded(overloaded),
            other => Self::Internal(Internal::new(other)),
        }
    }
}

/// An account to make.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Its address.
    pub email: String,
    /// Its first password, by the rule of the sign-in surface; none for people who come in another way.
    pub password: Option<SecretString>,
    /// What they are called.
    pub name: Option<String>,
    /// What they may do beside what everybody may.
    pub roles: Vec<Role>,
    /// Whether the address is known to be theirs.
    pub email_verified: bool,
}

/// What to change of an account; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    /// Another name, or none.
    pub name: Option<Option<String>>,
    /// Another address, which is not verified then.
    pub email: Option<String>,
    /// Another picture, or none.
    pub avatar_url: Option<Option<String>>,
    /// Other roles.
    pub roles: Option<Vec<Role>>,
    /// Only if this is the version stored.
    pub expected_version: Option<i64>,
}

impl Identity {
    /// Makes an account.
    pub async fn create_account(&self, by: &Admin, new: NewAccount) -> Result<User, AdminError> {
        let person = Person::read(new.name.as_deref(), None);
        let unknown = unknown_roles(&self.settings.known_roles, &new.roles);
        let checked = match self.check(Surface::Signin, &new.email, new.password.as_ref(), person) {
            Ok(checked) if unknown.is_empty() => checked,
            checked => return Err(AdminError::Refused([checked.err().unwrap_or_default(), unknown].concat())),
        };
        let mut user = self.new_user(checked.email, checked.person, None);
        user.roles = stored_roles(new.roles);
        user.email_verified_at = new.email_verified.then_some(user.created_at);
        let mut identity = None;
        match (checked.password, self.user_pool.outside()) {
            (None, _) => {}
            (Some(password), None) => user.password_hash = Some(self.hasher.hash(password, None).await?),
            (Some(password), Some(pool)) => identity = Some(self.create_there(pool, &user, &password).await?),
        }
        let audit = by.audit(self, AuditAction::UserCreated, user.id, None);
        let new = NewUser { identity, ..self.with_defaults(user) };
        match self.store.insert_user(&new, &audit).await? {
            Inserted::Inserted => Ok(new.user),
            Inserted::Taken => Err(AdminError::Taken("email")),
        }
    }

    /// Users in order of creation.
    pub async fn users(&self, _by: &Admin, query: &UserQuery) -> Result<Vec<User>, StoreError> {
        self.store.list_users(query).await
    }

    /// A user with teams and domains.
    pub async fn user_context(&self, _by: &Admin, id: UserId) -> Result<Option<UserContext>, StoreError> {
        self.store.find_context(id).await
    }

    /// The user with that address.
    pub async fn user_by_email(&self, _by: &Admin, email: &str) -> Result<Option<User>, AdminError> {
        let email: EmailAddress = email.parse().map_err(|error| AdminError::refused("email", error))?;
        Ok(self.store.find_user_by_email(email.key()).await?)
    }

    /// Changes an account.
    pub async fn change_user(&self, by: &Admin, id: UserId, change: UserChange) -> Result<User, AdminError> {
        let user = self.store.find_user(id).await?.ok_or(AdminError::NotFound)?;
        if change.expected_version.is_some_and(|version| version != user.version) {
            return Err(AdminError::Stale);
        }
        let roles_change = change.roles.as_ref().is_some_and(|roles| stored_roles(roles.clone()) != user.roles);
        let action = if roles_change { AuditAction::UserRolesChanged } else { AuditAction::UserUpdated };
        let changed = changed(user, change, &self.settings.known_roles).map_err(AdminError::Refused)?;
        if by.is(id) && !changed.has_role(Role::ADMIN) {
            return Err(own_access("roles"));
        }
        let detail = roles_change.then(|| changed.roles.iter().map(Role::as_str).collect::<Vec<_>>().join(" "));
        let audit = by.audit(self, action, id, detail);
        self.save(changed, &audit).await
    }

    /// Disables an account (not one's own), which ends all of its sessions, or enables it again.
    pub async fn set_user_status(&self, by: &Admin, id: UserId, status: UserStatus) -> Result<User, AdminError> {
        let mut user = self.store.find_user(id).await?.ok_or(AdminError::NotFound)?;
        if user.status == status {
            return Ok(user);
        }
        if by.is(id) {
            return Err(own_access("status"));
        }
        user.status = status;
        let action = match status {
            UserStatus::Active => AuditAction::UserEnabled,
            UserStatus::Disabled => AuditAction::UserDisabled,
        };
        let audit = by.audit(self, action, id, None);
        self.save(user, &audit).await
    }

    /// Deletes an account (not one's own) and all that hangs on it.
    pub async fn delete_user(&self, by: &Admin, id: UserId) -> Result<(), AdminError> {
        if by.is(id) {
            return Err(own_access("id"));
        }
        self.delete_there::<AdminError>(id).await?;
        let audit = by.audit(self, AuditAction::UserDeleted, id, None);
        let deleted = self.store.delete_user(id, None, &audit).await?;
        self.live.apply(ChangeSubject::User(id));
        if deleted { Ok(()) } else { Err(AdminError::NotFound) }
    }

    /// Ends every session of a user, first those at a user pool elsewhere. Answers how many were open here.
    pub async fn end_sessions(&self, by: &Admin, id: UserId) -> Result<u64, AdminError> {
        self.store.find_user(id).await?.ok_or(AdminError::NotFound)?;
        let there = self.end_all_there(id).await?;
        let audit = by.audit(self, AuditAction::SessionsEnded, id, None);
        let ended = self.end_all(id, &audit).await?;
        there?;
        Ok(ended)
    }

    /// Forgives a user's failed sign-ins and wrong codes, wherever they were tried from.
    pub async fn unlock_user(&self, by: &Admin, id: UserId) -> Result<(), AdminError> {
        let user = self.store.find_user(id).await?.ok_or(AdminError::NotFound)?;
        let sessions = self.store.list_sessions(id, self.clock.now()).await?;
        let places = sessions.iter().filter_map(|session| session.address);
        let there = places.map(|address| ThrottleKey::of_user_at(id, network(address)));
        for key in std::iter::once(ThrottleKey::of_user(id)).chain(there) {
            self.store.forgive_attempts(&key).await?;
            self.store.forgive_attempts(&key.for_codes()).await?;
        }
        let audit = by.audit(self, AuditAction::UserUnlocked, id, None);
        self.save(user, &audit).await.map(|_| ())
    }

    /// A user's open sessions.
    pub async fn user_sessions(&self, _by: &Admin, id: UserId) -> Result<Vec<Session>, AdminError> {
        self.store.find_user(id).await?.ok_or(AdminError::NotFound)?;
        Ok(self.store.list_sessions(id, self.clock.now()).await?)
    }

    /// The audit log, newest first.
    pub async fn audit_events(&self, _by: &Admin, query: &AuditQuery) -> Result<Vec<AuditEvent>, StoreError> {
        self.store.list_audit(query).await
    }

    /// Saves a user that was read before, and makes this node forget what it knew of them.
    async fn save(&self, mut user: User, audit: &AuditEvent) -> Result<User, AdminError> {
        user.updated_at = self.clock.now();
        let saved = self.store.save_user(&user, audit).await?;
        self.live.apply(ChangeSubject::User(user.id));
        match saved {
            Saved::Saved => {
                user.version += 1;
                tracing::info!(user.id = %user.id, action = audit.action.as_str(), "account changed");
                Ok(user)
            }
            Saved::Stale => Err(AdminError::Stale),
            Saved::Taken => Err(AdminError::Taken("email")),
        }
    }
}

/// The user with the change applied, or everything that is wrong with it.
fn changed(mut user: User, change: UserChange, known: &KnownRoles) -> Result<User, Vec<FieldFault>> {
    let mut faults = Vec::new();
    if let Some(email) = change.email {
        match email.parse::<EmailAddress>() {
            Ok(email) => {
                if email.key() != user.email.key() {
                    user.email_verified_at = None;
                }
                user.email = email;
            }
            Err(error) => faults.push(FieldFault::new("email", error)),
        }
    }
    if let Some(name) = change.name {
        match name.map(DisplayName::try_from).transpose() {
            Ok(name) => user.name = name.map(String::from),
            Err(error) => faults.push(FieldFault::new("name", error)),
        }
    }
    if let Some(url) = change.avatar_url {
        let fits = |url: &String| url.len() <= MAX_URL && url.starts_with("https://") && url.is_ascii();
        if url.as_ref().is_none_or(fits) {
            user.avatar_url = url;
        } else {
            faults.push(FieldFault::new("avatar_url", "a picture has an https:// address of at most 2048 characters"));
        }
    }
    if let Some(roles) = change.roles {
        faults.extend(unknown_roles(known, &roles));
        user.roles = stored_roles(roles);
    }
    if faults.is_empty() { Ok(user) } else { Err(faults) }
}

fn own_access(field: &'static str) -> AdminError {
    AdminError::refused(field, "administrators do not give up their own access; another one does it for them")
}

fn unknown_roles(known: &KnownRoles, granted: &[Role]) -> Vec<FieldFault> {
    let refused = granted.iter().filter_map(|role| known.check(role.as_str()).err());
    refused.map(|unknown| FieldFault::new("roles", unknown)).collect()
}
