//! Every way a provider can lie: none signs anybody in, makes an account, or takes Doorward down.

use doorward_tests::Doorward;
use doorward_tests::hosted::{FRONTEND, Place, assert_refused};
use doorward_tests::liar::{Endpoint, Instead, KEY_ID, Liar, Lie, key};
use doorward_tests::provider::CLIENT_SECRET;
use doorward_tests::rsa::RsaKey;
use doorward_tests::token;
use doorward_tests::upstream::Upstream;
use doorward_tests::visitor::{Page, Visitor};
use serde_json::{Value, json};

/// One Doorward that trusts many providers, each of which tells one lie.
struct Court {
    place: Place,
    doorward: Doorward,
    liars: Vec<(String, Liar)>,
}

impl Court {
    #[track_caller]
    fn hears(lies: Vec<(&str, Lie)>) -> Self {
        let place = Place::choose();
        let liars: Vec<_> = lies.into_iter().map(|(what, lie)| (what.to_owned(), Liar::telling(lie))).collect();
        let settings = liars.iter().enumerate().map(|(number, (_, liar))| liar.settings(&format!("liar-{number}")));
        let doorward = place.setup(&settings.collect::<String>()).start();
        Self { place, doorward, liars }
    }

    /// Comes to Doorward by way of a liar; gives where that ended.
    fn visit(&self, number: usize, visitor: &mut Visitor, query: &str) -> Page {
        let start = format!("{}?provider=liar-{number}{query}", self.place.login());
        visitor.follow(&start, FRONTEND)
    }

    #[track_caller]
    fn refuses_all(&self) {
        self.refuses_all_asked("");
    }

    #[track_caller]
    fn refuses_all_asked(&self, query: &str) {
        for (number, (what, _)) in self.liars.iter().enumerate() {
            let mut visitor = Visitor::new();
            let end = self.visit(number, &mut visitor, query);
            assert_refused(what, &self.place, &mut visitor, &end);
            assert_eq!(self.doorward.accounts(), 0, "{what}: an account was made");
        }
        self.doorward.get("/readyz").send().expect(200);
    }
}

fn set(name: &'static str, value: Value) -> impl Fn(&mut Value) + Send + Sync {
    move |document| document[name] = value.clone()
}

fn without(name: &'static str) -> impl Fn(&mut Value) + Send + Sync {
    move |document| {
        document.as_object_mut().expect("an object").remove(name);
    }
}

fn append(name: &'static str, suffix: &'static str) -> impl Fn(&mut Value) + Send + Sync {
    move |document| document[name] = format!("{}{suffix}", document[name].as_str().unwrap_or_default()).into()
}

#[test]
fn an_honest_provider_signs_people_in() {
    let honest = vec![
        ("honest", Lie::none()),
        ("without at_hash", Lie::claims(without("at_hash"))),
        ("one key, no kid", Lie::header(without("kid"))),
        (
            "several audiences, azp is us",
            Lie::claims(|claims| {
                claims["aud"] = json!(["doorward", "another"]);
                claims["azp"] = "doorward".into();
            }),
        ),
    ];
    let court = Court::hears(honest);
    for (number, (what, _)) in court.liars.iter().enumerate() {
        let mut visitor = Visitor::new();
        let end = court.visit(number, &mut visitor, "");
        assert!(end.url.starts_with(FRONTEND), "{what}: {} {}", end.url, end.response.text());
        assert_eq!(court.place.me(&mut visitor).expect(200).json()["full_name"], "Mallory", "{what}");
    }
}

#[test]
fn claims_that_are_not_for_us_here_and_now_are_refused() {
    let now = token::now();
    let lies = vec![
        ("another issuer", Lie::claims(set("iss", json!("http://elsewhere.example")))),
        ("issuer with a slash", Lie::claims(append("iss", "/"))),
        ("issuer in capitals", Lie::claims(|claims| claims["iss"] = claims["iss"].to_string().to_uppercase().into())),
        ("issuer in a list", Lie::claims(|claims| claims["iss"] = json!([claims["iss"]]))),
        ("no issuer", Lie::claims(without("iss"))),
        ("another audience", Lie::claims(set("aud", json!("another")))),
        ("an audience that begins like us", Lie::claims(set("aud", json!("doorward-2")))),
        ("no audience", Lie::claims(without("aud"))),
        ("an empty list of audiences", Lie::claims(set("aud", json!([])))),
        ("an audience that is no text", Lie::claims(set("aud", json!({"doorward": true})))),
        (
            "issued to somebody else",
            Lie::claims(|claims| {
                claims["aud"] = json!(["doorward", "another"]);
                claims["azp"] = "another".into();
            }),
        ),
        ("one audience, issued to somebody else", Lie::claims(set("azp", json!("another")))),
        ("over", Lie::claims(set("exp", json!(now - 600)))),
        ("without an end", Lie::claims(without("exp"))),
        ("an end that is text", Lie::claims(set("exp", json!((now + 600).to_string())))),
        ("an end that is null", Lie::claims(set("exp", Value::Null))),
        ("not yet", Lie::claims(set("nbf", json!(now + 3600)))),
        ("issued in the future", Lie::claims(set("iat", json!(now + 3600)))),
        ("never issued", Lie::claims(without("iat"))),
        ("another nonce", Lie::claims(set("nonce", json!("another")))),
        ("no nonce", Lie::claims(without("nonce"))),
        ("an empty nonce", Lie::claims(set("nonce", json!("")))),
        ("a nonce in a list", Lie::claims(|claims| claims["nonce"] = json!([claims["nonce"]]))),
        ("a bad at_hash", Lie::claims(set("at_hash", json!("AAAAAAAAAAAAAAAAAAAAAA")))),
        ("an at_hash that is no text", Lie::claims(set("at_hash", json!(7)))),
        ("an empty at_hash", Lie::claims(set("at_hash", json!("")))),
        ("no subject", Lie::claims(without("sub"))),
        ("an empty subject", Lie::claims(set("sub", json!("")))),
        ("a subject that is a number", Lie::claims(set("sub", json!(0)))),
        ("a subject that is null", Lie::claims(set("sub", Value::Null))),
        ("a subject without an end", Lie::claims(set("sub", json!("x".repeat(4096))))),
        ("claims in a list", Lie::signature(|header, claims| key().sign(header, &json!([claims])))),
    ];
    Court::hears(lies).refuses_all();
}

#[test]
fn signatures_that_prove_nothing_are_refused() {
    let other: &'static RsaKey = Box::leak(Box::new(RsaKey::generate()));
    let hs256 = json!({"alg": "HS256", "kid": KEY_ID});
    let with_header =
        |header: Value, secret: Vec<u8>| Lie::signature(move |_, claims| token::forge(&header, claims, &secret));
    let lies = vec![
        ("alg none", Lie::signature(|_, claims| format!("{}.", token::signing_input(&json!({"alg": "none"}), claims)))),
        (
            "alg None",
            Lie::signature(|_, claims| {
                format!("{}.", token::signing_input(&json!({"alg": "None", "kid": KEY_ID}), claims))
            }),
        ),
        ("alg missing", Lie::header(without("alg"))),
        ("alg in a list", Lie::header(set("alg", json!(["RS256"])))),
        ("alg in small letters", Lie::header(set("alg", json!("rs256")))),
        ("another algorithm than it was signed with", Lie::header(set("alg", json!("PS256")))),
        ("HS256 with the client's secret", with_header(hs256.clone(), CLIENT_SECRET.into())),
        ("HS256 with the public key", with_header(hs256.clone(), key().modulus().to_vec())),
        ("HS256 with the published JSON", with_header(hs256, key().public_jwk(KEY_ID).to_string().into_bytes())),
        ("no signature", Lie::signature(|header, claims| format!("{}.", token::signing_input(header, claims)))),
        (
            "half a signature",
            Lie::signature(|header, claims| {
                let whole = key().sign(header, claims);
                whole[..whole.len() - 100].to_owned()
            }),
        ),
        (
            "other claims than were signed",
            Lie::signature(|header, claims| {
                let signed = key().sign(header, claims);
                let mut altered = claims.clone();
                altered["sub"] = "somebody-else".into();
                let signature = signed.rsplit('.').next().expect("a signature");
                format!("{}.{signature}", token::signing_input(header, &altered))
            }),
        ),
        ("another key under the same id", Lie::signature(|header, claims| other.sign(header, claims))),
        ("an unknown key id", Lie::header(set("kid", json!("nobody-knows")))),
        ("a key id that is a path", Lie::header(set("kid", json!("../../dev/null")))),
        ("a key id that is a number", Lie::header(set("kid", json!(7)))),
        (
            "a key of its own in the header",
            Lie::signature(|header, claims| {
                let mut header = header.clone();
                header["jwk"] = other.public_jwk(KEY_ID);
                other.sign(&header, claims)
            }),
        ),
        ("a critical extension", Lie::header(set("crit", json!(["b64"])))),
        ("an access token in its place", Lie::header(set("typ", json!("at+jwt")))),
        ("a logout token in its place", Lie::header(set("typ", json!("logout+jwt")))),
    ];
    Court::hears(lies).refuses_all();
}

#[test]
fn texts_that_are_no_token_are_refused() {
    let lies = vec![
        ("four parts", Lie::signature(|header, claims| key().sign(header, claims) + ".AAAA")),
        ("not a token at all", Lie::signature(|_, _| "not a token".to_owned())),
        ("an empty token", Lie::signature(|_, _| String::new())),
        ("a token without an end", Lie::signature(|_, _| format!("{}.e30.AAAA", "A".repeat(900_000)))),
        (
            "a claim said twice",
            Lie::signature(|header, claims| {
                // No JSON writer makes this; the signature is over these very bytes.
                let text = claims.to_string();
                let doubled = format!("{{\"sub\":\"victim\",{}", &text[1..]);
                let header = token::base64url(header.to_string().as_bytes());
                key().sign_text(&format!("{header}.{}", token::base64url(doubled.as_bytes())))
            }),
        ),
    ];
    Court::hears(lies).refuses_all();
}

#[test]
fn keys_that_prove_nothing_are_refused() {
    let lies = vec![
        (
            "two keys and no key id",
            Lie::header(without("kid")).and_keys(|keys| {
                let more = RsaKey::generate().public_jwk("another");
                keys["keys"].as_array_mut().expect("keys").push(more);
            }),
        ),
        ("a key for encryption", Lie::keys(|keys| keys["keys"][0]["use"] = "enc".into())),
        ("a key for another algorithm", Lie::keys(|keys| keys["keys"][0]["alg"] = "RS512".into())),
        ("a key of another kind", Lie::keys(|keys| keys["keys"][0]["kty"] = "EC".into())),
        (
            "the secret published as a key",
            Lie::keys(|keys| {
                let secret = token::base64url(CLIENT_SECRET.as_bytes());
                keys["keys"] = json!([{"kty": "oct", "kid": KEY_ID, "k": secret, "alg": "HS256"}]);
            })
            .and_header(set("alg", json!("HS256"))),
        ),
        ("a key anybody can factor", Lie::keys(|keys| keys["keys"][0]["n"] = "AQAB".into())),
        ("no keys", Lie::keys(|keys| keys["keys"] = json!([]))),
    ];
    Court::hears(lies).refuses_all();
}

#[test]
fn a_way_back_that_was_not_ours_is_refused() {
    let lies = vec![
        ("no state", Lie::way_back(set("state", Value::Null))),
        ("an empty state", Lie::way_back(set("state", json!("")))),
        ("another state", Lie::way_back(set("state", json!("0123456789abcdef.AAAAAAAAAAAAAAAAAAAAAA")))),
        ("a state with more at its end", Lie::way_back(append("state", "A"))),
        ("no code", Lie::way_back(set("code", Value::Null))),
        ("an empty code", Lie::way_back(set("code", json!("")))),
        ("no issuer though it promised one", Lie::way_back(set("iss", Value::Null))),
        ("the issuer of another", Lie::way_back(set("iss", json!("http://elsewhere.example")))),
        ("its issuer with a slash", Lie::way_back(append("iss", "/"))),
        (
            "an error",
            Lie::way_back(|back| {
                back["code"] = Value::Null;
                back["error"] = "access_denied".into();
            }),
        ),
        ("an error and a code", Lie::way_back(set("error", json!("server_error")))),
        (
            "an error with markup",
            Lie::way_back(|back| {
                back["code"] = Value::Null;
                back["error"] = "<script>alert(1)</script>".into();
                back["error_description"] = "<img src=x onerror=alert(1)>".into();
            }),
        ),
    ];
    let court = Court::hears(lies);
    court.refuses_all();
    let marked = court.visit(court.liars.len() - 1, &mut Visitor::new(), "").response.text();
    assert!(!marked.contains("<script>alert") && !marked.contains("<img src=x"), "{marked}");
}

#[test]
fn documents_that_lie_hang_or_never_end_are_refused() {
    let canary = Upstream::echo();
    let elsewhere = canary.url();
    let redirect = || Instead::Redirect(format!("{elsewhere}/jwks"));
    let answer = |text: &str| Instead::Answer("200 OK", text.to_owned());
    let lies = vec![
        ("metadata of another issuer", Lie::discovery(set("issuer", json!("http://elsewhere.example")))),
        ("metadata with a slash", Lie::discovery(append("issuer", "/"))),
        ("metadata without an issuer", Lie::discovery(without("issuer"))),
        ("metadata without a token endpoint", Lie::discovery(without("token_endpoint"))),
        ("metadata without keys", Lie::discovery(without("jwks_uri"))),
        ("a token endpoint that is no address", Lie::discovery(set("token_endpoint", json!("javascript:alert(1)")))),
        (
            "an authorize endpoint that is no address",
            Lie::discovery(set("authorization_endpoint", json!("javascript:alert(1)"))),
        ),
        ("keys in a file", Lie::discovery(set("jwks_uri", json!("file:///etc/passwd")))),
        ("metadata elsewhere", Lie::instead(Endpoint::Discovery, redirect())),
        ("metadata that is no JSON", Lie::instead(Endpoint::Discovery, answer("<html>"))),
        ("metadata without an end", Lie::instead(Endpoint::Discovery, Instead::Endless)),
        ("metadata never", Lie::instead(Endpoint::Discovery, Instead::Silence)),
        ("keys elsewhere", Lie::instead(Endpoint::Keys, redirect())),
        ("keys without an end", Lie::instead(Endpoint::Keys, Instead::Endless)),
        ("keys never", Lie::instead(Endpoint::Keys, Instead::Silence)),
        ("keys that are no JSON", Lie::instead(Endpoint::Keys, answer("{\"keys\":["))),
        ("keys with an error", Lie::instead(Endpoint::Keys, Instead::Answer("500 No", "{}".to_owned()))),
        ("tokens elsewhere", Lie::instead(Endpoint::Token, redirect())),
        ("tokens without an end", Lie::instead(Endpoint::Token, Instead::Endless)),
        ("tokens never", Lie::instead(Endpoint::Token, Instead::Silence)),
        (
            "tokens refused",
            Lie::instead(
                Endpoint::Token,
                Instead::Answer("400 Bad Request", r#"{"error":"invalid_grant"}"#.to_owned()),
            ),
        ),
        ("an error as if it were tokens", Lie::instead(Endpoint::Token, answer(r#"{"error":"invalid_grant"}"#))),
        ("no ID token", Lie::tokens(without("id_token"))),
        ("an ID token that is null", Lie::tokens(set("id_token", Value::Null))),
        ("an ID token in a list", Lie::tokens(|tokens| tokens["id_token"] = json!([tokens["id_token"]]))),
        ("no access token", Lie::tokens(without("access_token"))),
        ("tokens of another type", Lie::tokens(set("token_type", json!("mac")))),
        ("another access token than at_hash says", Lie::tokens(set("access_token", json!("another")))),
    ];
    let court = Court::hears(lies);
    court.refuses_all();
    let followed: Vec<_> = canary.pending().into_iter().map(|received| received.head).collect();
    assert!(followed.is_empty(), "redirects were followed: {followed:?}");
}

#[test]
fn a_sign_in_older_than_asked_for_is_refused() {
    let now = token::now();
    let lies = vec![
        ("an old sign-in", Lie::claims(set("auth_time", json!(now - 3600)))),
        ("no time of sign-in", Lie::claims(without("auth_time"))),
        ("a time of sign-in that is text", Lie::claims(set("auth_time", json!(now.to_string())))),
    ];
    Court::hears(lies).refuses_all_asked("&max_age=60");
}

#[test]
fn claims_of_an_address_that_is_not_verified_open_nobodys_account() {
    let verified = |value: Value| {
        Lie::claims(move |claims| {
            claims["email"] = "victim@example.com".into();
            claims["email_verified"] = value.clone();
        })
    };
    let address = |value: Value| Lie::claims(move |claims| claims["email"] = value.clone());
    let lies = vec![
        ("not verified", verified(json!(false))),
        ("verified, says a text", verified(json!("true"))),
        ("verified, says a number", verified(json!(1))),
        ("verified, says a list", verified(json!([true]))),
        ("verified is null", verified(Value::Null)),
        ("two addresses in one", address(json!("mallory@evil.example@example.com"))),
        ("a list of addresses", address(json!(["victim@example.com"]))),
        ("an address with a line end", address(json!("victim@example.com\r\nBcc: x"))),
    ];
    let court = Court::hears(lies);
    court.doorward.person("victim");
    for (number, (what, _)) in court.liars.iter().enumerate() {
        let mut visitor = Visitor::new();
        let end = court.visit(number, &mut visitor, "");
        assert_refused(what, &court.place, &mut visitor, &end);
    }
    assert_eq!(court.doorward.accounts(), 1, "only the victim's");
}
