//! A pool that gives Doorward few permissions, or none: what anybody may ask of a pool is enough to sign up, confirm,
//! sign in, stay so and sign out, and one permission more is enough for a reset. What would have been healed by the way
//! waits for whoever signs in.

use doorward_identity::Surface;
use doorward_identity::code::{CodePurpose, RequestCode};
use doorward_identity::session::{RefreshError, SignInError, TokenRejection};
use doorward_identity::user::{AccountError, SignUpError};
use doorward_identity::user_pool::PoolFailure;

use crate::stage::{ADA, HOME, OWNERS, SQUATTERS, Stage, wish};
use crate::world::{admin, from, sign_up};

const CHOSEN: &str = "Another-Pass-5";

async fn stage(permitted: &[&'static str]) -> Stage {
    let stage = Stage::outside().await;
    stage.pool.permits(permitted);
    stage
}

async fn ask(stage: &Stage, email: &str, purpose: CodePurpose) -> Result<(), AccountError> {
    stage.node.request_code(RequestCode { email, purpose, origin: from(HOME) }).await
}

#[tokio::test]
async fn without_any_permission_people_sign_up_and_in_and_out() {
    let stage = stage(&[]).await;
    stage.sign_up(ADA, OWNERS).await.unwrap();
    let early = ask(&stage, ADA, CodePurpose::EmailVerification).await;
    assert!(matches!(early, Err(AccountError::Throttled { .. })), "the sign-up has just sent one: {early:?}");
    stage.world.advance(60);
    ask(&stage, ADA, CodePurpose::EmailVerification).await.unwrap();
    assert!(matches!(stage.sign_in(ADA, OWNERS).await, Err(SignInError::NotVerified)));
    stage.verify(ADA, &stage.pool.code_to(ADA)).await.unwrap();
    let signed_in = stage.sign_in(ADA, OWNERS).await.unwrap();
    assert!(stage.record(ADA).await.unwrap().email_verified_at.is_some(), "the sign-in has noted it");
    stage.validate(&signed_in.access_token).await.unwrap();
    let renewed = stage.refresh(&signed_in.refresh_token).await.unwrap();
    stage.node.sign_out_by_refresh(&renewed.refresh_token, from(HOME)).await.unwrap();
    assert!(matches!(stage.refresh(&renewed.refresh_token).await, Err(RefreshError::Invalid)));
    assert!(matches!(stage.sign_up(ADA, SQUATTERS).await, Err(SignUpError::Taken)));
    for surface in [Surface::Signin, Surface::Directory] {
        let email = format!("{}@example.com", surface.as_str());
        stage.node.sign_up(wish(surface, &email, &OWNERS.into(), None, HOME)).await.unwrap();
        stage.verify(&email, &stage.pool.code_to(&email)).await.unwrap();
        stage.sign_in_on(surface, &email, OWNERS).await.unwrap();
    }
}

#[tokio::test]
async fn all_sessions_end_here_even_if_the_pool_may_not_be_told() {
    let stage = stage(&[]).await;
    stage.pool.has(ADA, OWNERS);
    let (one, other) = (stage.sign_in(ADA, OWNERS).await.unwrap(), stage.sign_in(ADA, OWNERS).await.unwrap());
    let caller = stage.validate(&one.access_token).await.unwrap();
    stage.world.advance(1);
    assert_eq!(stage.node.sign_out_everywhere(&caller, from(HOME)).await.unwrap(), 2);
    for session in [one, other] {
        assert!(matches!(stage.validate(&session.access_token).await, Err(TokenRejection::Revoked)));
        assert!(matches!(stage.refresh(&session.refresh_token).await, Err(RefreshError::Invalid)));
    }
}

#[tokio::test]
async fn a_signup_of_which_the_store_never_heard_goes_on_with_the_code_that_is_mailed_again() {
    for permitted in [&[][..], &["find"]] {
        let stage = stage(permitted).await;
        stage.pool.add(ADA, OWNERS);
        stage.sign_up(ADA, OWNERS).await.unwrap();
        assert!(stage.pool.calls().contains(&"resend_code"));
        stage.verify(ADA, &stage.pool.code_to(ADA)).await.unwrap();
        let record = stage.record(ADA).await.unwrap();
        assert_eq!(stage.sign_in(ADA, OWNERS).await.unwrap().context.user.id, record.id);
        assert!(stage.record(ADA).await.unwrap().email_verified_at.is_some());
        // One that is confirmed stays its owner's, however often it is tried.
        stage.pool.has("bob@example.com", OWNERS);
        for _ in 0..3 {
            let refused = stage.sign_up("bob@example.com", SQUATTERS).await;
            assert!(matches!(refused, Err(SignUpError::Taken)), "{permitted:?}: {refused:?}");
        }
    }
}

#[tokio::test]
async fn a_reset_needs_the_permission_to_set_passwords_and_no_other() {
    let stage = stage(&["set_password"]).await;
    // Somebody who signed in before, somebody squatted, and somebody whose record is older than the pool.
    stage.pool.has(ADA, OWNERS);
    let before = stage.sign_in(ADA, OWNERS).await.unwrap();
    stage.sign_up("bob@example.com", SQUATTERS).await.unwrap();
    sign_up(&stage.local().await, "cleo@example.com").await;
    stage.pool.has("cleo@example.com", SQUATTERS);
    for email in [ADA, "bob@example.com", "cleo@example.com"] {
        stage.world.advance(60);
        let record = stage.record(email).await.unwrap().id;
        stage.reset(email, CHOSEN).await.unwrap();
        let signed_in = stage.sign_in(email, CHOSEN).await.unwrap_or_else(|error| panic!("{email}: {error:?}"));
        assert_eq!(signed_in.context.user.id, record, "{email}");
        assert!(stage.record(email).await.unwrap().email_verified_at.is_some(), "{email}");
        stage.validate(&signed_in.access_token).await.unwrap();
        for password in [OWNERS, SQUATTERS] {
            assert!(stage.sign_in(email, password).await.is_err(), "{email}");
        }
    }
    assert!(matches!(stage.validate(&before.access_token).await, Err(TokenRejection::Revoked)));
    assert!(matches!(stage.refresh(&before.refresh_token).await, Err(RefreshError::Invalid)));
    // Whether somebody is known is told by none of this.
    ask(&stage, "nobody@example.com", CodePurpose::PasswordReset).await.unwrap();
}

#[tokio::test]
async fn a_reset_leaves_no_session_of_its_own_at_the_pool() {
    let stage = stage(&["set_password"]).await;
    sign_up(&stage.local().await, ADA).await;
    stage.pool.has(ADA, OWNERS);
    stage.reset(ADA, CHOSEN).await.unwrap();
    assert!(stage.pool.get(ADA).unwrap().refresh_tokens.is_empty());
}

#[tokio::test]
async fn what_needs_a_permission_that_is_missing_is_refused_with_nothing_half_done() {
    let stage = stage(&[]).await;
    stage.pool.has(ADA, OWNERS);
    let signed_in = stage.sign_in(ADA, OWNERS).await.unwrap();
    let caller = stage.validate(&signed_in.access_token).await.unwrap();
    let left = stage.node.delete_own_account(&caller, Some(&OWNERS.into()), from(HOME)).await;
    assert!(matches!(left, Err(AccountError::Pool(PoolFailure::Unavailable { .. }))), "{left:?}");
    let code = stage.reset_code(ADA).await.unwrap();
    let token = stage.reset_token(ADA, &code).await;
    let refused = stage.set(&token, CHOSEN).await;
    assert!(matches!(refused, Err(AccountError::Pool(PoolFailure::Unavailable { .. }))), "{refused:?}");
    stage.validate(&signed_in.access_token).await.unwrap();
    stage.sign_in(ADA, OWNERS).await.unwrap();
    assert!(stage.node.user_context(&admin(), caller.context.user.id).await.unwrap().is_some());
    stage.pool.permits(&["set_password"]);
    stage.set(&token, CHOSEN).await.unwrap();
}
