//! Assertions: what a service behind the gateway is told, and that it can verify it with nothing but the published keys.

use doorward_identity::Identity;
use doorward_identity::keyring::RotateError;
use doorward_protocol::algorithm::Algorithm;
use doorward_protocol::jwk::VerifyingKey;
use doorward_protocol::jwt::Unverified;
use serde_json::{Value, json};

use crate::world::{World, admin, sign_in, sign_up};

/// As a service verifies it: the key of that name in the published set, and no other.
fn verified(node: &Identity, assertion: &str) -> Value {
    let unverified = Unverified::parse(assertion).unwrap();
    assert_eq!(unverified.header().typ.as_deref(), Some("doorward-assertion+jwt"));
    let published = serde_json::to_string(&node.jwks()).unwrap();
    let set: doorward_protocol::jwk::JwkSet = serde_json::from_str(&published).unwrap();
    let key = set.keys.iter().find(|key| key.kid == unverified.header().kid).unwrap();
    unverified.verify(&VerifyingKey::from_jwk(key).unwrap()).unwrap().decode().unwrap()
}

#[tokio::test]
async fn a_service_verifies_an_assertion_with_the_published_keys_whatever_signs_tokens() {
    for algorithm in [Algorithm::EdDSA, Algorithm::ES256, Algorithm::RS256, Algorithm::HS256] {
        let world = World::new();
        let node = world
            .node_with(|settings| {
                settings.algorithm = algorithm;
                settings.secret = Some("wKx2vQ9mLr7TzB4nYc8HsJ5dPf3GaE6u".into());
            })
            .await;
        sign_up(&node, "ada@example.com").await;
        let token = sign_in(&node, "ada@example.com").await.access_token;
        let caller = node.validate(&token).await.unwrap();
        let assertion = node.assertion(&caller, "reports", "req-1").unwrap();
        let mut claims = verified(&node, &assertion);
        let members = claims.as_object_mut().unwrap();
        let (iat, exp) = (members.remove("iat").unwrap(), members.remove("exp").unwrap());
        assert_eq!(exp.as_i64().unwrap() - iat.as_i64().unwrap(), 60);
        assert!(members.remove("jti").unwrap().as_str().is_some_and(|jti| jti.len() == 36));
        let expected = json!({
            "iss": "http://localhost:8000",
            "aud": "reports",
            "sub": caller.context.user.id,
            "sid": caller.session,
            "email": "ada@example.com",
            "email_verified": false,
            "roles": ["user"],
            "teams": [],
            "domains": [],
            "request_id": "req-1",
        });
        assert_eq!(claims, expected, "{algorithm}");
        assert!(node.validate(&assertion).await.is_err(), "an assertion is no access token");
    }
}

#[tokio::test]
async fn nodes_that_share_a_secret_agree_on_the_key_of_assertions_and_it_can_be_rotated() {
    let world = World::new();
    let shared = |settings: &mut doorward_identity::settings::Settings| {
        settings.algorithm = Algorithm::HS256;
        settings.secret = Some("wKx2vQ9mLr7TzB4nYc8HsJ5dPf3GaE6u".into());
    };
    let (here, there) = tokio::join!(world.node_with(shared), world.node_with(shared));
    sign_up(&here, "ada@example.com").await;
    let token = sign_in(&here, "ada@example.com").await.access_token;
    let caller = here.validate(&token).await.unwrap();
    there.follow_changes().await.unwrap();
    let before = here.assertion(&caller, "reports", "req-1").unwrap();
    verified(&there, &before);
    let made = here.rotate_key(&admin(), false).await.unwrap();
    assert!(matches!(here.rotate_key(&admin(), false).await, Err(RotateError::Pending { .. })));
    there.follow_changes().await.unwrap();
    world.advance(600);
    let after = there.assertion(&caller, "reports", "req-2").unwrap();
    assert_eq!(Unverified::parse(&after).unwrap().header().kid, Some(made.kid));
    verified(&here, &after);
    verified(&here, &before);
    assert!(here.validate(&token).await.is_ok(), "tokens are none of its business");
}
