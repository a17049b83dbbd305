//! What an honest provider is asked, and what is believed of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use doorward_identity::provider::{AuthorizationRequest, ProviderError, Providers};
use doorward_identity::secret::SecretSource;
use doorward_protocol::algorithm::Algorithm;
use doorward_protocol::jwk::SigningKey;
use doorward_protocol::jwt::Unverified;
use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use super::issuer::Answer;
use super::liar::{ACCESS_TOKEN, CLIENT_ID, CLIENT_SECRET, NOW, SUBJECT, Story};
use crate::{ClientAuth, Endpoints, LogoutStyle, OutboundSettings};

/// Changes what a provider says, or what we were told about it.
type Alter = fn(&mut Story);

const METHODS: &str = "token_endpoint_auth_methods_supported";

fn pairs(text: &str) -> BTreeMap<String, String> {
    form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

fn request(max_age: Option<i64>) -> AuthorizationRequest {
    AuthorizationRequest {
        state: "the-state".to_owned(),
        nonce: "the-nonce".to_owned(),
        code_challenge: "the-challenge".to_owned(),
        max_age: max_age.map(SignedDuration::from_secs),
    }
}

async fn authorization(story: &Story, max_age: Option<i64>) -> BTreeMap<String, String> {
    let url: Url = story.tell().authorization_url("main", &request(max_age)).await.unwrap().parse().unwrap();
    pairs(url.query().unwrap())
}

#[tokio::test]
async fn a_browser_is_sent_with_all_that_proves_its_return() {
    let mut story = Story::honest().await;
    let url = story.tell().authorization_url("main", &request(None)).await.unwrap();
    let beginning = format!("{}?tenant=a&response_type=code&client_id=doorward&", story.issuer.url("/authorize"));
    assert!(url.starts_with(&beginning), "{url}");
    let asked = authorization(&story, None).await;
    let expected = [
        ("tenant", "a"),
        ("response_type", "code"),
        ("client_id", CLIENT_ID),
        ("redirect_uri", "https://app.example/api/v1/auth/callback"),
        ("scope", "openid email"),
        ("state", "the-state"),
        ("nonce", "the-nonce"),
        ("code_challenge", "the-challenge"),
        ("code_challenge_method", "S256"),
    ];
    assert_eq!(asked, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());

    let again = authorization(&story, Some(0)).await;
    assert_eq!((again["max_age"].as_str(), again["prompt"].as_str()), ("0", "login"));
    assert_eq!(authorization(&story, Some(60)).await.get("prompt"), None);
    story.config.scopes = vec!["offline_access".to_owned()];
    let offline = authorization(&story, None).await;
    assert_eq!((offline["scope"].as_str(), offline["prompt"].as_str()), ("openid offline_access", "consent"));
}

#[tokio::test]
async fn an_honest_provider_signs_people_in() {
    let story = Story::honest().await;
    let (account, tokens) = story.sign_in().await.unwrap();
    assert_eq!((account.identity.issuer, account.identity.subject), (story.issuer.name(), SUBJECT.to_owned()));
    assert_eq!((account.email.as_deref(), account.email_verified), (Some("jane@example.com"), true));
    assert_eq!((account.name.as_deref(), account.groups), (Some("Jane"), Some(vec!["staff".to_owned()])));
    assert_eq!(
        (account.authenticated_at.unwrap().as_second(), account.provider_session.as_deref()),
        (NOW - 5, Some("s-1"))
    );
    assert_eq!(tokens.access_token.expose_secret(), ACCESS_TOKEN);
    assert_eq!(tokens.refresh_token.unwrap().expose_secret(), "r-1");
    assert_eq!(tokens.expires_at.unwrap().as_second(), NOW + 3600);
    assert!(tokens.id_token.is_some());
    assert_eq!(story.issuer.asked("/userinfo"), 0, "nothing is missing");

    let form = pairs(&story.issuer.last_asked("/token").body);
    let expected = [
        ("grant_type", "authorization_code"),
        ("code", "a-code"),
        ("redirect_uri", "https://app.example/api/v1/auth/callback"),
        ("code_verifier", "the-verifier"),
    ];
    assert_eq!(form, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
}

#[tokio::test]
async fn what_is_no_lie_is_believed() {
    let honest: [(&str, Alter); 10] = [
        ("no at_hash", |s| drop(s.claims.as_object_mut().unwrap().remove("at_hash"))),
        ("one key and no key name", |s| drop(s.header.as_object_mut().unwrap().remove("kid"))),
        ("no typ", |s| drop(s.header.as_object_mut().unwrap().remove("typ"))),
        ("several audiences and azp", |s| {
            s.claims["aud"] = json!(["other", CLIENT_ID]);
            s.claims["azp"] = json!(CLIENT_ID);
        }),
        ("clocks a minute apart", |s| {
            s.claims["iat"] = json!(NOW + 60);
            s.claims["exp"] = json!(NOW + 120);
        }),
        ("no iss parameter, none promised", |s| {
            s.metadata["authorization_response_iss_parameter_supported"] = json!(false);
            s.iss = None;
        }),
        ("metadata without algorithms", |s| s.metadata["id_token_signing_alg_values_supported"] = Value::Null),
        ("keys in the header that nobody looks at", |s| s.header["jku"] = json!(s.bystander.url("/jwks"))),
        ("token_type in another case", |s| s.tokens["token_type"] = json!("bEARER")),
        ("a life that is no number", |s| s.tokens["expires_in"] = json!("3600")),
    ];
    for (what, alter) in honest {
        let mut story = Story::honest().await;
        alter(&mut story);
        let signed_in = story.sign_in().await;
        assert!(signed_in.is_ok(), "{what}: {signed_in:?}");
        assert!(story.bystander.all_asked().is_empty(), "{what}");
    }
}

#[tokio::test]
async fn only_true_itself_verifies_an_address() {
    for odd in [json!("true"), json!(1), json!([true]), json!({}), Value::Null, json!("1"), json!(false)] {
        let mut story = Story::honest().await;
        story.claims["email_verified"] = odd.clone();
        assert!(!story.sign_in().await.unwrap().0.email_verified, "{odd}");
    }
}

#[tokio::test]
async fn an_address_that_the_id_token_lacks_is_asked_for() {
    let mut story = Story::honest().await;
    for claim in ["email", "email_verified", "name"] {
        story.claims.as_object_mut().unwrap().remove(claim);
    }
    let told = json!({"sub": SUBJECT, "email": "jane@example.com", "email_verified": true, "name": "Jane"});
    story.answers.push(("/userinfo", Answer::Body(told.to_string())));
    let (account, _) = story.sign_in().await.unwrap();
    assert_eq!((account.email.as_deref(), account.email_verified), (Some("jane@example.com"), true));
    assert_eq!(account.name.as_deref(), Some("Jane"));
    let head = story.issuer.last_asked("/userinfo").head;
    assert!(head.contains(&format!("authorization: Bearer {ACCESS_TOKEN}\r\n")), "{head}");
}

#[tokio::test]
async fn groups_are_those_of_the_claim_and_a_named_claim_that_is_missing_means_none() {
    for (configured, claims, expected) in [
        (None, json!({"groups": ["a", 7, "b"]}), Some(vec!["a", "b"])),
        (None, json!({"groups": "a"}), Some(vec![])),
        (None, json!({}), None),
        (Some("roles"), json!({"roles": ["a"], "groups": ["b"]}), Some(vec!["a"])),
        (Some("roles"), json!({"groups": ["b"]}), Some(vec![])),
    ] {
        let mut story = Story::honest().await;
        story.config.groups_claim = configured.map(str::to_owned);
        let own = story.claims.as_object_mut().unwrap();
        own.remove("groups");
        own.extend(claims.as_object().unwrap().clone());
        let groups = story.sign_in().await.unwrap().0.groups;
        assert_eq!(groups, expected.map(|names| names.into_iter().map(str::to_owned).collect()), "{claims}");
    }
}

#[tokio::test]
async fn the_client_proves_who_it_is_as_configured_else_as_the_provider_likes_it() {
    let basic = "authorization: Basic ZG9vcndhcmQ6YSslM0ElMjVi\r\n";
    let stories: [(Alter, &str, Option<&str>); 5] = [
        (|_| (), basic, None),
        (|s| s.metadata[METHODS] = json!(["client_secret_post", "client_secret_basic"]), basic, None),
        (|s| s.metadata[METHODS] = json!(["client_secret_post"]), "", Some("a :%b")),
        (|s| s.config.client_auth = Some(ClientAuth::Post), "", Some("a :%b")),
        (|s| s.config.client_secret = None, "", None),
    ];
    for (alter, header, secret) in stories {
        let mut story = Story::honest().await;
        story.config.client_secret = Some(Arc::new(SecretString::from("a :%b")));
        alter(&mut story);
        story.sign_in().await.unwrap();
        let asked = story.issuer.last_asked("/token");
        let form = pairs(&asked.body);
        assert_eq!(asked.head.contains("authorization:"), !header.is_empty());
        assert!(asked.head.contains(header), "{}", asked.head);
        assert_eq!(form.get("client_secret").map(String::as_str), secret);
        assert_eq!(form.contains_key("client_id"), header.is_empty());
    }
}

/// A secret that another was put in the place of, which shows when the old one is refused.
#[derive(Debug)]
struct Replaced;

#[async_trait]
impl SecretSource for Replaced {
    fn current(&self) -> SecretString {
        "old".into()
    }

    async fn after_refusal(&self, refused: &SecretString) -> Option<SecretString> {
        (refused.expose_secret() == "old").then(|| "new".into())
    }
}

#[tokio::test]
async fn a_client_secret_that_is_refused_is_asked_for_anew_once() {
    for (error, asked, secret) in [("invalid_client", 2, "new"), ("invalid_grant", 1, "old")] {
        let mut story = Story::honest().await;
        story.config.client_secret = Some(Arc::new(Replaced));
        story.config.client_auth = Some(ClientAuth::Post);
        let body = json!({ "error": error }).to_string();
        let answer = format!("HTTP/1.1 400 Bad Request\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        story.answers.push(("/token", Answer::Raw(answer)));
        story.sign_in().await.unwrap_err();
        assert_eq!(story.issuer.asked("/token"), asked, "{error}");
        let form = pairs(&story.issuer.last_asked("/token").body);
        assert_eq!(form.get("client_secret").map(String::as_str), Some(secret));
    }
}

#[tokio::test]
async fn a_private_key_proves_the_client_to_this_issuer_alone() {
    for algorithm in [Algorithm::EdDSA, Algorithm::ES256, Algorithm::ES384, Algorithm::ES512, Algorithm::RS256] {
        let pkcs8 = SigningKey::generate(algorithm).unwrap().to_pkcs8().unwrap();
        let encoded = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, pkcs8.expose_secret());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{encoded}\n-----END PRIVATE KEY-----\n");
        let mut story = Story::honest().await;
        let auth = ClientAuth::private_key_jwt(&pem).unwrap();
        let ClientAuth::PrivateKeyJwt(key) = &auth else { unreachable!() };
        let verifying = key.verifying_key();
        story.config.client_auth = Some(auth);
        story.sign_in().await.unwrap();
        let form = pairs(&story.issuer.last_asked("/token").body);
        assert_eq!(form["client_assertion_type"], "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
        assert!(!form.values().any(|value| value == CLIENT_SECRET));
        let assertion = Unverified::parse(&form["client_assertion"]).unwrap();
        assert_eq!(assertion.header().alg, algorithm);
        let claims: Value = assertion.verify(&verifying).unwrap().decode().unwrap();
        let expected = json!({
            "iss": CLIENT_ID, "sub": CLIENT_ID, "aud": story.issuer.name(), "jti": "BwcHBwcHBwcHBwcHBwcHBw",
            "iat": NOW, "exp": NOW + 60,
        });
        assert_eq!(claims, expected);
    }
    assert!(ClientAuth::private_key_jwt("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----").is_err());
}

#[tokio::test]
async fn what_the_operator_names_counts_more_than_what_the_provider_says() {
    let mut story = Story::honest().await;
    let (name, real) = ("https://cognito-idp.us-east-1.amazonaws.com/us-east-1_abc", story.issuer.name());
    story.config.issuer = name.to_owned();
    story.claims["iss"] = json!(name);
    story.claims["cognito:groups"] = json!(["teachers"]);
    story.iss = None;
    story.config.endpoints = Endpoints {
        authorization: Some(format!("{real}/oauth2/authorize")),
        token: Some(format!("{real}/token")),
        jwks: Some(format!("{real}/jwks")),
        ..Endpoints::default()
    };
    let providers = story.tell();
    let (account, _) = providers.exchange("main", &story.exchange()).await.unwrap();
    assert_eq!((account.identity.issuer.as_str(), account.groups), (name, Some(vec!["teachers".to_owned()])));
    assert_eq!(story.issuer.asked_for_metadata(), 0, "nothing is missing");
    assert_eq!(authorization(&story, Some(60)).await["prompt"], "login", "it knows no max_age");
    let logout = providers.logout_url("main", None, "https://app.example/");
    let expected = format!("{real}/logout?client_id=doorward&logout_uri=https%3A%2F%2Fapp.example%2F");
    assert_eq!(logout, Some(expected));

    let mut story = Story::honest().await;
    story.answers.push(("/elsewhere", Answer::Body(story.metadata.to_string())));
    story.config.discovery_url = Some(story.issuer.url("/elsewhere"));
    assert!(story.sign_in().await.is_ok());
    assert_eq!(story.issuer.asked_for_metadata(), 0);
}

#[tokio::test]
async fn a_host_is_where_the_operator_says() {
    let mut story = Story::honest().await;
    let (port, address) = (story.issuer.address().port(), story.issuer.address());
    let name = format!("http://Provider.Example:{port}");
    story.config.issuer.clone_from(&name);
    story.iss = Some(name.clone());
    story.claims["iss"] = json!(name);
    story.metadata["issuer"] = json!(name);
    story.metadata["token_endpoint"] = json!(format!("{name}/token"));
    let resolve = vec![("provider.example".to_owned(), port, address)];
    let providers = story.tell_with(OutboundSettings { resolve, ..OutboundSettings::default() });
    assert!(providers.exchange("main", &story.exchange()).await.is_ok());
}

#[tokio::test]
async fn a_provider_that_is_down_stops_nothing_but_itself() {
    let story = Story::honest().await;
    let providers = story.tell();
    story.issuer.go_down();
    let refused = providers.authorization_url("main", &request(None)).await.unwrap_err();
    assert!(matches!(refused, ProviderError::Unavailable(_)), "{refused}");
    assert_eq!(providers.logout_url("main", None, "https://app.example/"), None);
    assert_eq!(providers.authorization_url("other", &request(None)).await, Err(ProviderError::Unknown));
    assert_eq!(providers.all().len(), 1);
    let asked = story.issuer.all_asked().len();
    assert!(providers.exchange("main", &story.exchange()).await.is_err());
    assert_eq!(story.issuer.all_asked().len(), asked, "not asked again at once");
}

#[tokio::test]
async fn metadata_and_keys_are_fetched_once_for_many() {
    let story = Story::honest().await;
    let providers = story.tell();
    let exchange = story.exchange();
    let (one, other, url) =
        tokio::join!(providers.exchange("main", &exchange), providers.exchange("main", &exchange), async {
            providers.authorization_url("main", &request(None)).await
        },);
    assert!(one.is_ok() && other.is_ok() && url.is_ok());
    assert_eq!((story.issuer.asked_for_metadata(), story.issuer.asked_for_keys()), (1, 1));
}

#[tokio::test]
async fn a_browser_signs_out_at_the_provider_and_comes_back() {
    let mut story = Story::honest().await;
    let providers = story.tell();
    assert_eq!(providers.logout_url("main", None, "https://app.example/"), None, "nothing is known yet");
    providers.exchange("main", &story.exchange()).await.unwrap();
    let url = providers.logout_url("main", Some(&"the.id.token".into()), "https://app.example/?a=b").unwrap();
    let logout = story.issuer.url("/logout");
    let back = "post_logout_redirect_uri=https%3A%2F%2Fapp.example%2F%3Fa%3Db";
    assert_eq!(url, format!("{logout}?client_id=doorward&{back}&id_token_hint=the.id.token"));

    story.config.logout = Some(LogoutStyle::Cognito);
    let providers = story.tell();
    providers.exchange("main", &story.exchange()).await.unwrap();
    let url = providers.logout_url("main", None, "https://app.example/").unwrap();
    assert_eq!(url, format!("{logout}?client_id=doorward&logout_uri=https%3A%2F%2Fapp.example%2F"));
}
