//! What administrators do to accounts whose passwords a pool keeps, and how far people have moved.

use doorward_identity::session::SignInError;
use doorward_identity::user::{AdminError, NewAccount, Role};
use doorward_identity::user_pool::{PoolError, PoolFailure, Standing, UserPoolReport};

use crate::stage::{ADA, OWNERS, SQUATTERS, Stage};
use crate::world::admin;

fn account(email: &str, password: &str) -> NewAccount {
    NewAccount {
        email: email.to_owned(),
        password: Some(password.into()),
        name: Some("Ada".to_owned()),
        roles: vec![Role::admin()],
        email_verified: true,
    }
}

#[tokio::test]
async fn an_account_made_by_an_administrator_has_its_password_at_the_pool() {
    let stage = Stage::outside().await;
    let made = stage.node.create_account(&admin(), account(ADA, OWNERS)).await.unwrap();
    assert!(made.password_hash.is_none());
    assert!(stage.pool.get(ADA).unwrap().account.confirmed);
    let signed_in = stage.sign_in(ADA, OWNERS).await.unwrap();
    assert_eq!(signed_in.context.user.id, made.id);
    assert!(signed_in.context.user.has_role(Role::ADMIN));
    let refused = stage.node.create_account(&admin(), account("bob@example.com", "weak-but-long-enough")).await;
    assert!(matches!(refused, Err(AdminError::Refused(_))), "{refused:?}");
    stage.pool.goes(true);
    let failed = stage.node.create_account(&admin(), account("bob@example.com", OWNERS)).await;
    assert!(matches!(failed, Err(AdminError::Pool(PoolFailure::Unavailable { .. }))), "{failed:?}");
    assert!(stage.record("bob@example.com").await.is_none());
}

#[tokio::test]
async fn an_account_that_the_pool_has_already_gets_its_record_and_keeps_its_password() {
    let stage = Stage::outside().await;
    stage.pool.has(ADA, OWNERS);
    let refused = stage.node.create_account(&admin(), account(ADA, SQUATTERS)).await;
    assert!(matches!(refused, Err(AdminError::Taken("email"))), "{refused:?}");
    assert!(stage.record(ADA).await.is_some());
    stage.sign_in(ADA, OWNERS).await.unwrap();
}

#[tokio::test]
async fn a_deleted_account_is_gone_at_the_pool_first() {
    for stage in [Stage::outside().await, Stage::leaving().await] {
        stage.pool.has(ADA, OWNERS);
        let ada = stage.sign_in(ADA, OWNERS).await.unwrap().context.user.id;
        stage.pool.fails("delete", PoolError::Unavailable("no answer".to_owned()));
        assert!(matches!(stage.node.delete_user(&admin(), ada).await, Err(AdminError::Pool(_))));
        assert!(stage.record(ADA).await.is_some());
        stage.pool.mends("delete");
        stage.node.delete_user(&admin(), ada).await.unwrap();
        assert!(stage.pool.get(ADA).is_none() && stage.record(ADA).await.is_none());
        assert!(matches!(stage.sign_in(ADA, OWNERS).await, Err(SignInError::BadCredentials)));
    }
}

#[tokio::test]
async fn the_report_tells_who_moved_who_is_left_and_whom_only_the_pool_knows() {
    let stage = Stage::leaving().await;
    for email in [ADA, "left@example.com", "by-address@example.com", "only@example.com"] {
        stage.pool.has(email, OWNERS);
    }
    stage.sign_in(ADA, OWNERS).await.unwrap();
    stage.reset_code("left@example.com").await.unwrap();
    stage.verified_record("By-Address@example.com").await;
    let mut heard = Vec::new();
    let report = stage
        .node
        .user_pool_report(&admin(), |account, standing| heard.push((account.email.clone().unwrap(), standing)))
        .await
        .unwrap();
    assert_eq!(report, UserPoolReport { moved: 1, left: 2, only_there: 1 });
    let heard: Vec<_> = heard.iter().map(|(email, standing)| (email.as_str(), *standing)).collect();
    assert_eq!(
        heard,
        [
            (ADA, Standing::Moved),
            ("left@example.com", Standing::Left),
            ("by-address@example.com", Standing::Left),
            ("only@example.com", Standing::OnlyThere),
        ]
    );
    let refused = stage.local().await.user_pool_report(&admin(), |_, _| {}).await;
    assert!(matches!(refused, Err(AdminError::NotFound)), "{refused:?}");
}
