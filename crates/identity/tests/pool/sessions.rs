//! Sessions whose tokens are the pool's own: renewed there, ended on both sides.

use doorward_identity::session::{Origin, RefreshError, SignInError, SignOutError, TokenRejection};
use doorward_identity::user::PasswordChangeWish;
use doorward_identity::user_pool::{PoolError, PoolFailure, UserPool};
use doorward_identity::{SessionId, Surface};
use secrecy::ExposeSecret;

use crate::stage::{ADA, HOME, OWNERS, Stage, judged};
use crate::world::{admin, from};

#[tokio::test]
async fn a_session_at_the_pool_has_a_row_here_that_its_owner_sees_and_ends() {
    let stage = Stage::outside().await;
    stage.pool.has(ADA, OWNERS);
    let signed_in = stage.sign_in(ADA, OWNERS).await.unwrap();
    let there = stage.pool.get(ADA).unwrap().refresh_tokens[0].1;
    let caller = stage.validate(&signed_in.access_token).await.unwrap();
    assert_eq!(caller.session, Some(SessionId::from_uuid(there)));
    assert_eq!(stage.node.own_sessions(&caller).await.unwrap()[0].surface, Surface::Accounts);
    // The ID token belongs to it as well.
    let by_id = stage.validate(signed_in.id_token.as_ref().unwrap()).await.unwrap();
    assert_eq!(by_id.session, caller.session);

    let other = stage.another().await;
    judged(other.validate(&signed_in.access_token).await).unwrap();
    stage.node.sign_out(&caller, Origin::default()).await.unwrap();
    other.follow_changes().await.unwrap();
    for node in [&stage.node, &other, &stage.another().await] {
        let refused = judged(node.validate(&signed_in.access_token).await);
        assert_eq!(refused.unwrap_err(), TokenRejection::Revoked);
    }
    stage.pool.calls();
    assert!(matches!(stage.refresh(&signed_in.refresh_token).await, Err(RefreshError::Invalid)));
    assert!(stage.pool.calls().is_empty(), "the pool is not asked to renew what has ended here");
}

#[tokio::test]
async fn the_pool_renews_its_tokens_for_the_subject_it_gave_them_to() {
    let stage = Stage::outside().await;
    stage.pool.has_secret();
    stage.pool.has(ADA, OWNERS);
    let first = stage.sign_in(ADA, OWNERS).await.unwrap();
    let second = stage.refresh(&first.refresh_token).await.unwrap();
    assert_eq!(second.refresh_token.expose_secret(), first.refresh_token.expose_secret());
    assert_ne!(second.access_token, first.access_token);
    let [caller, again] = [&first, &second].map(|signed_in| stage.validate(&signed_in.access_token));
    assert_eq!(caller.await.unwrap().session, again.await.unwrap().session);
    // On another surface its tokens renew nothing.
    let refused = stage.node.refresh(Surface::Signin, &first.refresh_token, from(HOME)).await;
    assert!(matches!(refused, Err(RefreshError::Invalid)), "{refused:?}");
}

#[tokio::test]
async fn a_successor_that_the_pool_makes_takes_the_place_of_its_token() {
    let stage = Stage::outside().await;
    stage.pool.has(ADA, OWNERS);
    stage.pool.rotates();
    let mut signed_in = stage.sign_in(ADA, OWNERS).await.unwrap();
    for _ in 0..3 {
        let former = signed_in.refresh_token.clone();
        signed_in = stage.refresh(&former).await.unwrap();
        assert_ne!(signed_in.refresh_token.expose_secret(), former.expose_secret());
        assert!(matches!(stage.refresh(&former).await, Err(RefreshError::Invalid)));
        stage.world.advance(60);
    }
    let caller = stage.validate(&signed_in.access_token).await.unwrap();
    stage.node.sign_out(&caller, Origin::default()).await.unwrap();
    assert!(matches!(stage.refresh(&signed_in.refresh_token).await, Err(RefreshError::Invalid)));
}

#[tokio::test]
async fn a_session_that_began_at_the_pool_itself_is_renewed_too() {
    let stage = Stage::outside().await;
    stage.pool.has(ADA, OWNERS);
    let tokens = stage.pool.tokens(ADA);
    let renewed = stage.refresh(tokens.refresh_token.as_ref().unwrap()).await.unwrap();
    assert_eq!(renewed.context.user.email.as_str(), ADA);
    assert!(stage.validate(&renewed.access_token).await.unwrap().session.is_none());
}

#[tokio::test]
async fn what_no_pool_ever_gave_is_refused_and_soon_not_even_asked_about() {
    let stage = Stage::with(|pool| UserPool::Outside(pool), |settings| settings.address_failures = 3).await;
    for _ in 0..3 {
        assert!(matches!(stage.refresh(&"a guess".into()).await, Err(RefreshError::Invalid)));
    }
    let refused = stage.refresh(&"a guess".into()).await;
    assert!(matches!(refused, Err(RefreshError::Pool(PoolFailure::Throttled { .. }))), "{refused:?}");
    assert_eq!(stage.pool.calls().len(), 3);
}

#[tokio::test]
async fn a_session_that_the_pool_renews_no_more_ends_here_but_not_when_it_is_only_down() {
    let stage = Stage::outside().await;
    stage.pool.has(ADA, OWNERS);
    let signed_in = stage.sign_in(ADA, OWNERS).await.unwrap();
    stage.pool.goes(true);
    let failed = stage.refresh(&signed_in.refresh_token).await;
    assert!(matches!(failed, Err(RefreshError::Pool(PoolFailure::Unavailable { .. }))), "{failed:?}");
    stage.pool.goes(false);
    stage.validate(&signed_in.access_token).await.unwrap();
    stage.pool.change(ADA, |there| there.refresh_tokens.clear());
    assert!(matches!(stage.refresh(&signed_in.refresh_token).await, Err(RefreshError::Invalid)));
    assert!(stage.validate(&signed_in.access_token).await.is_err());
}

#[tokio::test]
async fn a_refresh_token_signs_out_here_and_there() {
    let stage = Stage::outside().await;
    stage.pool.has(ADA, OWNERS);
    let signed_in = stage.sign_in(ADA, OWNERS).await.unwrap();
    // A pool that fails is told, though here the session has ended; the next try finishes it.
    stage.pool.fails("revoke", PoolError::Unavailable("no answer".to_owned()));
    let failed = stage.node.sign_out_by_refresh(&signed_in.refresh_token, from(HOME)).await;
    assert!(matches!(failed, Err(SignOutError::Pool(PoolFailure::Unavailable { .. }))), "{failed:?}");
    assert!(stage.validate(&signed_in.access_token).await.is_err());
    assert_eq!(stage.pool.get(ADA).unwrap().refresh_tokens.len(), 1);
    stage.pool.mends("revoke");
    stage.node.sign_out_by_refresh(&signed_in.refresh_token, from(HOME)).await.unwrap();
    assert!(stage.pool.get(ADA).unwrap().refresh_tokens.is_empty());
}

#[tokio::test]
async fn signing_out_everywhere_ends_all_sessions_on_both_sides() {
    let stage = Stage::outside().await;
    stage.pool.has(ADA, OWNERS);
    let first = stage.sign_in(ADA, OWNERS).await.unwrap();
    let second = stage.sign_in_on(Surface::Directory, ADA, OWNERS).await.unwrap();
    let caller = stage.validate(&first.access_token).await.unwrap();
    stage.world.advance(1);
    stage.pool.goes(true);
    let failed = stage.node.sign_out_everywhere(&caller, from(HOME)).await;
    assert!(matches!(failed, Err(SignOutError::Pool(_))), "{failed:?}");
    for token in [&first.access_token, &second.access_token] {
        assert!(stage.validate(token).await.is_err(), "here it is done all the same");
    }
    stage.pool.goes(false);
    stage.node.sign_out_everywhere(&caller, from(HOME)).await.unwrap();
    assert!(stage.pool.get(ADA).unwrap().refresh_tokens.is_empty());
    // An administrator does the same.
    let third = stage.sign_in(ADA, OWNERS).await.unwrap();
    assert_eq!(stage.node.end_sessions(&admin(), third.context.user.id).await.unwrap(), 1);
    assert!(stage.pool.get(ADA).unwrap().refresh_tokens.is_empty());
}

#[tokio::test]
async fn a_reset_ends_every_session_on_both_sides() {
    let stage = Stage::outside().await;
    stage.pool.has(ADA, OWNERS);
    let before = stage.sign_in(ADA, OWNERS).await.unwrap();
    let elsewhere = stage.pool.tokens(ADA);
    stage.validate(elsewhere.access_token.expose_secret()).await.unwrap();
    stage.world.advance(1);
    stage.reset(ADA, "Another-Pass-5").await.unwrap();
    for token in [before.access_token.as_str(), elsewhere.access_token.expose_secret()] {
        assert_eq!(stage.validate(token).await.unwrap_err(), TokenRejection::Revoked);
    }
    for token in [&before.refresh_token, elsewhere.refresh_token.as_ref().unwrap()] {
        assert!(matches!(stage.refresh(token).await, Err(RefreshError::Invalid)));
    }
    // In the very same second somebody may sign in anew.
    let after = stage.sign_in(ADA, "Another-Pass-5").await.unwrap();
    stage.validate(&after.access_token).await.unwrap();
}

#[tokio::test]
async fn a_sign_in_under_way_with_the_former_password_is_no_way_around_a_reset() {
    let stage = Stage::outside().await;
    stage.pool.has(ADA, OWNERS);
    let gate = stage.pool.holds_sign_ins();
    let reset = async {
        stage.pool.holding.notified().await;
        stage.world.advance(1);
        stage.reset(ADA, "Another-Pass-5").await.unwrap();
        gate.notify_one();
    };
    let (late, ()) = tokio::join!(stage.sign_in(ADA, OWNERS), reset);
    assert!(matches!(late, Err(SignInError::BadCredentials)), "{late:?}");
    let ada = stage.record(ADA).await.unwrap().id;
    assert!(stage.node.user_sessions(&admin(), ada).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_session_lasts_no_longer_than_sessions_here_do() {
    let stage = Stage::outside().await;
    stage.pool.has(ADA, OWNERS);
    let signed_in = stage.sign_in(ADA, OWNERS).await.unwrap();
    stage.world.advance(30 * 24 * 3600);
    assert!(matches!(stage.refresh(&signed_in.refresh_token).await, Err(RefreshError::Invalid)));
}

#[tokio::test]
async fn another_password_ends_what_a_thief_began_at_the_pool() {
    let stage = Stage::outside().await;
    stage.pool.has(ADA, OWNERS);
    let signed_in = stage.sign_in(ADA, OWNERS).await.unwrap();
    let caller = stage.validate(&signed_in.access_token).await.unwrap();
    let thief = stage.pool.tokens(ADA);
    stage.validate(thief.access_token.expose_secret()).await.unwrap();
    stage.world.advance(1);
    let (current, new) = (OWNERS.into(), "Another-Pass-5".into());
    let wish = PasswordChangeWish { current: &current, new: &new, origin: from(HOME) };
    stage.node.change_own_password(&caller, wish).await.unwrap();
    for token in [&thief.access_token, &thief.id_token] {
        assert_eq!(stage.validate(token.expose_secret()).await.unwrap_err(), TokenRejection::Revoked);
    }
    assert!(matches!(stage.refresh(&thief.refresh_token.unwrap()).await, Err(RefreshError::Invalid)));
    stage.sign_in(ADA, "Another-Pass-5").await.unwrap();
}
