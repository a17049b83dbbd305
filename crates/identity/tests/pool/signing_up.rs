//! Signing up where the pool keeps the passwords.

use doorward_identity::Surface;
use doorward_identity::mail::LetterKind;
use doorward_identity::session::SignInError;
use doorward_identity::user::{SignUpError, UserStatus};
use doorward_identity::user_pool::{PoolError, PoolFailure, UserPool};

use crate::script::ISSUER;
use crate::stage::{ADA, HOME, OWNERS, SQUATTERS, Stage, wish};
use crate::world::{admin, sign_in, sign_up};

#[tokio::test]
async fn the_pool_gets_the_password_and_the_store_a_record_without_one() {
    let stage = Stage::outside().await;
    let made = stage.sign_up(ADA, OWNERS).await.unwrap();
    let there = stage.pool.get(ADA).unwrap();
    assert_eq!(there.password, OWNERS);
    assert_eq!(there.account.given_name.as_deref(), Some("Ada"));
    assert_eq!(there.account.phone.as_deref(), Some("+442079460000"));
    let here = stage.record(ADA).await.unwrap();
    assert_eq!(here.id, made.user.id);
    assert!(here.password_hash.is_none() && here.email_verified_at.is_none());
    assert_eq!(here.name.as_deref(), Some("Ada Lovelace"));
    assert!(matches!(stage.sign_in(ADA, OWNERS).await, Err(SignInError::NotVerified)));
    assert!(matches!(stage.sign_in(ADA, SQUATTERS).await, Err(SignInError::BadCredentials)));
    stage.verify(ADA, &there.code).await.unwrap();
    assert!(stage.record(ADA).await.unwrap().email_verified_at.is_some());
    assert_eq!(stage.sign_in(ADA, OWNERS).await.unwrap().context.user.id, here.id);
}

#[tokio::test]
async fn every_surface_signs_up_at_the_pool() {
    let stage = Stage::outside().await;
    for (number, surface) in [Surface::Signin, Surface::Directory].into_iter().enumerate() {
        let email = format!("person{number}@example.com");
        stage.node.sign_up(wish(surface, &email, &OWNERS.into(), None, HOME)).await.unwrap();
        assert_eq!(stage.pool.get(&email).unwrap().password, OWNERS);
        assert!(stage.record(&email).await.unwrap().password_hash.is_none());
    }
}

#[tokio::test]
async fn our_rule_for_passwords_comes_first_and_the_pools_is_told_as_a_fault_of_the_field() {
    let stage = Stage::outside().await;
    let refused = stage.sign_up(ADA, "short").await.unwrap_err();
    assert!(matches!(&refused, SignUpError::Refused(faults) if faults[0].field == "password"), "{refused:?}");
    assert!(stage.pool.calls().is_empty());
    let refused = stage.sign_up(ADA, "weak-but-long-enough").await.unwrap_err();
    assert!(matches!(&refused, SignUpError::Refused(faults) if faults[0].field == "password"), "{refused:?}");
    assert!(stage.record(ADA).await.is_none());
}

#[tokio::test]
async fn a_sign_up_that_only_the_pool_took_is_finished_by_the_next() {
    let stage = Stage::outside().await;
    stage.pool.add(ADA, SQUATTERS);
    stage.sign_up(ADA, OWNERS).await.unwrap();
    stage.verify(ADA, &stage.pool.code_to(ADA)).await.unwrap();
    stage.sign_in(ADA, OWNERS).await.unwrap();
    // Or by the code alone.
    stage.pool.add("bob@example.com", OWNERS);
    stage.verify("bob@example.com", &stage.pool.code_to("bob@example.com")).await.unwrap();
    assert!(stage.record("bob@example.com").await.unwrap().email_verified_at.is_some());
}

#[tokio::test]
async fn the_code_confirms_the_password_it_was_mailed_for_and_none_chosen_before() {
    let stage = Stage::outside().await;
    // At the pool itself, so that nothing is known of it here.
    stage.pool.add(ADA, SQUATTERS);
    let squatters_code = stage.pool.code_to(ADA);
    stage.sign_up(ADA, OWNERS).await.unwrap();
    assert!(stage.verify(ADA, &squatters_code).await.is_err());
    stage.verify(ADA, &stage.pool.code_to(ADA)).await.unwrap();
    assert!(matches!(stage.sign_in(ADA, SQUATTERS).await, Err(SignInError::BadCredentials)));
    stage.sign_in(ADA, OWNERS).await.unwrap();
}

#[tokio::test]
async fn an_address_that_somebody_signed_up_with_is_taken_and_its_owner_gets_in_by_a_reset() {
    let stage = Stage::outside().await;
    stage.sign_up(ADA, SQUATTERS).await.unwrap();
    stage.pool.calls();
    let refused = stage.sign_up("ADA@example.com", OWNERS).await;
    assert!(matches!(refused, Err(SignUpError::Taken)), "{refused:?}");
    assert_eq!(stage.pool.calls(), ["sign_up"], "the pool has been asked in the spelling that it knows, and no more");
    assert_eq!(stage.pool.get(ADA).unwrap().password, SQUATTERS);
    stage.reset(ADA, OWNERS).await.unwrap();
    assert!(matches!(stage.sign_in(ADA, SQUATTERS).await, Err(SignInError::BadCredentials)));
    stage.sign_in(ADA, OWNERS).await.unwrap();
}

#[tokio::test]
async fn mail_to_one_address_has_its_pace_however_often_it_is_signed_up() {
    let stage = Stage::outside().await;
    stage.pool.fails("sign_up", PoolError::WeakPassword("the password must not be weak".to_owned()));
    assert!(matches!(stage.sign_up(ADA, OWNERS).await, Err(SignUpError::Refused(_))));
    stage.pool.mends("sign_up");
    stage.sign_up(ADA, OWNERS).await.expect("nothing was mailed to a refused one");
    // Its record goes, and somebody signs up at the pool itself.
    stage.node.delete_user(&admin(), stage.record(ADA).await.unwrap().id).await.unwrap();
    stage.pool.add(ADA, SQUATTERS);
    let early = stage.sign_up(ADA, OWNERS).await;
    assert!(matches!(early, Err(SignUpError::Throttled { retry_after_s: 60 })), "{early:?}");
    assert_eq!(stage.pool.get(ADA).unwrap().password, SQUATTERS);
    stage.world.advance(60);
    stage.sign_up(ADA, OWNERS).await.unwrap();
}

#[tokio::test]
async fn a_confirmed_address_is_taken_and_its_record_made_where_it_was_missing() {
    let stage = Stage::outside().await;
    stage.pool.has(ADA, OWNERS);
    assert!(matches!(stage.sign_up(ADA, SQUATTERS).await, Err(SignUpError::Taken)));
    assert_eq!(stage.pool.get(ADA).unwrap().password, OWNERS);
    let here = stage.record(ADA).await.unwrap();
    assert!(here.email_verified_at.is_some());
    assert_eq!(stage.sign_in(ADA, OWNERS).await.unwrap().context.user.id, here.id);
}

#[tokio::test]
async fn where_taken_is_not_told_the_owner_hears_by_mail_and_the_asker_what_everybody_hears() {
    let stage = Stage::with(|pool| UserPool::Outside(pool), |settings| settings.tell_taken = false).await;
    stage.pool.has(ADA, OWNERS);
    stage.sign_up(ADA, SQUATTERS).await.unwrap();
    let taken = stage.pool.calls();
    stage.sign_up("new@example.com", SQUATTERS).await.unwrap();
    assert_eq!(stage.pool.calls(), taken, "the same calls");
    assert_eq!(stage.kinds_to(ADA).await, [LetterKind::AlreadyRegistered]);
    assert!(stage.kinds_to("new@example.com").await.is_empty(), "the pool has mailed that code");
    assert_eq!(stage.pool.get(ADA).unwrap().password, OWNERS);
}

#[tokio::test]
async fn signing_up_gives_nobody_the_record_that_is_there() {
    let stage = Stage::outside().await;
    let ada = stage.verified_record(ADA).await;
    // On a surface that would begin a session at once.
    let password = OWNERS.into();
    let refused = stage.node.sign_up_and_in(wish(Surface::Directory, ADA, &password, None, HOME)).await;
    assert!(matches!(refused, Err(SignUpError::Taken)), "{refused:?}");
    assert!(stage.pool.calls().is_empty());
    // And where a code is mailed, before it is used.
    let answered = stage.sign_up(ADA, SQUATTERS).await.unwrap();
    assert_ne!(answered.user.id, ada);
    let refused = stage.node.sign_up_and_in(wish(Surface::Accounts, ADA, &password, None, HOME)).await;
    assert!(refused.is_err());
    assert!(stage.node.user_sessions(&admin(), ada).await.unwrap().is_empty());
    assert!(stage.node.user_context(&admin(), answered.user.id).await.unwrap().is_none());
}

#[tokio::test]
async fn a_disabled_person_does_not_come_back_by_signing_up() {
    let stage = Stage::outside().await;
    let ada = stage.verified_record(ADA).await;
    stage.node.set_user_status(&admin(), ada, UserStatus::Disabled).await.unwrap();
    assert!(matches!(stage.sign_up(ADA, OWNERS).await, Err(SignUpError::Taken)));
    assert!(stage.pool.get(ADA).is_none());
    // Nor one whom the pool's operator disabled before the sign-up was confirmed.
    stage.pool.add("bob@example.com", SQUATTERS);
    stage.pool.change("bob@example.com", |there| there.account.enabled = false);
    assert!(matches!(stage.sign_up("bob@example.com", OWNERS).await, Err(SignUpError::Taken)));
    assert!(!stage.pool.get("bob@example.com").unwrap().account.enabled);
}

#[tokio::test]
async fn a_pool_that_is_down_makes_nothing_here_either() {
    let stage = Stage::outside().await;
    stage.pool.goes(true);
    let failed = stage.sign_up(ADA, OWNERS).await;
    assert!(matches!(failed, Err(SignUpError::Pool(PoolFailure::Unavailable { .. }))), "{failed:?}");
    assert!(stage.record(ADA).await.is_none());
    stage.pool.goes(false);
    stage.pool.fails("sign_up", PoolError::NotDelivered);
    let failed = stage.sign_up("bob@example.com", OWNERS).await;
    assert!(matches!(failed, Err(SignUpError::Pool(PoolFailure::NotDelivered))), "{failed:?}");
    stage.pool.mends("sign_up");
    stage.world.advance(60);
    stage.sign_up("bob@example.com", OWNERS).await.unwrap();
}

#[tokio::test]
async fn who_signed_up_here_before_the_pool_shares_nothing_with_who_proves_the_address() {
    let stage = Stage::outside().await;
    let local = stage.local().await;
    let record = sign_up(&local, ADA).await;
    let squatter = sign_in(&local, ADA).await;
    stage.sign_up(ADA, OWNERS).await.unwrap();
    stage.validate(&squatter.access_token).await.unwrap();
    stage.verify(ADA, &stage.pool.code_to(ADA)).await.unwrap();
    assert!(stage.validate(&squatter.access_token).await.is_err());
    let here = stage.record(ADA).await.unwrap();
    assert!(here.password_hash.is_none(), "nor does the password come back with the local pool");
    assert_eq!((here.id, here.first_name.as_deref()), (record, Some("Ada")));
    assert_eq!(stage.sign_in(ADA, OWNERS).await.unwrap().context.user.id, record);
    let linked = stage.node.validate(&stage.sign_in(ADA, OWNERS).await.unwrap().access_token).await.unwrap();
    assert_eq!(stage.node.identities(&linked).await.unwrap()[0].identity.issuer, ISSUER);
}
