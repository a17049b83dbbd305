//! Signing up where a pool elsewhere keeps the passwords: the pool first, then the record.
//!
//! What anybody may ask of the pool is enough. Only an address that is taken there and has no record here is looked at
//! more closely: that is a sign-up of which the store never heard, or somebody who was there before. One that nobody has
//! confirmed is nobody's yet, and begins anew, so that the code which is mailed confirms the password of whoever signs up
//! now. Where Doorward may not do that, the code of the former one is mailed again; whoever reads it gets in by a reset.
//! One that only says that the address is its own gives it back.

use secrecy::SecretString;

use super::{OutsidePool, PoolAccount, PoolError, PoolFailure, PoolSignUp, permitted};
use crate::code::CodePurpose;
use crate::fault::{FieldFault, Internal};
use crate::throttle::{Throttle, ThrottleKey};
use crate::user::{Checked, ExternalIdentity, NewUser, SignUp, SignUpError, SignedUp, User, as_it_would_be};
use crate::{Identity, Surface};

/// What it means that Doorward may not see, or not delete, a sign-up that nobody confirmed.
const GOES_ON: &str = "a sign-up that broke off goes on with the password that was chosen first";

impl Identity {
    pub(crate) async fn sign_up_there(
        &self,
        pool: &dyn OutsidePool,
        request: &SignUp<'_>,
        checked: Checked,
    ) -> Result<SignedUp, SignUpError> {
        let Checked { email, password, person } = checked;
        let password = password.ok_or_else(|| Internal::new("a sign-up without a password"))?;
        let conceals = self.conceals_taken(request.surface);
        if conceals {
            self.admit_sign_up(&email).await?;
        }
        let here = self.store.find_user_by_email(email.key()).await?;
        // Only the accounts surface answers alike for a record that is there: the others show the account they made.
        let is_open = |user: &User| request.surface == Surface::Accounts && user.is_active();
        if here.as_ref().is_some_and(|user| !is_open(user)) {
            return self.taken_here(request, self.new_user(email, person, None)).await;
        }
        let email = here.as_ref().map_or(email, |user| user.email.clone());
        let user = self.new_user(email, person, None);
        match (pool.sign_up(PoolSignUp::of(&user, &password)).await, here) {
            (Ok(subject), here) => {
                if !conceals {
                    self.note_mail_to(&user.email).await;
                }
                match here {
                    None => self.insert_there(pool, request, user, Some(subject)).await,
                    // Whose the record is, the code will tell.
                    Some(_) => Ok(SignedUp::Repeated(as_it_would_be(user))),
                }
            }
            // Where a taken address is not told, looking further would tell it by its time.
            (Err(PoolError::Taken), None) if !conceals => self.look_further(pool, request, user, &password).await,
            (Err(PoolError::Taken), _) => self.taken_here(request, user).await,
            (Err(error), _) => Err(refused(error)),
        }
    }

    /// Somebody has the address there, and nobody here.
    async fn look_further(
        &self,
        pool: &dyn OutsidePool,
        request: &SignUp<'_>,
        user: User,
        password: &SecretString,
    ) -> Result<SignedUp, SignUpError> {
        let found = match permitted(pool.find(user.email.as_str()).await, GOES_ON).map_err(PoolFailure::from)? {
            Some(Some(account)) if self.free_address::<SignUpError>(pool, &account).await? => Some(None),
            found => found,
        };
        if let Some(Some(account)) = &found
            && !is_unfinished(account)
        {
            // Administrators shall see whose the address is.
            self.record_of::<SignUpError>(pool, account).await?;
            return self.taken_here(request, user).await;
        }
        let counted = self.admit_mail_to(&user.email).await?;
        let is_free = match found {
            None => false,
            Some(None) => true,
            Some(Some(unfinished)) => {
                let deleted = pool.delete(&unfinished.subject).await;
                permitted(deleted, GOES_ON).map_err(PoolFailure::from)?.is_some()
            }
        };
        if !is_free {
            return self.resume(pool, request, user, counted).await;
        }
        match pool.sign_up(PoolSignUp::of(&user, password)).await {
            Ok(subject) => self.insert_there(pool, request, user, Some(subject)).await,
            Err(PoolError::Taken) => self.taken_here(request, user).await,
            Err(error) => Err(refused(error)),
        }
    }

    /// Has the code mailed again, if there is something to confirm. Whose the record is, a sign-in will tell.
    async fn resume(
        &self,
        pool: &dyn OutsidePool,
        request: &SignUp<'_>,
        user: User,
        counted: Throttle,
    ) -> Result<SignedUp, SignUpError> {
        match pool.resend_code(&user.email).await {
            Ok(()) => self.insert_there(pool, request, user, None).await,
            Err(PoolError::AlreadyConfirmed | PoolError::UnknownUser | PoolError::Refused) => {
                // No mail left.
                let key = ThrottleKey::of_mail_to(&user.email, CodePurpose::EmailVerification);
                self.give_back(&key, counted).await;
                self.taken_here(request, user).await
            }
            Err(error) => Err(refused(error)),
        }
    }

    async fn insert_there(
        &self,
        pool: &dyn OutsidePool,
        request: &SignUp<'_>,
        user: User,
        subject: Option<String>,
    ) -> Result<SignedUp, SignUpError> {
        let identity = subject.map(|subject| ExternalIdentity { issuer: pool.issuer().to_owned(), subject });
        self.insert_signed_up(request, NewUser { identity, ..self.with_defaults(user) }).await
    }
}

/// Whether nobody has confirmed the account, nor an operator done anything to it.
fn is_unfinished(account: &PoolAccount) -> bool {
    !account.confirmed && !account.email_verified && account.enabled
}

fn refused(error: PoolError) -> SignUpError {
    match error {
        PoolError::WeakPassword(fault) => SignUpError::Refused(vec![FieldFault::new("password", fault)]),
        PoolError::BadInput(field, fault) => SignUpError::Refused(vec![FieldFault::new(field, fault)]),
        other => PoolFailure::from(other).into(),
    }
}
