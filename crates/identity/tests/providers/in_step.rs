//! Staying in step with a provider while a session lasts: tokens, groups, ends.

use std::sync::Arc;

use doorward_identity::Identity;
use doorward_identity::provider::{OutsideAccount, ProviderError};
use doorward_identity::session::TokenRejection;
use doorward_identity::settings::GroupRule;
use doorward_identity::user::{NewAccount, UserChange};

use crate::script::{Browser, Script, in_minutes, node, person};
use crate::world::{World, admin};

fn in_groups(groups: &[&str]) -> OutsideAccount {
    let groups = Some(groups.iter().map(|group| (*group).to_owned()).collect());
    OutsideAccount { groups, ..person("ada-1", "ada@example.com") }
}

/// A node where the group `staff` of `corp` gives a role and a team, and `boss` another role.
async fn node_with_groups(world: &World, script: &Arc<Script>) -> Identity {
    let providers = Arc::clone(script);
    let rule = |group: &str, role: &str, teams: &[&str]| GroupRule {
        group: group.to_owned(),
        roles: vec![role.parse().unwrap()],
        teams: teams.iter().map(|team| (*team).to_owned()).collect(),
    };
    let rules = vec![rule("staff", "editor", &["Research"]), rule("boss", "approver", &[])];
    let node = world
        .node_of(|parts| {
            parts.providers = providers;
            parts.settings.group_grants = [("corp".to_owned(), rules)].into();
        })
        .await;
    node.create_team(&admin(), "Research", None).await.unwrap();
    node
}

async fn holds(browser: &Browser, node: &Identity) -> (Vec<String>, Vec<String>) {
    let context = Arc::clone(&browser.caller(node).await.unwrap().context);
    let roles = context.user.roles.iter().map(|role| role.as_str().to_owned()).collect();
    (roles, context.teams.iter().map(|team| team.team.name.as_str().to_owned()).collect())
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[tokio::test]
async fn groups_give_and_take_at_sign_in_and_at_each_renewal() {
    let (world, script) = (World::new(), Script::usual());
    let node = node_with_groups(&world, &script).await;
    script.tokens_end_at(in_minutes(&world, 10));
    script.expect("ada", in_groups(&["staff", "boss", "unheard of"]));
    let mut browser = Browser::default();
    let arrived = browser.sign_in(&node, "ada").await.unwrap();
    assert_eq!(arrived.context.user.roles.len(), 2, "known at once");
    assert_eq!(holds(&browser, &node).await, (texts(&["approver", "editor"]), texts(&["Research"])));

    let change = UserChange {
        roles: Some(["approver", "editor", "own"].map(|role| role.parse().unwrap()).to_vec()),
        ..UserChange::default()
    };
    node.change_user(&admin(), arrived.context.user.id, change).await.unwrap();
    for (answer, roles, teams) in [
        (Some(in_groups(&["boss"])), &["approver", "own"][..], &[][..]),
        (None, &["approver", "own"], &[]),
        (Some(person("ada-1", "ada@example.com")), &["approver", "own"], &[]),
        (Some(in_groups(&["STAFF", "staff "])), &["own"], &[]),
        (Some(in_groups(&["staff"])), &["editor", "own"], &["Research"]),
        (Some(in_groups(&[])), &["own"], &[]),
    ] {
        world.advance(10 * 60);
        script.tokens_end_at(in_minutes(&world, 10));
        script.renewals.lock().unwrap().push_back(Ok(answer));
        assert_eq!(node.renew_provider_tokens().await.unwrap(), 1);
        assert_eq!(holds(&browser, &node).await, (texts(roles), texts(teams)));
    }
}

#[tokio::test]
async fn at_sign_in_a_provider_that_says_nothing_of_groups_says_there_are_none() {
    let (world, script) = (World::new(), Script::usual());
    let node = node_with_groups(&world, &script).await;
    let mut browser = Browser::default();
    script.expect("ada", in_groups(&["staff"]));
    browser.sign_in(&node, "ada").await.unwrap();
    script.expect("ada", person("ada-1", "ada@example.com"));
    browser.sign_in(&node, "ada").await.unwrap();
    assert_eq!(holds(&browser, &node).await, (texts(&[]), texts(&[])));
}

#[tokio::test]
async fn an_unlinked_provider_gives_nothing_any_more() {
    let (world, script) = (World::new(), Script::usual());
    let node = node_with_groups(&world, &script).await;
    script.expect("ada", in_groups(&["staff"]));
    let new = NewAccount {
        email: "ada@example.com".to_owned(),
        password: Some(crate::world::PASSWORD.into()),
        name: None,
        roles: vec![],
        email_verified: true,
    };
    node.create_account(&admin(), new).await.unwrap();
    let mut browser = Browser::default();
    browser.sign_in(&node, "ada").await.unwrap();
    let caller = browser.caller(&node).await.unwrap();
    assert_eq!(caller.context.user.roles.len(), 1);
    node.unlink_identity(&caller, "corp", doorward_identity::session::Origin::default()).await.unwrap();
    let signed_in = crate::world::sign_in(&node, "ada@example.com").await;
    assert!(signed_in.context.user.roles.is_empty() && signed_in.context.teams.is_empty());
}

#[tokio::test]
async fn only_a_missing_name_is_taken_from_a_provider() {
    let (world, script) = (World::new(), Script::usual());
    let node = node(&world, &script).await;
    for (told, known) in [(None, None), (Some("\u{7}"), None), (Some("Ada"), Some("Ada")), (Some("Eve"), Some("Ada"))] {
        let name = told.map(str::to_owned);
        script.expect("ada", OutsideAccount { name, ..person("ada-1", "ada@example.com") });
        let arrived = Browser::default().sign_in(&node, "ada").await.unwrap();
        assert_eq!(arrived.context.user.name.as_deref(), known);
    }
}

#[tokio::test]
async fn tokens_are_renewed_before_they_end_each_time_with_the_newest() {
    let (world, script) = (World::new(), Script::usual());
    let node = node(&world, &script).await;
    script.expect("ada", person("ada-1", "ada@example.com"));
    script.tokens_end_at(in_minutes(&world, 30));
    let mut browser = Browser::default();
    browser.sign_in(&node, "ada").await.unwrap();
    world.advance(27 * 60 - 1);
    assert_eq!(node.renew_provider_tokens().await.unwrap(), 0);
    world.advance(1);
    script.tokens_end_at(in_minutes(&world, 30));
    assert_eq!(node.renew_provider_tokens().await.unwrap(), 1);
    assert_eq!(node.renew_provider_tokens().await.unwrap(), 0);
    world.advance(27 * 60);
    assert_eq!(node.renew_provider_tokens().await.unwrap(), 1);
    assert_eq!(*script.presented.lock().unwrap(), ["refresh of ada", "refresh of ada-1, renewed"]);
    // The ID token of the sign-in is kept for the sign-out.
    let caller = browser.caller(&node).await.unwrap();
    let url = node.sign_out_from_provider(&caller, false, "/", doorward_identity::session::Origin::default()).await;
    assert!(url.unwrap().unwrap().contains("hint=id of ada&"));
}

#[tokio::test]
async fn of_two_nodes_one_renews() {
    let (world, script) = (World::new(), Script::usual());
    let (here, there) = (node(&world, &script).await, node(&world, &script).await);
    script.tokens_end_at(in_minutes(&world, 10));
    for number in 0..40 {
        script.expect("code", person(&format!("person-{number}"), &format!("person{number}@example.com")));
        Browser::default().sign_in(&here, "code").await.unwrap();
    }
    world.advance(9 * 60);
    script.tokens_end_at(in_minutes(&world, 10));
    let (one, other) = tokio::join!(here.renew_provider_tokens(), there.renew_provider_tokens());
    assert_eq!(one.unwrap() + other.unwrap(), 40);
    let mut presented = script.presented.lock().unwrap().clone();
    presented.sort();
    presented.dedup();
    assert_eq!(script.presented.lock().unwrap().len(), 40);
}

#[tokio::test]
async fn a_provider_that_refuses_or_is_gone_ends_the_session_everywhere() {
    for by_configuration in [false, true] {
        let (world, script) = (World::new(), Script::usual());
        let (here, there) = (node(&world, &script).await, node(&world, &script).await);
        script.expect("ada", person("ada-1", "ada@example.com"));
        script.tokens_end_at(in_minutes(&world, 10));
        let mut browser = Browser::default();
        browser.sign_in(&here, "ada").await.unwrap();
        browser.caller(&there).await.unwrap();
        world.advance(9 * 60);
        let error =
            if by_configuration { ProviderError::Unknown } else { ProviderError::Refused("invalid_grant".to_owned()) };
        script.renewals.lock().unwrap().push_back(Err(error));
        assert_eq!(here.renew_provider_tokens().await.unwrap(), 0);
        assert_eq!(browser.caller(&here).await.unwrap_err(), TokenRejection::Revoked);
        there.follow_changes().await.unwrap();
        assert_eq!(browser.caller(&there).await.unwrap_err(), TokenRejection::Revoked);
    }
}

#[tokio::test]
async fn a_provider_that_is_down_ends_nothing_and_is_asked_less_and_less_often() {
    let (world, script) = (World::new(), Script::usual());
    let node = node(&world, &script).await;
    script.expect("ada", person("ada-1", "ada@example.com"));
    script.tokens_end_at(in_minutes(&world, 10));
    let mut browser = Browser::default();
    browser.sign_in(&node, "ada").await.unwrap();
    world.advance(9 * 60);
    let asked = || script.presented.lock().unwrap().len();
    for (failure, wait) in [30, 60, 120, 240].into_iter().enumerate() {
        let error = match failure % 2 {
            0 => ProviderError::Unavailable("it gives no answer".to_owned()),
            _ => ProviderError::Untrustworthy("it answers in HTML".to_owned()),
        };
        script.renewals.lock().unwrap().push_back(Err(error));
        assert_eq!(node.renew_provider_tokens().await.unwrap(), 0);
        assert_eq!(asked(), failure + 1);
        world.advance(wait - 1);
        node.renew_provider_tokens().await.unwrap();
        assert_eq!(asked(), failure + 1);
        world.advance(1);
        browser.caller(&node).await.unwrap();
    }
    assert_eq!(node.renew_provider_tokens().await.unwrap(), 1);
    assert!(script.presented.lock().unwrap().iter().all(|token| token == "refresh of ada"));
}
