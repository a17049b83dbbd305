//! Every lie a provider can tell when somebody signs in, and why it is refused.
//!
//! Each is told by a provider that is honest otherwise, so that it is refused for what is tested.

use std::time::Duration;

use serde_json::{Value, json};

use super::issuer::Answer;
use super::liar::{CLIENT_ID, CLIENT_SECRET, HONEST, KID, NOW, STRANGE, Story, base64url, signed_by};
use doorward_protocol::jwk::SigningKey;
use jiff::SignedDuration;

/// What is lied about, a word of the refusal, and the lie.
type Lie = (&'static str, &'static str, fn(&mut Story));

/// How long somebody waits who knows that nothing comes.
const IMPATIENT: Duration = Duration::from_millis(500);

const OF_THE_SIGNATURE: &[Lie] = &[
    ("alg none, unsigned", "algorithm", |s| {
        s.header["alg"] = json!("none");
        s.sign = |header, payload| format!("{}.{}.", base64url(header), base64url(payload));
    }),
    ("alg None, signed", "algorithm", |s| s.header["alg"] = json!("None")),
    ("alg missing", "malformed", |s| remove(&mut s.header, "alg")),
    ("HS256 by the client secret", "algorithm", |s| {
        let hmac =
            |header: &str, payload: &str| signed_by(&SigningKey::hmac(CLIENT_SECRET.as_bytes()), header, payload);
        with_hmac(s, hmac);
    }),
    ("HS256 by the text of the public key", "algorithm", |s| {
        with_hmac(s, |header, payload| {
            let jwk = json!(HONEST.public_jwk(KID)).to_string();
            signed_by(&SigningKey::hmac(jwk.as_bytes()), header, payload)
        });
    }),
    ("HS256 by a secret in the key set", "usable", |s| {
        s.keys = json!([{"kty": "oct", "kid": KID, "k": base64url(CLIENT_SECRET), "alg": "HS256"}]);
        with_hmac(s, |header, payload| signed_by(&SigningKey::hmac(CLIENT_SECRET.as_bytes()), header, payload));
    }),
    ("an algorithm its metadata do not name", "algorithm", |s| {
        s.metadata["id_token_signing_alg_values_supported"] = json!(["ES256"]);
    }),
    ("an algorithm that is not the configured one", "algorithm", |s| {
        s.config.algorithm = Some(doorward_protocol::algorithm::Algorithm::PS256);
    }),
    ("another algorithm of the same key", "algorithm", |s| {
        s.metadata["id_token_signing_alg_values_supported"] = json!(["RS256", "PS256"]);
        s.header["alg"] = json!("PS256");
    }),
    ("another key under the same name", "signature", |s| {
        s.sign = |header, payload| signed_by(&STRANGE, header, payload);
    }),
    ("an unknown key name", "signature", |s| s.header["kid"] = json!("other")),
    ("a hostile key name", "signature", |s| s.header["kid"] = json!("../../etc/passwd' OR 1=1 --")),
    ("a key name that is a number", "malformed", |s| s.header["kid"] = json!(1)),
    ("two keys and no key name", "does not name its key", |s| {
        s.keys = json!([HONEST.public_jwk(KID), STRANGE.public_jwk("other")]);
        remove(&mut s.header, "kid");
    }),
    ("its own key in the header", "signature", |s| {
        s.header["jwk"] = json!(STRANGE.public_jwk(KID));
        s.sign = |header, payload| signed_by(&STRANGE, header, payload);
    }),
    ("an address of keys in the header", "signature", |s| {
        s.bystander.publish(&[STRANGE.public_jwk(KID).unwrap()]);
        s.header["jku"] = json!(s.bystander.url("/jwks"));
        s.header["x5u"] = json!(s.bystander.url("/x5u"));
        s.sign = |header, payload| signed_by(&STRANGE, header, payload);
    }),
    ("crit", "malformed", |s| s.header["crit"] = json!(["exp"])),
    ("two algorithms in the header", "malformed", |s| {
        s.sign = |header, payload| signed_by(&HONEST, &header.replacen('{', r#"{"alg":"none","#, 1), payload);
    }),
    ("a truncated signature", "signature", |s| s.sign = |h, p| disguised(h, p, |token| cut(&token, 2))),
    ("an extended signature", "signature", |s| s.sign = |h, p| disguised(h, p, |token| format!("{token}AAAA"))),
    ("no signature", "signature", |s| {
        s.sign = |h, p| disguised(h, p, |token| format!("{}.", token.rsplit_once('.').unwrap().0));
    }),
    ("padded base64", "malformed", |s| s.sign = |h, p| disguised(h, p, |token| format!("{token}=="))),
    ("four parts", "malformed", |s| s.sign = |h, p| disguised(h, p, |token| format!("{token}.AAAA"))),
    ("an encrypted token", "malformed", |s| {
        s.sign = |_, _| format!("{}.AAAA.AAAA.AAAA.AAAA", base64url(r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#));
    }),
    ("a million dots", "malformed", |s| s.sign = |_, _| ".".repeat(1_000_000)),
    ("an access token", "malformed", |s| s.header["typ"] = json!("at+jwt")),
    ("a logout token", "malformed", |s| s.header["typ"] = json!("logout+jwt")),
];

const OF_THE_CLAIMS: &[Lie] = &[
    ("iss missing", "`iss`", |s| remove(&mut s.claims, "iss")),
    ("iss with a slash", "issuer", |s| s.claims["iss"] = json!(format!("{}/", s.issuer.name()))),
    ("iss in upper case", "issuer", |s| s.claims["iss"] = json!(s.issuer.name().to_uppercase())),
    ("iss in a list", "`iss`", |s| s.claims["iss"] = json!([s.issuer.name()])),
    ("iss another provider", "issuer", |s| s.claims["iss"] = json!(s.bystander.name())),
    ("aud missing", "`aud`", |s| remove(&mut s.claims, "aud")),
    ("aud empty", "audience", |s| s.claims["aud"] = json!([])),
    ("aud another client", "audience", |s| s.claims["aud"] = json!("other")),
    ("aud in upper case", "audience", |s| s.claims["aud"] = json!(CLIENT_ID.to_uppercase())),
    ("aud with ours as its beginning", "audience", |s| s.claims["aud"] = json!(format!("{CLIENT_ID}-other"))),
    ("aud with ours among others, without azp", "audience", |s| s.claims["aud"] = json!([CLIENT_ID, "other"])),
    ("azp another client", "audience", |s| s.claims["azp"] = json!("other")),
    ("azp null", "`azp`", |s| s.claims["azp"] = Value::Null),
    ("exp missing", "`exp`", |s| remove(&mut s.claims, "exp")),
    ("exp past", "expired", |s| s.claims["exp"] = json!(NOW - 61)),
    ("exp a text", "`exp`", |s| s.claims["exp"] = json!((NOW + 600).to_string())),
    ("exp beyond all time", "`exp`", |s| s.claims["exp"] = json!(1e300)),
    ("exp negative", "`exp`", |s| s.claims["exp"] = json!(-1)),
    ("iat missing", "`iat`", |s| remove(&mut s.claims, "iat")),
    ("iat in the future", "not valid yet", |s| s.claims["iat"] = json!(NOW + 3600)),
    ("iat long ago", "expired", |s| s.claims["iat"] = json!(NOW - 601)),
    ("nbf in the future", "not valid yet", |s| s.claims["nbf"] = json!(NOW + 3600)),
    ("nonce missing", "`nonce`", |s| remove(&mut s.claims, "nonce")),
    ("nonce another", "`nonce`", |s| s.claims["nonce"] = json!("n-other")),
    ("nonce a beginning of ours", "`nonce`", |s| s.claims["nonce"] = json!("n-")),
    ("nonce null", "`nonce`", |s| s.claims["nonce"] = Value::Null),
    ("nonce in a list", "`nonce`", |s| s.claims["nonce"] = json!([s.claims["nonce"]])),
    ("sub missing", "`sub`", |s| remove(&mut s.claims, "sub")),
    ("sub empty", "`sub`", |s| s.claims["sub"] = json!("")),
    ("sub a number", "`sub`", |s| s.claims["sub"] = json!(0)),
    ("sub null", "`sub`", |s| s.claims["sub"] = Value::Null),
    ("sub too long", "`sub`", |s| s.claims["sub"] = json!("a".repeat(256))),
    ("sub with a control character", "`sub`", |s| s.claims["sub"] = json!("a\nb")),
    ("sub that only looks like another", "`sub`", |s| s.claims["sub"] = json!("а")),
    ("at_hash of another access token", "`at_hash`", |s| s.tokens["access_token"] = json!("another")),
    ("at_hash null", "`at_hash`", |s| s.claims["at_hash"] = Value::Null),
    ("auth_time missing though asked for", "`auth_time`", |s| {
        s.max_age = Some(SignedDuration::from_secs(60));
        remove(&mut s.claims, "auth_time");
    }),
    ("auth_time too long ago", "`auth_time`", |s| {
        s.max_age = Some(SignedDuration::from_secs(60));
        s.claims["auth_time"] = json!(NOW - 3600);
    }),
    ("auth_time in the future", "`auth_time`", |s| s.claims["auth_time"] = json!(NOW + 3600)),
    ("auth_time a text", "`auth_time`", |s| s.claims["auth_time"] = json!("now")),
    ("events of a logout token", "malformed", |s| s.claims["events"] = json!({})),
    ("two subjects", "malformed", |s| {
        s.sign = |header, payload| signed_by(&HONEST, header, &payload.replacen('{', r#"{"sub":"root","#, 1));
    }),
    ("no claims but a list", "malformed", |s| s.sign = |header, _| signed_by(&HONEST, header, "[]")),
];

const OF_THE_TOKEN_ENDPOINT: &[Lie] = &[
    ("HTML", "no JSON", |s| answer(s, "/token", Answer::Body("<html>signed in</html>".to_owned()))),
    ("nothing", "no JSON", |s| answer(s, "/token", Answer::Body(String::new()))),
    ("a gigabyte announced", "", |s| {
        answer(s, "/token", Answer::Raw(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{{", 1_u64 << 30)));
    }),
    ("a body without end", "larger", |s| answer(s, "/token", Answer::Endless(Duration::ZERO))),
    ("a slow drip", "completely", |s| {
        s.patience = IMPATIENT;
        answer(s, "/token", Answer::Endless(IMPATIENT / 10));
    }),
    ("silence", "completely", |s| {
        s.patience = IMPATIENT;
        answer(s, "/token", Answer::Hang);
    }),
    ("a redirect", "redirect", |s| {
        let location = s.bystander.url("/token");
        let head = format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
        answer(s, "/token", Answer::Raw(head));
    }),
    ("token_type mac", "bearer", |s| s.tokens["token_type"] = json!("mac")),
    ("token_type missing", "bearer", |s| remove(&mut s.tokens, "token_type")),
    ("no ID token", "missing", |s| answer(s, "/token", Answer::Body(s.tokens.to_string()))),
    ("an ID token that is null", "malformed", |s| s.tokens["id_token"] = Value::Null),
    ("no access token", "missing", |s| remove(&mut s.tokens, "access_token")),
    ("an access token that breaks a header", "malformed", |s| s.tokens["access_token"] = json!("a\r\nb: c")),
    ("two ID tokens", "no JSON", |s| {
        let twice = s.tokens.to_string().replacen('{', r#"{"id_token":"a","id_token":"b","#, 1);
        answer(s, "/token", Answer::Body(twice));
    }),
    ("an error of its own", "registered", |s| error(s, "400 Bad Request", r#"{"error":"<script>"}"#)),
    ("a code that does not count", "invalid_grant", |s| error(s, "400 Bad Request", r#"{"error":"invalid_grant"}"#)),
    ("a client that does not count", "invalid_client", |s| error(s, "401 No", r#"{"error":"invalid_client"}"#)),
    ("an error with a good token", "status 500", |s| error(s, "500 No", r#"{"error":"invalid_grant"}"#)),
];

const OF_ITSELF: &[Lie] = &[
    ("the iss parameter is missing", "does not say who", |s| s.iss = None),
    ("the iss parameter is another provider's", "another issuer", |s| s.iss = Some(s.bystander.name())),
    ("the iss parameter has a slash", "another issuer", |s| s.iss = Some(format!("{}/", s.issuer.name()))),
    ("another iss parameter, none promised", "another issuer", |s| {
        s.metadata["authorization_response_iss_parameter_supported"] = json!(false);
        s.iss = Some(s.bystander.name());
    }),
    ("metadata of another issuer", "unusable", |s| s.metadata["issuer"] = json!(s.bystander.name())),
    ("metadata of its name with a slash", "unusable", |s| {
        s.metadata["issuer"] = json!(format!("{}/", s.issuer.name()));
    }),
    ("metadata without a token endpoint", "token endpoint", |s| remove(&mut s.metadata, "token_endpoint")),
    ("metadata without keys", "unusable", |s| remove(&mut s.metadata, "jwks_uri")),
    ("a token endpoint that is a file", "unacceptable", |s| {
        s.metadata["token_endpoint"] = json!("file:///etc/passwd");
    }),
    ("metadata without end", "larger", |s| {
        answer(s, "/.well-known/openid-configuration", Answer::Endless(Duration::ZERO));
    }),
    ("metadata elsewhere", "redirect", |s| {
        let answered = elsewhere(s, "/.well-known/openid-configuration");
        answer(s, "/.well-known/openid-configuration", answered);
    }),
    ("keys elsewhere", "redirect", |s| {
        let answered = elsewhere(s, "/jwks");
        answer(s, "/jwks", answered);
    }),
    ("keys that are HTML", "unusable", |s| answer(s, "/jwks", Answer::Body("<html>".to_owned()))),
    ("user info of somebody else", "somebody else", |s| {
        remove(&mut s.claims, "email");
        user_info(s, &json!({"sub": "root", "email": "root@example.com", "email_verified": true}));
    }),
    ("user info of a number", "somebody else", |s| {
        s.claims["sub"] = json!("7");
        remove(&mut s.claims, "email");
        user_info(s, &json!({"sub": 7, "email": "root@example.com", "email_verified": true}));
    }),
    ("user info of nobody", "somebody else", |s| {
        remove(&mut s.claims, "email");
        user_info(s, &json!({"email": "root@example.com", "email_verified": true}));
    }),
    ("user info that is HTML", "no JSON", |s| {
        remove(&mut s.claims, "email");
        answer(s, "/userinfo", Answer::Body("<html>".to_owned()));
    }),
];

fn remove(object: &mut Value, member: &str) {
    assert!(object.as_object_mut().unwrap().remove(member).is_some(), "{member} was never there");
}

fn answer(story: &mut Story, path: &'static str, answer: Answer) {
    story.answers.push((path, answer));
}

fn error(story: &mut Story, status: &str, body: &str) {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    answer(story, "/token", Answer::Raw(head));
}

fn user_info(story: &mut Story, told: &Value) {
    answer(story, "/userinfo", Answer::Body(told.to_string()));
}

fn elsewhere(story: &Story, path: &str) -> Answer {
    let location = story.bystander.url(path);
    Answer::Raw(format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"))
}

fn with_hmac(story: &mut Story, sign: super::liar::Sign) {
    story.metadata["id_token_signing_alg_values_supported"] = json!(["RS256", "HS256"]);
    story.header["alg"] = json!("HS256");
    story.sign = sign;
}

fn disguised(header: &str, payload: &str, disguise: fn(String) -> String) -> String {
    disguise(signed_by(&HONEST, header, payload))
}

fn cut(text: &str, characters: usize) -> String {
    text[..text.len() - characters].to_owned()
}

/// Tells every lie of a table. Each must be refused, for its reason, with nobody else asked anything.
async fn tell(lies: &[Lie]) {
    let mut believed = Vec::new();
    for (lie, reason, alter) in lies {
        let mut story = Story::honest().await;
        alter(&mut story);
        match story.sign_in().await {
            Err(refusal) if refusal.to_string().contains(reason) && story.bystander.all_asked().is_empty() => {}
            other => believed.push((lie, other, story.bystander.all_asked())),
        }
    }
    assert!(believed.is_empty(), "{believed:#?}");
}

#[tokio::test]
async fn no_lie_of_a_signature_is_believed() {
    tell(OF_THE_SIGNATURE).await;
}

#[tokio::test]
async fn no_lie_of_a_claim_is_believed() {
    tell(OF_THE_CLAIMS).await;
}

#[tokio::test]
async fn no_lie_of_a_token_endpoint_is_believed() {
    tell(OF_THE_TOKEN_ENDPOINT).await;
}

#[tokio::test]
async fn no_lie_of_a_provider_about_itself_is_believed() {
    tell(OF_ITSELF).await;
}

#[tokio::test]
async fn a_code_is_sent_to_nobody_before_it_is_known_who_sent_the_browser_back() {
    for iss in [None, Some("https://other.example")] {
        let mut story = Story::honest().await;
        story.iss = iss.map(str::to_owned);
        assert!(story.sign_in().await.is_err());
        assert_eq!(story.issuer.asked("/token"), 0);
    }
}
