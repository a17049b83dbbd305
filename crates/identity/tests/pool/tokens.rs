//! The pool's tokens as bearer tokens: whom they are for, of whom they are, and whether they still count.

use std::sync::Arc;

use doorward_identity::Surface;
use doorward_identity::session::TokenRejection::{Malformed, WrongAudience};
use doorward_identity::session::{Origin, RefreshError, TokenRejection, ValidateError};
use doorward_identity::user::{NewAccount, UserStatus};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::script::Pool;
use crate::stage::{ADA, OWNERS, SQUATTERS, Stage, judged};
use crate::world::{PASSWORD, admin, sign_in, sign_up};

fn claims(pool: &Pool, token_use: &str) -> Value {
    let account = pool.get(ADA).unwrap().account;
    pool.claims(token_use, &account, pool.new_id())
}

#[tokio::test]
async fn a_token_says_what_it_is_and_for_which_client() {
    let stage = Stage::outside().await;
    stage.pool.has(ADA, OWNERS);
    stage.sign_in(ADA, OWNERS).await.unwrap();
    for token_use in ["access", "id"] {
        stage.validate(&stage.pool.sign(&claims(&stage.pool, token_use))).await.unwrap();
    }
    let odd = |token_use: &str, changes: Value| {
        let mut claims = claims(&stage.pool, token_use);
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        stage.pool.sign(&claims)
    };
    for (token, reason) in [
        (odd("access", json!({"client_id": "another"})), WrongAudience),
        (odd("access", json!({"client_id": null})), Malformed),
        (odd("access", json!({"client_id": ["client-of-the-pool"]})), Malformed),
        (odd("access", json!({"client_id": null, "aud": "client-of-the-pool"})), Malformed),
        (odd("id", json!({"aud": "another"})), WrongAudience),
        (odd("id", json!({"aud": null, "client_id": "client-of-the-pool"})), Malformed),
        (odd("id", json!({"aud": []})), WrongAudience),
        (odd("id", json!({"token_use": "access"})), Malformed),
        (odd("access", json!({"token_use": "id"})), Malformed),
        (odd("access", json!({"token_use": null})), Malformed),
        (odd("access", json!({"token_use": "refresh"})), Malformed),
        (odd("access", json!({"token_use": ["access"]})), Malformed),
        (odd("access", json!({"token_use": "Access"})), Malformed),
    ] {
        assert_eq!(stage.validate(&token).await.unwrap_err(), reason);
    }
}

#[tokio::test]
async fn an_access_token_of_somebody_unknown_is_the_pools_to_explain() {
    let stage = Stage::outside().await;
    stage.pool.has(ADA, OWNERS);
    let tokens = stage.pool.tokens(ADA);
    let access = tokens.access_token.expose_secret();
    stage.pool.goes(true);
    let unknown = stage.node.validate(access).await;
    assert!(matches!(unknown, Err(ValidateError::Keys(_))), "{unknown:?}");
    stage.pool.goes(false);
    let caller = stage.validate(access).await.unwrap();
    assert_eq!(caller.context.user.email.as_str(), ADA);
    // From then on the pool is not asked: a node that never saw it knows the person.
    stage.pool.goes(true);
    stage.another().await.validate(access).await.unwrap();
    stage.pool.goes(false);
    // One that the pool takes no more makes nobody.
    stage.pool.has("bob@example.com", OWNERS);
    let account = stage.pool.get("bob@example.com").unwrap().account;
    let forgotten = stage.pool.sign(&stage.pool.claims("access", &account, stage.pool.new_id()));
    assert_eq!(stage.validate(&forgotten).await.unwrap_err(), TokenRejection::Revoked);
    assert!(stage.record("bob@example.com").await.is_none());
}

#[tokio::test]
async fn an_id_token_makes_or_takes_over_a_record_only_with_an_address_that_is_theirs() {
    let stage = Stage::outside().await;
    let subject = stage.pool.add(ADA, SQUATTERS);
    stage.pool.change(&subject, |there| there.account.confirmed = true);
    let ada = stage.verified_record(ADA).await;
    for odd in [json!(false), json!("true"), json!(1), json!([true]), Value::Null] {
        let mut claims = claims(&stage.pool, "id");
        claims["email_verified"] = odd;
        let refused = stage.validate(&stage.pool.sign(&claims)).await.unwrap_err();
        assert_eq!(refused, TokenRejection::EmailNotVerified);
    }
    stage.pool.change(&subject, |there| there.account.email_verified = true);
    let caller = stage.validate(&stage.pool.sign(&claims(&stage.pool, "id"))).await.unwrap();
    assert_eq!(caller.context.user.id, ada);
}

#[tokio::test]
async fn a_remembered_token_asks_neither_store_nor_pool() {
    let stage = Stage::outside().await;
    stage.pool.has(ADA, OWNERS);
    let signed_in = stage.sign_in(ADA, OWNERS).await.unwrap();
    let first = stage.validate(&signed_in.access_token).await.unwrap();
    let again = stage.validate(&signed_in.access_token).await.unwrap();
    assert!(Arc::ptr_eq(&first, &again));
    let elsewhere = stage.pool.tokens(ADA).access_token;
    let first = stage.validate(elsewhere.expose_secret()).await.unwrap();
    let again = stage.validate(elsewhere.expose_secret()).await.unwrap();
    assert!(Arc::ptr_eq(&first, &again));
}

#[tokio::test]
async fn a_token_from_before_the_end_of_all_sessions_counts_no_more_and_one_from_after_does() {
    let stage = Stage::outside().await;
    stage.pool.has(ADA, OWNERS);
    // Of sessions that this store never heard of.
    let before = stage.pool.sign(&claims(&stage.pool, "id"));
    let mut undated = claims(&stage.pool, "id");
    undated.as_object_mut().unwrap().remove("iat");
    let undated = stage.pool.sign(&undated);
    let caller = stage.validate(&before).await.unwrap();
    stage.validate(&undated).await.unwrap();
    assert!(caller.session.is_none());
    stage.world.advance(1);
    let other = stage.another().await;
    other.validate(&before).await.unwrap();
    stage.node.sign_out_everywhere(&caller, Origin::default()).await.unwrap();
    assert!(!stage.node.still_counts(&caller).await, "an open stream is cut off");
    other.follow_changes().await.unwrap();
    for node in [&stage.node, &other] {
        for token in [&before, &undated] {
            let refused = judged(node.validate(token).await);
            assert_eq!(refused.unwrap_err(), TokenRejection::Revoked);
        }
    }
    stage.world.advance(1);
    stage.validate(&stage.pool.sign(&claims(&stage.pool, "id"))).await.unwrap();
}

#[tokio::test]
async fn a_session_named_by_a_token_must_be_its_persons() {
    let stage = Stage::outside().await;
    stage.pool.has(ADA, OWNERS);
    stage.pool.has("eve@example.com", SQUATTERS);
    stage.sign_in("eve@example.com", SQUATTERS).await.unwrap();
    stage.sign_in(ADA, OWNERS).await.unwrap();
    let adas = stage.pool.get(ADA).unwrap().refresh_tokens[0].1;
    let eve = stage.pool.get("eve@example.com").unwrap().account;
    let token = stage.pool.sign(&stage.pool.claims("access", &eve, adas));
    assert_eq!(stage.validate(&token).await.unwrap_err(), TokenRejection::Revoked);
    // What is no session's name names none.
    for odd in [json!("not a uuid"), json!(7), Value::Null] {
        let mut claims = claims(&stage.pool, "access");
        claims["origin_jti"] = odd;
        assert!(stage.validate(&stage.pool.sign(&claims)).await.unwrap().session.is_none());
    }
}

#[tokio::test]
async fn a_disabled_persons_tokens_count_no_more() {
    let stage = Stage::outside().await;
    stage.pool.has(ADA, OWNERS);
    let token = stage.pool.sign(&claims(&stage.pool, "id"));
    let ada = stage.validate(&token).await.unwrap().context.user.id;
    stage.node.set_user_status(&admin(), ada, UserStatus::Disabled).await.unwrap();
    assert_eq!(stage.validate(&token).await.unwrap_err(), TokenRejection::UserDisabled);
    let fresh = stage.pool.tokens(ADA).access_token;
    assert_eq!(stage.validate(fresh.expose_secret()).await.unwrap_err(), TokenRejection::UserDisabled);
}

#[tokio::test]
async fn an_id_token_of_ours_is_no_bearer_token() {
    let stage = Stage::outside().await;
    let local = stage.local().await;
    sign_up(&local, ADA).await;
    let signed_in = sign_in(&local, ADA).await;
    assert!(signed_in.id_token.is_none());
    // The accounts surface has tokens only for whom it would sign in, wherever their session began.
    let refused = local.refresh(Surface::Accounts, &signed_in.refresh_token, Origin::default()).await;
    assert!(matches!(refused, Err(RefreshError::Invalid)));
    let verified = NewAccount {
        email: "grace@example.com".to_owned(),
        password: Some(PASSWORD.into()),
        name: None,
        roles: Vec::new(),
        email_verified: true,
    };
    local.create_account(&admin(), verified).await.unwrap();
    let signed_in = sign_in(&local, "grace@example.com").await;
    let renewed = local.refresh(Surface::Accounts, &signed_in.refresh_token, Origin::default()).await.unwrap();
    let refused = judged(local.validate(&renewed.id_token.unwrap()).await);
    assert_eq!(refused.unwrap_err(), TokenRejection::Malformed);
    local.validate(&renewed.access_token).await.unwrap();
}

#[tokio::test]
async fn an_id_token_brings_no_deleted_account_back() {
    let stage = Stage::outside().await;
    stage.pool.has(ADA, OWNERS);
    let signed_in = stage.sign_in(ADA, OWNERS).await.unwrap();
    let id_token = signed_in.id_token.unwrap();
    stage.validate(&id_token).await.unwrap();
    let ada = stage.record(ADA).await.unwrap().id;
    stage.node.delete_user(&admin(), ada).await.unwrap();
    for token in [&id_token, &signed_in.access_token] {
        stage.validate(token).await.unwrap_err();
    }
    assert!(stage.record(ADA).await.is_none());
}
