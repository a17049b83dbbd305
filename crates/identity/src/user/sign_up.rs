//! Signing up: checks everything that can be wrong, hashes, and makes the account in one step.

use std::sync::Arc;

use secrecy::SecretString;

use super::{EmailAddress, NewUser, Person, User, UserContext, UserStatus, stored_roles};
use crate::audit::{AuditAction, AuditActor};
use crate::code::CodePurpose;
use crate::credential::{HasherError, Overloaded, PasswordHash, normalize};
use crate::fault::{FieldFault, Internal};
use crate::mail::{Letter, NOTICE_LIFE};
use crate::session::{Origin, SignInMethod, SignedIn};
use crate::store::Inserted;
use crate::throttle::{Throttle, ThrottleKey};
use crate::user_pool::{PoolFailure, permitted};
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
pub(crate) struct Checked {
    pub(crate) email: EmailAddress,
    pub(crate) password: Option<SecretString>,
    pub(crate) person: Person,
}

/// What became of a sign-up that is answered as one.
pub(crate) enum SignedUp {
    /// The account was made.
    Made(Arc<UserContext>),
    /// There was an account; whether it is theirs the mailed code tells. They hear of an account as it would be.
    Repeated(Arc<UserContext>),
    /// The address belongs to somebody, who is told by mail. They hear the same.
    Concealed(Arc<UserContext>),
}

impl Identity {
    /// Makes an account and answers it with the team and domain it joined.
    pub async fn sign_up(&self, request: SignUp<'_>) -> Result<Arc<UserContext>, SignUpError> {
        let outcome = self.sign_up_counted(&request).await;
        let label = match &outcome {
            Ok(SignedUp::Made(_) | SignedUp::Repeated(_)) => "created",
            Err(SignUpError::Refused(_)) => "refused",
            Ok(SignedUp::Concealed(_)) | Err(SignUpError::Taken) => "taken",
            Err(SignUpError::Throttled { .. }) => "throttled",
            Err(SignUpError::Overloaded(_)) => "overloaded",
            Err(SignUpError::Pool(_) | SignUpError::Store(_) | SignUpError::Internal(_)) => "failed",
        };
        self.observer.sign_up(request.surface, label);
        let surface = request.surface.as_str();
        let request_id = request.origin.request_id.as_deref();
        match &outcome {
            Ok(SignedUp::Made(context)) => tracing::info!(surface, request_id, user.id = %context.user.id, "signed up"),
            Ok(SignedUp::Repeated(_)) => tracing::info!(surface, request_id, "signed up again before it was confirmed"),
            Ok(SignedUp::Concealed(_)) => {
                tracing::warn!(surface, request_id, outcome = label, "sign-up answered by mail");
            }
            Err(error) => tracing::warn!(surface, request_id, outcome = label, reason = %error, "sign-up refused"),
        }
        outcome.map(|(SignedUp::Made(context) | SignedUp::Repeated(context) | SignedUp::Concealed(context))| context)
    }

    /// Makes an account and begins its first session.
    pub async fn sign_up_and_in(&self, request: SignUp<'_>) -> Result<SignedIn, SignUpError> {
        let (surface, origin) = (request.surface, request.origin.clone());
        let context = self.sign_up(request).await?;
        let session = self.start_session(surface, &context, SignInMethod::Password, origin).await?;
        // No account was made by this; or somebody disabled it in the blink between: as if they came too late.
        session.ok_or(SignUpError::Taken)
    }

    async fn sign_up_counted(&self, request: &SignUp<'_>) -> Result<SignedUp, SignUpError> {
        let person = Person::read(request.name, request.person);
        let checked = self.check(request.surface, request.email, Some(request.password), person);
        let checked = checked.map_err(SignUpError::Refused)?;
        let address = request.origin.address;
        let wait = self.wait_from(address);
        // Where a taken address is not told, each sign-up counts like one, so that none can be told from the waiting.
        let wait = wait.or_else(|| if self.conceals_taken(request.surface) { self.failed_from(address) } else { None });
        if let Some(retry_after_s) = wait {
            return Err(SignUpError::Throttled { retry_after_s });
        }
        match self.user_pool.outside() {
            None => self.sign_up_here(request, checked).await,
            Some(pool) => self.sign_up_there(pool, request, checked).await,
        }
    }

    /// Where Doorward keeps the passwords.
    async fn sign_up_here(&self, request: &SignUp<'_>, checked: Checked) -> Result<SignedUp, SignUpError> {
        let Checked { email, password, person } = checked;
        let password = password.ok_or_else(|| Internal::new("a sign-up without a password"))?;
        if self.conceals_taken(request.surface) {
            self.admit_sign_up(&email).await?;
        }
        // Looked up first so that a taken address, where the surface tells it anyway, costs no hash.
        if let Some(here) = self.store.find_user_by_email(email.key()).await? {
            self.contest(&here, password, request).await?;
            return self.taken_here(request, self.new_user(email, person, None)).await;
        }
        if self.is_taken_there(&email).await? {
            if self.conceals_taken(request.surface) {
                self.hasher.hash(password, request.origin.address).await?;
            }
            return self.taken_here(request, self.new_user(email, person, None)).await;
        }
        let hash = self.hasher.hash(password, request.origin.address).await?;
        let user = self.new_user(email, person, Some(hash));
        let code = match request.surface {
            Surface::Accounts => Some(self.new_code(user.id, &user.email, CodePurpose::EmailVerification, None)?),
            Surface::Hosted | Surface::Signin | Surface::Directory => None,
        };
        let email = user.email.clone();
        let made = self.insert_signed_up(request, NewUser { code, ..self.with_defaults(user) }).await?;
        if request.surface == Surface::Accounts && !self.conceals_taken(request.surface) {
            self.note_mail_to(&email).await;
        }
        Ok(made)
    }

    /// Whoever signs up with an address that was never confirmed, and another password, may be its owner, and so may
    /// whoever was first: when it is confirmed, the password of neither counts.
    async fn contest(&self, here: &User, password: SecretString, request: &SignUp<'_>) -> Result<(), SignUpError> {
        let address = request.origin.address;
        if here.email_verified_at.is_none() {
            if !self.hasher.verify(here.password_hash.as_ref(), password, address).await? {
                self.store.contest_sign_up(here.id).await?;
                tracing::warn!(user.id = %here.id, "somebody else wants the address of an account before it is confirmed");
            }
        } else if self.conceals_taken(request.surface) {
            self.hasher.hash(password, address).await?;
        }
        Ok(())
    }

    /// What whoever wanted a taken address hears.
    pub(crate) async fn taken_here(&self, request: &SignUp<'_>, wanted: User) -> Result<SignedUp, SignUpError> {
        if self.conceals_taken(request.surface) { self.tell_owner(wanted).await } else { Err(self.taken(request)) }
    }

    /// Makes the account, unless somebody has come first.
    pub(crate) async fn insert_signed_up(&self, request: &SignUp<'_>, new: NewUser) -> Result<SignedUp, SignUpError> {
        let id = new.user.id;
        let audit = self.audit(AuditActor::User(id), AuditAction::UserSignedUp, id, None, &request.origin);
        let inserted = self.store.insert_user(&new, &audit).await?;
        if new.code.is_some() {
            self.mail_was_put();
        }
        match inserted {
            Inserted::Inserted => {
                if new.code.is_some() {
                    self.observer.code(CodePurpose::EmailVerification, "issued");
                }
                let context = self.store.find_context(id).await?;
                context.map(|context| SignedUp::Made(Arc::new(context))).ok_or(SignUpError::Taken)
            }
            Inserted::Taken if self.conceals_taken(request.surface) => self.tell_owner(new.user).await,
            Inserted::Taken => Err(SignUpError::Taken),
        }
    }

    /// Whether the address belongs to an account in the pool that people leave: those shall sign in and move. To one
    /// that never proved it, it does not belong.
    async fn is_taken_there(&self, email: &EmailAddress) -> Result<bool, SignUpError> {
        let there = match self.user_pool.former() {
            Some(former) => {
                let found = former.find(email.as_str()).await;
                permitted(found, "who has not moved over can sign up anew").map_err(PoolFailure::from)?.flatten()
            }
            None => None,
        };
        Ok(there.is_some_and(|account| account.confirmed && account.email_verified))
    }

    /// Whether the surface does not tell that an address is taken.
    pub(crate) fn conceals_taken(&self, surface: Surface) -> bool {
        surface == Surface::Accounts && !self.settings.tell_taken
    }

    /// A taken address, told as such. Whoever tries many to learn who has an account is stopped like whoever guesses
    /// passwords.
    pub(crate) fn taken(&self, request: &SignUp<'_>) -> SignUpError {
        let wait = self.failed_from(request.origin.address);
        wait.map_or(SignUpError::Taken, |retry_after_s| SignUpError::Throttled { retry_after_s })
    }

    /// Counts a sign-up that is answered by mail in any case, and the mail. Apart from each other: whoever asks for codes
    /// keeps nobody from signing up.
    pub(crate) async fn admit_sign_up(&self, email: &EmailAddress) -> Result<(), SignUpError> {
        let counted = self.admit(&ThrottleKey::of_sign_up(email)).await?;
        counted.map_err(|retry_after_s| SignUpError::Throttled { retry_after_s })?;
        self.note_mail_to(email).await;
        Ok(())
    }

    /// Counts a mail that has left with a sign-up. The next one has to wait.
    pub(crate) async fn note_mail_to(&self, email: &EmailAddress) {
        if let Err(error) = self.admit_code_request(email, CodePurpose::EmailVerification).await {
            tracing::warn!(%error, "the mail of a sign-up is not counted; the next may follow at once");
        }
    }

    /// Counts a mail that a sign-up sends to the address.
    pub(crate) async fn admit_mail_to(&self, email: &EmailAddress) -> Result<Throttle, SignUpError> {
        let counted = self.admit_code_request(email, CodePurpose::EmailVerification).await?;
        counted.map_err(|retry_after_s| SignUpError::Throttled { retry_after_s })
    }

    /// Tells the owner of a taken address by mail, and whoever wanted it what they would hear of a fresh one. As many
    /// store calls as for that.
    pub(crate) async fn tell_owner(&self, wanted: User) -> Result<SignedUp, SignUpError> {
        let letter = self.new_mail(None, &wanted.email, &Letter::AlreadyRegistered, NOTICE_LIFE)?;
        self.store.put_mail(&letter).await?;
        self.mail_was_put();
        let _nobody = self.store.find_context(wanted.id).await?;
        Ok(SignedUp::Concealed(as_it_would_be(wanted)))
    }

    /// Checks an address, a password and what is told of a person together, so that all faults are told at once.
    pub(super) fn check(
        &self,
        surface: Surface,
        email: &str,
        password: Option<&SecretString>,
        person: Result<Person, Vec<FieldFault>>,
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
        let person = person.map_err(|wrong| faults.extend(wrong)).ok();
        match (parsed, person) {
            (Some(email), Some(person)) if faults.is_empty() => Ok(Checked { email, password, person }),
            _ => Err(faults),
        }
    }

    /// An active account made now, with the roles that everybody begins with.
    pub(crate) fn new_user(&self, email: EmailAddress, person: Person, password_hash: Option<PasswordHash>) -> User {
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
            roles: stored_roles(self.settings.new_account_roles.clone()),
            status: UserStatus::Active,
            created_at: now,
            updated_at: now,
            last_signin_at: None,
            signed_out_at: None,
            password_changed_at: None,
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

/// An account that was not made, as it would be.
pub(crate) fn as_it_would_be(user: User) -> Arc<UserContext> {
    Arc::new(UserContext { user, teams: Vec::new(), domains: Vec::new() })
}
