//! Signing keys.

use doorward_identity::audit::AuditAction;
use doorward_identity::keyring::StoredKey;
use doorward_identity::store::Inserted;
use doorward_protocol::algorithm::Algorithm;

use super::Stand;
use super::stand::at_once;

fn new_key(stand: &Stand, kid: &str, ordinal: i64, algorithm: Algorithm) -> StoredKey {
    StoredKey {
        kid: kid.to_owned(),
        ordinal,
        algorithm,
        public_jwk: r#"{"kty":"OKP", "x":"a",  "crv":"Ed25519"}"#.to_owned(),
        sealed_private: vec![0, 255, 1, 2],
        created_at: stand.now(),
        activates_at: stand.now(),
    }
}

fn parts(key: &StoredKey) -> (String, i64, Algorithm, String, Vec<u8>, [jiff::Timestamp; 2]) {
    let times = [key.created_at, key.activates_at];
    (key.kid.clone(), key.ordinal, key.algorithm, key.public_jwk.clone(), key.sealed_private.clone(), times)
}

async fn insert(stand: &Stand, key: &StoredKey) -> Inserted {
    stand.store.insert_key(key, &stand.event(AuditAction::KeyRotated)).await.unwrap()
}

pub(super) async fn keys_come_back_in_the_order_of_their_making(stand: &Stand) {
    let first = new_key(stand, "z", 1, Algorithm::EdDSA);
    let second = new_key(stand, "a", 2, Algorithm::RS256);
    for key in [&second, &first] {
        assert_eq!(insert(stand, key).await, Inserted::Inserted);
    }
    let keys = stand.other.list_keys().await.unwrap();
    assert_eq!(keys.iter().map(parts).collect::<Vec<_>>(), [parts(&first), parts(&second)]);
}

pub(super) async fn of_two_rotations_at_once_one_wins(stand: &Stand) {
    assert_eq!(insert(stand, &new_key(stand, "first", 1, Algorithm::EdDSA)).await, Inserted::Inserted);
    let tasks = (0..10).map(|number| {
        let (store, key) = (stand.node(number), new_key(stand, &format!("k{number}"), 2, Algorithm::EdDSA));
        let event = stand.event(AuditAction::KeyRotated);
        async move { store.insert_key(&key, &event).await.unwrap() }
    });
    let results = at_once(tasks.collect()).await;
    assert_eq!(results.iter().filter(|inserted| **inserted == Inserted::Inserted).count(), 1);
    assert_eq!(stand.store.list_keys().await.unwrap().len(), 2);
    assert_eq!(stand.audited(AuditAction::KeyRotated).await, 2);
}

pub(super) async fn a_key_is_withdrawn_once(stand: &Stand) {
    assert_eq!(insert(stand, &new_key(stand, "k", 1, Algorithm::ES256)).await, Inserted::Inserted);
    for expected in [true, false] {
        let event = stand.event(AuditAction::KeyWithdrawn);
        assert_eq!(stand.store.delete_key("k", &event).await.unwrap(), expected);
    }
    assert!(stand.store.list_keys().await.unwrap().is_empty());
    assert!(!stand.store.delete_key("no\0key", &stand.event(AuditAction::KeyWithdrawn)).await.unwrap());
    assert_eq!(stand.audited(AuditAction::KeyWithdrawn).await, 1);
}
