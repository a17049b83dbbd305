//! When keys are fetched, how long they are believed, and what an issuer's failures do to them.

use std::sync::Arc;
use std::time::Duration;

use doorward_identity::issuer::{KeysUnavailable, OutsideKeys};
use doorward_protocol::jwk::VerifyingKey;

use super::issuer::{Answer, Issuer};
use super::{Ahead, key};
use crate::{IssuerKeys, Outbound, OutboundSettings};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);

/// Doorward's side: the keys it knows of some issuers, and its clock.
struct Ours {
    keys: IssuerKeys,
    clock: Ahead,
}

impl Ours {
    fn trusting(issuers: &[&Issuer]) -> Self {
        let clock = Ahead::default();
        let outbound = Outbound::new(OutboundSettings::default()).unwrap();
        let configs = issuers.iter().map(|issuer| issuer.config()).collect();
        Self { keys: IssuerKeys::with_monotonic(configs, &outbound, &clock.monotonic()), clock }
    }

    async fn ask(&self, issuer: &Issuer, kid: Option<&str>) -> Result<Vec<Arc<VerifyingKey>>, KeysUnavailable> {
        let trusted = self.keys.issuer(&issuer.name()).unwrap();
        self.keys.keys(trusted, kid).await
    }

    async fn knows(&self, issuer: &Issuer, kid: &str) -> bool {
        !self.ask(issuer, Some(kid)).await.unwrap().is_empty()
    }

    /// Asks until a renewal in the background has been noticed.
    async fn comes_to_know(&self, issuer: &Issuer, kid: &str) {
        while !self.knows(issuer, kid).await {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn keys_are_fetched_once_and_remembered() {
    let issuer = Issuer::open(&[key("a")]).await;
    let ours = Ours::trusting(&[&issuer]);
    for _ in 0..100 {
        assert!(ours.knows(&issuer, "a").await);
    }
    assert_eq!((issuer.asked_for_metadata(), issuer.asked_for_keys()), (1, 1));
}

#[tokio::test]
async fn an_unknown_issuer_costs_nothing() {
    let issuer = Issuer::open(&[key("a")]).await;
    let ours = Ours::trusting(&[&issuer]);
    for name in [format!("{}/", issuer.name()), issuer.name().to_uppercase(), String::new()] {
        assert!(ours.keys.issuer(&name).is_none());
    }
    assert_eq!(issuer.asked_for_metadata(), 0);
}

#[tokio::test]
async fn a_thousand_unknown_key_names_make_one_fetch() {
    let issuer = Issuer::open(&[key("a")]).await;
    let ours = Ours::trusting(&[&issuer]);
    assert!(ours.knows(&issuer, "a").await);
    ours.clock.advance(10 * SECOND);
    for n in 0..1_000 {
        assert!(!ours.knows(&issuer, &format!("unknown-{n}")).await);
    }
    assert_eq!(issuer.asked_for_keys(), 2);
    ours.clock.advance(9 * SECOND);
    assert!(!ours.knows(&issuer, "unknown").await);
    assert_eq!(issuer.asked_for_keys(), 2);
    ours.clock.advance(SECOND);
    assert!(!ours.knows(&issuer, "unknown").await);
    assert_eq!((issuer.asked_for_metadata(), issuer.asked_for_keys()), (1, 3));
}

#[tokio::test]
async fn callers_at_the_same_time_share_one_fetch() {
    let issuer = Issuer::open(&[key("a")]).await;
    let ours = Arc::new(Ours::trusting(&[&issuer]));
    let trusted = Arc::new(ours.keys.issuer(&issuer.name()).unwrap().clone());
    let callers: Vec<_> = (0..50)
        .map(|_| {
            let (ours, trusted) = (Arc::clone(&ours), Arc::clone(&trusted));
            tokio::spawn(async move { ours.keys.keys(&trusted, Some("a")).await.unwrap().len() })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), 1);
    }
    assert_eq!(issuer.asked_for_keys(), 1);
}

#[tokio::test]
async fn a_caller_who_goes_away_does_not_stop_the_fetch() {
    let issuer = Issuer::open(&[key("a")]).await;
    let ours = Ours::trusting(&[&issuer]);
    // Polled once, which starts the fetch, and then dropped.
    let abandoned = tokio::time::timeout(Duration::ZERO, ours.ask(&issuer, Some("a"))).await;
    assert!(abandoned.is_err());
    assert!(ours.knows(&issuer, "a").await);
    assert_eq!(issuer.asked_for_keys(), 1);
}

#[tokio::test]
async fn a_new_key_is_found_as_soon_as_a_token_names_it() {
    let issuer = Issuer::open(&[key("old")]).await;
    let ours = Ours::trusting(&[&issuer]);
    assert!(ours.knows(&issuer, "old").await);
    issuer.publish(&[key("old"), key("new")]);
    assert!(!ours.knows(&issuer, "new").await, "within the rest after the last fetch");
    ours.clock.advance(10 * SECOND);
    assert!(ours.knows(&issuer, "new").await);
    assert!(ours.knows(&issuer, "old").await);
}

#[tokio::test]
async fn a_withdrawn_key_is_dead_once_keys_are_renewed_in_the_background() {
    let issuer = Issuer::open(&[key("old"), key("kept")]).await;
    let ours = Ours::trusting(&[&issuer]);
    assert!(ours.knows(&issuer, "old").await);
    issuer.publish(&[key("kept"), key("new")]);
    ours.clock.advance(299 * SECOND);
    assert!(ours.knows(&issuer, "old").await);
    assert_eq!(issuer.asked_for_keys(), 1);
    ours.clock.advance(SECOND);
    assert!(ours.knows(&issuer, "old").await, "nobody waits for the renewal");
    ours.comes_to_know(&issuer, "new").await;
    assert!(!ours.knows(&issuer, "old").await);
    assert_eq!((issuer.asked_for_metadata(), issuer.asked_for_keys()), (1, 2));
}

#[tokio::test]
async fn keys_older_than_an_hour_are_not_used_while_the_issuer_answers() {
    let issuer = Issuer::open(&[key("old")]).await;
    let ours = Ours::trusting(&[&issuer]);
    assert!(ours.knows(&issuer, "old").await);
    issuer.publish(&[key("new")]);
    ours.clock.advance(HOUR);
    assert!(!ours.knows(&issuer, "old").await);
    assert_eq!((issuer.asked_for_metadata(), issuer.asked_for_keys()), (2, 2));
}

#[tokio::test]
async fn known_keys_serve_for_a_day_while_the_issuer_is_down() {
    let issuer = Issuer::open(&[key("a")]).await;
    let ours = Ours::trusting(&[&issuer]);
    assert!(ours.knows(&issuer, "a").await);
    issuer.go_down();
    for _ in 0..23 {
        ours.clock.advance(HOUR);
        assert!(ours.knows(&issuer, "a").await);
        assert!(!ours.knows(&issuer, "unknown").await);
    }
    ours.clock.advance(HOUR);
    let unavailable = ours.ask(&issuer, Some("a")).await.unwrap_err();
    assert!(unavailable.reason.contains("cannot be fetched"), "{unavailable}");
}

#[tokio::test]
async fn rubbish_never_replaces_keys() {
    let issuer = Issuer::open(&[key("a")]).await;
    let ours = Ours::trusting(&[&issuer]);
    assert!(ours.knows(&issuer, "a").await);
    let found = "HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n".to_owned();
    for rubbish in [
        Answer::Body(String::new()),
        Answer::Body("{}".to_owned()),
        Answer::Body(r#"{"keys":[]}"#.to_owned()),
        Answer::Body(r#"{"keys":[{"kty":"oct","k":"AAAA","kid":"a"}]}"#.to_owned()),
        Answer::Body("<html>".to_owned()),
        Answer::Raw(found),
        Answer::Endless(Duration::ZERO),
        Answer::Hang,
    ] {
        issuer.answer_keys(rubbish);
        ours.clock.advance(HOUR);
        let asked = issuer.asked_for_keys();
        assert!(!ours.knows(&issuer, "unknown").await, "waits for the fetch, which fails");
        assert_eq!(issuer.asked_for_keys(), asked + 1);
        assert!(ours.knows(&issuer, "a").await);
    }
}

#[tokio::test]
async fn start_up_with_the_issuer_down_works_and_it_is_found_when_it_comes() {
    let issuer = Issuer::open(&[]).await;
    issuer.go_down();
    let ours = Ours::trusting(&[&issuer]);
    ours.keys.warm();
    assert!(ours.ask(&issuer, Some("a")).await.is_err());
    issuer.describe_as(&issuer.name());
    issuer.publish(&[key("a")]);
    assert!(ours.ask(&issuer, Some("a")).await.is_err(), "within the rest after the last fetch");
    ours.clock.advance(10 * SECOND);
    assert!(ours.knows(&issuer, "a").await);
}

#[tokio::test]
async fn a_failing_issuer_is_asked_ever_less_often_but_every_minute() {
    let issuer = Issuer::open(&[]).await;
    let ours = Ours::trusting(&[&issuer]);
    let mut asked = Vec::new();
    for second in 0..300 {
        let before = issuer.asked_for_keys();
        assert!(ours.ask(&issuer, None).await.is_err());
        if issuer.asked_for_keys() > before {
            asked.push(second);
        }
        ours.clock.advance(SECOND);
    }
    assert_eq!(asked, [0, 10, 30, 70, 130, 190, 250]);
}

#[tokio::test]
async fn one_key_name_at_two_issuers_is_two_keys() {
    let (one, other) = (Issuer::open(&[key("same")]).await, Issuer::open(&[key("same"), key("more")]).await);
    let ours = Ours::trusting(&[&one, &other]);
    let of_one = ours.ask(&one, Some("same")).await.unwrap();
    let of_other = ours.ask(&other, Some("same")).await.unwrap();
    assert_eq!((of_one.len(), of_other.len()), (1, 1));
    assert!(!Arc::ptr_eq(&of_one[0], &of_other[0]));
    assert!(!ours.knows(&one, "more").await);
    assert_eq!(ours.ask(&other, None).await.unwrap().len(), 2);
}

#[tokio::test]
async fn an_issuer_that_moves_its_keys_is_followed() {
    let issuer = Issuer::open(&[key("a")]).await;
    let ours = Ours::trusting(&[&issuer]);
    assert!(ours.knows(&issuer, "a").await);
    issuer.answer_keys(Answer::Raw("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned()));
    issuer.describe(&issuer.name(), &issuer.url("/moved"));
    issuer.answer("/moved", Answer::Body(serde_json::json!({ "keys": [key("b")] }).to_string()));
    ours.clock.advance(10 * SECOND);
    assert!(!ours.knows(&issuer, "b").await, "the old address fails");
    ours.clock.advance(10 * SECOND);
    assert!(ours.knows(&issuer, "b").await);
    assert!(!ours.knows(&issuer, "a").await);
}
