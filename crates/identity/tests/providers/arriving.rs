//! Leaving for a provider and coming back: what counts as coming back.

use std::collections::HashSet;
use std::sync::Arc;

use doorward_identity::provider::{Arrival, Departure, ProviderError, ProviderSignInError, flow_id};
use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};

use crate::script::{Browser, ISSUER, OTHER_ISSUER, Script, judge, node, person};
use crate::world::World;

type Refusal = ProviderSignInError;

async fn stage() -> (World, Arc<Script>, doorward_identity::Identity) {
    let (world, script) = (World::new(), Script::usual());
    script.expect("ada", person("ada-1", "ada@example.com"));
    let node = node(&world, &script).await;
    (world, script, node)
}

#[tokio::test]
async fn what_the_browser_brings_back_must_be_what_it_left_with() {
    let (_world, script, node) = stage().await;
    let browser = Browser::default();
    let departed = node.begin_provider_sign_in(Departure::default()).await.unwrap();
    let another = node.begin_provider_sign_in(Departure::default()).await.unwrap();
    let good = browser.arrival(&departed, "ada");
    let state = good.state.clone();
    let flow = departed.flow.expose_secret().to_owned();
    let mut corpus = vec![
        Arrival { state: String::new(), ..good.clone() },
        Arrival { state: browser.arrival(&another, "ada").state, ..good.clone() },
        Arrival { state: state[..state.len() - 1].to_owned(), ..good.clone() },
        Arrival { state: format!("{state}x"), ..good.clone() },
        Arrival { state: state.to_uppercase(), ..good.clone() },
        Arrival { flow: None, ..good.clone() },
        Arrival { flow: Some(another.flow), ..good.clone() },
        Arrival { flow: Some("".into()), ..good.clone() },
        Arrival { flow: Some("é{}".into()), ..good.clone() },
        Arrival { flow: Some(flow[..flow.len() - 4].into()), ..good.clone() },
        Arrival { flow: Some(format!("{flow}AAAA").into()), ..good.clone() },
    ];
    for position in (0..flow.len()).step_by(7) {
        let mut changed = flow.clone().into_bytes();
        changed[position] = if changed[position] == b'A' { b'B' } else { b'A' };
        let flow: SecretString = String::from_utf8(changed).unwrap().into();
        corpus.push(Arrival { flow: Some(flow), ..good.clone() });
    }
    for arrival in corpus {
        let refused = node.finish_provider_sign_in(arrival).await;
        assert!(matches!(refused, Err(Refusal::BadState)), "{refused:?}");
    }
    assert_eq!(script.exchanged(), 0, "no code went anywhere");
    node.finish_provider_sign_in(good).await.unwrap();
}

#[tokio::test]
async fn a_state_counts_once_also_for_many_at_once_and_on_two_nodes() {
    let (world, script, here) = stage().await;
    let there = node(&world, &script).await;
    let departed = here.begin_provider_sign_in(Departure::default()).await.unwrap();
    let arrival = Browser::default().arrival(&departed, "ada");
    let (nodes, mut attempts) = ([Arc::new(here), Arc::new(there)], tokio::task::JoinSet::new());
    for number in 0..20 {
        let (node, arrival) = (Arc::clone(&nodes[number % 2]), arrival.clone());
        attempts.spawn(async move { node.finish_provider_sign_in(arrival).await.is_ok() });
    }
    let arrived = attempts.join_all().await.into_iter().filter(|arrived| *arrived).count();
    assert_eq!((arrived, script.exchanged()), (1, 1));
}

#[tokio::test]
async fn a_refused_code_or_an_error_uses_the_state_up_too() {
    let (_world, script, node) = stage().await;
    let browser = Browser::default();
    let departed = node.begin_provider_sign_in(Departure::default()).await.unwrap();
    let refused = node.finish_provider_sign_in(browser.arrival(&departed, "a guess")).await;
    assert!(matches!(refused, Err(Refusal::Provider(ProviderError::Refused(_)))), "{refused:?}");
    let again = node.finish_provider_sign_in(browser.arrival(&departed, "ada")).await;
    assert!(matches!(again, Err(Refusal::BadState)), "{again:?}");

    let departed = node.begin_provider_sign_in(Departure::default()).await.unwrap();
    let denied = Arrival { error: Some("access_denied".to_owned()), ..browser.arrival(&departed, "ada") };
    let refused = node.finish_provider_sign_in(denied).await.unwrap_err();
    assert!(matches!(&refused, Refusal::NotFinished(word) if word == "access_denied"), "{refused:?}");
    let again = node.finish_provider_sign_in(browser.arrival(&departed, "ada")).await;
    assert!(matches!(again, Err(Refusal::BadState)), "{again:?}");
    assert_eq!(script.exchanged(), 1);

    let departed = node.begin_provider_sign_in(Departure::default()).await.unwrap();
    let nothing = Arrival { code: None, ..browser.arrival(&departed, "") };
    assert!(matches!(node.finish_provider_sign_in(nothing).await, Err(Refusal::BadState)));
}

#[tokio::test]
async fn an_address_that_brings_codes_no_provider_gave_has_to_wait() {
    let (world, script) = (World::new(), Script::usual());
    script.expect("ada", person("ada-1", "ada@example.com"));
    let providers = Arc::clone(&script);
    let node = world
        .node_of(|parts| {
            parts.providers = providers;
            parts.settings.address_failures = 3;
        })
        .await;
    let mut browser = Browser::default();
    for _ in 0..3 {
        browser.sign_in(&node, "a guess").await.unwrap_err();
    }
    let refused = browser.sign_in(&node, "ada").await;
    assert!(matches!(refused, Err(Refusal::Throttled { retry_after_s: 3600 })), "{refused:?}");
    assert_eq!(script.exchanged(), 3, "the provider is spared");
    world.advance(3600);
    browser.sign_in(&node, "ada").await.unwrap();
}

#[tokio::test]
async fn an_error_of_the_provider_is_shown_only_as_a_word() {
    let (_world, _script, node) = stage().await;
    for odd in ["<script>alert(1)</script>", "", "Access Denied", "a\r\nb", &"a".repeat(65), "é"] {
        let departed = node.begin_provider_sign_in(Departure::default()).await.unwrap();
        let arrival = Browser::default().arrival(&departed, "");
        let arrival = Arrival { error: Some(odd.to_owned()), code: None, ..arrival };
        let refused = node.finish_provider_sign_in(arrival).await.unwrap_err();
        assert!(matches!(&refused, Refusal::NotFinished(word) if word == "unknown error"), "{odd}: {refused:?}");
    }
}

#[tokio::test]
async fn a_sign_in_may_take_ten_minutes() {
    let (world, script, node) = stage().await;
    let (in_time, too_late) = (Departure::default(), Departure::default());
    let in_time = node.begin_provider_sign_in(in_time).await.unwrap();
    let too_late = node.begin_provider_sign_in(too_late).await.unwrap();
    assert_eq!(in_time.max_age, SignedDuration::from_mins(10));
    world.advance(599);
    node.finish_provider_sign_in(Browser::default().arrival(&in_time, "ada")).await.unwrap();
    world.advance(1);
    let refused = node.finish_provider_sign_in(Browser::default().arrival(&too_late, "ada")).await;
    assert!(matches!(refused, Err(Refusal::BadState)), "{refused:?}");
    assert_eq!(script.exchanged(), 1);
}

#[tokio::test]
async fn the_code_goes_to_the_provider_the_browser_left_for() {
    let (_world, script, node) = stage().await;
    let wish = Departure { provider: Some("other".to_owned()), ..Departure::default() };
    let departed = node.begin_provider_sign_in(wish).await.unwrap();
    assert!(departed.url.starts_with("https://other.example/"));
    let arrival = Browser::default().arrival(&departed, "ada");
    let refused = node.finish_provider_sign_in(Arrival { iss: Some(ISSUER.to_owned()), ..arrival }).await.unwrap_err();
    // The script's person is of another issuer than the one this provider stands for.
    assert!(matches!(refused, Refusal::Provider(ProviderError::Untrustworthy(_))), "{refused:?}");
    let exchanges = script.exchanges.lock().unwrap();
    let (provider, exchange) = &exchanges[0];
    assert_eq!((provider.as_str(), exchange.iss.as_deref()), ("other", Some(ISSUER)));
}

#[tokio::test]
async fn what_is_asked_at_departure_is_held_to_at_arrival() {
    let (_world, script, node) = stage().await;
    let wish = Departure { max_age: Some(SignedDuration::from_mins(5)), ..Departure::default() };
    let departed = node.begin_provider_sign_in(wish).await.unwrap();
    node.finish_provider_sign_in(Browser::default().arrival(&departed, "ada")).await.unwrap();
    let asked = script.departures.lock().unwrap()[0].clone();
    let (_, exchange) = script.exchanges.lock().unwrap()[0].clone();
    assert_eq!(asked.max_age, Some(SignedDuration::from_mins(5)));
    assert_eq!((exchange.nonce, exchange.max_age), (asked.nonce, asked.max_age));
    let verifier = exchange.code_verifier.expose_secret().to_owned();
    assert_eq!(verifier.len(), 43);
    assert_ne!(asked.code_challenge, verifier, "the verifier stays here");
    assert!(!departed.flow.expose_secret().contains(&verifier), "and the cookie does not show it");
}

#[tokio::test]
async fn nothing_of_two_departures_is_the_same() {
    let (_world, script, node) = stage().await;
    let mut seen = HashSet::new();
    for _ in 0..50 {
        let departed = node.begin_provider_sign_in(Departure::default()).await.unwrap();
        let asked = script.departures.lock().unwrap().pop().unwrap();
        assert_eq!(flow_id(&asked.state), Some(departed.flow_id.as_str()));
        let secret = departed.flow.expose_secret().to_owned();
        for value in [asked.state, asked.nonce, asked.code_challenge, departed.flow_id, secret] {
            assert!(seen.insert(value));
        }
    }
}

#[tokio::test]
async fn a_provider_that_is_gone_or_is_another_by_now_signs_nobody_in() {
    let (world, script, here) = stage().await;
    let browser = Browser::default();
    for later in [&[("other", OTHER_ISSUER)][..], &[("corp", "https://corp.example/")], &[("corp", OTHER_ISSUER)]] {
        let departed = here.begin_provider_sign_in(Departure::default()).await.unwrap();
        let later = Script::of(later);
        later.expect("ada", person("ada-1", "ada@example.com"));
        let there = node(&world, &later).await;
        let refused = there.finish_provider_sign_in(browser.arrival(&departed, "ada")).await;
        assert!(matches!(refused, Err(Refusal::UnknownProvider)), "{refused:?}");
        assert_eq!(later.exchanged(), 0);
    }
    let unknown = Departure { provider: Some("CORP".to_owned()), ..Departure::default() };
    assert!(matches!(here.begin_provider_sign_in(unknown).await, Err(Refusal::UnknownProvider)));
    let none = world.node().await;
    assert!(matches!(none.begin_provider_sign_in(Departure::default()).await, Err(Refusal::UnknownProvider)));
    assert_eq!(script.exchanged(), 0);
}

#[tokio::test]
async fn a_flow_sealed_with_another_secret_or_for_another_purpose_is_none() {
    let (world, script, here) = stage().await;
    let departed = here.begin_provider_sign_in(Departure::default()).await.unwrap();
    let foreign = World::new();
    let mut parts = foreign.parts("another secret").await;
    parts.providers = script.clone();
    let foreign = doorward_identity::Identity::start(parts).await.unwrap();
    let refused = foreign.finish_provider_sign_in(Browser::default().arrival(&departed, "ada")).await;
    assert!(matches!(refused, Err(Refusal::BadState)), "{refused:?}");
    // Any node with the same secret takes it.
    let there = node(&world, &script).await;
    there.finish_provider_sign_in(Browser::default().arrival(&departed, "ada")).await.unwrap();
}

#[tokio::test]
async fn people_come_back_only_to_a_path_of_the_same_site() {
    let (_world, _script, node) = stage().await;
    for (wished, given) in [
        (Some("/reports?week=3"), Some("/reports?week=3")),
        (Some("//evil.example"), None),
        (Some("https://evil.example"), None),
        (Some("/\\evil.example"), None),
        (None, None),
    ] {
        let wish = Departure { return_to: wished.map(str::to_owned), ..Departure::default() };
        let arrived = Browser::default().go(&node, wish, "ada").await.unwrap();
        assert_eq!(arrived.return_to.as_deref(), given);
    }
}

#[tokio::test]
async fn a_sign_in_ends_the_session_the_browser_had_whoever_had_it() {
    let (_world, script, node) = stage().await;
    script.expect("bob", person("bob-1", "bob@example.com"));
    let mut browser = Browser::default();
    let first = browser.sign_in(&node, "ada").await.unwrap().handle;
    let second = browser.sign_in(&node, "ada").await.unwrap().handle;
    assert_ne!(first.expose_secret(), second.expose_secret(), "a planted handle is worth nothing");
    assert!(judge(&node, &first).await.is_err());
    let third = browser.sign_in(&node, "bob").await.unwrap().handle;
    assert!(judge(&node, &second).await.is_err());
    assert_eq!(judge(&node, &third).await.unwrap().context.user.email.as_str(), "bob@example.com");

    // A sign-in that fails takes nothing away, and what is no session of ours is nobody's.
    browser.sign_in(&node, "a guess").await.unwrap_err();
    judge(&node, &third).await.unwrap();
    browser.session = Some("dws_planted".into());
    browser.sign_in(&node, "ada").await.unwrap();
}
