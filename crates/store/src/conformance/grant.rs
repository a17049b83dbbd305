//! Grants: what a redeemed code gives whoever may choose a password.

use doorward_identity::UserId;
use doorward_identity::code::CodePurpose;
use doorward_protocol::opaque::SecretHash;
use jiff::SignedDuration;

use super::Stand;
use super::code::{code, granted};
use super::stand::at_once;

pub(crate) async fn of_fifty_claims_of_a_grant_one_has_it(stand: &Stand) {
    let user = stand.user("a@example.com").await;
    for round in 0..3 {
        let grant = granted(stand, &user, &round.to_string()).await;
        let at = stand.now();
        let until = at + SignedDuration::from_secs(30);
        let claims = (0..50).map(|number| {
            let store = stand.node(number);
            async move { store.claim_grant(user.id, &grant, at, until).await.unwrap() }
        });
        assert_eq!(at_once(claims.collect()).await.into_iter().filter(|claimed| *claimed).count(), 1);
    }
}

pub(super) async fn a_grant_is_claimed_again_once_released_or_left(stand: &Stand) {
    let (user, other) = (stand.user("a@example.com").await, stand.user("b@example.com").await);
    let grant = granted(stand, &user, "grant").await;
    let claim = async |user: UserId, grant: &SecretHash| {
        let at = stand.now();
        stand.store.claim_grant(user, grant, at, at + SignedDuration::from_secs(30)).await.unwrap()
    };
    assert!(!claim(user.id, &SecretHash::of("another")).await);
    assert!(!claim(other.id, &grant).await);
    assert!(claim(user.id, &grant).await);
    assert!(!claim(user.id, &grant).await);
    stand.other.release_grant(user.id, &SecretHash::of("another")).await.unwrap();
    assert!(!claim(user.id, &grant).await);
    stand.other.release_grant(user.id, &grant).await.unwrap();
    assert!(claim(user.id, &grant).await);
    stand.wait(30);
    assert!(claim(user.id, &grant).await, "whoever had it is gone");
    code(stand, &user, CodePurpose::PasswordReset, "654321").await;
    stand.other.release_grant(user.id, &grant).await.unwrap();
    assert!(claim(user.id, &grant).await, "who asks for a code takes no grant away");
    stand.wait(600);
    assert!(!claim(user.id, &grant).await, "it is over");
}
