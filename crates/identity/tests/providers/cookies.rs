//! Cookie sessions: their handle, their idle time on one node and on several, and the list of one's own.

use std::sync::Arc;

use doorward_identity::Identity;
use doorward_identity::session::{Origin, TokenRejection};
use jiff::SignedDuration;
use secrecy::ExposeSecret;

use crate::script::{Browser, Script, judge, node, person};
use crate::world::{World, admin};

async fn stage() -> (World, Arc<Script>, Identity) {
    let (world, script) = (World::new(), Script::usual());
    script.expect("ada", person("ada-1", "ada@example.com"));
    script.expect("bob", person("bob-1", "bob@example.com"));
    let node = node(&world, &script).await;
    (world, script, node)
}

#[tokio::test]
async fn a_handle_cut_extended_changed_or_of_another_kind_is_nobodys() {
    let (_world, _script, node) = stage().await;
    let mut browser = Browser::default();
    let good = browser.sign_in(&node, "ada").await.unwrap().handle.expose_secret().to_owned();
    judge(&node, &good.clone().into()).await.unwrap();
    let mut bad =
        vec![String::new(), good[..good.len() - 1].to_owned(), format!("{good}A"), good.replace("dws", "dwr")];
    for position in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[position] = if bytes[position] == b'x' { b'y' } else { b'x' };
        bad.push(String::from_utf8(bytes).unwrap());
    }
    for handle in bad {
        assert!(judge(&node, &handle.into()).await.is_err());
    }
    assert!(node.validate(&good).await.is_err(), "a handle is no bearer token");
    let renewed = node.refresh(doorward_identity::Surface::Signin, &good.clone().into(), Origin::default()).await;
    assert!(renewed.is_err(), "nor a refresh token");
    let as_refresh = good.replace("dws", "dwr").into();
    assert!(node.sign_out_by_refresh(&as_refresh, Origin::default()).await.is_err());
    judge(&node, &good.into()).await.unwrap();
}

#[tokio::test]
async fn a_session_lives_while_it_is_used_and_no_longer() {
    let (world, _script, node) = stage().await;
    let mut browser = Browser::default();
    browser.sign_in(&node, "ada").await.unwrap();
    for _ in 0..30 {
        world.advance(50 * 60);
        browser.caller(&node).await.unwrap();
    }
    world.advance(3600 - 1);
    browser.caller(&node).await.unwrap();
    world.advance(3600);
    assert_eq!(browser.caller(&node).await.unwrap_err(), TokenRejection::Expired);
    assert_eq!(browser.caller(&node).await.unwrap_err(), TokenRejection::Expired, "and does not come back");
}

#[tokio::test]
async fn use_does_not_prolong_a_session_beyond_its_end() {
    let world = World::new();
    let script = Script::usual();
    script.expect("ada", person("ada-1", "ada@example.com"));
    let providers = Arc::clone(&script);
    let node = world
        .node_of(|parts| {
            parts.providers = providers;
            parts.settings.session_ttl = SignedDuration::from_hours(3);
        })
        .await;
    let mut browser = Browser::default();
    browser.sign_in(&node, "ada").await.unwrap();
    for _ in 0..5 {
        world.advance(30 * 60);
        browser.caller(&node).await.unwrap();
    }
    world.advance(30 * 60);
    assert!(browser.caller(&node).await.is_err());
}

#[tokio::test]
async fn use_on_one_node_counts_on_every_other() {
    let (world, script, here) = stage().await;
    let there = node(&world, &script).await;
    let mut browser = Browser::default();
    browser.sign_in(&here, "ada").await.unwrap();
    browser.caller(&there).await.unwrap();
    for _ in 0..3 {
        world.advance(40 * 60);
        browser.caller(&here).await.unwrap();
    }
    // By what this node remembers it was over long ago.
    browser.caller(&there).await.unwrap();
    // A node that starts afterwards knows it too.
    let later = node(&world, &script).await;
    browser.caller(&later).await.unwrap();
    world.advance(3600);
    for node in [&here, &there, &later] {
        assert_eq!(browser.caller(node).await.unwrap_err(), TokenRejection::Expired);
    }
}

#[tokio::test]
async fn the_end_is_moved_on_at_most_every_tenth_of_the_idle_time() {
    let (world, _script, node) = stage().await;
    let mut browser = Browser::default();
    let ada = browser.sign_in(&node, "ada").await.unwrap().context.user.id;
    let last_seen = async || node.user_sessions(&admin(), ada).await.unwrap()[0].last_seen_at;
    let began = last_seen().await;
    for _ in 0..359 {
        world.advance(1);
        browser.caller(&node).await.unwrap();
    }
    assert_eq!(last_seen().await, began);
    world.advance(1);
    browser.caller(&node).await.unwrap();
    assert_eq!(last_seen().await, began + SignedDuration::from_mins(6));
}

#[tokio::test]
async fn a_store_that_is_down_fails_no_request_while_what_is_remembered_counts() {
    let (world, script) = (World::new(), Script::usual());
    script.expect("ada", person("ada-1", "ada@example.com"));
    let store = world.store().await;
    let node = world
        .node_of(|parts| {
            parts.providers = script.clone();
            parts.store = store.clone();
        })
        .await;
    let mut browser = Browser::default();
    browser.sign_in(&node, "ada").await.unwrap();
    let caller = browser.caller(&node).await.unwrap();
    world.advance(5 * 60 + 31);
    node.follow_changes().await.unwrap();
    browser.caller(&node).await.unwrap();
    store.close().await;
    assert!(node.ping().await.is_err());
    for _ in 0..2 {
        // The session's use is to be noted, and cannot be.
        world.advance(29);
        browser.caller(&node).await.unwrap();
        assert!(node.still_counts(&caller).await);
    }
    world.advance(29);
    assert!(!node.still_counts(&caller).await);
    assert!(node.validate_handle(browser.session.unwrap().expose_secret()).await.is_err());
}

#[tokio::test]
async fn what_ended_here_counts_nowhere_any_more() {
    let (world, script, here) = stage().await;
    let there = node(&world, &script).await;
    let mut browser = Browser::default();
    browser.sign_in(&here, "ada").await.unwrap();
    let caller = browser.caller(&there).await.unwrap();
    let generation = there.change_generation();
    assert!(there.still_counts(&caller).await);
    here.sign_out(&caller, Origin::default()).await.unwrap();
    assert_eq!(browser.caller(&here).await.unwrap_err(), TokenRejection::Revoked);
    assert!(!here.still_counts(&caller).await);
    there.follow_changes().await.unwrap();
    assert!(there.change_generation() > generation);
    assert!(!there.still_counts(&caller).await);
    assert_eq!(browser.caller(&there).await.unwrap_err(), TokenRejection::Revoked);
}

#[tokio::test]
async fn a_stream_uses_its_session_while_it_is_open() {
    let (world, _script, node) = stage().await;
    let mut browser = Browser::default();
    browser.sign_in(&node, "ada").await.unwrap();
    let caller = browser.caller(&node).await.unwrap();
    for _ in 0..20 {
        world.advance(7 * 60);
        assert!(node.still_counts(&caller).await);
    }
    browser.caller(&node).await.unwrap();
    world.advance(31 * 24 * 3600);
    assert!(!node.still_counts(&caller).await);
}

#[tokio::test]
async fn a_disabled_person_no_longer_counts() {
    let (_world, _script, node) = stage().await;
    let mut browser = Browser::default();
    let ada = browser.sign_in(&node, "ada").await.unwrap().context.user.id;
    let caller = browser.caller(&node).await.unwrap();
    let generation = node.change_generation();
    node.set_user_status(&admin(), ada, doorward_identity::user::UserStatus::Disabled).await.unwrap();
    assert!(node.change_generation() > generation);
    assert!(!node.still_counts(&caller).await);
}

#[tokio::test]
async fn when_a_person_proved_who_they_are_is_not_when_their_session_began() {
    let (world, script, node) = stage().await;
    let caller = async |authenticated_at| {
        script.expect(
            "ada",
            doorward_identity::provider::OutsideAccount { authenticated_at, ..person("ada-1", "ada@example.com") },
        );
        let mut browser = Browser::default();
        browser.sign_in(&node, "ada").await.unwrap();
        browser.caller(&node).await.unwrap()
    };
    let now = crate::script::in_minutes(&world, 0);
    let (earlier, later) = (crate::script::in_minutes(&world, -90), crate::script::in_minutes(&world, 90));
    assert_eq!(caller(Some(earlier)).await.authenticated_at, Some(earlier));
    assert_eq!(caller(Some(later)).await.authenticated_at, Some(now));
    assert_eq!(caller(None).await.authenticated_at, Some(now));
}

#[tokio::test]
async fn people_see_and_end_their_own_sessions_only() {
    let (world, _script, node) = stage().await;
    let (mut one, mut two, mut three, mut bob) =
        (Browser::default(), Browser::default(), Browser::default(), Browser::default());
    for browser in [&mut one, &mut two, &mut three] {
        browser.sign_in(&node, "ada").await.unwrap();
        world.advance(1);
    }
    bob.sign_in(&node, "bob").await.unwrap();
    let (ada, bobs) = (one.caller(&node).await.unwrap(), bob.caller(&node).await.unwrap());
    let sessions = node.own_sessions(&ada).await.unwrap();
    assert_eq!(sessions.len(), 3);
    assert_eq!(sessions[2].id, ada.session.unwrap(), "newest first");

    assert!(!node.end_own_session(&ada, bobs.session.unwrap(), Origin::default()).await.unwrap());
    bob.caller(&node).await.unwrap();
    assert!(node.end_own_session(&ada, sessions[1].id, Origin::default()).await.unwrap());
    assert!(!node.end_own_session(&ada, sessions[1].id, Origin::default()).await.unwrap());
    assert!(two.caller(&node).await.is_err());
    assert_eq!(node.end_other_sessions(&ada, Origin::default()).await.unwrap(), 1);
    assert!(three.caller(&node).await.is_err());
    one.caller(&node).await.unwrap();
    assert_eq!(node.own_sessions(&ada).await.unwrap().len(), 1);
}
