//! Whose account somebody who comes back gets, above all when somebody else was there before.

use std::collections::HashSet;
use std::sync::Arc;

use doorward_identity::Identity;
use doorward_identity::provider::{Departure, LinkedIdentity, OutsideAccount, ProviderSignInError, UnlinkError};
use doorward_identity::session::{Caller, Origin};
use doorward_identity::user::{NewAccount, UserChange, UserStatus};

use crate::script::{Browser, Script, elsewhere, node, person};
use crate::world::{World, admin, sign_in, sign_up};

type Refusal = ProviderSignInError;

async fn stage() -> (World, Arc<Script>, Identity) {
    let (world, script) = (World::new(), Script::usual());
    script.expect("ada", person("ada-1", "ada@example.com"));
    let node = node(&world, &script).await;
    (world, script, node)
}

fn at_other() -> Departure {
    Departure { provider: Some("other".to_owned()), ..Departure::default() }
}

fn linking(caller: Arc<Caller>) -> Departure {
    Departure { link_to: Some(caller), ..at_other() }
}

async fn verified_account(node: &Identity, email: &str) -> doorward_identity::UserId {
    let new = NewAccount { email: email.to_owned(), password: None, name: None, roles: vec![], email_verified: true };
    node.create_account(&admin(), new).await.unwrap().id
}

#[tokio::test]
async fn a_person_seen_first_gets_an_account_and_gets_it_again() {
    let (_world, script, node) = stage().await;
    script.expect("ada", OutsideAccount { name: Some(" Ada ".to_owned()), ..person("ada-1", "ada@example.com") });
    let first = Browser::default().sign_in(&node, "ada").await.unwrap().context;
    assert_eq!(first.user.name.as_deref(), Some("Ada"));
    assert!(first.user.email_verified_at.is_some() && first.user.password_hash.is_none());
    // The address there may change, even to somebody else's; who it is does not.
    sign_up(&node, "bob@example.com").await;
    for (email, verified) in [("new@example.com", true), ("bob@example.com", true), ("ada@example.com", false)] {
        script.expect("ada", OutsideAccount { email_verified: verified, ..person("ada-1", email) });
        let again = Browser::default().sign_in(&node, "ada").await.unwrap().context;
        assert_eq!((again.user.id, again.user.email.as_str()), (first.user.id, "ada@example.com"));
    }
    script.expect("ada", OutsideAccount { email: None, ..person("ada-1", "") });
    assert_eq!(Browser::default().sign_in(&node, "ada").await.unwrap().context.user.id, first.user.id);
}

#[tokio::test]
async fn a_new_person_who_comes_several_times_at_once_gets_one_account() {
    let (world, script) = (World::new(), Script::usual());
    script.expect("ada", person("ada-1", "ada@example.com"));
    let nodes = [Arc::new(node(&world, &script).await), Arc::new(node(&world, &script).await)];
    let mut arriving = tokio::task::JoinSet::new();
    for number in 0..10 {
        let node = Arc::clone(&nodes[number % 2]);
        arriving.spawn(async move { Browser::default().sign_in(&node, "ada").await.unwrap().context.user.id });
    }
    let accounts: HashSet<_> = arriving.join_all().await.into_iter().collect();
    assert_eq!(accounts.len(), 1);
}

#[tokio::test]
async fn an_address_that_was_handed_on_at_its_provider_does_not_hand_on_the_account() {
    let (_world, script, node) = stage().await;
    let ada = Browser::default().sign_in(&node, "ada").await.unwrap().context.user.id;
    script.expect("heir", person("ada-2", "ada@example.com"));
    let refused = Browser::default().sign_in(&node, "heir").await;
    assert!(matches!(refused, Err(Refusal::Conflict)), "{refused:?}");
    // Another provider that knows the address as verified speaks of the same person.
    script.expect("ada there", elsewhere(person("ada-x", "ada@example.com")));
    assert_eq!(Browser::default().go(&node, at_other(), "ada there").await.unwrap().context.user.id, ada);
}

#[tokio::test]
async fn the_same_subject_at_another_provider_is_another_person() {
    let (_world, script, node) = stage().await;
    let ada = Browser::default().sign_in(&node, "ada").await.unwrap().context.user.id;
    script.expect("same", elsewhere(person("ada-1", "somebody@example.com")));
    let other = Browser::default().go(&node, at_other(), "same").await.unwrap().context.user.id;
    assert_ne!(ada, other);
}

#[tokio::test]
async fn an_address_that_nobody_confirms_makes_and_links_nothing() {
    let (_world, script, node) = stage().await;
    verified_account(&node, "eve@example.com").await;
    for account in [
        OutsideAccount { email_verified: false, ..person("eve-1", "eve@example.com") },
        OutsideAccount { email_verified: false, ..person("eve-1", "new@example.com") },
        OutsideAccount { email: None, ..person("eve-1", "") },
        person("eve-1", "a@evil@example.com"),
        person("eve-1", "no address"),
    ] {
        script.expect("eve", account);
        let refused = Browser::default().sign_in(&node, "eve").await;
        assert!(matches!(refused, Err(Refusal::EmailNotVerified)), "{refused:?}");
    }
    assert!(node.user_by_email(&admin(), "new@example.com").await.unwrap().is_none());
}

#[tokio::test]
async fn a_subject_that_is_nobodys_is_refused() {
    let (_world, script, node) = stage().await;
    for subject in ["", " ", "a ", "a\0", "a\nb", &"a".repeat(256)] {
        script.expect("odd", person(subject, "odd@example.com"));
        let refused = Browser::default().sign_in(&node, "odd").await;
        assert!(matches!(refused, Err(Refusal::Provider(_))), "{subject:?}: {refused:?}");
    }
    script.expect("null", person("null", "null@example.com"));
    script.expect("zero", person("0", "zero@example.com"));
    let null = Browser::default().sign_in(&node, "null").await.unwrap().context.user.id;
    let zero = Browser::default().sign_in(&node, "zero").await.unwrap().context.user.id;
    assert_ne!(null, zero);
}

#[tokio::test]
async fn a_disabled_account_is_not_revived_by_its_provider() {
    let (_world, script, node) = stage().await;
    let mut browser = Browser::default();
    let ada = browser.sign_in(&node, "ada").await.unwrap().context.user.id;
    node.set_user_status(&admin(), ada, UserStatus::Disabled).await.unwrap();
    assert!(browser.caller(&node).await.is_err());
    let refused = Browser::default().sign_in(&node, "ada").await;
    assert!(matches!(refused, Err(Refusal::Disabled)), "{refused:?}");
    // Nor one that would be linked by its address.
    let bob = verified_account(&node, "bob@example.com").await;
    node.set_user_status(&admin(), bob, UserStatus::Disabled).await.unwrap();
    script.expect("bob", person("bob-1", "bob@example.com"));
    let refused = Browser::default().sign_in(&node, "bob").await;
    assert!(matches!(refused, Err(Refusal::Disabled)), "{refused:?}");
    assert!(node.user_sessions(&admin(), bob).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_existing_account_is_linked_only_when_both_sides_verified_the_address() {
    let (_world, script, node) = stage().await;
    let ada = verified_account(&node, "ADA@example.com").await;
    assert_eq!(Browser::default().sign_in(&node, "ada").await.unwrap().context.user.id, ada);
    let bob = sign_up(&node, "bob@example.com").await;
    script.expect("bob", person("bob-1", "bob@example.com"));
    let refused = Browser::default().sign_in(&node, "bob").await;
    assert!(matches!(refused, Err(Refusal::Conflict)), "{refused:?}");
    let session = sign_in(&node, "bob@example.com").await;
    assert_eq!(session.context.user.id, bob, "whoever was there keeps what they had");
}

/// The five ways of the pre-hijacking study: the attacker is there first, the victim comes later.
mod a_victim_never_shares_an_account_with_who_was_there_first {
    use super::*;

    /// The victim is turned away and owns nothing of the attacker's.
    async fn is_kept_apart(node: &Identity, script: &Script) {
        script.expect("victim", person("victim-1", "victim@example.com"));
        let refused = Browser::default().sign_in(node, "victim").await;
        assert!(matches!(refused, Err(Refusal::Conflict)), "{refused:?}");
    }

    #[tokio::test]
    async fn by_a_password_on_the_victims_address() {
        let (_world, script, node) = stage().await;
        sign_up(&node, "victim@example.com").await;
        is_kept_apart(&node, &script).await;
    }

    #[tokio::test]
    async fn by_a_session_that_was_never_ended() {
        let (_world, script, node) = stage().await;
        let attacker = sign_up(&node, "victim@example.com").await;
        let token = sign_in(&node, "victim@example.com").await.access_token;
        is_kept_apart(&node, &script).await;
        assert_eq!(node.validate(&token).await.unwrap().context.user.id, attacker);
        assert!(node.identities(&node.validate(&token).await.unwrap()).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn by_an_identity_of_the_attackers_linked_beforehand() {
        let (_world, script, node) = stage().await;
        // The attacker's own account, then moved to the victim's address by whoever believed them.
        script.expect("attacker", person("attacker-1", "attacker@example.com"));
        let attacker = Browser::default().sign_in(&node, "attacker").await.unwrap().context.user.id;
        let change = UserChange { email: Some("victim@example.com".to_owned()), ..UserChange::default() };
        node.change_user(&admin(), attacker, change).await.unwrap();
        is_kept_apart(&node, &script).await;
    }

    #[tokio::test]
    async fn by_a_change_of_address_that_was_never_confirmed() {
        let (_world, script, node) = stage().await;
        let attacker = verified_account(&node, "attacker@example.com").await;
        let change = UserChange { email: Some("victim@example.com".to_owned()), ..UserChange::default() };
        node.change_user(&admin(), attacker, change).await.unwrap();
        is_kept_apart(&node, &script).await;
    }

    #[tokio::test]
    async fn by_a_provider_that_confirms_no_addresses() {
        let (_world, script, node) = stage().await;
        let claimed = OutsideAccount { email_verified: false, ..person("attacker-1", "victim@example.com") };
        script.expect("attacker", elsewhere(claimed));
        let refused = Browser::default().go(&node, at_other(), "attacker").await;
        assert!(matches!(refused, Err(Refusal::EmailNotVerified)), "{refused:?}");
        script.expect("victim", person("victim-1", "victim@example.com"));
        let victim = Browser::default().sign_in(&node, "victim").await.unwrap().context.user.id;
        let again = Browser::default().go(&node, at_other(), "attacker").await;
        assert!(matches!(again, Err(Refusal::EmailNotVerified)), "{again:?}");
        assert_eq!(Browser::default().sign_in(&node, "victim").await.unwrap().context.user.id, victim);
    }
}

#[tokio::test]
async fn a_person_links_another_provider_from_the_session_they_have() {
    let (_world, script, node) = stage().await;
    // Another address, and one that provider does not confirm: being signed in at both is the proof.
    let there = OutsideAccount { email_verified: false, ..person("ada-x", "ada@private.example") };
    script.expect("ada there", elsewhere(there));
    let mut browser = Browser::default();
    let ada = browser.sign_in(&node, "ada").await.unwrap().context.user.id;
    let former = browser.caller(&node).await.unwrap();
    let arrived = browser.go(&node, linking(former), "ada there").await.unwrap();
    assert_eq!(arrived.context.user.id, ada);
    let fresh = Browser::default().go(&node, at_other(), "ada there").await.unwrap();
    assert_eq!(fresh.context.user.id, ada);
    let caller = browser.caller(&node).await.unwrap();
    let linked: Vec<LinkedIdentity> = node.identities(&caller).await.unwrap();
    let providers: Vec<_> = linked.iter().filter_map(|linked| linked.provider.as_deref()).collect();
    assert_eq!(providers, ["corp", "other"]);
    assert_eq!(node.outside_subject(&caller).await.unwrap().as_deref(), Some("ada-x"));
    // Once more changes nothing.
    browser.go(&node, linking(caller), "ada there").await.unwrap();
}

#[tokio::test]
async fn a_link_is_made_only_for_the_session_it_was_begun_in() {
    let (_world, script, node) = stage().await;
    script.expect("eve", person("eve-1", "eve@example.com"));
    script.expect("victim", elsewhere(person("victim-1", "victim@example.com")));
    let (mut browser, mut attacker) = (Browser::default(), Browser::default());
    attacker.sign_in(&node, "eve").await.unwrap();
    let eve = attacker.caller(&node).await.unwrap();
    // The attacker's flow in the victim's browser: with no session, with another's, with a later one of the same.
    for code in [None, Some("ada")] {
        if let Some(code) = code {
            browser.sign_in(&node, code).await.unwrap();
        }
        let departed = node.begin_provider_sign_in(linking(Arc::clone(&eve))).await.unwrap();
        let refused = node.finish_provider_sign_in(browser.arrival(&departed, "victim")).await;
        assert!(matches!(refused, Err(Refusal::NoSession)), "{refused:?}");
    }
    let departed = node.begin_provider_sign_in(linking(Arc::clone(&eve))).await.unwrap();
    let mut second = Browser::default();
    second.sign_in(&node, "eve").await.unwrap();
    let refused = node.finish_provider_sign_in(second.arrival(&departed, "victim")).await;
    assert!(matches!(refused, Err(Refusal::NoSession)), "{refused:?}");
    // Signed out meanwhile.
    let departed = node.begin_provider_sign_in(linking(Arc::clone(&eve))).await.unwrap();
    node.sign_out(&eve, Origin::default()).await.unwrap();
    let refused = node.finish_provider_sign_in(attacker.arrival(&departed, "victim")).await;
    assert!(matches!(refused, Err(Refusal::NoSession)), "{refused:?}");
    let victim = Browser::default().go(&node, at_other(), "victim").await.unwrap();
    assert_eq!(victim.context.user.email.as_str(), "victim@example.com");
}

#[tokio::test]
async fn a_bearer_of_a_token_links_nothing_having_no_cookie_to_come_back_with() {
    let (_world, _script, node) = stage().await;
    sign_up(&node, "bob@example.com").await;
    let token = sign_in(&node, "bob@example.com").await.access_token;
    let bearer = node.validate(&token).await.unwrap();
    let refused = node.begin_provider_sign_in(linking(bearer)).await;
    assert!(matches!(refused, Err(Refusal::NoSession)), "{refused:?}");
}

#[tokio::test]
async fn an_identity_that_belongs_to_another_account_is_not_linked() {
    let (_world, script, node) = stage().await;
    script.expect("bob", elsewhere(person("bob-1", "bob@example.com")));
    let bob = Browser::default().go(&node, at_other(), "bob").await.unwrap().context.user.id;
    let mut browser = Browser::default();
    browser.sign_in(&node, "ada").await.unwrap();
    let caller = browser.caller(&node).await.unwrap();
    let refused = browser.go(&node, linking(caller), "bob").await;
    assert!(matches!(refused, Err(Refusal::Conflict)), "{refused:?}");
    assert_eq!(Browser::default().go(&node, at_other(), "bob").await.unwrap().context.user.id, bob);
}

#[tokio::test]
async fn the_last_way_in_is_not_taken_away_and_what_began_there_ends() {
    let (_world, script, node) = stage().await;
    script.expect("ada there", elsewhere(person("ada-x", "ada@example.com")));
    let mut browser = Browser::default();
    browser.sign_in(&node, "ada").await.unwrap();
    let caller = browser.caller(&node).await.unwrap();
    let unlink = |provider| node.unlink_identity(&caller, provider, Origin::default());
    assert!(matches!(unlink("nobody").await, Err(UnlinkError::NotLinked)));
    assert!(matches!(unlink("other").await, Err(UnlinkError::NotLinked)));
    assert!(matches!(unlink("corp").await, Err(UnlinkError::LastWayIn)));
    let mut there = Browser::default();
    there.go(&node, at_other(), "ada there").await.unwrap();
    unlink("other").await.unwrap();
    assert!(there.caller(&node).await.is_err());
    browser.caller(&node).await.unwrap();
    assert!(matches!(unlink("corp").await, Err(UnlinkError::LastWayIn)));
}
