//! Leaving: signing out here and at the provider, and being signed out by the provider.

use std::sync::Arc;

use doorward_identity::Identity;
use doorward_identity::provider::{Departure, LogoutNotice, ProviderLogoutError, Subject};
use doorward_identity::session::Origin;

use crate::script::{Browser, Script, elsewhere, in_minutes, node, person};
use crate::world::{World, sign_in, sign_up};

async fn stage() -> (World, Arc<Script>, Identity) {
    let (world, script) = (World::new(), Script::usual());
    script.expect("ada", person("ada-1", "ada@example.com"));
    let node = node(&world, &script).await;
    (world, script, node)
}

async fn signed_in(node: &Identity, code: &str) -> Browser {
    let mut browser = Browser::default();
    browser.sign_in(node, code).await.unwrap();
    browser
}

fn notice(world: &World, script: &Script, token: &str, subject: Subject) {
    let notice = LogoutNotice {
        provider: "corp".to_owned(),
        subject,
        token_id: format!("id of {token}"),
        expires_at: in_minutes(world, 2),
    };
    script.notices.lock().unwrap().insert(token.to_owned(), notice);
}

#[tokio::test]
async fn signing_out_ends_the_session_and_names_the_providers_page() {
    let (_world, _script, node) = stage().await;
    let (one, other) = (signed_in(&node, "ada").await, signed_in(&node, "ada").await);
    let caller = one.caller(&node).await.unwrap();
    let url = node.sign_out_from_provider(&caller, false, "/bye", Origin::default()).await.unwrap();
    assert_eq!(url.as_deref(), Some("https://corp.example/logout?hint=id of ada&to=/bye"));
    assert!(one.caller(&node).await.is_err());
    other.caller(&node).await.unwrap();
    // Once more is fine.
    assert_eq!(node.sign_out_from_provider(&caller, false, "/bye", Origin::default()).await.unwrap(), None);
}

#[tokio::test]
async fn signing_out_everywhere_ends_every_session() {
    let (_world, _script, node) = stage().await;
    let (one, other) = (signed_in(&node, "ada").await, signed_in(&node, "ada").await);
    let caller = one.caller(&node).await.unwrap();
    assert!(node.sign_out_from_provider(&caller, true, "/", Origin::default()).await.unwrap().is_some());
    assert!(one.caller(&node).await.is_err() && other.caller(&node).await.is_err());
}

#[tokio::test]
async fn a_session_that_began_with_a_password_has_no_provider_to_leave() {
    let (_world, _script, node) = stage().await;
    sign_up(&node, "bob@example.com").await;
    let token = sign_in(&node, "bob@example.com").await.access_token;
    let caller = node.validate(&token).await.unwrap();
    assert_eq!(node.sign_out_from_provider(&caller, false, "/", Origin::default()).await.unwrap(), None);
    assert!(node.validate(&token).await.is_err());
}

#[tokio::test]
async fn a_provider_ends_one_session_or_all_of_a_person_at_once() {
    let (world, script, node) = stage().await;
    script.expect("bob", person("bob-1", "bob@example.com"));
    script.expect("ada there", elsewhere(person("ada-1", "ada@example.com")));
    let (ada, bob) = (signed_in(&node, "ada").await, signed_in(&node, "bob").await);
    let mut there = Browser::default();
    let wish = Departure { provider: Some("other".to_owned()), ..Departure::default() };
    there.go(&node, wish, "ada there").await.unwrap();
    for browser in [&ada, &bob, &there] {
        browser.caller(&node).await.unwrap();
    }
    let name = |text: &str| text.to_owned();
    notice(&world, &script, "nobody", Subject::Session(name("session of nobody")));
    notice(&world, &script, "one", Subject::Session(name("session of bob-1")));
    notice(&world, &script, "person", Subject::Person(name("ada-1")));
    assert_eq!(node.provider_logout("nobody", Origin::default()).await.unwrap(), 0);
    assert_eq!(node.provider_logout("one", Origin::default()).await.unwrap(), 1);
    assert!(bob.caller(&node).await.is_err());
    ada.caller(&node).await.unwrap();
    assert_eq!(node.provider_logout("person", Origin::default()).await.unwrap(), 1);
    assert!(ada.caller(&node).await.is_err());
    there.caller(&node).await.unwrap();
}

#[tokio::test]
async fn a_logout_token_counts_once_and_a_lie_never() {
    let (world, script, node) = stage().await;
    notice(&world, &script, "token", Subject::Person("ada-1".to_owned()));
    let before = signed_in(&node, "ada").await;
    let lie = node.provider_logout("a lie", Origin::default()).await;
    assert!(matches!(lie, Err(ProviderLogoutError::Provider(_))), "{lie:?}");
    before.caller(&node).await.unwrap();
    assert_eq!(node.provider_logout("token", Origin::default()).await.unwrap(), 1);
    let since = signed_in(&node, "ada").await;
    let again = node.provider_logout("token", Origin::default()).await;
    assert!(matches!(again, Err(ProviderLogoutError::Replayed)), "{again:?}");
    since.caller(&node).await.unwrap();
}
