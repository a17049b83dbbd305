//! After signing in: renewed tokens, and what a provider says of sessions it ended.

use doorward_identity::provider::{LogoutNotice, ProviderError, Providers, Subject};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::issuer::Answer;
use super::liar::{CLIENT_ID, NOW, STRANGE, SUBJECT, Story, signed_by};

/// A lie, a word of the refusal, and how it is told.
type Lie = (&'static str, &'static str, fn(&mut Story));

const OF_RENEWED_TOKENS: &[Lie] = &[
    ("another subject", "`sub`", |s| s.claims["sub"] = json!("root")),
    ("no subject", "`sub`", |s| s.claims["sub"] = Value::Null),
    ("another issuer", "issuer", |s| s.claims["iss"] = json!(s.bystander.name())),
    ("another audience", "audience", |s| s.claims["aud"] = json!("other")),
    ("another key", "signature", |s| s.sign = |header, payload| signed_by(&STRANGE, header, payload)),
    ("another access token", "`at_hash`", |s| s.tokens["access_token"] = json!("another")),
    ("token_type mac", "bearer", |s| s.tokens["token_type"] = json!("mac")),
    ("an old ID token", "expired", |s| s.claims["exp"] = json!(NOW - 3600)),
];

const OF_LOGOUT: &[Lie] = &[
    ("a nonce", "`nonce`", |s| s.claims["nonce"] = json!("n")),
    ("a nonce that is null", "`nonce`", |s| s.claims["nonce"] = Value::Null),
    ("no events", "`events`", |s| s.claims["events"] = Value::Null),
    ("another event", "`events`", |s| s.claims["events"] = json!({"http://other.example/event": {}})),
    ("an event that is no object", "`events`", |s| {
        s.claims["events"] = json!({"http://schemas.openid.net/event/backchannel-logout": true});
    }),
    ("expired", "expired", |s| s.claims["exp"] = json!(NOW - 61)),
    ("no exp", "`exp`", |s| s.claims["exp"] = Value::Null),
    ("no iat", "`iat`", |s| s.claims["iat"] = Value::Null),
    ("old", "expired", |s| s.claims["iat"] = json!(NOW - 3600)),
    ("no jti", "`jti`", |s| s.claims["jti"] = json!("")),
    ("another audience", "not for us", |s| s.claims["aud"] = json!("other")),
    ("ours among other audiences", "audience", |s| s.claims["aud"] = json!([CLIENT_ID, "other"])),
    ("another issuer", "no provider", |s| s.claims["iss"] = json!(s.bystander.name())),
    ("neither subject nor session", "`sub`", |s| {
        s.claims.as_object_mut().unwrap().remove("sub");
        s.claims.as_object_mut().unwrap().remove("sid");
    }),
    ("a session that is a number", "`sid`", |s| s.claims["sid"] = json!(7)),
    ("another kind of token", "malformed", |s| s.header["typ"] = json!("at+jwt")),
    ("alg none", "no provider", |s| s.header["alg"] = json!("none")),
    ("another key", "signature", |s| s.sign = |header, payload| signed_by(&STRANGE, header, payload)),
];

/// A provider that ended a session.
async fn ended() -> Story {
    let mut story = Story::honest().await;
    story.header["typ"] = json!("logout+jwt");
    story.claims = json!({
        "iss": story.issuer.name(), "aud": CLIENT_ID, "sub": SUBJECT, "sid": "s-1", "jti": "j-1",
        "iat": NOW, "exp": NOW + 120,
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    });
    story
}

async fn notice(story: &Story) -> Result<LogoutNotice, ProviderError> {
    let token = (story.sign)(&story.header.to_string(), &story.claims.to_string());
    story.tell().logout_notice(&token).await
}

#[tokio::test]
async fn tokens_are_renewed_and_the_refresh_token_is_the_newest() {
    let mut story = Story::honest().await;
    story.claims.as_object_mut().unwrap().remove("nonce");
    let (account, tokens) = story.renew().await.unwrap();
    assert_eq!(account.unwrap().groups, Some(vec!["staff".to_owned()]));
    assert_eq!(tokens.refresh_token.unwrap().expose_secret(), "r-1");
    let asked = story.issuer.last_asked("/token");
    assert_eq!(asked.body, "grant_type=refresh_token&refresh_token=r-0");
    assert!(asked.head.contains("authorization: Basic "));

    story.tokens = json!({"access_token": "next", "token_type": "Bearer"});
    story.answers.push(("/token", Answer::Body(story.tokens.to_string())));
    let (account, tokens) = story.renew().await.unwrap();
    assert!(account.is_none() && tokens.id_token.is_none() && tokens.expires_at.is_none());
    assert_eq!(tokens.refresh_token.unwrap().expose_secret(), "r-0", "it was not replaced");
}

#[tokio::test]
async fn only_a_refresh_token_that_is_refused_is_over() {
    let refused = |status: u16, error: &str| {
        let body = json!({"error": error, "error_description": "<script>"}).to_string();
        Answer::Raw(format!("HTTP/1.1 {status} No\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
    };
    for (answer, over) in [
        (refused(400, "invalid_grant"), true),
        (refused(400, "unauthorized_client"), true),
        (refused(401, "invalid_client"), false),
        (refused(400, "temporarily_unavailable"), false),
        (refused(429, "invalid_grant"), false),
        (refused(503, "invalid_grant"), false),
        (Answer::Raw("HTTP/1.1 404 No\r\nContent-Length: 6\r\n\r\n<html>".to_owned()), false),
        (Answer::Raw(String::new()), false),
    ] {
        let mut story = Story::honest().await;
        story.answers.push(("/token", answer));
        let error = story.renew().await.unwrap_err();
        assert_eq!(matches!(error, ProviderError::Refused(_)), over, "{error}");
        assert!(!error.to_string().contains("script"));
    }
}

#[tokio::test]
async fn no_lie_of_renewed_tokens_is_believed() {
    for (lie, reason, alter) in OF_RENEWED_TOKENS {
        let mut story = Story::honest().await;
        alter(&mut story);
        let refused = story.renew().await.map(|_| ()).unwrap_err();
        assert!(matches!(refused, ProviderError::Untrustworthy(_)), "{lie}: {refused}");
        assert!(refused.to_string().contains(reason), "{lie}: {refused}");
    }
}

#[tokio::test]
async fn a_logout_token_names_a_session_or_a_person() {
    let mut story = ended().await;
    let told = notice(&story).await.unwrap();
    assert_eq!((told.provider.as_str(), told.token_id.as_str()), ("main", "j-1"));
    assert_eq!((told.subject, told.expires_at.as_second()), (Subject::Session("s-1".to_owned()), NOW + 180));
    story.claims.as_object_mut().unwrap().remove("sid");
    story.header["typ"] = json!("JWT");
    assert_eq!(notice(&story).await.unwrap().subject, Subject::Person(SUBJECT.to_owned()));
}

#[tokio::test]
async fn no_lie_of_logout_is_believed() {
    for (lie, reason, alter) in OF_LOGOUT {
        let mut story = ended().await;
        alter(&mut story);
        let refused = notice(&story).await.unwrap_err();
        assert!(matches!(refused, ProviderError::Untrustworthy(_)), "{lie}: {refused}");
        assert!(refused.to_string().contains(reason), "{lie}: {refused}");
        assert!(story.bystander.all_asked().is_empty(), "{lie}");
    }
    let honest = Story::honest().await;
    assert!(notice(&honest).await.is_err(), "an ID token ends nothing");
}
