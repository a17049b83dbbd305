//! Signing in where the pool keeps the passwords.

use std::collections::HashSet;
use std::sync::Arc;

use doorward_identity::audit::{AuditAction, AuditActor, AuditEvent};
use doorward_identity::session::SignInError;
use doorward_identity::store::Inserted;
use doorward_identity::user::{ExternalIdentity, UserStatus, UserStore};
use doorward_identity::user_pool::{Challenge, PoolError, PoolFailure};
use doorward_identity::{AuditId, Clock, Identity, Surface};
use secrecy::ExposeSecret;

use crate::script::ISSUER;
use crate::stage::{ADA, OWNERS, SQUATTERS, Stage};
use crate::world::{PASSWORD, admin, sign_up, try_sign_in};

#[tokio::test]
async fn the_accounts_surface_hands_on_the_pools_tokens_and_others_issue_their_own() {
    let stage = Stage::outside().await;
    let subject = stage.pool.has(ADA, OWNERS);
    let theirs = stage.sign_in(ADA, OWNERS).await.unwrap();
    assert!(theirs.refresh_token.expose_secret().starts_with("refresh of "));
    assert!(theirs.id_token.is_some());
    let caller = stage.validate(&theirs.access_token).await.unwrap();
    assert_eq!(stage.node.outside_subject(&caller).await.unwrap(), Some(subject));
    let ours = stage.sign_in_on(Surface::Signin, ADA, OWNERS).await.unwrap();
    assert!(ours.refresh_token.expose_secret().starts_with("dwr_"));
    assert!(ours.id_token.is_none());
    assert_eq!(stage.validate(&ours.access_token).await.unwrap().context.user.id, caller.context.user.id);
}

#[tokio::test]
async fn somebody_whom_only_the_pool_knew_gets_a_record_once() {
    let stage = Stage::outside().await;
    stage.pool.has(ADA, OWNERS);
    let first = stage.sign_in(ADA, OWNERS).await.unwrap().context.user.clone();
    assert!(first.email_verified_at.is_some() && first.password_hash.is_none());
    assert_eq!(stage.sign_in("ADA@example.com", OWNERS).await.unwrap().context.user.id, first.id);
}

#[tokio::test]
async fn an_address_that_changed_there_leads_to_the_same_account() {
    let stage = Stage::outside().await;
    stage.pool.has(ADA, OWNERS);
    let first = stage.sign_in(ADA, OWNERS).await.unwrap().context.user.id;
    stage.pool.change(ADA, |there| there.account.email = Some("new@example.com".to_owned()));
    assert_eq!(stage.sign_in(ADA, OWNERS).await.unwrap().context.user.id, first);
    assert_eq!(stage.sign_in("new@example.com", OWNERS).await.unwrap().context.user.id, first);
}

#[tokio::test]
async fn unknown_and_wrong_answer_alike_and_cost_the_same_call() {
    let stage = Stage::outside().await;
    stage.pool.has(ADA, OWNERS);
    stage.sign_in(ADA, OWNERS).await.unwrap();
    stage.pool.calls();
    for email in [ADA, "nobody@example.com"] {
        let refused = stage.sign_in(email, SQUATTERS).await;
        assert!(matches!(refused, Err(SignInError::BadCredentials)), "{email}: {refused:?}");
        assert_eq!(stage.pool.calls(), ["sign_in"], "{email}");
    }
    assert!(matches!(stage.sign_in("no address", OWNERS).await, Err(SignInError::BadCredentials)));
}

#[tokio::test]
async fn failures_at_the_pool_count_here() {
    let stage = Stage::outside().await;
    stage.pool.has(ADA, OWNERS);
    for _ in 0..5 {
        assert!(matches!(stage.sign_in(ADA, SQUATTERS).await, Err(SignInError::BadCredentials)));
    }
    let refused = stage.sign_in(ADA, OWNERS).await;
    assert!(matches!(refused, Err(SignInError::Throttled { .. })), "{refused:?}");
    assert_eq!(stage.pool.calls().len(), 5, "the pool is spared");
}

#[tokio::test]
async fn a_disabled_person_is_refused_like_a_wrong_password_whatever_the_pool_says() {
    let stage = Stage::outside().await;
    stage.pool.has(ADA, OWNERS);
    let ada = stage.sign_in(ADA, OWNERS).await.unwrap();
    stage.node.set_user_status(&admin(), ada.context.user.id, UserStatus::Disabled).await.unwrap();
    let refused = stage.sign_in(ADA, OWNERS).await;
    assert!(matches!(refused, Err(SignInError::BadCredentials)), "{refused:?}");
    stage.pool.wants(Some(Challenge::SecondFactor));
    let refused = stage.sign_in(ADA, OWNERS).await;
    assert!(matches!(refused, Err(SignInError::BadCredentials)), "{refused:?}");
    stage.pool.wants(None);
    stage.pool.change(ADA, |there| there.account.confirmed = false);
    let refused = stage.sign_in(ADA, OWNERS).await;
    assert!(matches!(refused, Err(SignInError::BadCredentials)), "{refused:?}");
    // By their new address at the pool too, and by any token.
    stage.pool.change(ADA, |there| {
        (there.account.confirmed, there.account.email) = (true, Some("new@example.com".to_owned()));
    });
    let refused = stage.sign_in("new@example.com", OWNERS).await;
    assert!(matches!(refused, Err(SignInError::BadCredentials)), "{refused:?}");
    assert!(stage.validate(&ada.access_token).await.is_err());
    assert!(stage.refresh(&ada.refresh_token).await.is_err());
    let elsewhere = stage.pool.tokens("new@example.com");
    assert!(stage.validate(elsewhere.access_token.expose_secret()).await.is_err());
    assert!(stage.refresh(elsewhere.refresh_token.as_ref().unwrap()).await.is_err());
}

#[tokio::test]
async fn what_the_pool_wants_beside_a_right_password_is_told_by_name() {
    let stage = Stage::outside().await;
    stage.pool.has(ADA, OWNERS);
    for challenge in [Challenge::NewPassword, Challenge::PasswordReset, Challenge::SecondFactor, Challenge::Other] {
        stage.pool.wants(Some(challenge));
        let refused = stage.sign_in(ADA, OWNERS).await.unwrap_err();
        assert!(matches!(refused, SignInError::Pool(PoolFailure::Challenge(told)) if told == challenge), "{refused:?}");
    }
    assert!(stage.record(ADA).await.is_none());
}

#[tokio::test]
async fn a_pool_that_is_down_or_busy_is_told_as_such() {
    let stage = Stage::outside().await;
    stage.pool.goes(true);
    for email in [ADA, "nobody@example.com"] {
        let failed = stage.sign_in(email, OWNERS).await;
        assert!(matches!(failed, Err(SignInError::Pool(PoolFailure::Unavailable { .. }))), "{failed:?}");
    }
    stage.pool.goes(false);
    stage.pool.fails("sign_in", PoolError::Throttled { retry_after_s: 7 });
    let failed = stage.sign_in(ADA, OWNERS).await;
    assert!(matches!(failed, Err(SignInError::Pool(PoolFailure::Throttled { retry_after_s: 7 }))), "{failed:?}");
}

#[tokio::test]
async fn an_account_whose_address_the_pool_does_not_know_gets_no_record_that_is_there() {
    let stage = Stage::outside().await;
    let subject = stage.pool.add(ADA, SQUATTERS);
    stage.pool.change(&subject, |there| there.account.confirmed = true);
    let ada = stage.verified_record(ADA).await;
    assert!(matches!(stage.sign_in(ADA, SQUATTERS).await, Err(SignInError::NotVerified)));
    assert!(stage.node.user_sessions(&admin(), ada).await.unwrap().is_empty());
    // Alone it has one, until somebody proves the address: then it is theirs alone.
    let bob = "bob@example.com";
    let subject = stage.pool.add(bob, SQUATTERS);
    stage.pool.change(&subject, |there| there.account.confirmed = true);
    let squatter = stage.sign_in(bob, SQUATTERS).await.unwrap();
    assert!(squatter.context.user.email_verified_at.is_none());
    stage.reset(bob, OWNERS).await.unwrap();
    assert!(stage.validate(&squatter.access_token).await.is_err());
    assert!(stage.refresh(&squatter.refresh_token).await.is_err());
    assert!(matches!(stage.sign_in(bob, SQUATTERS).await, Err(SignInError::BadCredentials)));
    stage.sign_in(bob, OWNERS).await.unwrap();
}

#[tokio::test]
async fn the_record_of_an_account_that_is_still_there_is_not_handed_on_with_its_address() {
    let stage = Stage::outside().await;
    stage.pool.has(ADA, OWNERS);
    let ada = stage.sign_in(ADA, OWNERS).await.unwrap().context.user.id;
    stage.pool.change(ADA, |there| there.account.email = Some("new@example.com".to_owned()));
    // Somebody else has the address by now.
    let heir = stage.pool.has(ADA, SQUATTERS);
    let token = stage.pool.tokens(&heir).access_token;
    assert!(stage.validate(token.expose_secret()).await.is_err());
    assert_eq!(stage.sign_in("new@example.com", OWNERS).await.unwrap().context.user.id, ada);
    // Until the former account is gone.
    stage.pool.remove("new@example.com");
    assert_eq!(stage.validate(token.expose_secret()).await.unwrap().context.user.id, ada);
    assert_eq!(stage.sign_in(ADA, SQUATTERS).await.unwrap().context.user.id, ada);
}

#[tokio::test]
async fn a_take_over_that_stopped_half_way_is_finished_by_the_next_call() {
    let stage = Stage::outside().await;
    stage.pool.has(ADA, SQUATTERS);
    let ada = stage.sign_in(ADA, SQUATTERS).await.unwrap().context.user.id;
    stage.pool.remove(ADA);
    let subject = stage.pool.has(ADA, SQUATTERS);
    // The new account was linked; the one that is gone was not unlinked any more.
    let audit = AuditEvent {
        id: AuditId::from_uuid(stage.pool.new_id()),
        at: stage.world.clock.now(),
        action: AuditAction::IdentityLinked,
        actor: AuditActor::System,
        subject: None,
        detail: None,
        address: None,
        request_id: None,
    };
    let identity = ExternalIdentity { issuer: ISSUER.to_owned(), subject };
    let linked = stage.world.store().await.link_identity(ada, &identity, &audit).await.unwrap();
    assert_eq!(linked, Inserted::Inserted);
    stage.reset(ADA, OWNERS).await.unwrap();
    let signed_in = stage.sign_in(ADA, OWNERS).await.unwrap();
    let caller = stage.validate(&signed_in.access_token).await.unwrap();
    let identities = stage.node.identities(&caller).await.unwrap();
    assert_eq!(identities.into_iter().map(|linked| linked.identity).collect::<Vec<_>>(), [identity]);
}

#[tokio::test]
async fn a_new_person_who_signs_in_several_times_at_once_gets_one_account() {
    let stage = Stage::outside().await;
    stage.pool.has(ADA, OWNERS);
    let (here, there) = (Arc::new(stage.another().await), Arc::new(stage.another().await));
    let mut crowd = tokio::task::JoinSet::new();
    for number in 0..10 {
        let node: Arc<Identity> = if number % 2 == 0 { here.clone() } else { there.clone() };
        crowd.spawn(async move { try_sign_in(&node, ADA, OWNERS, "192.0.2.1").await });
    }
    let accounts: HashSet<_> = crowd
        .join_all()
        .await
        .into_iter()
        // Attempts beyond the free ones wait; those that were judged agree.
        .filter_map(|signed_in| signed_in.ok().map(|signed_in| signed_in.context.user.id))
        .collect();
    assert_eq!(accounts.len(), 1);
}

#[tokio::test]
async fn a_password_kept_here_before_opens_nothing_where_the_pool_keeps_them() {
    let stage = Stage::outside().await;
    let local = stage.local().await;
    sign_up(&local, ADA).await;
    let refused = stage.sign_in(ADA, PASSWORD).await;
    assert!(matches!(refused, Err(SignInError::BadCredentials)), "{refused:?}");
}
