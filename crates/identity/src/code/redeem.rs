//! Trying a code. The guess is counted before it is judged, on the account's own counter over all of its codes, and
//! forgiven when it was right; an address that no account has costs the same store calls.

use super::request::nobody;
use super::{CodeDigits, CodeEffect, CodeGuess, CodePurpose, Redemption};
use crate::audit::{AuditAction, AuditActor};
use crate::change::ChangeSubject;
use crate::session::Origin;
use crate::throttle::ThrottleKey;
use crate::user::{AccountError, EmailAddress, User};
use crate::{Identity, UserId};

/// A guess about to be judged.
#[derive(Clone, Copy)]
pub(crate) struct Guess<'g> {
    /// Whose code it would be.
    pub(crate) user: Option<&'g User>,
    /// The address it is tried for.
    pub(crate) email: &'g EmailAddress,
    /// What for.
    pub(crate) purpose: CodePurpose,
    /// From where.
    pub(crate) origin: &'g Origin,
}

/// The digits somebody typed.
pub(crate) fn read_digits(typed: &str) -> Result<CodeDigits, AccountError> {
    typed.parse().map_err(|error| AccountError::refused("code", error))
}

impl Guess<'_> {
    pub(crate) fn user_id(&self) -> UserId {
        self.user.map_or_else(nobody, |user| user.id)
    }
}

impl Identity {
    /// Judges a guess at a code of Doorward's own. Answers the code's own address, if it has one.
    pub(crate) async fn redeem(
        &self,
        guess: Guess<'_>,
        digits: &CodeDigits,
        effect: CodeEffect,
    ) -> Result<Option<EmailAddress>, AccountError> {
        let (user, purpose) = (guess.user_id(), guess.purpose);
        let (action, detail) = match effect {
            CodeEffect::VerifyEmail => (AuditAction::EmailVerified, None),
            CodeEffect::ChangeEmail { .. } => (AuditAction::EmailChanged, None),
            CodeEffect::UseUp | CodeEffect::Grant { .. } => {
                (AuditAction::CodeRedeemed, Some(purpose.as_str().to_owned()))
            }
        };
        let audit = self.audit(AuditActor::User(user), action, user, detail, guess.origin);
        let digest = digits.digest(&self.keyring.sealing, user, purpose);
        let tried = CodeGuess { user, purpose, digest, effect };
        self.count_guess(guess, async {
            match self.store.redeem_code(&tried, &audit).await? {
                Redemption::Redeemed { new_email } => {
                    self.live.apply(ChangeSubject::User(user));
                    Ok(new_email)
                }
                Redemption::Wrong => Err(AccountError::BadCode),
                Redemption::Late => Err(AccountError::LateCode),
                Redemption::Taken => Err(AccountError::Taken),
            }
        })
        .await
    }

    /// Lets a guess be judged, unless there were too many.
    pub(crate) async fn count_guess<T>(
        &self,
        guess: Guess<'_>,
        judgement: impl Future<Output = Result<T, AccountError>>,
    ) -> Result<T, AccountError> {
        let judged = self.judge_in_turn(guess, judgement).await;
        let (outcome, purpose) = (outcome(&judged), guess.purpose);
        if let Some(outcome) = outcome {
            self.observer.code(purpose, outcome);
        }
        let request_id = guess.origin.request_id.as_deref();
        let user = guess.user.map(|user| tracing::field::display(user.id));
        let (purpose, outcome) = (purpose.as_str(), outcome.unwrap_or("failed"));
        if judged.is_ok() {
            tracing::info!(request_id, user.id = user, purpose, "code redeemed");
        } else {
            tracing::warn!(request_id, user.id = user, purpose, outcome, "code refused");
        }
        judged
    }

    async fn judge_in_turn<T>(
        &self,
        guess: Guess<'_>,
        judgement: impl Future<Output = Result<T, AccountError>>,
    ) -> Result<T, AccountError> {
        let throttled = |retry_after_s| AccountError::Throttled { retry_after_s };
        let address = guess.origin.address;
        if let Some(wait) = self.wait_from(address) {
            return Err(throttled(wait));
        }
        // What only the signed-in can try, strangers cannot use up.
        let key = match (guess.purpose, guess.user) {
            (CodePurpose::EmailChange, Some(user)) => ThrottleKey::of_own_codes(user.id),
            _ => self.throttle_key(guess.user, Some(guess.email), address).await?.for_codes(),
        };
        let _turn = self.turns.wait(&key).await;
        let counted = self.admit(&key).await?.map_err(throttled)?;
        match judgement.await {
            Ok(done) => {
                self.forgive(&key).await;
                Ok(done)
            }
            Err(AccountError::BadCode) => Err(self.failed_from(address).map_or(AccountError::BadCode, throttled)),
            Err(AccountError::Pool(failure)) if failure.is_unjudged() => {
                self.give_back(&key, counted).await;
                Err(failure.into())
            }
            Err(error) => Err(error),
        }
    }
}

fn outcome<T>(judged: &Result<T, AccountError>) -> Option<&'static str> {
    match judged {
        Ok(_) => Some("redeemed"),
        Err(AccountError::BadCode) => Some("wrong"),
        Err(AccountError::LateCode) => Some("late"),
        Err(AccountError::Throttled { .. }) => Some("throttled"),
        Err(_) => None,
    }
}
