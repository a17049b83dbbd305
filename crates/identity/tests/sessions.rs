//! Sessions: renewal, reuse, revocation, on one node and across nodes.

#![expect(clippy::unwrap_used, reason = "tests")]

mod world;

use doorward_identity::session::{Origin, RefreshError, TokenRejection, ValidateError};
use doorward_identity::user::UserStatus;
use doorward_identity::{Identity, Surface};
use secrecy::{ExposeSecret, SecretString};
use world::{World, admin, sign_in, sign_up};

async fn verdict(node: &Identity, token: &str) -> Result<(), TokenRejection> {
    match node.validate(token).await {
        Ok(_) => Ok(()),
        Err(ValidateError::Rejected(rejection)) => Err(rejection),
        Err(other) => unreachable!("{other:?}"),
    }
}

async fn refresh(node: &Identity, token: &SecretString) -> Result<SecretString, RefreshError> {
    Ok(node.refresh(Surface::Signin, token, Origin::default()).await?.refresh_token)
}

#[tokio::test]
async fn a_token_lives_as_long_as_its_surface_says() {
    let world = World::new();
    let node = world.node().await;
    sign_up(&node, "ada@example.com").await;
    let token = sign_in(&node, "ada@example.com").await.access_token;
    assert_eq!(verdict(&node, &token).await, Ok(()));
    world.advance(7 * 24 * 3600 - 1);
    assert_eq!(verdict(&node, &token).await, Ok(()));
    world.advance(1);
    assert_eq!(verdict(&node, &token).await, Err(TokenRejection::Expired));
    // Also on a node that never saw it.
    assert_eq!(verdict(&world.node().await, &token).await, Err(TokenRejection::Expired));
}

#[tokio::test]
async fn signing_out_ends_the_token_here_at_once_and_elsewhere_with_the_next_reading() {
    let world = World::new();
    let (here, there) = (world.node().await, world.node().await);
    sign_up(&here, "ada@example.com").await;
    let token = sign_in(&here, "ada@example.com").await.access_token;
    assert_eq!(verdict(&there, &token).await, Ok(()));
    let caller = here.validate(&token).await.unwrap();
    here.sign_out(&caller, Origin::default()).await.unwrap();
    assert_eq!(verdict(&here, &token).await, Err(TokenRejection::Revoked));
    there.follow_changes().await.unwrap();
    assert_eq!(verdict(&there, &token).await, Err(TokenRejection::Revoked));
    // A node that starts afterwards knows it too.
    assert_eq!(verdict(&world.node().await, &token).await, Err(TokenRejection::Revoked));
}

#[tokio::test]
async fn nothing_remembered_from_before_a_freeze_counts() {
    let world = World::new();
    let (here, there) = (world.node().await, world.node().await);
    sign_up(&here, "ada@example.com").await;
    let token = sign_in(&here, "ada@example.com").await.access_token;
    assert_eq!(verdict(&there, &token).await, Ok(()));
    let caller = here.validate(&token).await.unwrap();
    here.sign_out(&caller, Origin::default()).await.unwrap();
    world.advance(30);
    assert_eq!(verdict(&there, &token).await, Ok(()), "it may not know yet");
    // No time has passed for the process, which has asked nobody.
    world.advance(31);
    assert_eq!(verdict(&there, &token).await, Err(TokenRejection::Revoked));
}

#[tokio::test]
async fn whoever_was_deaf_for_long_begins_anew_whatever_the_log_still_says() {
    let world = World::new();
    let node = world.node().await;
    node.follow_changes().await.unwrap();
    let generation = node.change_generation();
    world.advance(30);
    node.follow_changes().await.unwrap();
    assert_eq!(node.change_generation(), generation);
    world.advance(61);
    node.follow_changes().await.unwrap();
    assert!(node.change_generation() > generation);
}

#[tokio::test]
async fn disabling_deleting_and_signing_out_everywhere_end_every_token() {
    let world = World::new();
    let (here, there) = (world.node().await, world.node().await);
    let ada = sign_up(&here, "ada@example.com").await;
    let first = sign_in(&here, "ada@example.com").await;
    let second = sign_in(&there, "ada@example.com").await;
    for node in [&here, &there] {
        assert_eq!(verdict(node, &first.access_token).await, Ok(()));
        assert_eq!(verdict(node, &second.access_token).await, Ok(()));
    }
    assert_eq!(here.end_sessions(&admin(), ada).await.unwrap(), 2);
    there.follow_changes().await.unwrap();
    for node in [&here, &there] {
        assert_eq!(verdict(node, &first.access_token).await, Err(TokenRejection::Revoked));
        assert_eq!(verdict(node, &second.access_token).await, Err(TokenRejection::Revoked));
    }

    let third = sign_in(&here, "ada@example.com").await;
    assert_eq!(verdict(&there, &third.access_token).await, Ok(()));
    here.set_user_status(&admin(), ada, UserStatus::Disabled).await.unwrap();
    there.follow_changes().await.unwrap();
    for node in [&here, &there] {
        assert_eq!(verdict(node, &third.access_token).await, Err(TokenRejection::UserDisabled));
        assert!(matches!(refresh(node, &third.refresh_token).await, Err(RefreshError::Invalid)));
    }
    // Enabling brings nothing back that disabling ended.
    here.set_user_status(&admin(), ada, UserStatus::Active).await.unwrap();
    there.follow_changes().await.unwrap();
    assert_eq!(verdict(&there, &third.access_token).await, Err(TokenRejection::Revoked));

    let fourth = sign_in(&here, "ada@example.com").await;
    assert_eq!(verdict(&there, &fourth.access_token).await, Ok(()));
    here.delete_user(&admin(), ada).await.unwrap();
    there.follow_changes().await.unwrap();
    assert_eq!(verdict(&there, &fourth.access_token).await, Err(TokenRejection::UserDisabled));
    assert!(matches!(refresh(&here, &fourth.refresh_token).await, Err(RefreshError::Invalid)));
}

#[tokio::test]
async fn a_changed_role_or_team_is_seen_by_the_same_token() {
    let world = World::new();
    let (here, there) = (world.node().await, world.node().await);
    let ada = sign_up(&here, "ada@example.com").await;
    let token = sign_in(&here, "ada@example.com").await.access_token;
    assert!(there.validate(&token).await.unwrap().context.teams.is_empty());
    let team = here.create_team(&admin(), "Research", None).await.unwrap();
    here.set_team_member(&admin(), team.id, ada, &"lead".parse().unwrap()).await.unwrap();
    there.follow_changes().await.unwrap();
    for node in [&here, &there] {
        let caller = node.validate(&token).await.unwrap();
        assert_eq!(caller.context.teams[0].team.name.as_str(), "Research");
        assert_eq!(caller.context.teams[0].role.as_str(), "lead");
    }
}

#[tokio::test]
async fn a_refresh_token_works_once_and_two_tabs_get_the_same_successor() {
    let world = World::new();
    let node = world.node().await;
    sign_up(&node, "ada@example.com").await;
    let first = sign_in(&node, "ada@example.com").await.refresh_token;
    let second = refresh(&node, &first).await.unwrap();
    assert_ne!(first.expose_secret(), second.expose_secret());
    world.advance(9);
    let again = refresh(&node, &first).await.unwrap();
    assert_eq!(again.expose_secret(), second.expose_secret());
    // On another node too, which shares nothing but the store.
    let elsewhere = refresh(&world.node().await, &first).await.unwrap();
    assert_eq!(elsewhere.expose_secret(), second.expose_secret());
    refresh(&node, &second).await.unwrap();
}

#[tokio::test]
async fn a_late_repeat_ends_the_session_and_its_access_tokens() {
    let world = World::new();
    let node = world.node().await;
    sign_up(&node, "ada@example.com").await;
    let signed_in = sign_in(&node, "ada@example.com").await;
    let second = refresh(&node, &signed_in.refresh_token).await.unwrap();
    assert_eq!(verdict(&node, &signed_in.access_token).await, Ok(()));
    world.advance(11);
    assert!(matches!(refresh(&node, &signed_in.refresh_token).await, Err(RefreshError::Invalid)));
    assert!(matches!(refresh(&node, &second).await, Err(RefreshError::Invalid)));
    assert_eq!(verdict(&node, &signed_in.access_token).await, Err(TokenRejection::Revoked));
}

#[tokio::test]
async fn a_refresh_token_that_is_cut_extended_or_changed_is_nobodys_and_ends_nothing() {
    let world = World::new();
    let node = world.node().await;
    sign_up(&node, "ada@example.com").await;
    let signed_in = sign_in(&node, "ada@example.com").await;
    let good = signed_in.refresh_token.expose_secret().to_owned();
    let mut bad = vec![String::new(), good[..good.len() - 1].to_owned(), format!("{good}A"), signed_in.access_token];
    for position in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[position] = if bytes[position] == b'x' { b'y' } else { b'x' };
        bad.push(String::from_utf8(bytes).unwrap());
    }
    for token in bad {
        assert!(matches!(refresh(&node, &token.into()).await, Err(RefreshError::Invalid)));
    }
    refresh(&node, &good.into()).await.unwrap();
}

#[tokio::test]
async fn an_access_token_is_not_taken_as_another_kind_nor_another_kind_as_one() {
    let world = World::new();
    let node = world.node().await;
    sign_up(&node, "ada@example.com").await;
    let signed_in = sign_in(&node, "ada@example.com").await;
    let refresh_as_access = verdict(&node, signed_in.refresh_token.expose_secret()).await;
    assert_eq!(refresh_as_access, Err(TokenRejection::Malformed));
    let mut parts: Vec<&str> = signed_in.access_token.split('.').collect();
    parts[2] = "";
    assert!(verdict(&node, &parts.join(".")).await.is_err());
}
