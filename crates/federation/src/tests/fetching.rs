//! What is fetched, from where, and what is refused on the way.

use std::time::Duration;

use doorward_protocol::jwk::PublicJwk;

use super::issuer::{Answer, Issuer};
use super::key;
use crate::dial::Reach;
use crate::{DiscoveryError, IssuerConfig, Outbound, OutboundError, OutboundSettings, Survey, survey};

fn outbound() -> Outbound {
    Outbound::new(OutboundSettings::default()).unwrap()
}

async fn look(issuer: &Issuer) -> Result<Survey, DiscoveryError> {
    survey(&outbound(), &issuer.config()).await
}

/// Why `/doc` is refused when it is answered like that.
async fn refusal(answer: Answer) -> OutboundError {
    refusal_by(&outbound(), answer).await
}

async fn refusal_by(outbound: &Outbound, answer: Answer) -> OutboundError {
    let issuer = Issuer::open(&[]).await;
    issuer.answer("/doc", answer);
    let url = issuer.url("/doc").parse().unwrap();
    outbound.get(&url, Reach::Anywhere).await.err().unwrap()
}

#[tokio::test]
async fn keys_are_found_by_discovery() {
    let issuer = Issuer::open(&[key("a"), key("b")]).await;
    let survey = look(&issuer).await.unwrap();
    assert_eq!((survey.usable_keys, survey.jwks_uri), (2, issuer.url("/jwks")));
    assert_eq!(survey.date, Some("2000-01-01T00:00:00Z".parse().unwrap()));
}

#[tokio::test]
async fn a_configured_address_makes_discovery_needless() {
    let issuer = Issuer::open(&[key("a")]).await;
    let elsewhere = IssuerConfig {
        issuer: "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_abc".to_owned(),
        jwks_uri: Some(issuer.url("/jwks")),
        ..issuer.config()
    };
    assert_eq!(survey(&outbound(), &elsewhere).await.unwrap().usable_keys, 1);
    assert_eq!(issuer.asked_for_metadata(), 0);
}

#[tokio::test]
async fn an_issuer_with_a_path_is_described_below_it() {
    let issuer = Issuer::open(&[key("a")]).await;
    for name in [issuer.url("/pool"), issuer.url("/pool/")] {
        let metadata = format!(r#"{{"issuer":"{name}","jwks_uri":"{}"}}"#, issuer.url("/jwks"));
        issuer.answer("/pool/.well-known/openid-configuration", Answer::Body(metadata));
        let config = IssuerConfig { issuer: name, ..issuer.config() };
        assert_eq!(survey(&outbound(), &config).await.unwrap().usable_keys, 1);
    }
}

#[tokio::test]
async fn metadata_must_name_the_issuer_to_the_letter() {
    let issuer = Issuer::open(&[key("a")]).await;
    let name = issuer.name();
    for other in [format!("{name}/"), name.to_uppercase(), String::new(), "https://evil.example".to_owned()] {
        issuer.describe_as(&other);
        assert_eq!(look(&issuer).await.unwrap_err(), DiscoveryError::OtherIssuer(other));
    }
    assert_eq!(issuer.asked_for_keys(), 0);
}

#[tokio::test]
async fn metadata_must_be_metadata() {
    let issuer = Issuer::open(&[key("a")]).await;
    let twice = r#"{"issuer":"a","issuer":"b","jwks_uri":"c"}"#;
    for body in ["", "<html>", "{}", "[]", r#"{"issuer":["a"],"jwks_uri":"b"}"#, twice] {
        issuer.answer_metadata(Answer::Body(body.to_owned()));
        assert_eq!(look(&issuer).await.unwrap_err(), DiscoveryError::NoMetadata, "{body}");
    }
}

#[tokio::test]
async fn metadata_cannot_name_keys_of_another_kind_of_address() {
    let issuer = Issuer::open(&[key("a")]).await;
    for uri in ["", "/jwks", "file:///etc/passwd", "ftp://127.0.0.1/jwks", "data:application/json,{}"] {
        issuer.describe(&issuer.name(), uri);
        assert_eq!(look(&issuer).await.unwrap_err(), DiscoveryError::BadKeysUrl, "{uri}");
    }
    issuer.describe(&issuer.name(), &issuer.url("/jwks").replace("http://", "http://user:pass@"));
    assert_eq!(look(&issuer).await.unwrap_err(), DiscoveryError::Keys(OutboundError::BadUrl));
    assert_eq!(issuer.asked_for_keys(), 0);
}

#[tokio::test]
async fn a_public_party_cannot_lead_inside_in_any_spelling() {
    let canary = Issuer::open(&[key("a")]).await;
    let port = canary.name().rsplit_once(':').unwrap().1.to_owned();
    for host in [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "0.0.0.0",
        "0",
        "[::]",
        "169.254.169.254",
        "10.0.0.1",
        "192.168.0.1",
        "[fd00::1]",
        "[64:ff9b::7f00:1]",
    ] {
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{host}:{port}/jwks").parse().unwrap();
            let refused = outbound().get(&url, Reach::PublicOnly).await.err().unwrap();
            assert!(refused.to_string().ends_with("may not be reached from there"), "{url}: {refused}");
        }
    }
    assert_eq!(canary.asked_for_keys(), 0);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let canary = Issuer::open(&[]).await;
    for status in ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent"] {
        let location = canary.url("/jwks");
        let answer = format!("HTTP/1.1 {status}\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(refusal(Answer::Raw(answer)).await, OutboundError::Redirect);
    }
    assert_eq!(canary.asked_for_keys(), 0);
}

#[tokio::test]
async fn only_status_200_is_an_answer() {
    for status in [201, 204, 206, 400, 404, 429, 500, 503] {
        let answer = format!("HTTP/1.1 {status} Whatever\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(refusal(Answer::Raw(answer)).await, OutboundError::Status(status));
    }
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    assert_eq!(refusal(Answer::Endless(Duration::ZERO)).await, OutboundError::TooLarge);
}

#[tokio::test]
async fn an_answer_that_announces_a_gigabyte_is_not_read() {
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{{", 1_u64 << 30);
    assert!(matches!(refusal(Answer::Raw(answer)).await, OutboundError::TooLarge | OutboundError::Unreachable(_)));
}

#[tokio::test]
async fn a_stalling_issuer_is_given_up_in_time() {
    let patience = Duration::from_millis(300);
    let outbound = outbound().with_deadline(patience);
    for answer in [Answer::Hang, Answer::Endless(patience / 6)] {
        assert_eq!(refusal_by(&outbound, answer).await, OutboundError::Deadline(patience));
    }
}

#[tokio::test]
async fn nonsense_on_the_wire_is_a_failure_and_no_panic() {
    for bytes in ["", "\0\0\0", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", "SSH-2.0-x\r\n\r\n"] {
        let refused = refusal(Answer::Raw(bytes.to_owned())).await;
        assert!(matches!(refused, OutboundError::Unreachable(_)), "{bytes:?}: {refused}");
    }
    let closed = "http://127.0.0.1:1/doc".parse().unwrap();
    let refused = outbound().get(&closed, Reach::Anywhere).await.err().unwrap();
    assert!(refused.to_string().contains("connection refused"), "{refused}");
}

#[tokio::test]
async fn https_is_not_spoken_to_whoever_speaks_http() {
    let issuer = Issuer::open(&[key("a")]).await;
    let url = issuer.url("/jwks").replace("http:", "https:").parse().unwrap();
    let refused = outbound().get(&url, Reach::Anywhere).await.err().unwrap();
    assert!(matches!(refused, OutboundError::Unreachable(_)), "{refused}");
    assert_eq!(issuer.asked_for_keys(), 0);
}

#[tokio::test]
async fn a_set_without_usable_keys_is_a_failure() {
    let issuer = Issuer::open(&[PublicJwk { usage: Some("enc".to_owned()), ..key("a") }]).await;
    assert_eq!(look(&issuer).await.unwrap_err(), DiscoveryError::NoKeys);
}
