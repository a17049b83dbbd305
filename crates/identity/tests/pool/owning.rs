//! What people do about their own accounts where the pool keeps the passwords: the pool first, then the store, each
//! step repeatable.

use std::sync::Arc;

use doorward_identity::code::{CodePurpose, RequestCode};
use doorward_identity::mail::LetterKind;
use doorward_identity::session::{Caller, SignInError, TokenRejection};
use doorward_identity::user::{AccountError, EmailChangeWish, PasswordChangeWish};
use doorward_identity::user_pool::{PoolError, PoolFailure, UserPool};
use secrecy::ExposeSecret;

use crate::script::Pool;
use crate::stage::{ADA, HOME, OWNERS, Stage};
use crate::world::from;

const CHOSEN: &str = "Another-Pass-5";
const NEW: &str = "countess@example.org";

impl Stage {
    /// Somebody with a confirmed account at the pool, signed in.
    async fn caller(&self) -> Arc<Caller> {
        self.pool.has(ADA, OWNERS);
        let signed_in = self.sign_in(ADA, OWNERS).await.unwrap();
        self.validate(&signed_in.access_token).await.unwrap()
    }

    async fn ask_again(&self, email: &str) -> Result<(), AccountError> {
        let purpose = CodePurpose::EmailVerification;
        self.node.request_code(RequestCode { email, purpose, origin: from(HOME) }).await
    }

    async fn change_password(&self, caller: &Caller, current: &str, new: &str) -> Result<(), AccountError> {
        let wish = PasswordChangeWish { current: &current.into(), new: &new.into(), origin: from(HOME) };
        self.node.change_own_password(caller, wish).await
    }

    /// Asks for the new address and answers the code that went there.
    async fn email_code(&self, caller: &Caller) -> String {
        let wish = EmailChangeWish { new_email: NEW, password: Some(&OWNERS.into()), origin: from(HOME) };
        self.node.request_email_change(caller, wish).await.unwrap();
        self.last_code_to(NEW).await
    }

    async fn leave(&self, caller: &Caller, password: &str) -> Result<(), AccountError> {
        self.node.delete_own_account(caller, Some(&password.into()), from(HOME)).await
    }
}

fn is_down<T: std::fmt::Debug>(answer: &Result<T, AccountError>) -> bool {
    matches!(answer, Err(AccountError::Pool(PoolFailure::Unavailable { .. })))
}

#[tokio::test]
async fn guesses_at_the_pools_codes_are_counted_here_before_the_pool_is_asked() {
    let stage = Stage::outside().await;
    stage.sign_up(ADA, OWNERS).await.unwrap();
    for email in [ADA, "nobody@example.com"] {
        stage.pool.calls();
        for _ in 0..5 {
            assert!(matches!(stage.verify(email, "000000").await, Err(AccountError::BadCode)), "{email}");
        }
        assert_eq!(stage.pool.calls(), ["confirm_sign_up"; 5]);
        let sixth = stage.verify(email, "000000").await;
        assert!(matches!(sixth, Err(AccountError::Throttled { retry_after_s: 60 })), "{email}: {sixth:?}");
        assert!(stage.pool.calls().is_empty());
    }
    stage.world.advance(60);
    stage.pool.fails("confirm_sign_up", PoolError::LateCode);
    assert!(matches!(stage.verify(ADA, &stage.pool.code_to(ADA)).await, Err(AccountError::LateCode)));
    // Of an address that nobody has a pool may say so too: that would tell the two apart.
    let nobody = stage.verify("nobody@example.com", "123456").await;
    assert!(matches!(nobody, Err(AccountError::BadCode)), "{nobody:?}");
    stage.pool.mends("confirm_sign_up");
    stage.world.advance(120);
    stage.verify(ADA, &stage.pool.code_to(ADA)).await.unwrap();
    assert!(stage.record(ADA).await.unwrap().email_verified_at.is_some());
    assert!(matches!(stage.verify(ADA, &stage.pool.code_to(ADA)).await, Err(AccountError::BadCode)), "good once");
}

#[tokio::test]
async fn what_the_pool_confirmed_is_confirmed_even_if_nothing_more_can_be_asked_then() {
    let stage = Stage::outside().await;
    stage.sign_up(ADA, OWNERS).await.unwrap();
    stage.pool.fails("find", PoolError::Unavailable("connection refused".to_owned()));
    stage.verify(ADA, &stage.pool.code_to(ADA)).await.unwrap();
    stage.pool.mends("find");
    stage.sign_in(ADA, OWNERS).await.unwrap();
    assert!(stage.record(ADA).await.unwrap().email_verified_at.is_some());
}

#[tokio::test]
async fn the_pool_mails_its_code_again_and_who_has_an_account_is_not_told() {
    let stage = Stage::outside().await;
    stage.sign_up(ADA, OWNERS).await.unwrap();
    stage.pool.has("bob@example.com", OWNERS);
    stage.world.advance(60);
    stage.pool.calls();
    for email in [ADA, "bob@example.com", "nobody@example.com"] {
        stage.ask_again(email).await.unwrap();
        assert_eq!(stage.pool.calls(), ["resend_code"], "{email}");
        assert!(matches!(stage.ask_again(email).await, Err(AccountError::Throttled { .. })));
        assert!(stage.pool.calls().is_empty(), "too soon is told before the pool is asked");
    }
    stage.world.advance(3600);
    for (error, failure) in [
        (PoolError::NotDelivered, PoolFailure::NotDelivered),
        (PoolError::Throttled { retry_after_s: 7 }, PoolFailure::Throttled { retry_after_s: 7 }),
    ] {
        stage.pool.fails("resend_code", error);
        let answer = stage.ask_again(ADA).await;
        assert!(matches!(answer, Err(AccountError::Pool(told)) if told == failure), "{answer:?}");
        stage.world.advance(3600);
    }
}

#[tokio::test]
async fn a_pool_that_is_down_is_told_alike_for_every_address_that_forgot_its_password() {
    let stage = Stage::outside().await;
    stage.pool.has(ADA, OWNERS);
    stage.pool.goes(true);
    for email in [ADA, "nobody@example.com"] {
        let purpose = CodePurpose::PasswordReset;
        let answer = stage.node.request_code(RequestCode { email, purpose, origin: from(HOME) }).await;
        assert!(is_down(&answer), "{email}: {answer:?}");
    }
}

#[tokio::test]
async fn a_reset_that_the_pool_did_not_take_costs_nothing() {
    let stage = Stage::outside().await;
    stage.pool.has(ADA, OWNERS);
    let code = stage.reset_code(ADA).await.unwrap();
    let token = stage.reset_token(ADA, &code).await;
    let weak = stage.set(&token, "a weak password").await;
    assert!(matches!(&weak, Err(AccountError::Refused(faults)) if faults[0].field == "new_password"), "{weak:?}");
    for step in ["find", "set_password", "sign_out_everywhere"] {
        stage.pool.fails(step, PoolError::Unavailable("connection refused".to_owned()));
        let answer = stage.set(&token, CHOSEN).await;
        assert!(is_down(&answer), "{step}: {answer:?}");
        stage.pool.mends(step);
    }
    stage.set(&token, CHOSEN).await.unwrap();
    stage.sign_in(ADA, CHOSEN).await.unwrap();
    assert!(matches!(stage.set(&token, OWNERS).await, Err(AccountError::BadResetToken)));
}

#[tokio::test]
async fn a_reset_proves_the_address_to_the_pool_as_well() {
    let stage = Stage::outside().await;
    stage.pool.add(ADA, OWNERS);
    stage.reset(ADA, CHOSEN).await.unwrap();
    let account = stage.pool.get(ADA).unwrap().account;
    assert!(account.confirmed && account.email_verified);
    stage.sign_in(ADA, CHOSEN).await.unwrap();
}

#[tokio::test]
async fn an_account_that_the_pool_lost_comes_back_by_a_reset() {
    let stage = Stage::outside().await;
    stage.caller().await;
    let record = stage.record(ADA).await.unwrap().id;
    stage.pool.remove(ADA);
    stage.reset(ADA, CHOSEN).await.unwrap();
    assert_eq!(stage.sign_in(ADA, CHOSEN).await.unwrap().context.user.id, record);
}

#[tokio::test]
async fn a_password_changed_here_is_changed_at_the_pool() {
    let stage = Stage::outside().await;
    let caller = stage.caller().await;
    let other = stage.sign_in(ADA, OWNERS).await.unwrap();
    assert!(matches!(stage.change_password(&caller, "wrong", CHOSEN).await, Err(AccountError::WrongPassword)));
    let weak = stage.change_password(&caller, OWNERS, "a weak password").await;
    assert!(matches!(weak, Err(AccountError::Refused(_))));
    stage.pool.fails("set_password", PoolError::Unavailable("connection refused".to_owned()));
    assert!(is_down(&stage.change_password(&caller, OWNERS, CHOSEN).await));
    stage.pool.mends("set_password");
    assert_eq!(stage.pool.get(ADA).unwrap().password, OWNERS);
    stage.change_password(&caller, OWNERS, CHOSEN).await.unwrap();
    assert!(matches!(stage.sign_in(ADA, OWNERS).await, Err(SignInError::BadCredentials)));
    stage.sign_in(ADA, CHOSEN).await.unwrap();
    assert_eq!(stage.validate(&other.access_token).await.unwrap_err(), TokenRejection::Revoked);
    assert!(stage.record(ADA).await.unwrap().password_hash.is_none());
    assert_eq!(stage.kinds_to(ADA).await, [LetterKind::PasswordChanged]);
}

#[tokio::test]
async fn a_new_address_is_the_pools_first_and_announced_to_the_former_one() {
    let stage = Stage::outside().await;
    let caller = stage.caller().await;
    let code = stage.email_code(&caller).await;
    assert!(stage.kinds_to(ADA).await.is_empty());
    stage.node.confirm_email_change(&caller, &code, from(HOME)).await.unwrap();
    assert!(stage.pool.get(NEW).unwrap().account.email_verified);
    let record = stage.record(NEW).await.unwrap();
    assert!(record.email_verified_at.is_some());
    assert_eq!(stage.kinds_to(ADA).await, [LetterKind::EmailChanged]);
    assert_eq!(stage.sign_in(NEW, OWNERS).await.unwrap().context.user.id, record.id);
    assert!(stage.sign_in(ADA, OWNERS).await.is_err());
}

#[tokio::test]
async fn a_new_address_that_the_pool_does_not_take_changes_nothing() {
    let stage = Stage::outside().await;
    let caller = stage.caller().await;
    for (error, taken) in [(PoolError::Taken, true), (PoolError::Unavailable("connection refused".to_owned()), false)] {
        let code = stage.email_code(&caller).await;
        stage.pool.fails("set_email", error);
        let answer = stage.node.confirm_email_change(&caller, &code, from(HOME)).await;
        assert_eq!(matches!(answer, Err(AccountError::Taken)), taken, "{answer:?}");
        assert!(answer.is_err());
        assert!(stage.record(ADA).await.is_some() && stage.record(NEW).await.is_none());
        stage.pool.mends("set_email");
        stage.world.advance(300);
    }
    assert!(!stage.kinds_to(ADA).await.contains(&LetterKind::EmailChanged));
    // Whoever asks again gets there.
    let code = stage.email_code(&caller).await;
    stage.node.confirm_email_change(&caller, &code, from(HOME)).await.unwrap();
}

#[tokio::test]
async fn who_comes_to_the_pool_by_a_provider_must_have_signed_in_a_moment_ago() {
    let stage = Stage::outside().await;
    stage.pool.has(ADA, "known to nobody");
    stage.pool.change(ADA, |there| there.account.has_password = false);
    let enter = async |email: &str| {
        let tokens = stage.pool.tokens(email);
        stage.validate(tokens.access_token.expose_secret()).await.unwrap()
    };
    let want_email = async |caller: &Caller| {
        let wish = EmailChangeWish { new_email: NEW, password: None, origin: from(HOME) };
        stage.node.request_email_change(caller, wish).await
    };
    let leave = async |caller: &Caller| stage.node.delete_own_account(caller, None, from(HOME)).await;
    let caller = enter(ADA).await;
    want_email(&caller).await.unwrap();
    let code = stage.last_code_to(NEW).await;
    stage.node.confirm_email_change(&caller, &code, from(HOME)).await.unwrap();
    assert!(matches!(stage.change_password(&caller, "", CHOSEN).await, Err(AccountError::WrongPassword)));
    stage.world.advance(11 * 60);
    assert!(matches!(want_email(&caller).await, Err(AccountError::SignInAgain)));
    assert!(matches!(leave(&caller).await, Err(AccountError::SignInAgain)));
    leave(&*enter(NEW).await).await.unwrap();
    assert!(stage.record(NEW).await.is_none() && stage.pool.get(NEW).is_none());
}

#[tokio::test]
async fn who_may_have_a_password_at_the_pool_is_asked_for_it_however_recently_they_signed_in() {
    let stage = Stage::outside().await;
    let caller = stage.caller().await;
    let leave = async || stage.node.delete_own_account(&caller, None, from(HOME)).await;
    let is_asked = |left: &Result<(), AccountError>| matches!(left, Err(AccountError::Refused(_)));
    assert!(is_asked(&leave().await));
    stage.pool.fails("find", PoolError::Unavailable("connection refused".to_owned()));
    assert!(is_down(&leave().await));
    stage.pool.mends("find");
    // Nobody can tell which of the two it is.
    stage.pool.permits(&["delete"]);
    stage.pool.change(ADA, |there| there.account.has_password = false);
    assert!(is_asked(&leave().await));
    stage.leave(&caller, OWNERS).await.unwrap();
}

#[tokio::test]
async fn an_account_is_deleted_at_the_pool_first() {
    let stage = Stage::outside().await;
    let caller = stage.caller().await;
    assert!(matches!(stage.leave(&caller, "wrong").await, Err(AccountError::WrongPassword)));
    stage.pool.fails("delete", PoolError::Unavailable("connection refused".to_owned()));
    assert!(is_down(&stage.leave(&caller, OWNERS).await));
    assert!(stage.record(ADA).await.is_some());
    stage.pool.mends("delete");
    stage.leave(&caller, OWNERS).await.unwrap();
    assert!(stage.record(ADA).await.is_none() && stage.pool.get(ADA).is_none());
    assert_eq!(stage.kinds_to(ADA).await, [LetterKind::AccountDeleted]);
    assert!(matches!(stage.sign_in(ADA, OWNERS).await, Err(SignInError::BadCredentials)));
}

#[tokio::test]
async fn who_moved_and_leaves_does_not_come_back_with_the_password_left_at_the_former_pool() {
    let stage = Stage::with(|pool: Arc<Pool>| UserPool::Leaving(pool), |_| {}).await;
    let caller = stage.caller().await;
    stage.leave(&caller, OWNERS).await.unwrap();
    assert!(stage.pool.get(ADA).is_none());
    assert!(matches!(stage.sign_in(ADA, OWNERS).await, Err(SignInError::BadCredentials)));
}
