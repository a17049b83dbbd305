//! Attempts that the pool could not judge count against nobody; those it judged count as ever.

use std::sync::Arc;

use doorward_identity::session::{RefreshError, SignInError};
use doorward_identity::user::{AccountError, PasswordChangeWish};
use doorward_identity::user_pool::{PoolError, PoolFailure};

use crate::stage::{ADA, HOME, OWNERS, SQUATTERS, Stage};
use crate::world::from;

/// What a pool answers that has judged nothing.
fn unjudged() -> [PoolError; 3] {
    [
        PoolError::Unavailable("connection refused".to_owned()),
        PoolError::Throttled { retry_after_s: 7 },
        PoolError::Misconfigured("the credentials do not count".to_owned()),
    ]
}

#[tokio::test]
async fn nobody_is_locked_out_by_sign_ins_that_were_not_judged() {
    let stage = Stage::outside().await;
    stage.pool.has(ADA, OWNERS);
    for email in [ADA, "nobody@example.com"] {
        for error in unjudged() {
            stage.pool.fails("sign_in", error);
            for _ in 0..10 {
                let failed = stage.sign_in(email, OWNERS).await;
                assert!(matches!(failed, Err(SignInError::Pool(_))), "{email}: {failed:?}");
            }
        }
        stage.pool.mends("sign_in");
    }
    stage.sign_in(ADA, OWNERS).await.unwrap();
}

#[tokio::test]
async fn judged_guesses_around_an_outage_are_as_many_as_without() {
    let stage = Stage::outside().await;
    stage.pool.has(ADA, OWNERS);
    for email in [ADA, "nobody@example.com"] {
        let mut judged = 0;
        for number in 0..30 {
            if number % 2 == 0 {
                stage.pool.fails("sign_in", PoolError::Unavailable(String::new()));
            }
            match stage.sign_in(email, SQUATTERS).await {
                Err(SignInError::BadCredentials) => judged += 1,
                Err(SignInError::Pool(_) | SignInError::Throttled { .. }) => {}
                other => panic!("{other:?}"),
            }
            stage.pool.mends("sign_in");
        }
        assert_eq!(judged, 5, "{email}");
        let blocked = stage.sign_in(email, SQUATTERS).await;
        assert!(matches!(blocked, Err(SignInError::Throttled { retry_after_s: 60 })), "{blocked:?}");
        // The one that the minute allows is not lost in an outage either.
        stage.world.advance(60);
        stage.pool.fails("sign_in", PoolError::Unavailable(String::new()));
        assert!(matches!(stage.sign_in(email, SQUATTERS).await, Err(SignInError::Pool(_))));
        stage.pool.mends("sign_in");
        assert!(matches!(stage.sign_in(email, SQUATTERS).await, Err(SignInError::BadCredentials)));
        assert!(matches!(stage.sign_in(email, SQUATTERS).await, Err(SignInError::Throttled { retry_after_s: 120 })));
    }
}

#[tokio::test]
async fn codes_that_were_not_judged_are_not_counted() {
    let stage = Stage::outside().await;
    stage.sign_up(ADA, OWNERS).await.unwrap();
    for error in unjudged() {
        stage.pool.fails("confirm_sign_up", error);
        for _ in 0..10 {
            assert!(matches!(stage.verify(ADA, "000000").await, Err(AccountError::Pool(_))));
        }
    }
    stage.pool.mends("confirm_sign_up");
    for _ in 0..5 {
        assert!(matches!(stage.verify(ADA, "000000").await, Err(AccountError::BadCode)));
    }
    assert!(matches!(stage.verify(ADA, "000000").await, Err(AccountError::Throttled { retry_after_s: 60 })));
}

#[tokio::test]
async fn passwords_asked_for_once_more_are_not_counted_either_and_leave_no_session() {
    let stage = Stage::outside().await;
    stage.pool.has(ADA, OWNERS);
    let signed_in = stage.sign_in(ADA, OWNERS).await.unwrap();
    let caller = stage.validate(&signed_in.access_token).await.unwrap();
    let change = async |current: &str| {
        let wish = PasswordChangeWish { current: &current.into(), new: &"Another-Pass-5".into(), origin: from(HOME) };
        stage.node.change_own_password(&caller, wish).await
    };
    stage.pool.fails("sign_in", PoolError::Unavailable(String::new()));
    for _ in 0..10 {
        let failed = change(OWNERS).await;
        assert!(matches!(failed, Err(AccountError::Pool(PoolFailure::Unavailable { .. }))), "{failed:?}");
    }
    stage.pool.mends("sign_in");
    stage.pool.fails("revoke", PoolError::Unavailable(String::new()));
    change(OWNERS).await.unwrap();
    stage.pool.mends("revoke");
    stage.pool.change(ADA, |there| there.refresh_tokens.truncate(1));
    change("Another-Pass-5").await.unwrap();
    let left = stage.pool.get(ADA).unwrap().refresh_tokens;
    assert!(left.is_empty(), "{left:?}");
    // At a pool all sessions end with the password, whoever began them: it cannot keep one of them.
    assert!(matches!(stage.refresh(&signed_in.refresh_token).await, Err(RefreshError::Invalid)));
    stage.validate(&signed_in.access_token).await.unwrap_err();
}

#[tokio::test]
async fn guesses_at_once_while_the_pool_comes_and_goes_are_judged_no_more_often_than_they_may_be() {
    let stage = Arc::new(Stage::outside().await);
    stage.pool.has(ADA, OWNERS);
    stage.pool.falters();
    let crowd = (0..60).map(|_| {
        let stage = Arc::clone(&stage);
        tokio::spawn(async move { stage.sign_in(ADA, SQUATTERS).await })
    });
    let mut judged = 0;
    for one in crowd.collect::<Vec<_>>() {
        match one.await.unwrap() {
            Err(SignInError::BadCredentials) => judged += 1,
            Err(SignInError::Pool(_) | SignInError::Throttled { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(judged, 5);
}
