//! Signing up: checks everything that can be wrong, hashes, and makes the account in one step.

use std::sync::Arc;

use secrecy::SecretString;

use super::{EmailAddress, NewUser, Person, Role, User, UserContext, UserStatus};
use crate::audit::{AuditAction, AuditActor};
use crate::credential::{HasherError, Overloaded, PasswordHash, normalize};
use crate::fault::{FieldFault, Internal};
use crate::name::DisplayName;
use crate::session::{Origin, SignInMethod, SignedIn};
use crate::store::Inserted;
use crate::user_pool::PoolFailure;
use crate::{Identity, StoreError, Surface, UserId};

/// A wish to sign up.
pub struct SignUp<'r> {
    /// Through which surface; its password rule counts.
    pub surface: Surface,
    /// The address as typed.
    pub email: &'r str,
    /// The password as typed.
    pub password: &'r SecretString,
    /// What they want to be called.
    pub name: Option<&'r str>,
    /// What else they tell of themselves; on the accounts surface.
    pub person: Option<PersonDetails<'r>>,
    /// From where.
    pub origin: Origin,
}

/// What a person tells of themselves where first and last name are asked for apart.
#[derive(Clone, Copy, Debug)]
pub struct PersonDetails<'r> {
    /// First name.
    pub first_name: &'r str,
    /// Last name.
    pub last_name: &'r str,
    /// Telephone, as typed.
    pub phone: Option<&'r str>,
}

/// Why nobody was signed up.
#[derive(Debug, thiserror::Error)]
pub enum SignUpError {
    /// Something typed is no good; all of it is named.
    #[error("{}", crate::fault::sentence(.0))]
    Refused(Vec<FieldFault>),
    /// The address belongs to an account.
    #[error("the e-mail address is taken")]
    Taken,
    /// Too many failures from this address.
    #[error("too many failed attempts; try again in {retry_after_s} seconds")]
    Throttled {
        /// Seconds until the next attempt counts.
        retry_after_s: u64,
    },
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

impl From<HasherError> for SignUpError {
    fn from(error: HasherError) -> Self {
        match error {
            HasherError::Overloaded(overloaded) => Self::Overloaded(overloaded),
            other => Self::Internal(Internal::new(other)),
        }
    }
}

/// What is good of what was typed.
pub(super) struct Checked {
    pub(super) email: EmailAddress,
    pub(super) password: Option<SecretString>,
    pub(super) name: Option<DisplayName>,
}

impl Identity {
    /// Makes an account and answers it with the team and domain it joined.
    pub async fn sign_up(&self, request: SignUp<'_>) -> Result<Arc<UserContext>, SignUpError> {
        let outcome = self.sign_up_counted(&request).await;
        let label = match &outcome {
            Ok(_) => "created",
            Err(SignUpError::Refused(_)) => "refused",
            Err(SignUpError::Taken) => "taken",
            Err(SignUpError::Throttled { .. }) => "throttled",
            Err(SignUpError::Overloaded(_)) => "overloaded",
            Err(SignUpError::Pool(_) | SignUpError::Store(_) | SignUpError::Internal(_)) => "failed",
        };
        self.observer.sign_up(request.surface, label);
        let surface = request.surface.as_str();
        let request_id = request.origin.request_id.as_deref();
        match &outcome {
            Ok(context) => tracing::info!(surface, request_id, user.id = %context.user.id, "signed up"),
            Err(error) => tracing::warn!(surface, request_id, outcome = label, reason = %error, "sign-up refused"),
        }
        outcome
    }

    /// Makes an account and begins its first session.
    pub async fn sign_up_and_in(&self, request: SignUp<'_>) -> Result<SignedIn, SignUpError> {
        let (surface, origin) = (request.surface, request.origin.clone());
        let context = self.sign_up(request).await?;
        let session = self.start_session(surface, &context, SignInMethod::Password, origin).await?;
        // Somebody disabled the account in the blink between: to the caller it is as if they came too late.
        session.ok_or(SignUpError::Taken)
    }

    async fn sign_up_counted(&self, request: &SignUp<'_>) -> Result<Arc<UserContext>, SignUpError> {
        let checked = self
            .check(request.surface, request.email, Some(request.password), request.name)
            .map_err(SignUpError::Refused)?;
        let address = request.origin.address;
        if let Some(retry_after_s) = self.wait_from(address) {
            return Err(SignUpError::Throttled { retry_after_s });
        }
        // Looked up first so that a taken address, which each surface tells anyway, costs no hash. Whoever tries many
        // to learn who has an account is stopped like whoever guesses passwords.
        if self.store.find_user_by_email(checked.email.key()).await?.is_some() {
            let wait = self.failed_from(address);
            return Err(wait.map_or(SignUpError::Taken, |retry_after_s| SignUpError::Throttled { retry_after_s }));
        }
        let hash = match checked.password {
            Some(password) => Some(self.hasher.hash(password, address).await?),
            None => None,
        };
        let user = self.new_user(checked.email, Person::named(checked.name), hash, Vec::new());
        let id = user.id;
        let actor = AuditActor::User(id);
        let audit = self.audit(actor, AuditAction::UserSignedUp, id, None, &request.origin);
        match self.store.insert_user(&self.with_defaults(user), &audit).await? {
            Inserted::Taken => Err(SignUpError::Taken),
            Inserted::Inserted => {
                let context = self.store.find_context(id).await?;
                context.map(Arc::new).ok_or(SignUpError::Taken)
            }
        }
    }

    /// Checks an address, a password and a name together, so that all faults are told at once.
    pub(super) fn check(
        &self,
        surface: Surface,
        email: &str,
        password: Option<&SecretString>,
        name: Option<&str>,
    ) -> Result<Checked, Vec<FieldFault>> {
        let mut faults = Vec::new();
        let parsed: Option<EmailAddress> =
            email.parse().map_err(|error| faults.push(FieldFault::new("email", error))).ok();
        let password = password.map(normalize);
        if let Some(password) = &password {
            let rule = &self.settings.surface(surface).password_rule;
            let documented = self.settings.documented_password.as_deref();
            let broken = rule.faults(password, email, documented);
            faults.extend(broken.into_iter().map(|fault| FieldFault::new("password", fault)));
        }
        let name = name.map(|name| DisplayName::try_from(name.trim().to_owned())).transpose();
        let name = name.map_err(|error| faults.push(FieldFault::new("name", error))).ok().flatten();
        match parsed {
            Some(email) if faults.is_empty() => Ok(Checked { email, password, name }),
            _ => Err(faults),
        }
    }

    /// An active account made now.
    pub(crate) fn new_user(
        &self,
        email: EmailAddress,
        person: Person,
        password_hash: Option<PasswordHash>,
        roles: Vec<Role>,
    ) -> User {
        let now = self.clock.now();
        let mut user = User {
            id: UserId::new(now, &*self.entropy),
            email,
            email_verified_at: None,
            name: None,
            first_name: None,
            last_name: None,
            phone: None,
            avatar_url: None,
            password_hash,
            roles,
            status: UserStatus::Active,
            created_at: now,
            updated_at: now,
            last_signin_at: None,
            signed_out_at: None,
            version: 1,
        };
        person.describe(&mut user);
        user
    }

    /// A new account with the team and domain that everybody begins with.
    pub(crate) fn with_defaults(&self, user: User) -> NewUser {
        NewUser {
            user,
            identity: None,
            team: self.settings.default_team.clone(),
            domain: self.settings.default_domain.clone(),
            code: None,
        }
    }
}
