//! People who leave a pool: with their next right password it is kept here.

use std::collections::HashSet;
use std::sync::Arc;

use doorward_identity::session::SignInError;
use doorward_identity::user::{SignUpError, UserStatus};
use doorward_identity::user_pool::{PoolError, PoolFailure};
use secrecy::ExposeSecret;

use crate::stage::{ADA, OWNERS, SQUATTERS, Stage};
use crate::world::{PASSWORD, admin, sign_in, sign_up, try_sign_in};

#[tokio::test]
async fn the_first_right_password_moves_and_the_pool_is_asked_no_more() {
    let stage = Stage::leaving().await;
    stage.pool.has(ADA, OWNERS);
    let moved = stage.sign_in(ADA, OWNERS).await.unwrap();
    assert!(moved.refresh_token.expose_secret().starts_with("dwr_"), "the tokens are ours");
    let here = stage.record(ADA).await.unwrap();
    assert!(here.password_hash.is_some() && here.email_verified_at.is_some());
    stage.pool.calls();
    stage.pool.goes(true);
    stage.sign_in(ADA, OWNERS).await.unwrap();
    assert!(stage.pool.calls().is_empty());
}

#[tokio::test]
async fn who_moved_is_opened_by_the_password_here_alone() {
    let stage = Stage::leaving().await;
    stage.pool.has(ADA, OWNERS);
    stage.sign_in(ADA, OWNERS).await.unwrap();
    stage.pool.change(ADA, |there| SQUATTERS.clone_into(&mut there.password));
    assert!(matches!(stage.sign_in(ADA, SQUATTERS).await, Err(SignInError::BadCredentials)));
    stage.sign_in(ADA, OWNERS).await.unwrap();
    // By another address at the pool neither.
    stage.pool.change(ADA, |there| there.account.email = Some("new@example.com".to_owned()));
    assert!(matches!(stage.sign_in("new@example.com", SQUATTERS).await, Err(SignInError::BadCredentials)));
}

#[tokio::test]
async fn wrong_passwords_of_unknown_unmoved_and_moved_people_cost_the_same_and_answer_alike() {
    let stage = Stage::leaving().await;
    stage.pool.has(ADA, OWNERS);
    stage.pool.has("unmoved@example.com", OWNERS);
    stage.sign_in(ADA, OWNERS).await.unwrap();
    sign_up(&stage.local().await, "local@example.com").await;
    let people = [ADA, "unmoved@example.com", "local@example.com", "nobody@example.com"];
    stage.pool.calls();
    for email in people {
        assert!(matches!(stage.sign_in(email, SQUATTERS).await, Err(SignInError::BadCredentials)), "{email}");
        assert_eq!(stage.pool.calls(), ["sign_in"], "{email}");
    }
    for error in [PoolError::Unavailable("no answer".to_owned()), PoolError::Throttled { retry_after_s: 9 }] {
        stage.pool.fails("sign_in", error);
        let mut told = HashSet::new();
        for email in people {
            told.insert(format!("{:?}", stage.sign_in(email, SQUATTERS).await.map(|_| ()).unwrap_err()));
        }
        assert_eq!(told.len(), 1, "{told:?}");
    }
}

#[tokio::test]
async fn a_pool_that_is_down_keeps_nobody_out_whose_password_is_here() {
    let stage = Stage::leaving().await;
    stage.pool.has(ADA, OWNERS);
    stage.pool.has("unmoved@example.com", OWNERS);
    stage.sign_in(ADA, OWNERS).await.unwrap();
    stage.pool.goes(true);
    stage.sign_in(ADA, OWNERS).await.unwrap();
    let failed = stage.sign_in("unmoved@example.com", OWNERS).await;
    assert!(matches!(failed, Err(SignInError::Pool(PoolFailure::Unavailable { .. }))), "{failed:?}");
    assert!(stage.reset_code(ADA).await.is_some());
    assert!(stage.reset_code("nobody@example.com").await.is_none());
}

#[tokio::test]
async fn who_is_disabled_here_does_not_come_back_by_moving() {
    let stage = Stage::leaving().await;
    stage.pool.has(ADA, OWNERS);
    let ada = stage.verified_record(ADA).await;
    stage.node.set_user_status(&admin(), ada, UserStatus::Disabled).await.unwrap();
    assert!(matches!(stage.sign_in(ADA, OWNERS).await, Err(SignInError::BadCredentials)));
    let here = stage.record(ADA).await.unwrap();
    assert!(here.password_hash.is_none() && !here.is_active());
    assert!(stage.reset_code(ADA).await.is_none());
}

#[tokio::test]
async fn an_address_of_the_pool_is_not_given_to_another_meanwhile() {
    let stage = Stage::leaving().await;
    stage.pool.has(ADA, OWNERS);
    assert!(matches!(stage.sign_up(ADA, SQUATTERS).await, Err(SignUpError::Taken)));
    stage.sign_in(ADA, OWNERS).await.unwrap();
    // A sign-up there that nobody confirmed keeps nobody out.
    stage.pool.add("bob@example.com", SQUATTERS);
    stage.sign_up("bob@example.com", OWNERS).await.unwrap();
    stage.pool.goes(true);
    let failed = stage.sign_up("new@example.com", OWNERS).await;
    assert!(matches!(failed, Err(SignUpError::Pool(PoolFailure::Unavailable { .. }))), "{failed:?}");
}

#[tokio::test]
async fn who_was_there_first_with_a_password_here_shares_nothing_with_the_owner() {
    let stage = Stage::leaving().await;
    let local = stage.local().await;
    sign_up(&local, ADA).await;
    let squatter = sign_in(&local, ADA).await;
    stage.pool.has(ADA, OWNERS);
    // The owner's password there does not open what somebody else made here; a mailed code gives it to them.
    assert!(matches!(stage.sign_in(ADA, OWNERS).await, Err(SignInError::BadCredentials)));
    stage.reset(ADA, OWNERS).await.unwrap();
    assert!(stage.validate(&squatter.access_token).await.is_err());
    assert!(matches!(stage.sign_in(ADA, PASSWORD).await, Err(SignInError::BadCredentials)));
    stage.sign_in(ADA, OWNERS).await.unwrap();
}

#[tokio::test]
async fn who_forgot_the_password_there_moves_by_a_reset() {
    let stage = Stage::leaving().await;
    stage.pool.has(ADA, SQUATTERS);
    stage.reset(ADA, OWNERS).await.unwrap();
    assert!(stage.record(ADA).await.unwrap().password_hash.is_some());
    stage.pool.goes(true);
    stage.sign_in(ADA, OWNERS).await.unwrap();
    // Not whom the pool's operator disabled.
    stage.pool.goes(false);
    stage.pool.has("gone@example.com", OWNERS);
    stage.pool.change("gone@example.com", |there| there.account.enabled = false);
    assert!(stage.reset_code("gone@example.com").await.is_none());
    assert!(stage.record("gone@example.com").await.is_none());
}

#[tokio::test]
async fn somebody_who_moves_in_several_tabs_at_once_has_one_account() {
    let stage = Stage::leaving().await;
    stage.pool.has(ADA, OWNERS);
    let node = Arc::new(stage.node);
    let mut tabs = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let node = node.clone();
        tabs.spawn(async move { try_sign_in(&node, ADA, OWNERS, "192.0.2.1").await.unwrap() });
    }
    let accounts: HashSet<_> = tabs.join_all().await.into_iter().map(|signed_in| signed_in.context.user.id).collect();
    assert_eq!(accounts.len(), 1);
    let here = node.user_by_email(&admin(), ADA).await.unwrap().unwrap();
    assert!(here.password_hash.is_some());
}
