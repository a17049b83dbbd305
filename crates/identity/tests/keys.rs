//! Signing keys: made, rotated, withdrawn, on one node and across nodes.

#![expect(clippy::unwrap_used, reason = "tests")]

mod world;

use doorward_identity::keyring::{KeyState, KeyringError, RotateError};
use doorward_identity::{Identity, StartError};
use doorward_protocol::algorithm::Algorithm;
use world::{World, admin, sign_in, sign_up};

async fn is_valid(node: &Identity, token: &str) -> bool {
    node.validate(token).await.is_ok()
}

fn kid(token: &str) -> String {
    doorward_protocol::jwt::Unverified::parse(token).unwrap().header().kid.clone().unwrap_or_default()
}

#[tokio::test]
async fn a_new_key_is_public_before_it_signs_and_the_old_one_stays_while_its_tokens_live() {
    let world = World::new();
    let (here, there) = (world.node().await, world.node().await);
    sign_up(&here, "ada@example.com").await;
    let old = sign_in(&here, "ada@example.com").await.access_token;
    assert_eq!(here.jwks().keys.len(), 1);

    let made = here.rotate_key(&admin(), false).await.unwrap();
    assert_eq!(made.state, KeyState::Pending);
    there.follow_changes().await.unwrap();
    assert_eq!((here.jwks().keys.len(), there.jwks().keys.len()), (2, 2));
    let meanwhile = sign_in(&there, "ada@example.com").await.access_token;
    assert_eq!(kid(&meanwhile), kid(&old));
    let again = here.rotate_key(&admin(), false).await;
    assert!(matches!(again, Err(RotateError::Pending { .. })));

    world.advance(10 * 60);
    let new = sign_in(&there, "ada@example.com").await.access_token;
    assert_eq!(kid(&new), made.kid);
    for node in [&here, &there] {
        assert!(is_valid(node, &old).await && is_valid(node, &new).await);
    }
    // The longest life of a token after the new key began to sign, and the spare time, are over.
    world.advance(7 * 24 * 3600 + 5 * 60);
    assert_eq!(here.jwks().keys.len(), 1);
}

#[tokio::test]
async fn a_withdrawn_key_takes_its_tokens_with_it_and_another_signs() {
    let world = World::new();
    let (here, there) = (world.node().await, world.node().await);
    sign_up(&here, "ada@example.com").await;
    let token = sign_in(&here, "ada@example.com").await.access_token;
    assert!(is_valid(&there, &token).await);
    here.withdraw_key(&admin(), &kid(&token)).await.unwrap();
    there.follow_changes().await.unwrap();
    assert!(!is_valid(&here, &token).await);
    assert!(!is_valid(&there, &token).await);
    let new = sign_in(&there, "ada@example.com").await.access_token;
    assert!(is_valid(&here, &new).await);
    assert!(matches!(here.withdraw_key(&admin(), "no such key").await, Err(RotateError::NotFound)));
}

#[tokio::test]
async fn a_key_that_cannot_be_opened_can_be_withdrawn_and_another_signs() {
    let world = World::new();
    let lost = world.node().await.keys(&admin()).remove(0).kid;
    let another_secret = "another secret than the key was sealed with";
    let refused = Identity::start(world.parts(another_secret).await).await.err().unwrap();
    assert!(matches!(&refused, StartError::Keyring(KeyringError::Sealed { kid, .. }) if *kid == lost), "{refused}");
    let node = Identity::without_keys(world.parts(another_secret).await).await.unwrap();
    node.withdraw_key(&admin(), &lost).await.unwrap();
    let node = Identity::start(world.parts(another_secret).await).await.unwrap();
    let keys = node.keys(&admin());
    assert!(keys.len() == 1 && keys[0].kid != lost && keys[0].state == KeyState::Active, "{keys:?}");
}

#[tokio::test]
async fn every_algorithm_signs_and_a_change_of_algorithm_ends_no_session() {
    let world = World::new();
    sign_up(&world.node().await, "ada@example.com").await;
    let mut tokens = Vec::new();
    for algorithm in [Algorithm::EdDSA, Algorithm::ES256, Algorithm::RS256, Algorithm::HS256] {
        let node = world
            .node_with(|settings| {
                settings.algorithm = algorithm;
                settings.secret = Some("wKx2vQ9mLr7TzB4nYc8HsJ5dPf3GaE6u".into());
            })
            .await;
        tokens.push(sign_in(&node, "ada@example.com").await.access_token);
        for token in &tokens {
            assert!(is_valid(&node, token).await, "{algorithm}");
        }
    }
}

#[tokio::test]
async fn coming_back_to_an_algorithm_makes_a_key_that_is_published() {
    let world = World::new();
    sign_up(&world.node().await, "ada@example.com").await;
    let first = world.node().await.jwks().keys[0].kid.clone();
    let other = world.node_with(|settings| settings.algorithm = Algorithm::ES256).await;
    sign_in(&other, "ada@example.com").await;
    world.advance(8 * 24 * 3600);
    let node = world.node().await;
    let token = sign_in(&node, "ada@example.com").await.access_token;
    assert!(is_valid(&node, &token).await);
    assert!(Some(kid(&token)) != first && node.jwks().keys.iter().any(|key| key.kid == Some(kid(&token))));
}

#[tokio::test]
async fn a_public_key_is_no_shared_secret() {
    let world = World::new();
    let node = world.node_with(|settings| settings.secret = Some("wKx2vQ9mLr7TzB4nYc8HsJ5dPf3GaE6u".into())).await;
    sign_up(&node, "ada@example.com").await;
    let token = sign_in(&node, "ada@example.com").await.access_token;
    let claims: serde_json::Value =
        doorward_protocol::jwt::Unverified::parse(&token).unwrap().claims_unverified().unwrap();
    let public = serde_json::to_string(&node.jwks().keys[0]).unwrap();
    for kid in [None, Some(kid(&token))] {
        let key = doorward_protocol::jwk::SigningKey::hmac(public.as_bytes());
        let forged = doorward_protocol::jwt::sign(&key, kid.as_deref(), "JWT", &claims).unwrap();
        assert!(!is_valid(&node, &forged).await);
    }
}

#[tokio::test]
async fn nodes_that_start_together_agree_on_the_first_key() {
    let world = World::new();
    let (one, other) = tokio::join!(world.node(), world.node());
    assert_eq!(one.jwks().keys.len(), 1);
    assert_eq!(one.jwks().keys[0].kid, other.jwks().keys[0].kid);
}
