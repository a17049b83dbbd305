//! Signing up where a pool elsewhere keeps the passwords: the pool first, then the record.
//!
//! A sign-up that was never confirmed is nobody's yet: whoever signs up with its address begins anew, so that the code
//! which is mailed confirms their password and not one that somebody else chose before. It also finishes a sign-up of
//! which the store never heard.

use super::{OutsidePool, PoolAccount, PoolError, PoolFailure, PoolSignUp};
use crate::fault::{FieldFault, Internal};
use crate::user::{Checked, ExternalIdentity, NewUser, SignUp, SignUpError, SignedUp, User, as_it_would_be};
use crate::{Identity, Surface};

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
            self.admit_mail_to(&email).await?;
        }
        let here = self.store.find_user_by_email(email.key()).await?;
        // Only the accounts surface answers alike for a record that is there: the others show the account they made.
        let is_open = |user: &User| request.surface == Surface::Accounts && user.is_active();
        if here.as_ref().is_some_and(|user| !is_open(user)) {
            return self.taken_there(request, self.new_user(email, person, None, Vec::new())).await;
        }
        let email = here.as_ref().map_or(email, |user| user.email.clone());
        let there = pool.find(email.as_str()).await.map_err(PoolFailure::from)?;
        let taken = there.as_ref().is_some_and(|account| !is_unfinished(account));
        if !taken && !conceals {
            self.admit_mail_to(&email).await?;
        }
        if let Some(unfinished) = there.as_ref().filter(|account| is_unfinished(account)) {
            pool.delete(&unfinished.subject).await.map_err(PoolFailure::from)?;
        }
        let user = self.new_user(email, person, None, Vec::new());
        let new = PoolSignUp {
            email: &user.email,
            password: &password,
            given_name: user.first_name.as_deref(),
            family_name: user.last_name.as_deref(),
            phone: user.phone.as_ref(),
        };
        match (pool.sign_up(new).await, here) {
            (Ok(subject), None) => {
                let identity = Some(ExternalIdentity { issuer: pool.issuer().to_owned(), subject });
                self.insert_signed_up(request, NewUser { identity, ..self.with_defaults(user) }).await
            }
            // Whose the record is, the code will tell.
            (Ok(_), Some(_)) => Ok(SignedUp::Repeated(as_it_would_be(user))),
            (Err(PoolError::Taken), _) => {
                if let Some(account) = &there {
                    // The store may never have heard of it; administrators shall see whose the address is.
                    self.record_of::<SignUpError>(pool, account).await?;
                }
                self.taken_there(request, user).await
            }
            (Err(error), _) => Err(refused(error)),
        }
    }

    async fn taken_there(&self, request: &SignUp<'_>, wanted: User) -> Result<SignedUp, SignUpError> {
        if self.conceals_taken(request.surface) { self.tell_owner(wanted).await } else { Err(self.taken(request)) }
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
